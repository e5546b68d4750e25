"""Tests the limits on open connections: half-sent requests, idle connections, endless bodies, all descriptors used."""

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from websockets.asyncio.client import connect

from chalicelib.domain.payment import PaymentStatus
from local.embedded import LOOPBACK, Valkey, free_port
from tests.harness.gateway_process import environment, ready, started
from tests.harness.gateway_stack import (
    PATIENCE_SECONDS,
    Browser,
    LiveStore,
    left,
    new_event,
    next_version,
    running,
    settings_for,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
POLLING = "/socket.io/?EIO=4&transport=polling"
GET = f"GET {POLLING} HTTP/1.1\r\nHost: gateway\r\n"
POST = f"POST {POLLING} HTTP/1.1\r\nHost: gateway\r\n"


class Client:
    """Sends over a TCP connection exactly what a test tells it to, complete HTTP or not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, text: str) -> bool:
        """Sends a text. Returns False where the gateway has closed the connection."""
        try:
            self.writer.write(text.encode())
            await self.writer.drain()
        except OSError:
            return False
        return not self.reader.at_eof()

    async def rest(self) -> str:
        """Returns all that arrives until the gateway closes the connection."""
        received = bytearray()
        async with asyncio.timeout(PATIENCE_SECONDS):
            with contextlib.suppress(OSError):
                while data := await self.reader.read(65536):
                    received += data
        return received.decode()

    async def answer(self) -> str:
        """Reads one response, with its body where that has a length."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            return head + (await self.reader.readexactly(int(length[1]) if length else 0)).decode()


@contextlib.asynccontextmanager
async def client(port: int, source: str = LOOPBACK) -> AsyncIterator[Client]:
    """Opens a connection from the loopback address `source`, which the gateway sees as its peer."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port, local_addr=(source, 0))
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def handshake(http: httpx.AsyncClient, headers: dict[str, str] | None = None) -> str:
    """Opens a polling session and returns its id."""
    response = await http.get(POLLING, headers=headers)
    assert response.status_code == 200, response.text
    return str(json.loads(response.text[1:])["sid"])


@pytest.mark.parametrize(
    ("begin", "then"),
    [
        ("GET /socket.io/?", "x"),
        (GET, "X-Slow: 1\r\n"),
        (f"{POST}Content-Length: 8000\r\n\r\n", "4"),
        (f"{POST}Transfer-Encoding: chunked\r\n\r\n", "1\r\n4\r\n"),
        ("POST /unknown HTTP/1.1\r\nHost: gateway\r\nContent-Length: 8000\r\n\r\n", "x"),
        (f"{POST}Content-Length: 8000\r\nExpect: 100-continue\r\n\r\n", "4"),
    ],
    ids=["line", "headers", "body", "chunks", "body-that-nobody-reads", "body-after-100"],
)
async def test_a_request_that_is_not_whole_in_time_is_ended(valkey: Valkey, begin: str, then: str) -> None:
    async with running(settings_for(valkey, request_seconds=0.5)) as gateway, client(gateway.port) as slow:
        assert await slow.send(begin)
        until_closed = asyncio.create_task(slow.rest())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not until_closed.done() and await slow.send(then):
                await asyncio.sleep(0.02)
        answer = await until_closed
        assert "HTTP/1.1 404" in answer or '{"status": 408, "code": "request_timeout"}' in answer
        await until(lambda: len(gateway.gateway.admission) == 0)


async def test_a_connection_without_a_request_is_closed_without_an_answer(valkey: Valkey) -> None:
    async with running(settings_for(valkey, request_seconds=0.3)) as gateway, client(gateway.port) as idle:
        assert await idle.rest() == ""


async def test_between_two_requests_the_time_of_a_request_does_not_run(valkey: Valkey) -> None:
    async with running(settings_for(valkey, request_seconds=0.5)) as gateway, client(gateway.port) as idle:
        for _ in range(2):
            assert await idle.send("GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
            assert '{"alive": true}' in await idle.answer()
            await asyncio.sleep(1)


@pytest.mark.parametrize("late_body", ["", "ok"])
async def test_between_two_requests_a_connection_has_a_time_of_its_own(valkey: Valkey, late_body: str) -> None:
    settings = settings_for(valkey, request_seconds=60, keep_alive_seconds=1)
    async with running(settings) as gateway, client(gateway.port) as idle:
        request = f"POST /healthz HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(late_body)}\r\n\r\n"
        assert await idle.send(request)
        assert '{"alive": true}' in await idle.answer()
        await idle.send(late_body)
        assert await idle.rest() == ""


async def test_neither_a_long_poll_nor_a_websocket_has_the_time_of_a_request(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    settings = settings_for(valkey, request_seconds=2, keep_alive_seconds=1)
    async with running(settings) as gateway, AsyncExitStack() as stack:
        browsers = [gateway.browser(), gateway.browser(), gateway.browser()]
        for browser, transports in zip(browsers, (["websocket"], ["polling"], None), strict=True):
            await browser.connect(transports=transports)
            stack.push_async_callback(browser.client.shutdown)
            assert (await browser.track(event["reference"]))["ok"]
        await asyncio.sleep(3)
        store.publish(next_version(event, PaymentStatus.FAILED))
        await until(lambda: all(browser.versions(event["reference"]) == [1, 2] for browser in browsers))
        assert all(browser.connects == 1 for browser in browsers)


async def test_an_upgrade_that_is_not_completed_in_time_ends_its_session(valkey: Valkey) -> None:
    async with running(settings_for(valkey, request_seconds=1)) as gateway, AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url))
        for steps in ([], ["2probe"]):
            sid = await handshake(http)
            url = f"ws://{LOOPBACK}:{gateway.port}/socket.io/?EIO=4&transport=websocket&sid={sid}"
            upgrade = await stack.enter_async_context(connect(url, compression=None))
            for step in steps:
                await upgrade.send(step)
                assert await upgrade.recv() == "3probe"
            async with asyncio.timeout(PATIENCE_SECONDS):
                await upgrade.wait_closed()
            await left(gateway.gateway, sid)


@pytest.mark.parametrize(
    "begin",
    [
        f"{POST}Content-Length: 1000000000\r\n\r\n",
        f"{POST}Transfer-Encoding: chunked\r\n\r\n3b9aca00\r\n",
        "POST /unknown HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000000000\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n3b9aca00\r\n",
        f"{GET}X-Long: ",
    ],
    ids=["body", "chunk", "body-that-nobody-reads", "body-of-a-get", "header"],
)
async def test_a_request_without_an_end_is_cut_off(valkey: Valkey, begin: str) -> None:
    async with running(settings_for(valkey)) as gateway, client(gateway.port) as endless:
        assert await endless.send(begin)
        sent = 0
        while await endless.send("x" * 4096):
            sent += 4096
            assert sent < 64 * 1024 * 1024, "it is read for ever"
            await asyncio.sleep(0)
        await until(lambda: len(gateway.gateway.admission) == 0)


async def test_several_requests_in_one_packet_are_answered_in_their_order(valkey: Valkey) -> None:
    paths = ("/healthz", "/unknown") * 100  # 50 KB in all, more than a single request may have
    text = "".join(f"GET {path} HTTP/1.1\r\nHost: gateway\r\nX-Long: {'x' * 200}\r\n\r\n" for path in paths)
    async with running(settings_for(valkey)) as gateway, client(gateway.port) as pipelining:
        assert await pipelining.send(text)
        statuses = [(await pipelining.answer())[9:12] for _ in paths]
        assert statuses == ["200", "404"] * 100


async def test_a_body_that_breaks_off_is_no_malformed_packet(valkey: Valkey) -> None:
    async with running(settings_for(valkey)) as gateway, httpx.AsyncClient(base_url=gateway.url) as http:
        sid = await handshake(http)
        for _ in range(3):
            async with client(gateway.port) as broken:
                half = f"{POST.replace(POLLING, f'{POLLING}&sid={sid}')}Content-Length: 100\r\n\r\n42["
                assert await broken.send(half)
                await until(lambda: len(gateway.gateway.admission) == 2)
            await until(lambda: len(gateway.gateway.admission) == 1)
        assert sid in gateway.gateway.connections.sessions()


async def test_600_idle_sockets_from_one_address_leave_room_for_others(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey)) as gateway, AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(client(gateway.port)) for _ in range(600)]
        await until(lambda: len(gateway.gateway.admission) == 500)
        refused = [await each.rest() for each in idle[500:]]
        assert all(answer.startswith("HTTP/1.1 429") and "retry-after: 5" in answer for answer in refused)
        assert not any(each.reader.at_eof() for each in idle[:500])
        other = await stack.enter_async_context(client(gateway.port, "127.0.0.2"))
        assert await other.send(f"{GET}\r\n")
        assert (await other.answer()).startswith("HTTP/1.1 200")
        await stack.aclose()
        await until(lambda: len(gateway.gateway.admission) == 0)
        async with gateway.browser() as browser:
            assert (await browser.track(event["reference"]))["ok"]


async def test_a_proxy_is_never_locked_out_and_the_addresses_behind_it_are_counted(valkey: Valkey) -> None:
    settings = settings_for(valkey, sockets_per_address=2, trusted_proxies=1)
    async with running(settings) as gateway, AsyncExitStack() as stack:
        for _ in range(10):  # as a load balancer keeps connections open
            await stack.enter_async_context(client(gateway.port))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE_SECONDS))
        here = {"X-Forwarded-For": "203.0.113.1"}
        held = []
        for _ in range(2):
            slow = await stack.enter_async_context(client(gateway.port))
            assert await slow.send(f"{POST}X-Forwarded-For: 203.0.113.1\r\nContent-Length: 9\r\n\r\n")
            held.append(slow)
        await until(lambda: gateway.gateway.admission._per_address["203.0.113.1"] == 2)
        for path in (POLLING, "/healthz"):
            refused = await http.get(path, headers=here)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_sockets")
            assert refused.headers["retry-after"] == "5"
        await handshake(http, {"X-Forwarded-For": "203.0.113.2"})
        assert (await http.get("/healthz")).status_code == 200
        assert await held[0].send("4" + "x" * 8)
        await held[0].answer()
        await handshake(http, here)
    assert not gateway.gateway.admission._per_address


async def test_at_the_limit_in_all_a_newcomer_takes_the_place_of_who_waited_longest(
    valkey: Valkey, store: LiveStore
) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey, max_connections=20)) as gateway, AsyncExitStack() as stack:
        admission = gateway.gateway.admission
        browser = await stack.enter_async_context(gateway.browser())
        assert (await browser.track(event["reference"]))["ok"]
        idle = [await stack.enter_async_context(client(gateway.port, f"127.0.1.{n}")) for n in range(1, 61)]
        await until(lambda: all(each.reader.at_eof() for each in idle[:41]))
        assert not any(each.reader.at_eof() for each in idle[41:])
        assert len(admission) == admission.most == 20
        async with Browser(gateway.url) as newcomer:
            assert (await newcomer.track(event["reference"]))["ok"]
        store.publish(next_version(event, PaymentStatus.FAILED))
        await until(lambda: browser.versions(event["reference"]) == [1, 2])
        assert browser.connects == 1


async def test_where_everybody_is_being_answered_a_newcomer_is_refused(valkey: Valkey) -> None:
    settings = settings_for(valkey, max_connections=2, events_burst=2, events_per_second=0.1)
    async with running(settings) as gateway, AsyncExitStack() as stack:
        async with httpx.AsyncClient(base_url=gateway.url) as http:
            sid = await handshake(http)
        too_often = "\x1e".join(['42["x"]'] * 3)
        post = f"{POST}Content-Length: {len(too_often)}\r\n\r\n{too_often}"
        for request in (post, f"{GET}\r\n"):
            polling = await stack.enter_async_context(client(gateway.port))
            assert await polling.send(request.replace(POLLING, f"{POLLING}&sid={sid}"))
        await until(lambda: len(gateway.gateway.admission) == 2 and not gateway.gateway.admission._waiting)
        newcomer = await stack.enter_async_context(client(gateway.port))
        refused = await newcomer.rest()
        assert refused.startswith("HTTP/1.1 503")
        assert "retry-after: 5" in refused
        assert '"code": "too_many_connections"' in refused
        assert not polling.reader.at_eof()


async def test_where_descriptors_run_out_a_newcomer_still_gets_in(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    port = free_port()
    with started(environment(valkey, port), open_files=160) as process:
        await ready(port, process)
        async with AsyncExitStack() as stack, httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}") as http:
            addresses = itertools.cycle(f"127.0.2.{n}" for n in range(1, 251))
            for _ in range(400):
                idle = await stack.enter_async_context(client(port, next(addresses)))
                await idle.send("GET /")
            async with Browser(f"http://{LOOPBACK}:{port}") as newcomer:
                assert (await newcomer.track(event["reference"]))["ok"]
            assert (await http.get("/healthz")).status_code == 200
        assert process.poll() is None
