"""Tests the API's local server, and the runner that starts, watches and stops all processes."""

import http.client
import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from chalice.app import Chalice, Response

from local.__main__ import Ports, environment, redis_server, welcome
from local.api_server import COMPRESSED_FROM_BYTES, ApiServer
from local.embedded import LOOPBACK, free_port
from local.processes import Child, ChildFailed, Processes, is_ready
from tests import ROOT


def until(condition: Callable[[], Any], seconds: float = 5) -> Any:
    """Waits for a condition; returns its first true value."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


# ---------------------------------------------------------------- the API's server


@pytest.fixture
def product() -> Chalice:
    app = Chalice(app_name="shop", configure_logs=False)
    both_inside = threading.Barrier(2)

    @app.route("/echo/{name}", methods=["POST"])
    def echo(name: str) -> dict[str, object]:
        request = app.current_request
        assert request is not None
        return {"name": name, "size": len(request.raw_body)}

    @app.route("/together/{name}")
    def together(name: str) -> dict[str, object]:
        both_inside.wait(timeout=5)
        request = app.current_request
        assert request is not None
        return {"name": name, "seen": request.uri_params}

    return app


@pytest.fixture
def api(product: Chalice) -> Iterator[ApiServer]:
    with ApiServer(product) as server:
        yield server


@pytest.fixture
def connection(api: ApiServer) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(LOOPBACK, api.port, timeout=5)
    yield connection
    connection.close()


def post(connection: http.client.HTTPConnection, path: str, body: bytes) -> Any:
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


def test_large_bodies_and_encoded_paths_arrive(connection: http.client.HTTPConnection) -> None:
    assert post(connection, "/echo/a%2Fb%20c", b'"' + b"x" * 20_000 + b'"') == {"name": "a%2Fb%20c", "size": 20_002}


@pytest.mark.parametrize("length", ['"', "-1", "1e3", "", "٣"])
def test_a_length_that_is_no_number_is_refused(api: ApiServer, length: str) -> None:
    with socket.create_connection((LOOPBACK, api.port), timeout=5) as caller:
        caller.sendall(f"POST /echo/a HTTP/1.1\r\nHost: shop\r\nContent-Length: {length}\r\n\r\n".encode())
        said = b"".join(iter(lambda: caller.recv(4096), b"")).decode()
    assert said.startswith("HTTP/1.1 400 ")
    assert json.loads(said.partition("\r\n\r\n")[2])["code"] == "invalid_request"


def test_a_kept_connection_does_not_stall(connection: http.client.HTTPConnection) -> None:
    """Two segments and a delayed acknowledgement once made each call take 40 ms."""
    post(connection, "/echo/a", b"1")
    kept = connection.sock
    seconds = []
    for _ in range(25):
        started = time.perf_counter()
        post(connection, "/echo/a", b"1")
        seconds.append(time.perf_counter() - started)
    assert statistics.median(seconds) < 0.03
    assert connection.sock is kept


def test_long_answers_are_compressed_as_api_gateway_does_it(product: Chalice, api: ApiServer) -> None:
    """The page of a payment link is 100 kB, and slow phones load it."""
    text = "é" * COMPRESSED_FROM_BYTES
    product.route("/long")(lambda: Response(text, headers={"Content-Type": "text/html; charset=utf-8"}))
    for accepted, encoding in (("gzip, deflate, br", "gzip"), ("identity", None)):
        reply = requests.get(f"{api.url}/long", headers={"Accept-Encoding": accepted}, timeout=5)
        assert (reply.text, reply.headers.get("Content-Encoding")) == (text, encoding)
    short = requests.post(f"{api.url}/echo/a", data=b"1", headers={"Content-Type": "application/json"}, timeout=5)
    assert "Content-Encoding" not in short.headers


def test_requests_run_side_by_side_and_each_sees_its_own(api: ApiServer) -> None:
    answers: list[Any] = []

    def ask(name: str) -> None:
        connection = http.client.HTTPConnection(LOOPBACK, api.port, timeout=5)
        connection.request("GET", f"/together/{name}")
        answers.append(json.loads(connection.getresponse().read()))
        connection.close()

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=lambda answer: str(answer["name"])) == [
        {"name": name, "seen": {"name": name}} for name in ("a", "b")
    ]


def test_the_log_shows_no_query(connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture) -> None:
    post(connection, "/echo/a?phone_number=237677777777&signature=s", b"1")
    (line,) = until(lambda: [it for it in caplog.records if it.getMessage() == "request"])
    assert {"method": "POST", "path": "/echo/a", "status": 200}.items() <= line.fields.items()
    assert "phone" not in str(line.__dict__)


def test_a_call_to_a_stopped_api_fails_at_once(product: Chalice) -> None:
    with ApiServer(product) as server:
        idle = http.client.HTTPConnection(LOOPBACK, server.port, timeout=5)
        post(idle, "/echo/a", b"1")
    with pytest.raises(ConnectionError):
        post(idle, "/echo/a", b"1")
    idle.close()


# ---------------------------------------------------------------- child processes


@pytest.fixture
def marker() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def processes(out: io.StringIO) -> Iterator[Processes]:
    processes = Processes(out, threading.Event(), grace_seconds=0.2)
    yield processes
    processes.stop()


def child(code: str, marker: str = "", *, quiet: bool = False) -> Child:
    """Runs the code, which may serve at PORT."""
    port = free_port()
    return Child(
        name="child",
        command=[sys.executable, "-u", "-c", code],
        environment={"PORT": str(port), "MARKER": marker},
        ready=f"tcp://{LOOPBACK}:{port}",
        quiet=quiet,
    )


SERVE = """
import os, socket
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
print("serving")
while True:
    server.accept()[0].close()
"""
STUBBORN = "import signal, subprocess, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
WITH_CHILD = 'subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])\n'


def alive(marker: str) -> list[int]:
    """Lists the processes that have inherited the marker in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and marker.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # it has just ended, or is a zombie
    return found


def test_every_line_says_who_wrote_it(processes: Processes, out: io.StringIO) -> None:
    server = child(SERVE)
    processes.start(server)
    processes.wait_until_ready([server], 5)
    assert until(out.getvalue) == "child     | serving\n"


def test_a_quiet_childs_output_is_shown_only_when_it_fails(processes: Processes, out: io.StringIO) -> None:
    processes.start(child("print('because'); raise SystemExit(3)", quiet=True))
    with pytest.raises(ChildFailed, match="child ended with exit code 3") as failed:
        processes.watch()
    assert failed.value.log == ["because"]
    assert out.getvalue() == ""


def test_a_child_that_dies_before_it_is_ready_is_reported_with_its_last_output(processes: Processes) -> None:
    dying = child("print('first'); raise OSError('no disk')")
    processes.start(dying)
    with pytest.raises(ChildFailed, match="child ended with exit code 1") as failed:
        processes.wait_until_ready([dying], 5)
    assert failed.value.log[0] == "first"
    assert failed.value.log[-1] == "OSError: no disk"


def test_a_child_that_never_gets_ready_is_reported(processes: Processes) -> None:
    sleeping = child("import time; time.sleep(60)")
    processes.start(sleeping)
    with pytest.raises(ChildFailed, match="child was not ready"):
        processes.wait_until_ready([sleeping], 0.1)


def test_a_command_that_does_not_exist_is_reported(processes: Processes) -> None:
    absent = Child(name="absent", command=["/no/such/thing"], environment={}, ready="tcp://127.0.0.1:1")
    with pytest.raises(ChildFailed, match="absent cannot be started: No such file"):
        processes.start(absent)


def test_stop_ends_children_that_ignore_sigterm_and_what_they_started(
    processes: Processes, marker: str, out: io.StringIO
) -> None:
    stubborn = child(STUBBORN + WITH_CHILD + SERVE, marker)
    processes.start(stubborn)
    processes.wait_until_ready([stubborn], 5)
    assert len(until(lambda: len(alive(marker)) == 2 and alive(marker))) == 2
    started = time.monotonic()
    processes.stop()
    assert time.monotonic() - started < 10, "the child sleeps for 60"
    assert alive(marker) == []
    assert "child did not stop within 0.2 s and is killed" in out.getvalue()


def test_children_die_with_a_killed_runner(marker: str) -> None:
    script = (
        "import sys, threading\nfrom local.processes import Child, Processes\n"
        "processes = Processes(sys.stdout, threading.Event())\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        f"processes.start(Child(name='c', command=command, environment={{'MARKER': '{marker}'}}, ready='tcp://x:1'))\n"
        "processes.watch()\n"
    )
    command = [sys.executable, "-c", script]
    runner = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    until(lambda: alive(marker))
    runner.kill()
    runner.wait()
    until(lambda: alive(marker) == [])


def test_ready_means_an_answer_of_200(api: ApiServer) -> None:
    assert is_ready(f"tcp://{LOOPBACK}:{api.port}")
    assert not is_ready(f"http://{LOOPBACK}:{api.port}/unknown")
    assert not is_ready(f"http://{LOOPBACK}:{free_port()}/")


# ---------------------------------------------------------------- the runner

PORTS = Ports(api=1, gateway=2, simulator=3, aws=4, redis=5)


def test_what_the_developer_has_set_wins() -> None:
    known = {"MERCHANT_API_KEY": "mine", "PAYMENT_EXPIRES_SECONDS": "2", "REDIS_HOST": "cache", "HOME": "/home"}
    chosen = environment(known, PORTS)
    assert {name: chosen[name] for name in known} == known
    assert "REDIS_PORT" not in chosen, "a Redis of one's own has its own port"
    assert environment({"MERCHANT_API_KEY": ""}, PORTS)["MERCHANT_API_KEY"]


def test_keys_are_fresh_and_all_different() -> None:
    names = [name for name in environment({}, PORTS) if name.endswith(("_KEY", "_TOKEN")) and "AWS" not in name]
    assert len(names) == 8
    keys = [environment({}, PORTS)[name] for name in names for _ in range(2)]
    assert len(set(keys)) == len(keys)
    assert min(map(len, keys)) >= 40


def test_no_real_account_is_ever_used() -> None:
    real = {"AWS_ACCESS_KEY_ID": "real", "AWS_SESSION_TOKEN": "real", "AWS_PROFILE": "work", "AWS_ENDPOINT_URL": "real"}
    chosen = environment(real, PORTS)
    assert {name: value for name, value in chosen.items() if name.startswith("AWS_")} == {
        "AWS_PORT": "4",
        "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:4",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def test_a_proxy_is_not_asked_for_this_machine() -> None:
    assert environment({"NO_PROXY": "intern"}, PORTS)["no_proxy"] == f"intern,{LOOPBACK},localhost"


def test_the_pages_stand_first_where_they_are_built(tmp_path: Path) -> None:
    def first_row(page: str = "TEST_PAGE_DIR", **given: str) -> str:
        nowhere = {"TEST_PAGE_DIR": str(tmp_path / "not"), "OPERATOR_PAGE_DIR": str(tmp_path / "not")}
        chosen = environment({**nowhere, page: str(tmp_path), **given}, PORTS)
        return welcome(chosen, PORTS, 1.0).splitlines()[3]

    assert first_row().split() == ["API", "http://localhost:1/api/payment/health"]
    (tmp_path / "index.html").touch()
    assert first_row().split() == ["test", "page", "http://localhost:2/payment-test"]
    assert first_row("OPERATOR_PAGE_DIR").split() == ["operators'", "page", "http://localhost:2/operator"]
    assert first_row(APP_ENV="production").split()[0] == "API"


def test_only_development_names_the_page_of_the_documents() -> None:
    for stage, is_there in (("development", True), ("production", False)):
        assert ("http://localhost:2/docs" in welcome(environment({"APP_ENV": stage}, PORTS), PORTS, 1.0)) == is_there


def test_the_pages_get_the_addresses_of_the_other_parts() -> None:
    chosen = environment({}, PORTS)
    assert Path(chosen["OPERATOR_PAGE_DIR"]) == ROOT / "frontend" / "dist-operator"
    assert chosen["OPERATOR_PAGE_API_URL"] == "http://localhost:1"
    assert Path(chosen["LINK_PAGE_DIR"]) == ROOT / "frontend" / "dist-hosted"
    assert chosen["GATEWAY_URL"] == "http://localhost:2"
    assert Path(chosen["TEST_PAGE_DIR"]) == ROOT / "frontend" / "dist"
    assert chosen["TEST_PAGE_API_URL"] == "http://localhost:1"
    assert chosen["TEST_PAGE_SIMULATOR_URL"] == "http://localhost:3"


def test_it_says_how_to_be_a_client_of_the_simulator() -> None:
    chosen = environment({}, PORTS)
    said = welcome(chosen, PORTS, 1.0)
    for name in ("CAMPAY_USERNAME", "CAMPAY_APP_PASSWORD"):
        assert f"{name:<20} {chosen[name]}" in said
    assert chosen["CAMPAY_APP_PASSWORD"] != environment({}, PORTS)["CAMPAY_APP_PASSWORD"]
    real = "of-a-real-account"
    assert real not in welcome(environment({"CAMPAY_USERNAME": real, "CAMPAY_APP_PASSWORD": real}, PORTS), PORTS, 1.0)


def test_there_is_a_redis_server() -> None:
    assert os.access(redis_server(), os.X_OK)


@pytest.mark.parametrize("text", ["eighty", "-1", "65536", "٨٠٨٠"])
def test_a_port_that_is_no_port_is_one_line(text: str) -> None:
    with pytest.raises(ChildFailed, match=r"^GATEWAY_PORT is no port number$"):
        Ports.chosen_by({"API_PORT": str(free_port()), "GATEWAY_PORT": text})


def run(marker: str, **known: str) -> subprocess.Popen[str]:
    ports = {name: str(free_port()) for name in ("API_PORT", "GATEWAY_PORT", "SIMULATOR_PORT")}
    return subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env={**os.environ, **ports, "MARKER": marker, **known},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_busy_port_is_one_line() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        runner = run("", API_PORT=port)
        output, errors = runner.communicate(timeout=10)
    line = f"make run: port {port} cannot be used (Address already in use): choose another with API_PORT\n"
    assert (runner.returncode, output, errors) == (1, "", line)


def lines_until(runner: subprocess.Popen[str], text: str) -> list[str]:
    """Reads the output up to a line that contains the text; fails if it ends before."""
    lines: list[str] = []
    for line in runner.stdout or ():
        lines.append(line.rstrip())
        if text in line:
            return lines
    raise AssertionError("\n".join(lines))


def initiate(curl: str) -> tuple[int, Mapping[str, Any]]:
    """Sends what the printed call would send."""
    url, data = curl.split()[2], curl.partition(" -d ")[2]
    body = data.strip("'").replace("'$(date +%s)'", uuid.uuid4().hex)
    address, path = url.removeprefix("http://").split("/", 1)
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request("POST", f"/{path}", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


def test_one_command_runs_a_payment_and_leaves_nothing(marker: str) -> None:
    runner = run(marker, SIMULATOR_APPROVE_AFTER="0.1")
    try:
        greeting = lines_until(runner, "curl")
        assert len(alive(marker)) == 6
        status, payment = initiate(greeting[-1].strip())
        assert (status, payment["status"]) == (201, "PENDING")
        announced = lines_until(runner, "order event")[-1]
        assert announced.startswith("aws       | order event payment.successful order-")
        assert announced.endswith(" version 3")
        runner.send_signal(signal.SIGTERM)
        output, errors = runner.communicate(timeout=10)
    finally:
        runner.kill()
        runner.communicate()
    assert (runner.returncode, output.splitlines()[-1], errors) == (0, "Stopping.", "")
    assert alive(marker) == []
    redis = next(line.split()[-1] for line in greeting if line.strip().startswith("Redis "))
    assert not is_ready(f"tcp://{redis}"), "Valkey writes over its environment, so its marker is lost"


def test_a_child_that_dies_ends_the_run_with_its_last_output(marker: str) -> None:
    runner = run(marker, SIMULATOR_APPROVE_AFTER="soon")
    _, errors = runner.communicate(timeout=15)
    assert runner.returncode == 1
    assert errors.splitlines() == [
        "campay simulator: SIMULATOR_APPROVE_AFTER cannot be 'soon'",
        "make run: simulator ended with exit code 1",
    ]
    assert alive(marker) == []
