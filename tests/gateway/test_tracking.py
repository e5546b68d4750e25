"""Tests the tracking of payments through a gateway, with standard clients and a real Redis."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from chalicelib.domain import contract, redis_names
from chalicelib.domain.contract import EVENTS_OF_STATUS
from chalicelib.domain.payment import PaymentStatus
from local.embedded import Valkey
from tests.harness.gateway_stack import (
    KEY,
    ORIGIN,
    LiveStore,
    Running,
    TrackingServer,
    left,
    new_event,
    next_version,
    running,
    settings_for,
    token_for,
    until,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("driver")]
OTHER_KEY = "another-key-of-the-tests-01234567890"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[TrackingServer]:
    async with TrackingServer() as server:
        yield server


@pytest.fixture(autouse=True)
def api(server: TrackingServer) -> TrackingServer:
    server.forget()
    return server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(valkey: Valkey, server: TrackingServer, driver: str) -> AsyncIterator[Running]:  # noqa: ARG001 one gateway for each driver
    settings = settings_for(valkey, server.url, tracking_token_keys=(OTHER_KEY, KEY), events_burst=100)
    async with running(settings) as gateway:
        yield gateway


async def test_connected_is_said_after_the_client_is_connected(gateway: Running) -> None:
    async with gateway.browser() as browser:
        await until(lambda: browser.received)
        name, payload = browser.received[0]
        assert name == contract.CONNECTED
        assert payload["socketId"] == browser.client.get_sid()
        assert set(payload) == {"message", "socketId", "timestamp"}


@pytest.mark.parametrize("status", list(PaymentStatus))
async def test_a_browser_that_tracks_later_gets_the_events_of_the_current_version(
    gateway: Running, store: LiveStore, status: PaymentStatus
) -> None:
    event = new_event(version=4, status=status)
    store.put(event)
    async with gateway.browser() as browser:
        assert await browser.track(event["reference"]) == {"ok": True, "payment": event}
        expected = [(name, 4) for name in EVENTS_OF_STATUS[status]]
        await until(lambda: browser.events(event["reference"]) == expected)
        assert all(payload == event for name, payload in browser.received if name != contract.CONNECTED)


async def test_each_newer_version_comes_once_and_in_order(gateway: Running, store: LiveStore) -> None:
    first = new_event()
    store.put(first)
    async with gateway.browser() as browser:
        await browser.track(first["reference"])
        final = next_version(first, PaymentStatus.SUCCESSFUL)
        for event in (first, final, final, first):
            store.publish(event)
        late = new_event(first["reference"], 3, PaymentStatus.SUCCESSFUL)
        store.publish(late)
        await until(lambda: browser.versions(first["reference"])[-1:] == [3])
        await until(lambda: len(browser.events(first["reference"])) == 8)
        assert [name for name, _ in browser.events(first["reference"])] == [
            *("payment-initiated", "payment-status"),
            *("payment-status", "payment-success", "payment-completed") * 2,
        ]
        assert browser.versions(first["reference"]) == [1, 2, 3]


async def test_the_events_come_before_the_ack_on_the_wire(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    url = f"ws://127.0.0.1:{gateway.port}/socket.io/?EIO=4&transport=websocket"
    async with connect(url, additional_headers={"Origin": ORIGIN}) as socket:
        await socket.recv()
        await socket.send("40")
        assert str(await socket.recv()).startswith('40{"sid":')
        assert str(await socket.recv()).startswith('42["connected",')
        request = {"paymentReference": event["reference"], "token": token_for(event["reference"])}
        await socket.send("427" + json.dumps([contract.TRACK, request]))
        received = [str(await socket.recv()) for _ in range(3)]
        assert [text[:20] for text in received] == [
            '42["payment-initiate',
            '42["payment-status",',
            '437[{"ok":true,"paym',
        ]
        assert json.loads(received[0][2:]) == ["payment-initiated", event]


async def test_tracking_twice_sends_the_current_version_again(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with gateway.browser() as browser:
        assert await browser.track(event["reference"]) == await browser.track(event["reference"])
        await until(lambda: len(browser.events(event["reference"])) == 4)
        store.publish(next_version(event, PaymentStatus.FAILED))
        await until(lambda: len(browser.events(event["reference"])) == 7)


async def test_long_polling_gets_the_same(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    browser = gateway.browser()
    await browser.connect(transports=["polling"])
    try:
        assert browser.client.transport() == "polling"
        assert (await browser.track(event["reference"]))["payment"] == event
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        await until(lambda: browser.versions(event["reference"]) == [1, 2])
    finally:
        await browser.client.shutdown()


async def test_a_version_that_arrives_during_the_read_is_neither_lost_nor_replaced(
    gateway: Running, store: LiveStore, api: TrackingServer
) -> None:
    """Redis has no snapshot, and the API answers slowly with an old version after a newer one was published."""
    old = new_event()
    api.events[old["reference"]] = old
    api.answering.clear()
    async with gateway.browser() as browser:
        tracking = asyncio.create_task(browser.track(old["reference"]))
        await until(lambda: api.asked)
        newer = next_version(old, PaymentStatus.SUCCESSFUL)
        store.publish(newer)
        await until(
            lambda: gateway.gateway.tracked_payments._tracked_payments[old["reference"]].version == newer["version"]
        )
        api.answering.set()
        assert await tracking == {"ok": True, "payment": newer}
        await until(lambda: len(browser.events(old["reference"])) == 3)
        assert browser.versions(old["reference"]) == [2]


async def test_without_a_snapshot_the_api_is_asked_once_for_all_with_the_browsers_token(
    gateway: Running, api: TrackingServer
) -> None:
    event = new_event()
    api.events[event["reference"]] = event
    api.answering.clear()
    async with gateway.browser() as one, gateway.browser() as two:
        token = token_for(event["reference"])
        tracking = [asyncio.create_task(browser.track(event["reference"], token)) for browser in (one, two)]
        await until(lambda: gateway.gateway.tracked_payments.clients(event["reference"]) == 2)
        await asyncio.sleep(0.1)  # time for a second call, if there were one
        api.answering.set()
        for ack in await asyncio.gather(*tracking):
            assert ack == {"ok": True, "payment": event}
        assert api.asked == [event["reference"]]
        assert api.tokens == [f"Bearer {token}"]
        await until(lambda: len(one.events(event["reference"])) == len(two.events(event["reference"])) == 2)


async def test_a_snapshot_older_than_seen_is_checked_with_the_api(
    gateway: Running, store: LiveStore, api: TrackingServer
) -> None:
    old = new_event()
    seen = next_version(old, PaymentStatus.EXPIRED)
    newest = next_version(seen, PaymentStatus.SUCCESSFUL)
    store.put(seen)
    async with gateway.browser() as browser:
        await browser.track(old["reference"])
        await browser.stop(old["reference"])
        store.put(old)
        assert await browser.track(old["reference"]) == {"ok": False, "code": "invalid_token", "message": ANY_TEXT}
        api.events[old["reference"]] = old
        assert await browser.track(old["reference"]) == {"ok": True, "payment": None}
        api.events[old["reference"]] = newest
        assert await browser.track(old["reference"]) == {"ok": True, "payment": newest}
        await until(lambda: browser.versions(old["reference"]) == [2, 3])


async def test_an_api_that_hangs_delays_the_ack_no_longer_than_its_limit(valkey: Valkey, api: TrackingServer) -> None:
    event = new_event()
    api.events[event["reference"]] = event
    api.answering.clear()
    async with running(settings_for(valkey, api.url, api_timeout_seconds=0.2)) as gateway, gateway.browser() as browser:
        assert await browser.track(event["reference"]) == {"ok": True, "payment": None}


class AnyText(str):
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and bool(other)


ANY_TEXT = AnyText("any text")


with_each_bad_token = pytest.mark.parametrize(
    "make_token",
    [
        lambda _: "nonsense",
        lambda _: token_for("another-payment"),
        lambda reference: token_for(reference, key="x" * 32),
        lambda reference: token_for(reference, seconds=-1),
        lambda reference: token_for(reference).rsplit(".", 1)[0] + ".",
    ],
)


@with_each_bad_token
async def test_a_bad_token_looks_like_an_unknown_payment(
    gateway: Running, store: LiveStore, make_token: Callable[[str], str]
) -> None:
    known, unknown = new_event(), new_event()
    store.put(known)
    async with gateway.browser() as browser:
        refused = await browser.track(known["reference"], make_token(known["reference"]))
        assert refused == await browser.track(unknown["reference"])
        assert (refused["ok"], refused["code"]) == (False, "invalid_token")
        store.publish(next_version(known, PaymentStatus.SUCCESSFUL))
        assert (await browser.track(known["reference"]))["ok"]
        assert browser.versions(known["reference"]) == [2]


@with_each_bad_token
async def test_a_bad_token_costs_no_look_up_whether_or_not_the_payment_exists(
    gateway: Running, store: LiveStore, api: TrackingServer, make_token: Callable[[str], str]
) -> None:
    known, unknown = new_event(), new_event()
    store.put(known)
    async with gateway.browser() as browser:
        before = looked_up(store)
        for reference in (known["reference"], unknown["reference"]):
            assert not (await browser.track(reference, make_token(reference)))["ok"]
            assert (looked_up(store), api.asked) == (before, [])
        assert (await browser.track(known["reference"]))["ok"]
        assert looked_up(store) > before, "what the token covers is looked up"


def looked_up(store: LiveStore) -> int:
    """Returns how many snapshots Redis was asked for. The relay's probe asks for none."""
    commands = store.redis.info("commandstats")
    assert isinstance(commands, dict)
    return sum(commands.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("get", "mget"))


@pytest.mark.parametrize("request_", [None, [], "x", 7, {}, {"reference": 5, "token": "x"}, {"reference": "x"}])
async def test_a_malformed_request_is_refused(gateway: Running, request_: object) -> None:
    async with gateway.browser() as browser:
        for event in (contract.TRACK, contract.STOP_TRACKING):
            if event == contract.STOP_TRACKING and request_ == {"reference": "x"}:
                continue
            ack = await browser.client.call(event, request_, timeout=5)
            assert (ack["ok"], ack["code"]) == (False, "invalid_request")


async def test_after_stop_nothing_comes_and_the_channel_is_left_with_the_last(
    gateway: Running, store: LiveStore
) -> None:
    event = new_event()
    store.put(event)
    reference = event["reference"]
    async with gateway.browser() as one, gateway.browser() as two:
        for browser in (one, two):
            await browser.track(reference)
        assert store.subscribers(reference) == 1
        assert await one.stop(reference) == {"ok": True}
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        await until(lambda: two.versions(reference) == [1, 2])
        assert await one.stop(reference) == {"ok": True}
        assert one.versions(reference) == [1]
        assert store.subscribers(reference) == 1
        await two.stop(reference)
        await until(lambda: store.subscribers(reference) == 0)


async def test_a_disconnect_leaves_nothing_behind(gateway: Running, store: LiveStore) -> None:
    events = [new_event() for _ in range(5)]
    for event in events:
        store.put(event)
    inside = gateway.gateway
    server = inside.stock.server
    before = set(server.eio.sockets)  # polling sessions that have ended are swept later
    for _ in range(3):
        async with gateway.browser() as browser:
            for event in events:
                await browser.track(event["reference"])
            assert (len(inside.tracked_payments), len(inside.relay), len(inside.sockets)) == (5, 5, 1)
        await until(lambda: len(inside.connections) == 0)
    assert (len(inside.tracked_payments), len(inside.relay), len(inside.sockets)) == (0, 0, 0)
    assert server.manager.rooms == {}
    assert set(server.eio.sockets) <= before
    assert server.environ == {}
    await until(lambda: not any(store.subscribers(event["reference"]) for event in events))


async def test_stop_and_track_again_at_once_misses_nothing(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with gateway.browser() as browser:
        for _ in range(20):
            await asyncio.gather(browser.stop(event["reference"]), browser.track(event["reference"]))
        await browser.track(event["reference"])
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        await until(lambda: browser.versions(event["reference"]) == [1, 2])


async def test_two_gateways_deliver_one_copy_each(valkey: Valkey, store: LiveStore, gateway: Running) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey)) as other, gateway.browser() as here, other.browser() as there:
        for browser in (here, there):
            await browser.track(event["reference"])
        store.publish(next_version(event, PaymentStatus.FAILED))
        await until(lambda: len(here.events(event["reference"])) == len(there.events(event["reference"])) == 5)


async def test_only_the_shops_origin_may_connect(gateway: Running) -> None:
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        url = "/socket.io/?EIO=4&transport=polling"
        for origin in ("https://evil.example", ORIGIN + ".evil.example", "null", ORIGIN.upper()):
            assert (await http.get(url, headers={"Origin": origin})).status_code == 400
        allowed = await http.get(url, headers={"Origin": ORIGIN})
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == ORIGIN
        sid = json.loads(allowed.text[1:])["sid"]
        await http.post(f"{url}&sid={sid}", content="1", headers={"Origin": ORIGIN})
        await left(gateway.gateway, sid)


async def test_malformed_values_in_redis_affect_no_browser(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    reference = event["reference"]
    store.redis.set(redis_names.payment_key(reference), b"\xff{")
    async with gateway.browser() as browser:
        assert (await browser.track(reference))["code"] == "invalid_token"  # the API does not know it either
        store.put(event)
        await browser.track(reference)
        for garbage in (b"", b"\xff", b"[]", b'{"reference":1}'):
            store.redis.publish(redis_names.payment_channel(reference), garbage)
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        await until(lambda: browser.versions(reference) == [1, 2])
