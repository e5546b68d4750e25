"""Tests a gateway of several processes on one port, as it is deployed: real processes, real HTTP, a real Redis."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from chalicelib.domain.payment import PaymentStatus
from local.embedded import LOOPBACK, Valkey, free_port
from tests.harness.gateway_process import ended, environment, started
from tests.harness.gateway_stack import ORIGIN, Browser, LiveStore, new_event, next_version, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT = 2
MANY = 12
"""Connections of which one process gets all only once in two thousand times."""


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
    variables = environment(valkey, port, GATEWAY_PROCESSES=str(COUNT), LOG_CLIENTS="false", **extra)
    with started(variables) as process:
        processes = Processes(process, port)
        await until(lambda: gateways(store) == COUNT or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        yield processes
        if process.poll() is None:
            workers = processes.workers()
            process.kill()
            await gone(workers)


async def gone(workers: list[int]) -> None:
    await until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def gateways(store: LiveStore) -> int:
    """Counts the gateways that are registered."""
    return len(list(store.redis.scan_iter("gateway:*")))


@contextlib.asynccontextmanager
async def browsers(url: str, transports: list[str]) -> AsyncIterator[list[Browser]]:
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
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        for browser in connected:
            await until(lambda browser=browser: browser.versions(event["reference"]) == [1, 2])  # type: ignore[misc]


async def test_a_process_that_dies_is_started_again_and_its_browsers_come_back(
    valkey: Valkey, store: LiveStore
) -> None:
    event = new_event()
    store.put(event)
    async with running(valkey, store) as processes, browsers(processes.url, ["websocket"]) as connected:
        for browser in connected:
            await browser.track(event["reference"])
        before = set(processes.workers())
        os.kill(min(before), signal.SIGKILL)
        await until(lambda: len(set(processes.workers()) - before) == 1)
        await until(lambda: any(browser.reconnected for browser in connected))
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        lost = [browser for browser in connected if browser.connects > 1 or not browser.client.connected]
        assert 0 < len(lost) < MANY, "the other process keeps its browsers"
        for browser in lost:
            await until(lambda browser=browser: browser.reconnected)  # type: ignore[misc]
            await browser.track(event["reference"])
        for browser in connected:
            await until(lambda browser=browser: browser.versions(event["reference"])[-1] == 2)  # type: ignore[misc]
        processes.process.send_signal(signal.SIGTERM)
        code, output = await ended(processes.process)
    assert code == 0, output
    lines = [line for line in map(json.loads, output.splitlines()) if line["event"] == "gateway-process-ended"]
    assert [(line["code"], line["alarm"]) for line in lines] == [(-signal.SIGKILL, True)]


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
            for browser in connected:
                await until(lambda browser=browser: not browser.client.connected)  # type: ignore[misc]
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
