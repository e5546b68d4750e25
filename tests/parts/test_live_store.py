"""Tests the live store on a real Valkey, on the in-memory stand-in, and without either."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest
import redis

from chalicelib import bootstrap
from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.adapters.redis_client import connect
from chalicelib.domain.contract import PaymentEvent, to_event
from chalicelib.domain.money import Money
from chalicelib.domain.operator_trouble import LEAST_TECHNICAL, Outcome
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.redis_names import (
    client_key,
    clients_key,
    gateway_key,
    gateways_key,
    payment_channel,
    payment_key,
    waiting_key,
)
from chalicelib.runtime.settings_reader import RedisSettings
from chalicelib.settings import read_settings
from local.embedded import Valkey, free_port
from tests.harness.clustered_valkey import clustered_valkey
from tests.harness.fakes import HandClock


def an_event(version: int, reference: str = "ref-1") -> PaymentEvent:
    payment = Payment(
        reference=reference, order_id="o", money=Money(5000, "XAF"), phone_mask="2376******77", phone_hash="h",
        locale="fr", provider="campay", created_at=0, updated_at=version, expires_at=1,
        status=PaymentStatus.PENDING, version=version,
    )  # fmt: skip
    return to_event(payment, version)


@pytest.fixture(params=["redis", "memory"])
def live(request: pytest.FixtureRequest, valkey: Valkey, clock: HandClock) -> Iterator[LiveStore]:
    in_memory = request.param == "memory"
    client: Any = fakeredis.FakeRedis() if in_memory else connect(RedisSettings("127.0.0.1", valkey.port))
    client.flushall()
    built = LiveStore(lambda: client, clock, in_memory=in_memory)
    yield built
    built.close()


def test_the_newer_version_wins_whatever_the_order(live: LiveStore) -> None:
    assert [live.publish_newer(an_event(version)) for version in (2, 1, 2, 4, 3, 10, 9)] == [
        *(True, False, False, True, False, True, False),
    ]
    kept = live.read("ref-1")
    assert kept == an_event(10)
    assert live.read("ref-2") is None


def test_what_is_kept_has_an_end_and_is_published_once(valkey: Valkey, clock: HandClock) -> None:
    with redis.Redis(port=valkey.port) as client, client.pubsub() as channel:
        client.flushall()
        channel.subscribe(payment_channel("ref-1"))
        assert channel.get_message(timeout=10) is not None
        live = LiveStore(lambda: connect(RedisSettings("127.0.0.1", valkey.port)), clock, in_memory=False)
        for version in (1, 1, 3, 2):
            live.publish_newer(an_event(version))
        client.publish(payment_channel("ref-1"), "end")
        heard = []
        while (message := channel.get_message(timeout=10)) and message["data"] != b"end":
            heard.append(json.loads(message["data"])["version"])
        assert heard == [1, 3]
        ttl = client.ttl(payment_key("ref-1"))
        assert isinstance(ttl, int)
        assert 3590 < ttl <= 3600
        live.close()


def test_racing_writers_leave_the_newest(valkey: Valkey, clock: HandClock) -> None:
    live = LiveStore(lambda: connect(RedisSettings("127.0.0.1", valkey.port)), clock, in_memory=False)
    writers = [
        threading.Thread(target=live.publish_newer, args=(an_event(version, "raced"),)) for version in range(1, 41)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert live.read("raced") == an_event(40, "raced")
    live.close()


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b"null", b'{"version":"x"}', b"\xff"])
def test_a_malformed_value_is_no_payment_and_is_replaced(valkey: Valkey, clock: HandClock, rubbish: bytes) -> None:
    live = LiveStore(lambda: connect(RedisSettings("127.0.0.1", valkey.port)), clock, in_memory=False)
    with redis.Redis(port=valkey.port) as client:
        client.set(payment_key("ref-1"), rubbish)
    assert live.read("ref-1") is None
    assert live.publish_newer(an_event(1))
    assert live.read("ref-1") == an_event(1)
    live.close()


def test_counters_have_a_window(live: LiveStore, clock: HandClock) -> None:
    assert [live.take_prompt("a") for _ in range(3)] == [(1, 0), (2, 0), (3, 0)]
    live.return_prompt("a")
    assert [live.count_refusal("a") for _ in range(2)] == [1, 2]
    assert live.take_prompt("a") == (3, 2)
    assert live.take_prompt("b") == (1, 0)
    clock.forward(live.seconds_to_next_window())
    assert live.take_prompt("a") == (1, 0)
    clock.forward((60_000 - clock.now() % 60_000 + 0.5) / 1000)  # to the start of a window
    assert live.seconds_to_next_window() == 60


def test_every_key_has_an_end(valkey: Valkey, clock: HandClock) -> None:
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
        live = LiveStore(lambda: connect(RedisSettings("127.0.0.1", valkey.port)), clock, in_memory=False)
        live.publish_newer(an_event(1))
        live.take_prompt("a")
        live.count_refusal("a")
        live.return_prompt("b")  # of a minute before, or that Redis has lost
        keys = list(client.scan_iter())
        assert len(keys) == 4
        assert all(0 < client.ttl(key) <= 3600 for key in keys)
        live.close()


def test_a_lost_redis_is_skipped_at_once_probed_and_used_again(clock: HandClock) -> None:
    server = Valkey()
    server.start()
    live = LiveStore(lambda: connect(RedisSettings("127.0.0.1", server.port)), clock, in_memory=False)
    assert live.storage() == "redis"
    server.stop()
    with pytest.raises(LiveStoreUnavailable):
        live.read("ref-1")
    server.start()
    assert live.storage() == "degraded", "not before its time"
    clock.forward(0.2)
    assert live.storage() == "redis"
    assert live.publish_newer(an_event(1))
    live.close()
    server.stop()


@pytest.mark.parametrize(("answers_after", "probed_after"), [(0.05, 0.2), (0.1, 2), (1, 2)])
def test_a_call_that_timed_out_delays_the_next_probe_longer(
    clock: HandClock, answers_after: float, probed_after: float
) -> None:
    class Away:
        calls = 0

        def pipeline(self, *, transaction: bool) -> None:
            assert not transaction
            self.calls += 1
            clock.forward(answers_after)
            raise redis.ConnectionError

    client = Away()
    live = LiveStore(lambda: client, clock, in_memory=False)
    for calls in (1, 2):
        for forward in (0, probed_after - 0.001):
            clock.forward(forward)
            with pytest.raises(LiveStoreUnavailable):
                live.read("x")
            assert client.calls == calls
        clock.forward(0.001)


def test_only_one_call_probes(clock: HandClock) -> None:
    """A hanging Redis must block one call, not all of them."""

    class Hanging:
        def __init__(self) -> None:
            self.calls = 0
            self.release = threading.Event()

        def register_script(self, _: str) -> None:
            return None

        def pipeline(self, *, transaction: bool) -> None:
            assert not transaction
            self.calls += 1
            self.release.wait(5)
            raise redis.TimeoutError

    client = Hanging()
    live = LiveStore(lambda: client, clock, in_memory=False)
    client.release.set()
    with pytest.raises(LiveStoreUnavailable):
        live.read("x")
    client.release.clear()
    clock.forward(2)

    def probe_once() -> None:
        with pytest.raises(LiveStoreUnavailable):
            live.read("x")

    probe = threading.Thread(target=probe_once)
    probe.start()
    while client.calls < 2:
        time.sleep(0.001)
    for _ in range(100):
        with pytest.raises(LiveStoreUnavailable):
            live.read("x")
    assert client.calls == 2
    client.release.set()
    probe.join()


def test_a_process_that_is_alone_chooses_memory_where_no_redis_answers(
    clock: HandClock, valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """One that shares a table is not alone: the screens would hear of nothing that it publishes."""
    development = {"APP_ENV": "development"}
    nowhere = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port())}
    there = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(valkey.port)}
    chosen = []
    for more in ({}, nowhere, there, nowhere | {"PAYMENTS_TABLE": "payments"}):
        live = bootstrap._live_store(read_settings(development | more), clock)
        chosen.append(live.storage())
        live.close()
    assert chosen == ["memory", "memory", "redis", "degraded"]
    assert caplog.messages.count("redis-does-not-answer") == 1


def test_a_password_that_redis_refuses_is_reported(clock: HandClock) -> None:
    """It may have been rotated; the service reloads it."""
    told: list[bool] = []
    with Valkey() as server:
        with redis.Redis(port=server.port) as client:
            client.config_set("requirepass", "the-new-one")
        settings = RedisSettings("127.0.0.1", server.port, password="the-old-one")
        live = LiveStore(
            lambda: connect(settings), clock, in_memory=False, credentials_refused=lambda: told.append(True)
        )
        assert live.storage() == "degraded"
        live.close()
    assert told == [True]


def test_a_cluster_that_is_away_is_a_redis_that_is_away(clock: HandClock) -> None:
    """A cluster's client connects when it is made and raises no RedisError; payments must go on."""
    settings = RedisSettings("127.0.0.1", free_port(), cluster=True)
    live = LiveStore(lambda: connect(settings), clock, in_memory=False)
    assert live.storage() == "degraded"
    with pytest.raises(LiveStoreUnavailable):
        live.publish_newer(an_event(1))
    live.close()


def test_a_cluster_lists_its_connections_and_takes_a_version(clock: HandClock) -> None:
    with clustered_valkey() as (valkey,):
        settings = RedisSettings("127.0.0.1", valkey.port, cluster=True)
        live = LiveStore(lambda: connect(settings), clock, in_memory=False)
        with redis.Redis(port=valkey.port) as client:
            for number in range(3):
                client.set(client_key(f"c-{number}"), '{"connectedAt": "", "payments": []}', ex=60)
                client.zadd(clients_key("g"), {f"c-{number}": 0})
            client.set(gateway_key("g"), "{}", ex=60)
            client.zadd(gateways_key(), {"g": 1})
        assert live.publish_newer(an_event(1))
        assert live.take_prompt("192.0.2.1") == (1, 0)
        breaker = live.shared_breaker("campay", "reads")
        breaker.open_until(clock.now())
        assert live.read("ref-1") == an_event(1)
        assert (breaker.is_open(), breaker.take_probe(), breaker.take_probe()) == (True, True, False)
        breaker.close()
        assert not breaker.is_open()
        live.tell_operators({"ref-1": clock.now(), "ref-2": clock.now()}, ["ref-3"], "{}")
        outcomes = [Outcome("MTN", f"ref-{number}", True, clock.now()) for number in range(LEAST_TECHNICAL)]
        live.tell_operators({}, ["ref-1"], "{}", [*outcomes, Outcome("Orange", "ref-0", True, clock.now())])
        assert live.take_prompt("192.0.2.1") == (2, 0)
        assert live.operators_in_trouble() == ["MTN"]
        assert live._client.zrange(waiting_key(), 0, -1) == [b"ref-2"]
        first = live.connections("", 2)
        assert first.gateways == [{"gatewayId": "g"}]
        assert [row["socketId"] for row in first.clients] == ["c-0", "c-1"]
        last = live.connections(first.cursor, 2)
        assert ([row["socketId"] for row in last.clients], last.cursor) == (["c-2"], "")
        assert live.statuses([an_event(1)["reference"], "unknown"]) == {an_event(1)["reference"]: an_event(1)["status"]}
        live.close()


def test_a_connection_that_died_while_it_was_idle_is_replaced_at_once(valkey: Valkey, clock: HandClock) -> None:
    """After a Lambda container was frozen for minutes its connection may be dead, although Redis is not away."""
    client = connect(RedisSettings("127.0.0.1", valkey.port))
    live = LiveStore(lambda: client, clock, in_memory=False)
    assert live.publish_newer(an_event(1, "idle"))
    with redis.Redis(port=valkey.port) as other:
        other.client_kill_filter(_type="normal", skipme=True)
    assert live.publish_newer(an_event(2, "idle"))
    live.close()
