"""Tests the simulator's control calls, and its process."""

import json
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import requests

from chalicelib.domain.tokens import check_webhook_signature
from local.campay_simulator import CampaySimulator
from local.embedded import Valkey
from local.simulator.settings import SimulatorSettings
from tests.parts.simulator.calls import (
    ANYBODY,
    AUTHORIZED,
    FAST,
    HTTP,
    KEY,
    MTN,
    TOKEN,
    Receiver,
    accepted,
    approved_by_hand,
    collect,
    control,
    eventually,
    record,
    run_process,
    settled,
)


def test_a_person_decides(simulator: CampaySimulator, receiver: Receiver) -> None:
    reference = accepted(simulator, "237670000001", external_reference="r-1")
    path = f"transactions/{reference}/resolve"
    assert control(simulator, path, {"status": "LOST"}).status_code == 400
    assert control(simulator, path, {"status": "FAILED", "webhook": "no"}).status_code == 400
    resolved = control(simulator, path, {"status": "SUCCESSFUL", "webhook": True})
    assert resolved.json() == {
        "reference": reference,
        "externalReference": "r-1",
        "endpoint": "collect",
        "phoneNumber": "237670000001",
        "amount": 5000,
        "fee": 100,
        "currency": "XAF",
        "status": "SUCCESSFUL",
        "moneyMoved": True,
        "asked": 1,
    }
    assert receiver.next()["status"] == "SUCCESSFUL"
    assert control(simulator, path, {"status": "FAILED"}).status_code == 409
    assert record(simulator, reference)["status"] == "SUCCESSFUL"
    assert control(simulator, "transactions/unknown/resolve", {"status": "FAILED"}).status_code == 404


def test_a_person_decides_before_the_number_does(receiver: Receiver) -> None:
    """No webhook is sent for the first, and the number's own decision comes too late."""
    with CampaySimulator(FAST, webhook_url=receiver.url, slow_approve_after=1.5, late_after=1.5) as simulator:
        reference = accepted(simulator, ANYBODY)
        control(simulator, f"transactions/{reference}/resolve", {"status": "FAILED", "webhook": False})
        assert receiver.until(accepted(simulator, "237670000003")) == {}
        assert record(simulator, reference)["status"] == "FAILED"


def test_the_ledger_can_be_asked_for_one_reference(simulator: CampaySimulator) -> None:
    first, second = accepted(simulator, external_reference="r-1"), accepted(simulator, external_reference="r-2")
    url = f"{simulator.url}/simulator/transactions"
    assert [row["reference"] for row in HTTP.get(url, timeout=5).json()] == [first, second]
    only = HTTP.get(url, params={"externalReference": "r-2"}, timeout=5).json()
    assert [row["reference"] for row in only] == [second]


def test_reset_forgets_transactions_timers_and_faults(receiver: Receiver) -> None:
    with CampaySimulator(FAST, webhook_url=receiver.url, slow_approve_after=1.5, late_after=1.3) as simulator:
        forgotten = accepted(simulator, ANYBODY, external_reference="r-1")
        simulator.faults.set({"webhook": ["late", "lost"]})
        approved_by_hand(simulator)
        assert control(simulator, "reset", None).status_code == 200
        assert simulator.control.transactions() == []
        again = accepted(simulator, ANYBODY, external_reference="r-1")
        assert again != forgotten
        assert receiver.until(again) == {}


def test_health_and_unknown_control_calls(simulator: CampaySimulator) -> None:
    assert HTTP.get(f"{simulator.url}/simulator/health", timeout=5).status_code == 200
    assert HTTP.get(f"{simulator.url}/simulator/nothing", timeout=5).status_code == 404
    assert control(simulator, "faults", None).status_code == 400


def test_any_page_may_make_control_calls(simulator: CampaySimulator) -> None:
    """A browser sends a preflight for a JSON body, and must be able to read refusals."""
    page = {"Origin": "http://localhost:8080"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for path in ("faults", "transactions/x/resolve"):
        url = f"{simulator.url}/simulator/{path}"
        preflight = HTTP.options(url, headers=page | asks, timeout=5)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        assert preflight.headers["Access-Control-Allow-Headers"].lower() == "content-type"
        refused = HTTP.post(url, data="{", headers=page, timeout=5)
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (400, "*")
    assert "Access-Control-Allow-Origin" not in HTTP.options(f"{simulator.api_url}/balance/", timeout=5).headers


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


def test_redis_hangs_for_the_given_time(own_valkey: Valkey) -> None:
    """Redis keeps its connections and answers none; a second pause meanwhile is refused."""
    with (
        CampaySimulator(FAST, redis_host="localhost", redis_port=own_valkey.port) as simulator,
        redis.Redis(port=own_valkey.port, socket_timeout=5) as client,
    ):
        client.ping()
        began = time.monotonic()
        assert control(simulator, "redis", {"pauseSeconds": 1}).json() == {"status": "paused"}
        client.ping()
        assert time.monotonic() - began > 0.9
        assert control(simulator, "redis", {"pauseSeconds": 10}).status_code == 200
        again = control(simulator, "redis", {"pauseSeconds": 1})
        assert (again.status_code, "paused already" in again.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({}, "REDIS_HOST"),
        ({"redis_host": "cache.example"}, "not on this machine"),
        ({"redis_host": "127.0.0.1", "redis_port": 9}, "did not take it"),  # the discard port, where no server listens
    ],
)
def test_a_redis_that_is_not_ours_is_left_alone(changes: dict[str, Any], part: str) -> None:
    with CampaySimulator(FAST, **changes) as simulator:
        answer = control(simulator, "redis", {"pauseSeconds": 1})
        assert (answer.status_code, part in answer.json()["error"]) == (409, True)


@pytest.mark.parametrize("seconds", [0, 61, -1, "5", None, True, float("nan")])
def test_a_pause_is_between_a_second_and_a_minute(simulator: CampaySimulator, seconds: object) -> None:
    body = json.dumps({"pauseSeconds": seconds})
    answer = HTTP.post(f"{simulator.url}/simulator/redis", data=body, timeout=5)
    assert (answer.status_code, "1 to 60" in answer.json()["error"]) == (400, True)


# The process


def test_no_log_names_a_person_or_a_key(simulator: CampaySimulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="local.simulator")
    simulator.webhook_url = "https://127.0.0.1/"
    reference = accepted(simulator, external_reference="r-1")
    settled(simulator, reference)
    eventually(lambda: "webhook SUCCESSFUL -> ValueError" in caplog.messages)
    ours = [entry.getMessage() for entry in caplog.records if entry.name.startswith("local.simulator")]
    assert {"collect MTN -> 200", "customer -> SUCCESSFUL", "webhook SUCCESSFUL -> ValueError"} <= set(ours)
    private = (MTN, KEY, TOKEN, reference, "r-1")
    assert not [text for text in ours if any(word in text for word in private)]


def test_kept_connections_do_not_stall(simulator: CampaySimulator) -> None:
    """Head and body in two segments would delay each answer by 40 ms."""
    seconds = []
    with requests.Session() as session:
        for _ in range(25):
            started = time.monotonic()
            session.get(f"{simulator.api_url}/balance/", headers=AUTHORIZED, timeout=5)
            seconds.append(time.monotonic() - started)
    assert statistics.median(seconds) < 0.03


def test_a_body_of_unknown_length_is_refused(simulator: CampaySimulator) -> None:
    answer = HTTP.post(f"{simulator.api_url}/collect/", data=iter([b"{}"]), headers=AUTHORIZED, timeout=5)
    assert answer.status_code == 413


def test_stop_ends_everything_at_once() -> None:
    """Held calls, idle connections, unanswered webhooks and timers all end with it."""
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent, requests.Session() as session:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        simulator = CampaySimulator(FAST, webhook_url=url, hold_seconds=30)
        simulator.start()
        session.get(f"{simulator.url}/simulator/health", timeout=5)
        accepted(simulator)
        accepted(simulator, "237670000003")
        webhook, _ = silent.accept()
        simulator.faults.set({"collect": ["timeout"]})
        with webhook, ThreadPoolExecutor(1) as pool:
            held = pool.submit(collect, simulator)
            eventually(lambda: len(simulator.control.transactions()) == 3)
            started = time.monotonic()
            simulator.stop()
            assert time.monotonic() - started < 10, "the call is held for 30"
            assert isinstance(held.exception(timeout=10), requests.ConnectionError)
    assert set(threading.enumerate()) <= before


def test_the_process_stops_on_sigterm(receiver: Receiver) -> None:
    settings = {
        "SIMULATOR_PORT": "0",
        "SIMULATOR_WEBHOOK_URL": receiver.url,
        "SIMULATOR_WEBHOOK_METHOD": "get",
        "SIMULATOR_APPROVE_AFTER": "0.01",
        "CAMPAY_PERMANENT_ACCESS_TOKEN": TOKEN,
        "CAMPAY_WEBHOOK_KEY": KEY,
        "PYTHONUNBUFFERED": "",
    }
    with run_process(**settings) as process:
        assert process.stdout
        url = process.stdout.readline().rsplit(" ", 1)[1].strip()
        body = {"amount": "5000", "currency": "XAF", "from": MTN, "description": "d"}
        answer = HTTP.post(f"{url}/api/collect/", json=body, headers=AUTHORIZED, timeout=5)
        heard = receiver.next()
        assert (heard["reference"], heard["status"]) == (answer.json()["reference"], "SUCCESSFUL")
        check_webhook_signature(heard["signature"], [KEY], int(time.time() * 1000))
        said = ""
        while "webhook SUCCESSFUL -> 200" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
        said += process.stdout.read()
        assert MTN not in said
        assert TOKEN not in said


def test_a_busy_port_is_one_clear_line(simulator: CampaySimulator) -> None:
    port = simulator.url.rsplit(":", 1)[1]
    with run_process(SIMULATOR_PORT=port) as process:
        said, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said.splitlines() == [f"campay simulator: port {port}: Address already in use"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SIMULATOR_PORT", "http"),
        ("SIMULATOR_PORT", "70000"),
        ("SIMULATOR_APPROVE_AFTER", "-1"),
        ("SIMULATOR_LATE_AFTER", "nan"),
        ("SIMULATOR_DEMO_LIMITS", "perhaps"),
        ("SIMULATOR_FLOAT", "-1"),
        ("SIMULATOR_FLOAT", "1e3"),
    ],
)
def test_a_wrong_variable_is_named(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=name):
        SimulatorSettings.from_environment({name: text})


def test_the_environment_of_the_process() -> None:
    settings = SimulatorSettings.from_environment({"SIMULATOR_DEMO_LIMITS": "on", "SIMULATOR_WEBHOOK_URL": " "})
    assert (settings.port, settings.webhook_url, settings.demo_limits) == (8090, None, True)
    assert (settings.redis_host, settings.redis_password) == (None, None)
    cache = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "6380", "REDIS_PASSWORD": "secret"}
    settings = SimulatorSettings.from_environment(cache)
    assert (settings.redis_host, settings.redis_port, settings.redis_password) == ("127.0.0.1", 6380, "secret")
    assert (settings.approve_after, settings.slow_approve_after, settings.late_after) == (2, 5, 120)


@pytest.mark.parametrize("wrong", [{"webhook_method": "PUT"}, {"duplicates": "maybe"}, {"webhook_key": ""}])
def test_settings_that_cannot_be(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"POST or GET|first or reject|empty"):
        CampaySimulator(FAST, **wrong)
