"""Calls the simulator over real HTTP, and receives its webhooks in the API's place."""

import json
import os
import queue
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from typing import Any

import requests

from local.campay_simulator import CampaySimulator
from local.simulator.http_server import Request
from local.simulator.settings import SimulatorSettings
from tests import ROOT

KEY = "the-webhook-key-of-the-tests-forty-long!"
TOKEN = "the-permanent-token-of-the-tests"
AUTHORIZED = {"Authorization": f"Token {TOKEN}"}
MTN, ORANGE, ANYBODY = "237677777777", "237699999999", "237671234567"
HTTP = requests.Session()
HTTP.trust_env = False
FAST = SimulatorSettings(
    webhook_key=KEY,
    permanent_token=TOKEN,
    approve_after=0.03,
    slow_approve_after=0.08,
    late_after=0.15,
    hold_seconds=0.05,
)


class Receiver:
    """Receives webhooks, at an address of its own for each test, so that late ones of another test do not arrive."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.requests: queue.Queue[Request] = queue.Queue()

    def next(self) -> dict[str, Any]:
        request = self.requests.get(timeout=10)
        fields: dict[str, Any] = json.loads(request.body) if request.method == "POST" else dict(request.query)
        return fields

    def some(self, number: int) -> dict[str, Counter[str]]:
        """Waits for a number of webhooks; returns transaction -> the statuses that they claimed."""
        return counted(self.next() for _ in range(number))

    def until(self, last: str) -> dict[str, Counter[str]]:
        """Waits up to the first webhook of the transaction `last`; returns the same."""
        return counted(takewhile(lambda fields: fields["reference"] != last, iter(self.next, None)))


def counted(webhooks: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    heard: dict[str, Counter[str]] = defaultdict(Counter)
    for fields in webhooks:
        heard[fields["reference"]][fields["status"]] += 1
    return heard


def collect(simulator: CampaySimulator, phone_number: str = MTN, **changes: Any) -> requests.Response:
    fields = {"amount": "5000", "currency": "XAF", "from": phone_number, "description": "Order 7"} | changes
    return HTTP.post(f"{simulator.api_url}/collect/", json=fields, headers=AUTHORIZED, timeout=5)


def accepted(simulator: CampaySimulator, phone_number: str = MTN, **changes: Any) -> str:
    response = collect(simulator, phone_number, **changes)
    assert response.status_code == 200
    return str(response.json()["reference"])


def record(simulator: CampaySimulator, reference: str) -> dict[str, Any]:
    url = f"{simulator.api_url}/transaction/{reference}/"
    fields: dict[str, Any] = HTTP.get(url, headers=AUTHORIZED, timeout=5).json()
    return fields


def settled(simulator: CampaySimulator, reference: str) -> dict[str, Any]:
    eventually(lambda: record(simulator, reference)["status"] != "PENDING")
    return record(simulator, reference)


def control(simulator: CampaySimulator, path: str, body: object) -> requests.Response:
    return HTTP.post(f"{simulator.url}/simulator/{path}", json=body, timeout=5)


def approved_by_hand(simulator: CampaySimulator) -> str:
    reference = accepted(simulator, "237670000001")
    control(simulator, f"transactions/{reference}/resolve", {"status": "SUCCESSFUL"})
    return reference


def statement(simulator: CampaySimulator, first: str, last: str) -> list[dict[str, Any]]:
    body = {"start_date": first, "end_date": last}
    rows: list[dict[str, Any]] = HTTP.post(
        f"{simulator.api_url}/history/", json=body, headers=AUTHORIZED, timeout=5
    ).json()["data"]
    return rows


def eventually(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.005)


def run_process(**environment: str) -> subprocess.Popen[str]:
    """Starts the simulator as a process. Its first line ends with its URL."""
    return subprocess.Popen(
        [sys.executable, "-m", "local.campay_simulator"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
