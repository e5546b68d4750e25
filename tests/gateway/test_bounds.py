"""Tests the bounds of one browser, one address and one payment, and what happens to malformed input."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chalicelib.domain import contract
from chalicelib.domain.errors import SENTENCE_OF_LIMIT
from chalicelib.domain.payment import PaymentStatus
from local.embedded import LOOPBACK, Valkey
from tests import ROOT
from tests.harness.gateway_stack import (
    ORIGIN,
    PATIENCE_SECONDS,
    LiveStore,
    Running,
    left,
    new_event,
    next_version,
    running,
    settings_for,
    token_for,
    until,
)
from tests.harness.stack import NODE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("driver")]
POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(valkey: Valkey, driver: str) -> AsyncIterator[Running]:  # noqa: ARG001 one gateway for each driver
    """Runs a gateway with the usual bounds."""
    async with running(settings_for(valkey)) as gateway:
        yield gateway


@contextlib.asynccontextmanager
async def raw_browser(gateway: Running, **options: Any) -> AsyncIterator[ClientConnection]:
    """Opens a bare WebSocket that is connected to the namespace."""
    url = f"ws://{LOOPBACK}:{gateway.port}/socket.io/?EIO=4&transport=websocket"
    async with connect(url, compression=None, **options) as browser:
        sid = json.loads(str(await browser.recv())[1:])["sid"]
        await browser.send("40")
        await browser.recv()
        await browser.recv()
        yield browser
    await left(gateway.gateway, sid)


async def track(browser: ClientConnection, reference: str) -> Any:
    """Tracks a payment and returns the ack; skips the events before it."""
    await browser.send("421" + json.dumps([contract.TRACK, {"reference": reference, "token": token_for(reference)}]))
    while not (text := str(await browser.recv())).startswith("431"):
        pass
    return json.loads(text[3:])[0]


async def closed(browser: ClientConnection) -> int:
    """Waits for the close and returns its code."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        with contextlib.suppress(ConnectionClosed):
            async for _ in browser:
                pass
    return browser.close_code or 0


async def test_a_message_over_8_kib_ends_the_connection(gateway: Running) -> None:
    async with raw_browser(gateway) as browser:
        await browser.send("42" + json.dumps(["x", "a" * 8000]))
        assert (await track(browser, "x"))["ok"]
        await browser.send("42" + json.dumps(["x", "a" * 8200]))
        assert await closed(browser) == 1009


async def test_a_polled_message_over_8_kib_ends_the_session(gateway: Running) -> None:
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        sid = json.loads((await http.get(POLLING)).text[1:])["sid"]
        url = f"{POLLING}&sid={sid}"
        assert (await http.post(url, content="42" + json.dumps(["x", "a" * 8000]))).status_code == 200
        assert (await http.post(url, content="42" + json.dumps(["x", "a" * 8200]))).status_code == 413
        await until(lambda: sid not in gateway.gateway.connections.sessions())
        assert (await http.get(url)).status_code == 400


async def test_16_payments_a_socket(gateway: Running, store: LiveStore) -> None:
    events = [new_event() for _ in range(17)]
    for event in events:
        store.put(event)
    async with gateway.browser() as browser:
        acks = [await browser.track(event["reference"]) for event in events]
        assert [ack["ok"] for ack in acks] == [True] * 16 + [False]
        assert acks[16]["code"] == "too_many_payments"
        await browser.stop(events[0]["reference"])
        await asyncio.sleep(0.3)  # the rate of events is bounded too
        assert (await browser.track(events[16]["reference"]))["ok"]


async def test_16_sockets_a_payment(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(raw_browser(gateway)) for _ in range(17)]
        acks = [await track(browser, event["reference"]) for browser in browsers]
        assert [ack["ok"] for ack in acks] == [True] * 16 + [False]
        assert acks[16]["code"] == "too_many_sockets"
        assert (await track(browsers[0], event["reference"]))["ok"]
        await browsers[1].close()
        await until(lambda: gateway.gateway.tracked_payments.clients(event["reference"]) == 15)
        assert (await track(browsers[16], event["reference"]))["ok"]


async def test_sockets_an_address(valkey: Valkey) -> None:
    async with running(settings_for(valkey, sockets_per_address=3, trusted_proxies=1)) as gateway:
        here = {"additional_headers": {"X-Forwarded-For": "198.51.100.9, 203.0.113.1"}}
        async with AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(raw_browser(gateway, **here))
            with pytest.raises(InvalidStatus):
                await stack.enter_async_context(raw_browser(gateway, **here))
            # The hops that the client itself sent must not count, only the one that our proxy added.
            forged = {"additional_headers": {"X-Forwarded-For": "192.0.2.77, 203.0.113.1"}}
            with pytest.raises(InvalidStatus):
                await stack.enter_async_context(raw_browser(gateway, **forged))
            async with httpx.AsyncClient(base_url=gateway.url) as http:
                refused = await http.get(POLLING, headers=here["additional_headers"])
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_sockets")
                assert refused.headers["retry-after"] == "5"
            elsewhere = {"additional_headers": {"X-Forwarded-For": "203.0.113.2"}}
            await stack.enter_async_context(raw_browser(gateway, **elsewhere))
        await until(lambda: len(gateway.gateway.connections) == 0)
        async with raw_browser(gateway, **here):
            assert len(gateway.gateway.connections) == 1


async def test_a_full_gateway_refuses_newcomers_and_keeps_whom_it_has(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey, max_sockets=2)) as gateway, AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url))
        browsers = [gateway.browser(), gateway.browser()]
        for browser, transport in zip(browsers, ("websocket", "polling"), strict=True):
            await browser.connect(transports=[transport])
            stack.push_async_callback(browser.client.shutdown)
        refused = await http.get(POLLING)
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_connections")
        assert refused.headers["retry-after"] == "5"
        with pytest.raises(InvalidStatus) as caught:
            await stack.enter_async_context(raw_browser(gateway))
        assert caught.value.response.status_code == 503
        assert caught.value.response.headers["retry-after"] == "5"
        assert (await http.get("/readyz")).status_code == 503
        assert (await http.get("/healthz")).status_code == 200
        for browser in browsers:
            assert (await browser.track(event["reference"]))["ok"]
        store.publish(next_version(event, PaymentStatus.FAILED))
        await until(lambda: all(browser.versions(event["reference"]) == [1, 2] for browser in browsers))
        await browsers[0].client.disconnect()
        await until(lambda: len(gateway.gateway.connections) == 1)
        async with raw_browser(gateway) as newcomer:
            assert (await track(newcomer, event["reference"]))["ok"]


async def test_jsonp_is_refused(gateway: Running) -> None:
    """A script element of any page could poll with JSONP: it sends no Origin that could be checked."""
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        sid = json.loads((await http.get(POLLING)).text[1:])["sid"]
        for query in ("&j=0", "&%6a=0", "&j=x", f"&sid={sid}&j=0"):
            for method in ("GET", "POST"):
                refused = await http.request(method, POLLING + query)
                assert (refused.status_code, refused.json()) == (400, {"status": 400, "code": "jsonp_refused"})
        assert set(gateway.gateway.connections.sessions()) == {sid}
        await http.post(f"{POLLING}&sid={sid}", content="1")
        await until(lambda: len(gateway.gateway.connections) == 0)


async def test_long_polling_is_for_the_shops_origin_only(gateway: Running) -> None:
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        shop = await http.get(POLLING, headers={"Origin": ORIGIN})
        assert shop.status_code == 200
        assert shop.headers["access-control-allow-origin"] == ORIGIN
        url = f"{POLLING}&sid={json.loads(shop.text[1:])['sid']}"
        for origin in ("https://evil.example", f"{ORIGIN}.evil.example", "null"):
            assert (await http.get(POLLING, headers={"Origin": origin})).status_code == 400
            assert (await http.post(url, headers={"Origin": origin}, content="40")).status_code == 400
        await http.post(url, headers={"Origin": ORIGIN}, content="1")
        await until(lambda: len(gateway.gateway.connections) == 0)


@pytest.mark.parametrize(("language", "locale"), [("en-GB,fr;q=0.4", "en"), ("fr", "fr"), (None, "fr")])
async def test_a_refusal_speaks_the_browsers_language(
    gateway: Running, store: LiveStore, language: str | None, locale: str
) -> None:
    events = [new_event() for _ in range(17)]
    for event in events:
        store.put(event)
    headers = {"Accept-Language": language} if language else {}
    async with raw_browser(gateway, additional_headers=headers) as browser:
        acks = [await track(browser, event["reference"]) for event in events]
        assert acks[16] == {
            "ok": False,
            "code": "too_many_payments",
            "message": SENTENCE_OF_LIMIT["too_many_payments"][locale],
        }


async def test_who_tracks_nothing_in_time_is_closed(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey, track_deadline_seconds=2)) as gateway, AsyncExitStack() as stack:
        good = await stack.enter_async_context(raw_browser(gateway))
        assert (await track(good, event["reference"]))["ok"]
        leaver = await stack.enter_async_context(raw_browser(gateway))
        assert (await track(leaver, event["reference"]))["ok"]
        await leaver.send("41")
        wrong = await stack.enter_async_context(raw_browser(gateway))
        await wrong.send("421" + json.dumps([contract.TRACK, {"reference": event["reference"], "token": "x"}]))
        silent = await stack.enter_async_context(raw_browser(gateway))
        assert await closed(silent) == await closed(wrong) == await closed(leaver) == 1000
        store.publish(next_version(event, PaymentStatus.FAILED))
        assert '"version":2' in str(await good.recv())


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_who_never_connects_to_the_namespace_is_closed(valkey: Valkey, transport: str) -> None:
    async with running(settings_for(valkey, track_deadline_seconds=1)) as gateway, AsyncExitStack() as stack:
        if transport == "websocket":
            url = f"ws://{LOOPBACK}:{gateway.port}/socket.io/?EIO=4&transport=websocket"
            mute = await stack.enter_async_context(connect(url, compression=None))
            assert str(await mute.recv()).startswith('0{"sid"')
            assert await closed(mute) == 1000
        else:
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE_SECONDS))
            url = f"{POLLING}&sid={json.loads((await http.get(POLLING)).text[1:])['sid']}"
            assert (await http.get(url)).text in ("", "6")
        assert len(gateway.gateway.connections) == 0
        assert 'gateway_closes_total{reason="track_deadline"} 1.0' in gateway.gateway.metrics.text().decode()


HALF_A_FRAME = b"\x81\xfe\x10\x00\x00\x00\x00\x00" + b"x" * 100
"""Of 4,096 bytes: after it the browser cannot answer."""


@pytest.mark.parametrize("last_words", [b"", HALF_A_FRAME], ids=["nothing", "half-a-frame"])
async def test_who_answers_no_ping_is_closed(valkey: Valkey, store: LiveStore, last_words: bytes) -> None:
    event = new_event()
    store.put(event)
    settings = settings_for(valkey, ping_interval_seconds=0.5, ping_timeout_seconds=0.5, output_stall_seconds=1)
    async with running(settings) as gateway, raw_browser(gateway, close_timeout=0.1) as mute:
        assert (await track(mute, event["reference"]))["ok"]
        mute.transport.write(last_words)
        assert await mute.recv() == "2"
        await closed(mute)
        await until(lambda: len(gateway.gateway.admission) == 0)
        assert len(gateway.gateway.tracked_payments) == 0


async def test_who_answers_pings_stays_and_who_polls_no_more_is_closed(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    settings = settings_for(valkey, ping_interval_seconds=0.5, ping_timeout_seconds=2)
    async with running(settings) as gateway, AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url))
        browsers = [gateway.browser(), gateway.browser(), gateway.browser()]
        for browser, transports in zip(browsers, (["websocket"], ["polling"], None), strict=True):
            await browser.connect(transports=transports)
            stack.push_async_callback(browser.client.shutdown)
            assert (await browser.track(event["reference"]))["ok"]
        sid = json.loads((await http.get(POLLING)).text[1:])["sid"]
        assert (await http.post(f"{POLLING}&sid={sid}", content="40")).status_code == 200
        await left(gateway.gateway, sid)
        store.publish(next_version(event, PaymentStatus.FAILED))
        await until(lambda: all(browser.versions(event["reference"]) == [1, 2] for browser in browsers))
        assert all(browser.connects == 1 for browser in browsers)


async def test_events_over_the_burst_are_refused_and_read_slowly(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    settings = settings_for(valkey, events_burst=4, events_per_second=20)
    async with running(settings) as gateway, gateway.browser() as browser:
        acks = await asyncio.gather(*(browser.track(event["reference"]) for _ in range(8)))
        assert [ack["ok"] for ack in acks][:3] == [True] * 3  # the packet that connects counts too
        refusal = {"ok": False, "code": "rate_limited", "message": SENTENCE_OF_LIMIT["rate_limited"]["fr"]}
        assert refusal in acks[3:]
        await asyncio.sleep(0.2)
        assert (await browser.track(event["reference"]))["ok"]


MALFORMED: tuple[str | bytes, ...] = (
    *("", "x", "9", "4", "49", "2", "6", "0", "b4", "42{", "42", "42[]", "42{}", '42"x"', "42[1]", '42[["x"]]'),
    *('42["connect"]', '42["disconnect","x"]', '451-["x",{"_placeholder":true,"num":0}]', "40[]", "43", "43[]", "44{}"),
    *("42" + "[" * 4000, "4" + "[" * 4000, "42" + "1" * 200 + '["x"]', "4²", "42²", "42[1" + "0" * 5000 + "]"),
    *(b"", b"binary", b"4", b"\xff"),
)


@pytest.mark.parametrize("packet", MALFORMED, ids=lambda packet: repr(packet)[:20])
async def test_the_third_malformed_packet_closes(gateway: Running, store: LiveStore, packet: str | bytes) -> None:
    event = new_event()
    store.put(event)
    before = set(gateway.gateway.stock.server.eio.sockets)  # polling sessions that have ended are swept later
    async with raw_browser(gateway) as browser:
        await browser.send(packet)
        await browser.send(packet)
        assert (await track(browser, event["reference"]))["ok"]
        await browser.send(packet)
        assert await closed(browser) == 1000
    await until(lambda: len(gateway.gateway.connections) == 0)
    assert set(gateway.gateway.stock.server.eio.sockets) <= before
    assert len(gateway.gateway.tracked_payments) == 0


@pytest.mark.parametrize("packet", [it for it in MALFORMED if isinstance(it, str)], ids=lambda it: it[:20])
async def test_the_third_malformed_packet_closes_a_polling_session(gateway: Running, packet: str) -> None:
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        sid = json.loads((await http.get(POLLING)).text[1:])["sid"]
        url = f"{POLLING}&sid={sid}"
        for _ in range(2):
            assert (await http.post(url, content=packet.encode())).status_code == 200
        assert sid in gateway.gateway.connections.sessions()
        await http.post(url, content=packet.encode())
        await until(lambda: sid not in gateway.gateway.connections.sessions())


async def test_an_unknown_namespace_gets_an_error_and_the_connection_lives(gateway: Running) -> None:
    async with raw_browser(gateway) as browser:
        await browser.send("40/admin,")
        assert str(await browser.recv()) == '44/admin,{"message":"Invalid namespace"}'
        assert (await track(browser, "x"))["ok"]


_ASKS_FOR_A_NAMESPACE = """
import { io } from "socket.io-client";
const socket = io(process.argv[1] + "/admin", { transports: [process.argv[2]] });
socket.on("connect", () => { console.log("connected"); socket.disconnect(); });
socket.on("connect_error", (error) => { console.log(error.message); socket.disconnect(); });
"""


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_official_client_is_told_that_a_namespace_is_unknown(gateway: Running, transport: str) -> None:
    command = (NODE, "--input-type=module", "-e", _ASKS_FOR_A_NAMESPACE, gateway.url, transport)
    client = await asyncio.create_subprocess_exec(*command, cwd=ROOT / "frontend", stdout=asyncio.subprocess.PIPE)
    try:
        output, _ = await asyncio.wait_for(client.communicate(), PATIENCE_SECONDS)
    finally:
        if client.returncode is None:
            client.kill()
    assert output.decode() == "Invalid namespace\n"


@contextlib.asynccontextmanager
async def slow_browser(gateway: Running, reference: str) -> AsyncIterator[ClientConnection]:
    """Opens a browser that tracks a payment and then reads nothing."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, (LOOPBACK, gateway.port))
    async with raw_browser(gateway, sock=narrow, max_queue=1, close_timeout=0.1) as browser:
        await track(browser, reference)
        yield browser


async def test_a_slow_browser_gets_only_the_newest_of_what_waited(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey)) as gateway, slow_browser(gateway, event["reference"]) as browser:
        session = next(iter(gateway.gateway.connections._sessions.values()))
        for version in range(2, 602):
            store.publish(new_event(event["reference"], version))
        await until(lambda: gateway.gateway.tracked_payments._tracked_payments[event["reference"]].version == 601)
        assert session.waiting_bytes < 128 * 1024
        versions: list[int] = []
        while not versions or versions[-1] < 601:
            versions.append(json.loads(str(await browser.recv())[2:])[1]["version"])
        assert versions == sorted(versions)
        assert len(versions) < 600  # of 1,200 events


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"output_compact_bytes": 8 * 1024, "output_close_bytes": 12 * 1024}, "output_full"),
        ({"output_stall_seconds": 0.3}, "output_stalled"),
    ],
)
async def test_who_takes_nothing_is_closed(
    valkey: Valkey, store: LiveStore, bounds: dict[str, Any], reason: str
) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey, **bounds)) as gateway, slow_browser(gateway, event["reference"]):
        for version in range(2, 402):
            store.publish(new_event(event["reference"], version))
            await asyncio.sleep(0)  # yield, or versions that arrive at once would be compacted into one
        await until(lambda: len(gateway.gateway.connections) == 0)
        assert f'gateway_closes_total{{reason="{reason}"}} 1.0' in gateway.gateway.metrics.text().decode()
        await until(lambda: gateway.gateway.stock.server.eio.sockets == {})


async def test_who_is_closed_and_takes_nothing_holds_no_connection(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with (
        running(settings_for(valkey, output_stall_seconds=3)) as gateway,
        slow_browser(gateway, event["reference"]),
    ):
        (session,) = gateway.gateway.connections._sessions.values()
        for version in range(2, 402):
            store.publish(new_event(event["reference"], version))
        open_ones = gateway.gateway.connections._sessions
        await until(lambda: session.waiting_bytes > 16 * 1024 or not open_ones)
        if open_ones:  # on a machine that paused, the gateway has already closed it for the same reason
            gateway.gateway.connections.close(session.id, "test")
        await until(lambda: len(gateway.gateway.admission) == 0)


async def test_a_closed_transport_brings_the_default_client_back(valkey: Valkey) -> None:
    """After `sio.disconnect()` it would not reconnect."""
    async with running(settings_for(valkey)) as gateway:
        browsers = [gateway.browser(), gateway.browser()]
        for browser, transport in zip(browsers, ("websocket", "polling"), strict=True):
            await browser.connect(transports=[transport])
        for eio_sid in gateway.gateway.connections.sessions():
            gateway.gateway.connections.close(eio_sid, "test")
        await until(lambda: all(browser.reconnected for browser in browsers))
        for browser in browsers:
            await browser.client.shutdown()
