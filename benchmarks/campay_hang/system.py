"""Starts the parts of the system, each in a process of its own, and calls them as customers and CamPay do."""

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import requests
from chalice.local import LambdaContext

from benchmarks.campay_hang.measured import LIMITS, Took
from local.__main__ import Ports, environment, redis
from local.embedded import LOOPBACK, free_port
from local.processes import Child, Processes
from local.simulator.webhooks import sign
from local.worker import Worker

PROCESSES = 4
_SWEEP_SECONDS = 15.0
_MOST_CALLS = 2_000
"""Calls of one kind that CamPay leaves unanswered at most; the simulator takes no longer list."""
_SIMULATED = {
    "SIMULATOR_APPROVE_AFTER": "100000",
    "SIMULATOR_SLOW_APPROVE_AFTER": "100000",
    "SIMULATOR_HOLD_SECONDS": "25",
    "ADDRESS_PROMPTS_PER_MINUTE": "100000",
    "PAYMENT_EXPIRES_SECONDS": "300",
}
"""No customer answers by itself; CamPay holds a call for longer than anybody waits; a payment expires as in AWS."""


class TimedFunctions:
    """Stands for the module `app`: runs its functions with their Lambdas' time limits, and notes how long each took."""

    def __init__(self, product: Any) -> None:
        self.longest: dict[str, float] = {}
        self.checks, self.deliveries, self.shop, self.sweep, self.late_payments, self.rollups = (
            partial(self._run, name, getattr(product, name))
            for name in ("checks", "deliveries", "shop", "sweep", "late_payments", "rollups")
        )

    def _run(self, name: str, function: Callable[[Any, Any], Any], event: Any, _: LambdaContext) -> Any:
        began_at = time.monotonic()
        try:
            return function(event, LambdaContext(name, 512, max_runtime_ms=int(LIMITS[name] * 1000)))
        finally:
            self.longest[name] = max(self.longest.get(name, 0), time.monotonic() - began_at)


class System:
    """The running parts: calls to them, and how long those took by phase and kind."""

    def __init__(self, shared: Mapping[str, str], ports: list[int], functions: TimedFunctions) -> None:
        self._apis = itertools.cycle([f"http://{LOOPBACK}:{port}/api/payment" for port in ports])
        self._simulator = f"http://{LOOPBACK}:{shared['SIMULATOR_PORT']}/simulator"
        self._webhook_key = shared["CAMPAY_WEBHOOK_KEY"]
        self._threads = threading.local()
        self._orders = itertools.count(100)  # the simulator's first numbers have customers of their own kind
        self.functions = functions
        self.phase = "calm"
        self.took: dict[tuple[str, str], Took] = {}
        self.started: list[dict[str, Any]] = []
        """Replies to initiates whose prompt may have gone out and whose customer has not answered."""

    def initiate(self, kind: str = "initiate") -> None:
        number = next(self._orders)
        body = {"orderId": f"order-{number}", "amount": 5000, "currency": "XAF", "phoneNumber": f"23767{number:07}"}
        answer = self._timed(kind, "POST", "/initiate", json=body)
        if answer.status_code in (201, 202):
            self.started.append(answer.json())

    def look(self, payment: Mapping[str, Any]) -> requests.Response:
        token = {"Authorization": f"Bearer {payment['trackingToken']}"}
        return self._timed("look", "GET", f"/tracking/{payment['reference']}", headers=token)

    def approve(self, transaction: Mapping[str, Any]) -> None:
        """Approves a prompt on the phone, and sends its webhook as CamPay does."""
        url = f"{self._simulator}/transactions/{transaction['reference']}/resolve"
        self._session.post(url, json={"status": "SUCCESSFUL", "webhook": False}, timeout=30).raise_for_status()
        body = {
            "status": "SUCCESSFUL",
            "reference": transaction["reference"],
            "external_reference": transaction["externalReference"],
            "signature": sign(self._webhook_key, int(time.time())),
        }
        self._timed("webhook", "POST", "/webhook", json=body)

    def transactions(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._session.get(f"{self._simulator}/transactions", timeout=30).json()
        return rows

    def hang(self, *, is_hanging: bool) -> None:
        faults = {
            call: ["timeout"] * (_MOST_CALLS if is_hanging else 0) for call in ("collect", "transaction", "history")
        }
        self._session.post(f"{self._simulator}/faults", json=faults, timeout=30).raise_for_status()

    def _timed(self, kind: str, method: str, path: str, **request: Any) -> requests.Response:
        phase, began_at = self.phase, time.monotonic()
        answer = self._session.request(method, f"{next(self._apis)}{path}", timeout=60, **request)
        took = self.took.setdefault((phase, kind), Took())
        took.seconds.append(time.monotonic() - began_at)
        took.answers[answer.status_code] += 1
        return answer

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._threads, "session"):
            self._threads.session = requests.Session()
        session: requests.Session = self._threads.session
        return session


@contextmanager
def running() -> Iterator[System]:
    """Starts all parts, and a worker in this process, whose environment is then theirs."""
    ports = Ports(api=free_port(), gateway=free_port(), simulator=free_port(), aws=free_port(), redis=free_port())
    shared = environment(_SIMULATED, ports)
    os.environ.update(shared)
    api_ports = [free_port() for _ in range(PROCESSES)]
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        processes = Processes(nowhere, threading.Event())
        try:
            _start(processes, [redis(shared, ports.redis)])  # the API chooses between Redis and memory when it starts
            _start(processes, list(_children(shared, ports, api_ports)))
            import app  # it reads the environment when it is imported

            functions = TimedFunctions(app)
            checks, deliveries, shop = (shared[f"{name}_QUEUE_URL"] for name in ("CHECKS", "DELIVERIES", "SHOP"))
            queues = (checks, deliveries, shop)
            with Worker(functions, queues, shared["PAYMENTS_TABLE"], _SWEEP_SECONDS):
                yield System(shared, api_ports, functions)
        finally:
            processes.stop()


def _children(shared: Mapping[str, str], ports: Ports, api_ports: list[int]) -> Iterator[Child]:
    def python(name: str, port: int, ready: str, **changed: str) -> Child:
        return Child(
            name=name,
            command=[sys.executable, "-m", f"local.{name}"],
            environment={**shared, **changed},
            ready=f"http://{LOOPBACK}:{port}{ready}",
        )

    yield python("embedded", ports.aws, "/embedded/health")
    yield python("campay_simulator", ports.simulator, "/simulator/health")
    for port in api_ports:
        yield python("api_server", port, "/api/payment/health", API_PORT=str(port))


def _start(processes: Processes, children: list[Child]) -> None:
    for child in children:
        processes.start(child)
    processes.wait_until_ready(children, 60)
