"""Measures the time from a payment's publication in Redis to its paint on a screen, in a real Chromium.

Everything between is real: Redis' pub/sub, the gateway, the WebSocket, the hook, React. Versions are published at an
even pace, so that nothing queues. Both ends read the same machine's clock.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import redis

from chalicelib.adapters.live_store import LiveStore
from chalicelib.domain.contract import PaymentEvent, decode, payment_key, to_iso
from chalicelib.domain.payment import PaymentStatus
from chalicelib.runtime.clock import Clock
from local.embedded import Valkey
from tests.harness.browser import Chromium
from tests.harness.stack import Stack, running

AIM_MS = 50.0
SAMPLES = 200
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


@dataclass(frozen=True)
class Latency:
    """Percentiles of the latency, in milliseconds."""

    median: float
    p95: float
    samples: int

    @property
    def misses_its_aim(self) -> bool:
        return self.median > AIM_MS


def run() -> Latency:
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
    assert len(delays) > SAMPLES * 0.9, f"only {len(delays)} of {SAMPLES} were painted"
    return Latency(statistics.median(delays), statistics.quantiles(delays, n=20)[-1], len(delays))
