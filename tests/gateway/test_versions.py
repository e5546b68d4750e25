"""Tests what a browser receives of a version: encoded once, written at once or queued, in order and without a gap."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from websockets.frames import Frame
from websockets.protocol import CLIENT, Protocol

from chalicelib.domain import contract
from chalicelib.domain.contract import MalformedEvent, PaymentEvent
from chalicelib.domain.payment import PaymentStatus
from local.embedded import Valkey
from socket_gateway.versions import read_version, version_of
from tests import ROOT
from tests.harness.gateway_stack import LiveStore, new_event, next_version, running, settings_for, until

EVENT = new_event("0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11", 7, PaymentStatus.SUCCESSFUL)


def texts_in(frames: bytes) -> list[str]:
    """Reads frames as a standard WebSocket client does."""
    client = Protocol(CLIENT)
    client.receive_data(frames)
    received = client.events_received()
    return [bytes(frame.data).decode() for frame in received if isinstance(frame, Frame)]


def otherwise_ordered(event: PaymentEvent) -> bytes:
    return json.dumps(dict(sorted(event.items()))).encode()


def publish_all(store: LiveStore, events: list[PaymentEvent]) -> None:
    for event in events:
        store.publish(event)


@pytest.mark.parametrize("body", [contract.encode(EVENT).encode(), otherwise_ordered(EVENT)])
def test_a_version_is_the_same_events_as_frames_and_as_packets(body: bytes) -> None:
    """Whoever wrote the message: one whose beginning is not ours is decoded and encoded again."""
    version = read_version(EVENT["reference"], body)
    packets = [f"4{packet}" for packet in version.packets()]
    assert texts_in(version.frames()) == packets
    assert len(version) == len(packets) == 3
    sent = [json.loads(packet.removeprefix("42")) for packet in packets]
    assert sent == [[name, EVENT] for name in contract.EVENTS_OF_STATUS[EVENT["status"]]]
    assert (version.number, contract.decode(version.body)) == (7, EVENT)
    assert version_of(EVENT).frames() == version.frames() or body == otherwise_ordered(EVENT)


@pytest.mark.parametrize(
    ("case", "names"),
    [("refundSending", ["payment-status"]), ("refunded", ["payment-status", "payment-refunded"])],
)
def test_a_refund_is_no_news_of_the_payment(case: str, names: list[str]) -> None:
    """A shop's page that goes on at `payment-completed` does not go on once more."""
    golden = json.loads((ROOT / "tests" / "contract" / "payment-events.json").read_text("utf-8"))
    event: PaymentEvent = golden[case]["event"]
    for body in (contract.encode(event).encode(), otherwise_ordered(event)):
        version = read_version(event["reference"], body)
        assert [json.loads(packet[1:])[0] for packet in version.packets()] == names
        assert len(version) == len(names)
    later = read_version(event["reference"], contract.encode({**event, "version": 9}).encode())
    assert [json.loads(packet[1:])[0] for packet in later.packets()] == list(contract.EVENTS_OF_STATUS["SUCCESSFUL"])


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        contract.encode(EVENT).encode()[:-1],
        contract.encode(EVENT).encode().replace(b"order-1", b"\xff"),
        contract.encode(EVENT).replace("order-1", "\ud800").encode("utf-8", "surrogatepass"),
        otherwise_ordered(new_event()),
    ],
)
def test_what_no_browser_could_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        read_version(EVENT["reference"], body)


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("watchers", [1, 6])
async def test_browsers_that_come_in_a_flood_miss_nothing_and_see_nothing_twice(
    valkey: Valkey, store: LiveStore, watchers: int
) -> None:
    """Where several watch, the versions of a turn are written together: who comes in between has its own snapshot."""
    events = [new_event()]
    for _ in range(300):
        events.append(next_version(events[-1], PaymentStatus.PENDING))
    reference = events[0]["reference"]
    store.put(events[0])
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(running(settings_for(valkey)))
        browsers = [await stack.enter_async_context(gateway.browser()) for _ in range(watchers + 4)]
        early, late = browsers[:watchers], browsers[watchers:]
        for browser in early:
            await browser.track(reference)
        flood = asyncio.create_task(asyncio.to_thread(publish_all, store, events[1:]))
        for browser in late:
            await browser.track(reference)
        await flood
        names = contract.EVENTS_OF_STATUS["PENDING"]
        await until(lambda: all(browser.events(reference)[-1:] == [(names[-1], 301)] for browser in browsers))
        for browser in browsers:
            first = browser.versions(reference)[0]
            expected = [(name, version) for version in range(first, 302) for name in names]
            assert browser.events(reference) == expected
        assert all(browser.versions(reference)[0] == 1 for browser in early)
