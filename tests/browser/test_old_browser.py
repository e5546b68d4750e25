"""Tests a payment in Chromium 80, the oldest supported browser: the approval reaches the screen by push.

Playwright drives no browser of that age, so that the few commands needed go over its DevTools protocol.
"""

import json
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from local.embedded import LOOPBACK, Valkey, free_port
from tests import ROOT
from tests.harness.browser import ARGUMENTS, Order
from tests.harness.stack import Stack, running, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="this Chromium was built for x86-64 alone"),
]

EXECUTABLE = ROOT / "tests" / "browser" / "old_chromium" / "node_modules" / ".chromium"
SETTINGS = {"SIMULATOR_SLOW_APPROVE_AFTER": "600", "CHECK_AGES_SECONDS": "300"}
READS = ("*/api/payment/status/*", "*/api/payment/tracking/*")
"""Routes that, while refused, leave the gateway as the page's only source."""


class OldTab:
    """A tab. `errors`: uncaught exceptions of its page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._sent = 0
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Network"):
            self._send(f"{domain}.enable")

    def open(self, url: str, root: str = "document") -> None:
        """Opens a page. `root`: the expression of what the checkout is in."""
        self._root = root
        self._send("Page.navigate", url=url)
        self.shows(f"document.readyState === 'complete' && {root}.querySelector('.bp-phone')")

    def pay(self, phone_number: str) -> None:
        self.evaluate(f"{self._root}.querySelector('.bp-phone').select()")
        self._send("Input.insertText", text=phone_number)
        self.evaluate(f"{self._root}.querySelector('.bp-pay').click()")

    def shows_picture(self, name: str) -> None:
        self.shows(f"{self._root}.querySelector('.bp-tracker[data-picture={name}]')")

    def refuse(self, *urls: str) -> None:
        """Blocks all further requests to these URLs."""
        self._send("Network.setBlockedURLs", urls=urls)

    def evaluate(self, expression: str) -> Any:
        result = self._send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def shows(self, expression: str) -> None:
        try:
            wait_until(lambda: bool(self.evaluate(f"Boolean({expression})")), expression)
        except AssertionError as missing:
            words = self.evaluate("document.body.innerText")
            missing.add_note(f"thrown in the page: {self.errors}\non the screen: {words}")
            raise

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while (message := json.loads(self._socket.recv(timeout=30))).get("id") != self._sent:
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"]["exception"]["description"])
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result


@contextmanager
def old_chromium(profile: Path) -> Iterator[OldTab]:
    assert EXECUTABLE.exists(), "there is no old Chromium: `make test-browser` brings one"
    port = free_port()
    arguments = [*ARGUMENTS, "--headless", f"--user-data-dir={profile}", f"--remote-debugging-port={port}"]
    process = subprocess.Popen([str(EXECUTABLE), *arguments], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port), "the old Chromium is up")
        tab = requests.get(f"http://{LOOPBACK}:{port}/json/new", timeout=10).json()
        assert "Chrome/80." in requests.get(f"http://{LOOPBACK}:{port}/json/version", timeout=10).json()["Browser"]
        with connect(tab["webSocketDebuggerUrl"], max_size=None) as socket:
            yield OldTab(socket)
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://{LOOPBACK}:{port}/json/version", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Valkey() as redis, running(redis, **SETTINGS) as system:
        yield system


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[OldTab]:
    with old_chromium(tmp_path) as tab:
        yield tab
        assert tab.errors == []


def test_an_approval_is_pushed_to_the_test_page(tab: OldTab, stack: Stack) -> None:
    order = Order(stack)
    tab.open(f"{stack.origin}/payment-test?order={order.id}&amount=5000")
    tab.pay(order.phone_number)
    tab.shows_picture("checkPhone")
    tab.shows("document.querySelector('#connection[data-connection=connected]')")
    tab.refuse(*READS)
    order.approve()
    tab.shows_picture("approved")
    assert tab.evaluate("document.querySelectorAll('#events [data-event=connected]').length") == 1
    assert order.charges == [5000]
    assert tracker_background(tab) == "rgb(255, 255, 255)"
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert tracker_background(tab) == "rgb(30, 27, 38)"


def tracker_background(tab: OldTab) -> str:
    return str(tab.evaluate("getComputedStyle(document.querySelector('.bp-tracker')).backgroundColor"))


def test_an_approval_is_pushed_to_the_page_of_a_link(tab: OldTab, stack: Stack) -> None:
    """The page has the element in it, with its style in a shadow root."""
    order = Order(stack)
    body = {"orderId": order.id, "amount": 5000, "currency": "XAF", "description": "Deux chaises"}
    link = stack.session.post(f"{stack.api}/links", json=body, timeout=10).json()
    tab.open(link["url"], root="document.querySelector('braidster-checkout').shadowRoot")
    tab.pay(order.phone_number)
    tab.shows_picture("checkPhone")
    tab.refuse(*READS)
    order.approve()
    tab.shows_picture("approved")
    assert order.charges == [5000]
    mark = "document.querySelector('braidster-checkout').shadowRoot.querySelector('.bp-mark')"
    assert tab.evaluate(f"getComputedStyle({mark}).stroke") == "rgb(18, 112, 63)", "its style is there"
