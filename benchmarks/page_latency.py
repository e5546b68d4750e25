"""Measures what a customer waits for, in a real Chromium.

That is the time from a payment's publication in Redis to its paint, from the tap on Pay to the prompt's picture, and
on a slow phone with a slow network from the page's address to its form, and from a payment link to form and receipt.
Everything between is real: the API, CamPay's simulator, Redis' pub/sub, the gateway, the WebSocket, the hook, React.
Versions are published at an even pace, so that nothing queues. Both ends read the same machine's clock.
"""

import gzip
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from itertools import count

import redis
import requests
from playwright.sync_api import Page, ViewportSize

from chalicelib.adapters.live_store import LiveStore
from chalicelib.domain.contract import PaymentEvent, decode, to_iso
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.redis_names import payment_key
from chalicelib.runtime.clock import Clock
from local.embedded import LOOPBACK, LoopbackServer, Valkey
from tests.harness.browser import Chromium, Customer
from tests.harness.stack import Stack, running

AIM_MS = 50.0
SAMPLES = 200
TAPS = 8
FORM_AIM_MS = 6_500.0
LINK_AIM_MS = 3_000.0
LOADS = 5
_SLOW_PHONE = 4
"""How many times slower a cheap phone's processor is taken to be."""
_PAUSE_SECONDS = 0.05
_STAYS_PENDING = "237671200000"

# A message posted in an animation frame's callback arrives after that frame was painted.
_NOTE_PAINTS = """
window.painted = {};
new MutationObserver(() => requestAnimationFrame(() => {
  const version = document.querySelector("section.bp-tracker")?.dataset.version;
  const channel = new MessageChannel();
  channel.port1.onmessage = () => { window.painted[version] ??= performance.timeOrigin + performance.now(); };
  channel.port2.postMessage(null);
})).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-version"] });
"""


_NOTE_PROMPT = """
addEventListener("click", (event) => {
  if (event.target.closest(".bp-pay")) window.tapped = performance.now();
}, true);
new MutationObserver(() => {
  if (document.querySelector("section.bp-tracker")?.dataset.picture !== "checkPhone") return;
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { window.prompted ??= performance.now() - window.tapped; };
    channel.port2.postMessage(null);
  });
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-picture"] });
"""

# The element is a shadow root, into which an observer of the document does not see.
_NOTE_PARTS = """
window.shown = {};
const look = () => {
  const root = document.querySelector("braidster-checkout")?.shadowRoot ?? document;
  for (const part of [".bp-phone", "[data-picture=approved]"]) {
    if (part in window.shown || !root.querySelector(part)) continue;
    window.shown[part] = null;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { window.shown[part] = performance.now(); };
    channel.port2.postMessage(null);
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
_FORM, _RECEIPT = ".bp-phone", "[data-picture=approved]"
SMALLEST_PHONE: ViewportSize = {"width": 320, "height": 568}


@dataclass(frozen=True)
class Latency:
    """Percentiles of the latency, in milliseconds."""

    median: float
    p95: float
    samples: int


@dataclass(frozen=True)
class Measured:
    """What was measured, and its aim in milliseconds at the median; None where it has none."""

    what: str
    latency: Latency
    aim: float | None = None

    @property
    def misses_its_aim(self) -> bool:
        return self.aim is not None and self.latency.median > self.aim


def run() -> Iterator[Measured]:
    """Yields each latency as it is measured."""
    yield Measured("event to paint", _event_to_paint(), AIM_MS)
    yield Measured("tap to prompt", _tap_to_prompt())
    yield Measured("address to form", _address_to_form(), FORM_AIM_MS)
    yield Measured("payment link to form", _link_to_form(), LINK_AIM_MS)
    yield Measured("payment link to receipt", _link_to_receipt())


def _link_to_form() -> Latency:
    """Opens the page of a payment link with an empty cache each time.

    It is compressed as API Gateway does it, and read from the API before, whose own time is not this page's.
    """
    waited = []
    with Valkey() as valkey, running(valkey) as stack, Chromium() as chromium:
        for number in range(LOADS):
            page = requests.get(_new_link(stack, number), timeout=10).content
            with _serving(page) as url, chromium.customer(url) as customer:
                waited.append(_shown(_slowly_opened(customer, url), _FORM))
    return _summed_up(waited)


def _link_to_receipt() -> Latency:
    """Pays by a link on a small slow phone: from the link's opening until the receipt is painted.

    The customer types at once, and approves half a second after the prompt. Chromium does not slow a WebSocket down.
    """
    waited = []
    with Valkey() as valkey, running(valkey) as stack, Chromium() as chromium:
        for number in range(LOADS):
            with chromium.customer(stack.origin) as customer:
                page = _slowly_opened(customer, _new_link(stack, number))
                _shown(page, _FORM)
                page.fill(_FORM, f"2376702001{number:02}")
                page.click(".bp-pay")
                waited.append(_shown(page, _RECEIPT))
    return _summed_up(waited)


def _new_link(stack: Stack, number: int) -> str:
    body = {"orderId": f"order-{number}", "amount": 5000, "currency": "XAF", "description": "Deux chaises"}
    url: str = stack.session.post(f"{stack.api}/links", json=body, timeout=10).json()["url"]
    return url


def _slowly_opened(customer: Customer, url: str) -> Page:
    """Opens a page on a small slow phone.

    It waits for nothing: what Playwright brings into the page for that takes such a phone 0.2 s, which would count.
    """
    tab = customer.prepare()
    tab.page.set_viewport_size(SMALLEST_PHONE)
    tab.page.add_init_script(_NOTE_PARTS)
    tab.slow_down(processor=_SLOW_PHONE)
    tab.page.goto(url, wait_until="commit")
    return tab.page


def _shown(page: Page, part: str) -> float:
    """Returns when a part of the page was painted, in milliseconds since the page was asked for."""
    page.wait_for_function("part => window.shown?.[part]", arg=part, timeout=60_000)
    return float(page.evaluate("part => window.shown[part]", part))


@contextmanager
def _serving(page: bytes) -> Iterator[str]:
    """Serves a page, compressed. Yields its URL."""
    content = gzip.compress(page, 6)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    server = LoopbackServer(Handler)
    server.start()
    yield f"http://{LOOPBACK}:{server.server_port}/pay/a-link"
    server.close()


def _address_to_form() -> Latency:
    """Opens the test page with an empty cache each time."""
    waited = []
    with Valkey() as valkey, running(valkey) as stack, Chromium() as chromium:
        for number in range(LOADS):
            with chromium.customer(stack.origin) as customer:
                page = _slowly_opened(customer, f"{stack.origin}/payment-test?order=order-{number}&amount=5000")
                waited.append(_shown(page, _FORM))
    return _summed_up(waited)


def _tap_to_prompt() -> Latency:
    with (
        Valkey() as valkey,
        running(valkey) as stack,
        Chromium() as chromium,
        chromium.customer(stack.origin, "en-GB") as customer,
    ):
        tab = customer.prepare()
        tab.page.add_init_script(_NOTE_PROMPT)
        waited = []
        for number in range(TAPS):
            customer.go_to(tab, f"order-{number}")
            tab.pay(f"2376702000{number:02}")
            tab.page.wait_for_function("window.prompted", timeout=10_000)
            waited.append(float(tab.page.evaluate("window.prompted")))
    return _summed_up(waited)


def _event_to_paint() -> Latency:
    with (
        Valkey() as valkey,
        running(valkey, SIMULATOR_SLOW_APPROVE_AFTER="600") as stack,
        Chromium() as chromium,
        chromium.customer(stack.origin, "en-GB") as customer,
    ):
        tab = customer.prepare()
        tab.page.add_init_script(_NOTE_PAINTS)
        customer.go_to(tab, "order-1")
        tab.pay(_STAYS_PENDING)
        tab.shows("checkPhone", within=10)
        tab.is_connected()
        published = _publish(stack, valkey)
        tab.page.wait_for_timeout(500)
        painted: dict[str, float] = tab.page.evaluate("window.painted")
    assert len(painted) > SAMPLES * 0.9, f"only {len(painted)} of {SAMPLES} were painted"
    delays = [painted[str(version)] - at for version, at in published.items() if str(version) in painted]
    return _summed_up(delays)


def _publish(stack: Stack, valkey: Valkey) -> dict[int, float]:
    """Publishes versions that each look different. Returns version -> time of publication, ms since the epoch."""
    reference = str(stack.transactions()[-1]["externalReference"])
    with redis.Redis(port=valkey.port) as client:
        event = decode(client.get(payment_key(reference)) or b"")
        live = LiveStore(lambda: client, Clock(), in_memory=False)
        published: dict[int, float] = {}
        for version in count(event["version"] + 1):
            if len(published) == SAMPLES:
                return published
            status = PaymentStatus.CONFLICTED if version % 2 else PaymentStatus.PENDING
            now = time.time() * 1000
            changed: PaymentEvent = {**event, "version": version, "status": status.value, "timestamp": to_iso(int(now))}
            live.publish_newer(changed)
            published[version] = now
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError("count() does not end")


def _summed_up(delays: Sequence[float]) -> Latency:
    return Latency(statistics.median(delays), statistics.quantiles(delays, n=20)[-1], len(delays))
