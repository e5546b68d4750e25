"""Tests a gateway of several processes on one port, as it is deployed: real processes, real HTTP, a real Redis."""

import asyncio
import contextlib
import http.client as http_client
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chalicelib.adapters.gateway_registry import read_connections
from chalicelib.domain.contract import PaymentEvent
from chalicelib.domain.payment import PaymentStatus
from local.embedded import LOOPBACK, Valkey, free_port
from socket_gateway.moving import Mailboxes, Moving
from tests import ROOT
from tests.harness.gateway_process import ended, environment, started
from tests.harness.gateway_stack import ORIGIN, Browser, LiveStore, new_event, next_version, token_for, until
from tests.harness.stack import NODE

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT = 2
POLL = "/socket.io/?EIO=4&transport=polling"
MANY = 16
"""Connections of which one process gets all once in 32,768 times."""


@pytest.fixture
def store(valkey: Valkey) -> Iterator[LiveStore]:
    with contextlib.closing(LiveStore(valkey)) as store:
        store.redis.flushall()
        yield store


class Processes:
    """A gateway of COUNT processes that serves."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.url = f"http://{LOOPBACK}:{port}"
        self.port = port

    def workers(self) -> list[int]:
        """Lists the ids of the worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(each) for each in children.split()]


@contextlib.asynccontextmanager
async def running(valkey: Valkey, store: LiveStore, **extra: str) -> AsyncIterator[Processes]:
    port = free_port()
    variables = environment(
        valkey, port, GATEWAY_PROCESSES=str(COUNT), LOG_CLIENTS="false", DRAIN_CLOSE_SECONDS="0", **extra
    )
    with started(variables) as process:
        processes = Processes(process, port)
        await until(lambda: gateways(store) == COUNT or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        yield processes
        if process.poll() is None:
            workers = processes.workers()
            for each in (process.pid, *workers):
                os.kill(each, signal.SIGKILL)
            await gone(workers)


async def gone(workers: list[int]) -> None:
    await until(lambda: not any(lives(worker) for worker in workers))


def lives(process_id: int) -> bool:
    """Says whether a process runs. One that has ended stays listed until whoever has adopted it asks for its end."""
    try:
        return "State:\tZ" not in Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    except OSError:
        return False


def gateways(store: LiveStore) -> int:
    """Counts the gateways that are registered."""
    return len(list(store.redis.scan_iter("gateway:*")))


async def received(browser: Browser, event: PaymentEvent) -> None:
    await until(lambda: event["version"] in browser.versions(event["reference"]))


def sid_of(handshake: httpx.Response) -> str:
    return str(json.loads(handshake.text[1:])["sid"])


async def answer(connection: http_client.HTTPConnection, method: str, address: str, body: str = "") -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        connection.request(method, address, body or None)
        response = connection.getresponse()
        return response.status, response.read().decode()

    return await asyncio.to_thread(ask)


@contextlib.asynccontextmanager
async def browsers(url: str, transports: list[str] | None) -> AsyncIterator[list[Browser]]:
    async with contextlib.AsyncExitStack() as stack:
        connected = []
        for _ in range(MANY):
            browser = Browser(url)
            stack.push_async_callback(browser.client.shutdown)
            await browser.connect(transports=transports, headers={"Origin": ORIGIN})
            connected.append(browser)
        yield connected


async def test_every_process_serves_its_share_of_the_browsers(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(valkey, store) as processes, browsers(processes.url, ["websocket"]) as connected:
        for browser in connected:
            assert (await browser.track(event["reference"]))["ok"]
        await until(lambda: store.subscribers(event["reference"]) == COUNT)
        newest = next_version(event, PaymentStatus.SUCCESSFUL)
        store.publish(newest)
        await asyncio.gather(*(received(browser, newest) for browser in connected))


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("transports", [["polling"], None], ids=["polling", "upgrade"])
async def test_a_session_that_polls_is_served_whichever_process_gets_its_request(
    valkey: Valkey, store: LiveStore, transports: list[str] | None
) -> None:
    event = new_event()
    store.put(event)
    async with running(valkey, store) as processes, browsers(processes.url, transports) as connected:
        for browser in connected:
            assert (await browser.track(event["reference"]))["ok"]
        expired = next_version(event, PaymentStatus.EXPIRED)
        for newer in (expired, next_version(expired, PaymentStatus.SUCCESSFUL)):
            store.publish(newer)
            await asyncio.gather(*(received(browser, newer) for browser in connected))
        for browser in connected:
            assert (browser.versions(event["reference"]), browser.connects) == ([1, 2, 3], 1)


@pytest.mark.usefixtures("driver")
async def test_javascript_clients_of_each_transport_are_served(valkey: Valkey, store: LiveStore) -> None:
    event = new_event(status=PaymentStatus.SUCCESSFUL)
    store.put(event)
    script = """
        import { io } from "socket.io-client";
        const [url, reference, token, transports] = process.argv.slice(1);
        const socket = io(url, { transports: JSON.parse(transports), forceNew: true });
        socket.on("connect_error", (error) => { console.error(error); process.exit(1); });
        socket.on("connect", () => socket.emit("track-payment", { reference, token }, (ack) => {
            console.log(JSON.stringify([ack.ok, socket.io.engine.transport.name])); process.exit(0);
        }));
    """
    async with running(valkey, store) as processes:
        for transports in (["websocket"], ["polling"], ["polling", "websocket"]) * 4:
            arguments = [processes.url, event["reference"], token_for(event["reference"]), json.dumps(transports)]
            done = await asyncio.to_thread(
                subprocess.run,
                [NODE, "--input-type=module", "-e", script, *arguments],
                cwd=ROOT / "frontend",
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            ok, transport = json.loads(done.stdout)
            assert (ok, transport in transports) == (True, True)


async def test_one_connection_carries_requests_of_sessions_of_all_processes(valkey: Valkey, store: LiveStore) -> None:
    """A load balancer sends the requests of many browsers through each of its connections."""
    async with running(valkey, store) as processes:
        async with httpx.AsyncClient(base_url=processes.url, limits=httpx.Limits(max_keepalive_connections=0)) as http:
            sids = [sid_of(await http.get(POLL)) for _ in range(MANY)]
        connection = http_client.HTTPConnection(LOOPBACK, processes.port, timeout=10)
        with contextlib.closing(connection):
            for sid in sids:
                address = f"{POLL}&sid={sid}"
                assert await answer(connection, "POST", address, "40") == (200, "OK")
                source = connection.sock
                assert (await answer(connection, "GET", address))[0] == 200
                assert connection.sock is source, "the connection is kept"
            assert await answer(connection, "GET", f"{POLL}&sid=01nobody") == (400, '"Invalid session 01nobody"')


async def test_a_request_in_pieces_is_served(valkey: Valkey, store: LiveStore) -> None:
    async with running(valkey, store) as processes:
        for _ in range(MANY):
            async with httpx.AsyncClient(base_url=processes.url) as http:
                sid = sid_of(await http.get(POLL))
            reader, writer = await asyncio.open_connection(LOOPBACK, processes.port)
            request = f"POST {POLL}&sid={sid} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n40"
            for at in range(0, len(request), 9):
                writer.write(request[at : at + 9].encode())
                await writer.drain()
                await asyncio.sleep(0.001)
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
            writer.close()


async def test_metrics_are_those_of_every_process(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(valkey, store) as processes, browsers(processes.url, ["websocket"]) as connected:
        for browser in connected:
            await browser.track(event["reference"])
        async with httpx.AsyncClient(base_url=processes.url) as http:
            scrapes = [await http.get("/metrics", headers={"connection": "close"}) for _ in range(MANY)]
        for scrape in scrapes:
            assert scrape.headers["content-type"].startswith("text/plain; version=0.0.4")
            samples = [
                (family.type, sample.labels["process"], sample.value)
                for family in text_string_to_metric_families(scrape.text)
                for sample in family.samples
                if sample.name in ("gateway_clients", "gateway_events_sent_total")
            ]
            of_clients = [(process, value) for kind, process, value in samples if kind == "gauge"]
            of_events = [(process, value) for kind, process, value in samples if kind == "counter"]
            assert of_events == [(process, 2 * value) for process, value in of_clients]
            assert [process for process, _ in of_clients] == ["0", "1"]
            assert sum(value for _, value in of_clients) == MANY


async def test_it_is_ready_where_every_process_is(valkey: Valkey, store: LiveStore) -> None:
    async with running(valkey, store) as processes, httpx.AsyncClient(base_url=processes.url) as http:
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": []})
        stopped, _ = processes.workers()
        os.kill(stopped, signal.SIGSTOP)
        replies = await asyncio.gather(*(http.get("/readyz", timeout=4) for _ in range(MANY)), return_exceptions=True)
        os.kill(stopped, signal.SIGCONT)
        answers = [reply for reply in replies if isinstance(reply, httpx.Response)]
        assert answers, "the other process answers"
        for unready in answers:
            assert (unready.status_code, unready.json()) == (503, {"ready": False, "reasons": ["dead"]})


async def test_each_process_registers_its_browsers(valkey: Valkey, store: LiveStore) -> None:
    async with running(valkey, store) as processes, browsers(processes.url, None) as connected:
        await until(lambda: len(read_connections(store.redis, "", 100).clients) == MANY)
        page = read_connections(store.redis, "", 100)
        assert len(page.gateways) == COUNT
        assert {client["socketId"] for client in page.clients} == {each.client.get_sid() for each in connected}


async def test_requests_sent_ahead_are_answered_or_the_connection_is_closed(valkey: Valkey, store: LiveStore) -> None:
    """A connection with an answer that is not sent yet cannot move. Who sends ahead must be ready to send again."""
    async with running(valkey, store) as processes, httpx.AsyncClient(base_url=processes.url) as http:
        sids = [sid_of(await http.get(POLL, headers={"connection": "close"})) for _ in range(MANY)]
        for pair in zip(sids[::2], sids[1::2], strict=True):
            reader, writer = await asyncio.open_connection(LOOPBACK, processes.port)
            requests = (f"POST {POLL}&sid={sid} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n40" for sid in pair)
            writer.write("".join(requests).encode())
            statuses: list[bytes] = []
            while len(statuses) < 2 and (line := await reader.readline()):
                statuses += [line] if line.startswith(b"HTTP/1.1") else []
            assert {line.split()[1] for line in statuses} == {b"200"}
            writer.close()


async def test_a_connection_stays_where_the_other_process_takes_nothing() -> None:
    mailboxes = Mailboxes.create(COUNT)
    with contextlib.suppress(BlockingIOError):
        while True:
            mailboxes.sending[1].send(b".")
    here, there = socket.socketpair()
    _, writer = await asyncio.open_unix_connection(sock=here)
    transport = cast(asyncio.Transport, writer.transport)
    moving = Moving(0, mailboxes)
    for begun in (b"GET /?sid=01", b"GET /?sid=01 HTTP/1.1\r\n", b"GET /?sid=00 HTTP/1.1\r\n", b"GET /?sid=ff\n"):
        assert not moving.try_move(transport, begun)
    assert not transport.is_closing()
    writer.close()
    await writer.wait_closed()
    there.close()
    for end in (*mailboxes.receiving, *mailboxes.sending):
        end.close()


async def test_a_process_that_dies_is_started_again_and_its_browsers_come_back(
    valkey: Valkey, store: LiveStore
) -> None:
    event = new_event()
    store.put(event)
    async with running(valkey, store) as processes:
        async with browsers(processes.url, ["websocket"]) as connected:
            for browser in connected:
                await browser.track(event["reference"])
            before = set(processes.workers())
            os.kill(min(before), signal.SIGKILL)
            await until(lambda: len(set(processes.workers()) - before) == 1)
            await until(lambda: any(browser.reconnected for browser in connected))
            newest = next_version(event, PaymentStatus.SUCCESSFUL)
            store.publish(newest)
            lost = [browser for browser in connected if browser.connects > 1 or not browser.client.connected]
            assert 0 < len(lost) < MANY, "the other process keeps its browsers"
            await until(lambda: all(browser.reconnected for browser in lost))
            for browser in lost:
                await browser.track(event["reference"])
            await asyncio.gather(*(received(browser, newest) for browser in connected))
        processes.process.send_signal(signal.SIGTERM)
        code, output = await ended(processes.process)
    assert code == 0, output
    lines = [line for line in map(json.loads, output.splitlines()) if line["event"] == "gateway-process-ended"]
    assert [(line["code"], line["alarm"]) for line in lines] == [(-signal.SIGKILL, True)]


async def test_a_process_that_hangs_is_replaced(valkey: Valkey, store: LiveStore) -> None:
    async with running(valkey, store, PROCESS_HANG_SECONDS="4") as processes:
        hanging, other = processes.workers()
        os.kill(hanging, signal.SIGSTOP)
        await until(lambda: len(processes.workers()) == COUNT and hanging not in processes.workers())
        assert other in processes.workers()
        processes.process.send_signal(signal.SIGTERM)
        code, output = await ended(processes.process)
    assert code == 0, output
    events = [json.loads(line)["event"] for line in output.splitlines()]
    assert [event for event in events if "process" in event] == ["gateway-process-hangs", "gateway-process-ended"]


async def test_a_session_of_a_process_that_died_is_unknown_to_its_successor(valkey: Valkey, store: LiveStore) -> None:
    async with running(valkey, store) as processes:
        async with httpx.AsyncClient(base_url=processes.url, timeout=15) as http:
            sids = [sid_of(await http.get(POLL, headers={"connection": "close"})) for _ in range(MANY)]
            os.kill(processes.workers()[0], signal.SIGKILL)
            answers = await asyncio.gather(*(http.post(f"{POLL}&sid={sid}", content="40") for sid in sids))
        known = [sid for sid, answer in zip(sids, answers, strict=True) if answer.status_code == 200]
        lost = [sid for sid, answer in zip(sids, answers, strict=True) if answer.status_code == 400]
        assert (len(known) + len(lost), {sid[:2] for sid in known}, {sid[:2] for sid in lost}) == (MANY, {"01"}, {"00"})


async def test_connections_wait_while_their_process_is_started_again(valkey: Valkey, store: LiveStore) -> None:
    async with running(valkey, store) as processes:
        for worker in processes.workers():
            os.kill(worker, signal.SIGKILL)
        async with httpx.AsyncClient(base_url=processes.url, timeout=15) as http:
            answers = await asyncio.gather(*(http.get("/healthz") for _ in range(MANY)))
        assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_every_process(valkey: Valkey, store: LiveStore, number: signal.Signals) -> None:
    async with running(valkey, store) as processes:
        async with browsers(processes.url, ["websocket"]) as connected:
            for browser in connected:
                browser.client.reconnection = False
            processes.process.send_signal(number)
            await until(lambda: not any(browser.client.connected for browser in connected))
        code, output = await ended(processes.process)
    assert code == 0, output
    events = [json.loads(line)["event"] for line in output.splitlines()]
    assert sorted(events) == sorted(["gateway-started", "gateway-draining", "gateway-stopped"] * COUNT)
    assert gateways(store) == 0


async def test_a_second_signal_ends_every_process_at_once(valkey: Valkey, store: LiveStore) -> None:
    async with running(valkey, store, DRAIN_ACCEPT_SECONDS="60") as processes:
        workers = processes.workers()
        processes.process.send_signal(signal.SIGTERM)
        async with httpx.AsyncClient(base_url=processes.url) as http:
            while (await http.get("/readyz")).status_code == 200:
                await asyncio.sleep(0.01)
        processes.process.send_signal(signal.SIGTERM)
        code, _ = await ended(processes.process)
        assert code == 128 + signal.SIGTERM
        await gone(workers)


async def test_the_processes_end_where_their_supervisor_is_killed(valkey: Valkey, store: LiveStore) -> None:
    async with running(valkey, store) as processes:
        workers = processes.workers()
        processes.process.kill()
        await gone(workers)
        processes.process.wait(5)


async def test_a_taken_port_is_one_line(valkey: Valkey) -> None:
    with socket.create_server((LOOPBACK, 0), reuse_port=True) as taken:
        variables = environment(valkey, taken.getsockname()[1], GATEWAY_PROCESSES=str(COUNT))
        with started(variables) as process:
            code, output = await ended(process)
    assert code == 1
    (line,) = map(json.loads, output.splitlines())
    assert line["event"] == "gateway-not-started"
    assert "in use" in line["reason"]
