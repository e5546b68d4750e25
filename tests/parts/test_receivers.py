"""Tests the examples of a shop's receiver, in three languages, with what the product sends."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests

from chalicelib.adapters.shop import Shop
from chalicelib.domain.event_signature import signed_headers, write_secret
from chalicelib.domain.order_event import FIRST, OrderEvent, order_events_after
from local.embedded import LOOPBACK, free_port
from tests import ROOT
from tests.harness.fakes import HandClock
from tests.harness.stack import NODE, wait_until
from tests.unit.test_contract import PAYMENTS

EXAMPLES = ROOT / "examples"
KEY, OTHER_KEY = b"the shop's key of thirty-two byt", b"another key, also of 32 bytes..."
(PAID,) = order_events_after(FIRST, [PAYMENTS["successful"]])
PAID_TWICE = order_events_after(FIRST, [PAYMENTS["successfulByAnOperatorChargedTwice"]])
(PAID_BACK,) = order_events_after(FIRST, [replace(PAYMENTS["refunded"], duplicate=True)])
TOO_OLD_SECONDS = 301


@dataclass
class Receiver:
    url: str
    folder: Path

    def send(self, event: OrderEvent, *keys: bytes, seconds: float = 0) -> int | None:
        clock = HandClock()
        clock.forward(seconds)
        return Shop(self.url, keys or (KEY,), clock, only_public=False).send(event).status

    @property
    def orders(self) -> list[str]:
        file = self.folder / "orders.txt"
        return file.read_text().splitlines() if file.exists() else []


def command(language: str, port: int) -> list[str]:
    file = str(EXAMPLES / f"receive_order_events.{language}")
    if language == "php":
        php = shutil.which("php")
        assert php, "a receiver is in PHP: apt-get install php-cli"
        return [php, "-S", f"{LOOPBACK}:{port}", file]
    return [{"py": sys.executable, "mjs": NODE}[language], file]


@pytest.fixture(params=["py", "mjs", "php"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    port = free_port()
    environment = {"PORT": str(port), "ORDER_EVENTS_KEY": write_secret(KEY), "EVENTS_DIR": str(tmp_path)}
    process = subprocess.Popen(
        command(request.param, port), env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    url = f"http://{LOOPBACK}:{port}/"
    try:
        wait_until(lambda: answers(url), "it listens")
        yield Receiver(url, tmp_path)
    finally:
        process.kill()
        process.wait(5)


def answers(url: str) -> bool:
    try:
        return requests.post(url, timeout=5).status_code == 401
    except requests.ConnectionError:
        return False


def test_an_event_is_taken_once(receiver: Receiver) -> None:
    """What comes again under the same id is answered, and nothing is done: an error would have it sent once more."""
    assert [receiver.send(PAID) for _ in range(3)] == [200] * 3
    assert receiver.orders == ["paid order-1042"]


def test_both_events_of_a_version_are_taken(receiver: Receiver) -> None:
    """The order is paid once all the same."""
    assert [receiver.send(event) for event in PAID_TWICE] == [200, 200]
    assert sorted(receiver.orders) == ["paid order-1042", "paid twice, give the money back: order-1042"]


def test_what_went_back_neither_pays_the_order_nor_is_given_back_again(receiver: Receiver) -> None:
    assert json.loads(PAID_BACK.body)["data"]["duplicate"], "each later event has what was true before"
    assert receiver.send(PAID_BACK) == 200
    assert receiver.orders == ["1500 given back: order-1042"]


def test_while_the_key_is_rotated_one_right_signature_is_enough(receiver: Receiver) -> None:
    assert receiver.send(PAID, OTHER_KEY, KEY) == 200
    assert receiver.orders == ["paid order-1042"]


@pytest.mark.parametrize(
    "send",
    [
        pytest.param(lambda it: it.send(PAID, OTHER_KEY), id="another key"),
        pytest.param(lambda it: it.send(PAID, seconds=-TOO_OLD_SECONDS), id="too old"),
        pytest.param(lambda it: it.send(PAID, seconds=TOO_OLD_SECONDS + 5), id="from the future"),
    ],
)
def test_what_is_not_signed_now_with_the_key_is_refused(
    receiver: Receiver, send: Callable[[Receiver], int | None]
) -> None:
    assert send(receiver) == 401
    assert receiver.orders == []


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11:4"},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": ""},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,\xe9"},
    ],
)
def test_headers_that_the_signature_does_not_cover_are_refused(receiver: Receiver, changed: dict[str, str]) -> None:
    headers = signed_headers(PAID.id, HandClock().now(), PAID.body, [KEY]) | changed
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    assert requests.post(receiver.url, PAID.body, headers=encoded, timeout=5).status_code == 401
    assert receiver.orders == []


def test_another_body_under_the_same_signature_is_refused(receiver: Receiver) -> None:
    headers = signed_headers(PAID.id, HandClock().now(), PAID.body, [KEY])
    body = json.loads(PAID.body)
    body["data"]["orderId"] = "order-of-a-thief"
    assert requests.post(receiver.url, json.dumps(body), headers=headers, timeout=5).status_code == 401
    assert receiver.orders == []
