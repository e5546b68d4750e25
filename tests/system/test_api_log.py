"""Tests that every line of the API's log is JSON with a time, whichever code writes it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from chalicelib.settings import Settings
from local.embedded import LOOPBACK, EmbeddedAws, free_port
from local.processes import is_ready
from tests import ROOT
from tests.conftest import environment_of
from tests.harness.stack import wait_until

EVERYBODY = """
import logging, threading, warnings

from chalice.app import Rate
from chalice.local import LambdaContext

from app import app
from chalicelib.runtime import log
from local.worker import SCHEDULED
from tests.harness.api_gateway import call, event_of


@app.route("/breaks")
def breaks():
    raise RuntimeError("a route without our answer to errors")


@app.schedule(Rate(1, unit=Rate.MINUTES))
def fails(event):
    raise RuntimeError("a schedule")


assert call("POST", "/api/payment/initiate", {"orderId": 1}).status == 401
assert call("GET", "/api/payment/health").status == 200
assert call("DELETE", "/api/payment/health").status == 405
assert app(event_of("GET", "/breaks"), LambdaContext("api", 512, max_runtime_ms=28_000))["statusCode"] == 500
app.log.warning("Chalice's own logger")
logging.getLogger("urllib3.connectionpool").warning("a library of %s", "somebody else")
warnings.warn("> a warning of Python")
thread = threading.Thread(target=lambda: {}["a thread"])
thread.start()
thread.join()
try:
    fails(SCHEDULED, LambdaContext("BraidsterPayments-prod-Fails-1A2B3C", 512, max_runtime_ms=60_000))
except RuntimeError:
    log.info("the schedule has failed towards Lambda too")
raise RuntimeError("the process itself")
"""


def parsed(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert line["time"].endswith("Z"), line
        assert {"level", "event"} <= set(line)
    return lines


def test_every_line_is_json_with_its_time(settings: Settings, aws: EmbeddedAws) -> None:
    """The process runs in production mode, as Lambda starts it."""
    command = [sys.executable, "-c", EVERYBODY]
    in_lambda = environment_of(settings, aws) | {
        "AWS_LAMBDA_FUNCTION_NAME": "BraidsterPayments-prod-Fails-1A2B3C",
        "_HANDLER": "app.fails",
        "PATH": os.environ["PATH"],
    }
    run = subprocess.run(command, cwd=ROOT, env=in_lambda, capture_output=True, text=True, timeout=50, check=False)
    lines = parsed(run.stdout + run.stderr)
    assert [line["event"].rpartition("> ")[2].strip() for line in lines] == [
        "call-refused",
        "Caught exception for path /breaks",
        "Chalice's own logger",
        "a library of somebody else",
        "a warning of Python",
        "thread-failed",
        "function-failed",
        "the schedule has failed towards Lambda too",
        "process-failed",
    ]
    traces = [line["trace"].splitlines()[-1] for line in lines if "trace" in line]
    assert traces == [
        "RuntimeError: a route without our answer to errors",
        "KeyError: 'a thread'",
        "RuntimeError: a schedule",
        "RuntimeError: the process itself",
    ]
    assert run.returncode == 1
    contexts = [(line.get("route") or line.get("function"), line.get("cold_start", False)) for line in lines]
    assert contexts == [
        ("POST /api/payment/initiate", True),
        *[("GET /breaks", False)] * 4,
        (None, False),
        *[("fails", False)] * 3,
    ]


def test_the_developers_server_writes_json_too(tmp_path: Path) -> None:
    port = free_port()
    with (tmp_path / "log").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.api_server"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "APP_ENV": "development", "API_PORT": str(port)},
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: is_ready(f"http://{LOOPBACK}:{port}/api/payment/health"), "the API is ready", 30)
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        connection.request("POST", "/api/payment/webhook?phone_number=237677777777", b"{}")
        assert connection.getresponse().status == 400
        connection.close()
        with socket.create_connection((LOOPBACK, port), timeout=5) as client:
            client.sendall(b"no HTTP at all\r\n\r\n")
            assert client.recv(1000)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    lines = parsed((tmp_path / "log").read_text())
    (request,) = (line for line in lines if line["event"] == "request" and line["method"] == "POST")
    assert (request["path"], request["status"]) == ("/api/payment/webhook", 400)
    assert {"ledger-in-memory", "listening", "call-refused", "request"} <= {line["event"] for line in lines}
