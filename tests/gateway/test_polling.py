"""Tests that a browser which polls loses nothing: while it upgrades, and where a poll's connection is lost."""

import asyncio
import gc
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from local.embedded import LOOPBACK, Valkey
from socket_gateway.stock.session import StockSession
from tests.harness.bare_clients import Poller, remains, versions
from tests.harness.gateway_stack import (
    PATIENCE_SECONDS,
    Link,
    LiveStore,
    Running,
    left,
    new_event,
    running,
    settings_for,
    until,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("driver")]
_PATH = "/socket.io/?EIO=4&transport="


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(valkey: Valkey, driver: str) -> AsyncIterator[Running]:  # noqa: ARG001 one gateway for each driver
    async with running(settings_for(valkey)) as gateway:
        yield gateway


async def test_nothing_comes_on_a_websocket_before_it_has_taken_over(gateway: Running, store: LiveStore) -> None:
    """The official client drops what it gets before, and its upgrade fails."""
    event = new_event()
    store.put(event)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE_SECONDS) as http:
        poller = Poller(http)
        await poller.connect()
        await poller.track(event["reference"])
        polling = asyncio.create_task(poller.poll())
        await until(lambda: not gateway.gateway.admission._waiting)  # the poll has arrived
        url = f"ws://{LOOPBACK}:{gateway.port}{_PATH}websocket&sid={poller.sid}"
        async with connect(url, compression=None) as websocket:
            store.publish(new_event(event["reference"], 2))
            assert versions(await polling) == [2, 2]
            await websocket.send("2probe")
            assert await websocket.recv() == "3probe"
            await poller.poll()
            store.publish(new_event(event["reference"], 3))
            await websocket.send("5")
            received = [str(await websocket.recv()) for _ in range(3)]
            assert versions(received) == [3, 3]


async def test_nothing_waits_for_a_polling_session_that_has_ended(gateway: Running) -> None:
    """What ends a poll that waits is put in its queue last, and has no content that could wait for the browser."""
    async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE_SECONDS) as http:
        poller = Poller(http)
        await poller.connect()
        gateway.gateway.connections.close(poller.sid, "test")
        await left(gateway.gateway, poller.sid)
        assert "outputs" not in remains(gateway.gateway)


async def test_a_session_that_has_ended_is_freed_without_a_collection_of_garbage(gateway: Running) -> None:
    """The gateway collects garbage rarely: what waits for it would be memory that grows for hours."""
    gc.collect()
    gc.disable()
    try:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE_SECONDS) as http:
            poller = Poller(http)
            await poller.connect()
            assert poller.sid in sessions_in_memory()
            gateway.gateway.connections.close(poller.sid, "test")
        await until(lambda: poller.sid not in sessions_in_memory())
    finally:
        gc.enable()


def sessions_in_memory() -> set[str]:
    return {it.id for it in gc.get_objects() if isinstance(it, StockSession)}


@pytest.mark.parametrize("is_noticed", [True, False])
async def test_a_poll_whose_connection_is_lost_ends_its_session(
    gateway: Running, store: LiveStore, is_noticed: bool
) -> None:
    """What the lost poll is given reaches nobody, and browsers repeat it on another connection."""
    event = new_event()
    store.put(event)
    async with Link(gateway.port) as link, httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{link.port}") as http:
        poller = Poller(http)
        await poller.connect()
        await poller.track(event["reference"])
        lost = asyncio.create_task(poller.poll())
        await until(lambda: not gateway.gateway.admission._waiting)
        if is_noticed:
            link.cut()
        else:
            assert '"malformed_request"' in (await poller.poll())[0]
        await left(gateway.gateway, poller.sid)
        assert "Invalid session" in (await poller.poll())[0]
        await asyncio.wait([lost])
        assert gateway.gateway.tracked_payments.clients(event["reference"]) == 0


async def test_a_poll_brings_no_more_packets_than_every_client_takes(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        poller = Poller(http)
        await poller.connect()
        await poller.track(event["reference"])
        for version in range(2, 21):
            store.publish(new_event(event["reference"], version))
        await until(lambda: gateway.gateway.tracked_payments._tracked_payments[event["reference"]].version == 20)
        polls = [await poller.poll() for _ in range(3)]
        assert [len(packets) for packets in polls] == [16, 16, 6]
