"""Tests that a browser which polls loses nothing while it upgrades to a WebSocket."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from local.embedded import LOOPBACK, Valkey
from tests.harness.bare_clients import Poller, remains, versions
from tests.harness.gateway_stack import (
    PATIENCE_SECONDS,
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
