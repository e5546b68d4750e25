"""Tests that no official client loses a version, sees one twice or out of order: in calm, cut off, or restarted."""

import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from chalicelib.domain.payment import PaymentStatus
from local.embedded import LOOPBACK, Valkey
from tests.harness.clients import REPEAT_POLLS, TRANSPORTS, Fleet
from tests.harness.gateway_process import GatewayProcess
from tests.harness.gateway_stack import Link, LiveStore, until

pytestmark = [
    pytest.mark.usefixtures("driver"),
    pytest.mark.filterwarnings("ignore:Unclosed connection"),  # python-socketio does not read what refuses its poll
]
_EVERY_SECONDS = 0.05
"""Between two versions of a payment."""
_CUT_EVERY_SECONDS = 2.5


async def keep_publishing(fleet: Fleet) -> None:
    while True:
        fleet.publish()
        await asyncio.sleep(_EVERY_SECONDS)


async def test_each_client_on_each_transport_is_sent_every_version_once(valkey: Valkey, store: LiveStore) -> None:
    async with GatewayProcess(valkey) as gateway, Fleet(store).connected_to(gateway.url) as fleet:
        await until(lambda: all(it.transport == transport_of(it.name) for it in fleet.followers))
        for _ in range(10):
            for _ in range(5):
                fleet.publish()
            await fleet.up_to_date()
        fleet.publish(PaymentStatus.SUCCESSFUL)
        await fleet.up_to_date()
        assert fleet.faults() == []
        assert {it.name: it.disconnects for it in fleet.followers if it.connects != 1} == {}
        assert gateway.troubles() == []


def transport_of(follower: str) -> str:
    return TRANSPORTS[follower.split()[-1]][-1]


async def test_clients_whose_connections_are_cut_again_and_again_get_the_newest_version(
    valkey: Valkey, store: LiveStore
) -> None:
    async with AsyncExitStack() as stack:
        # A poll that is answered in the moment of a cut is lost unnoticed: its session stays until it takes nothing.
        gateway = await stack.enter_async_context(GatewayProcess(valkey, SOCKETS_PER_PAYMENT="1000"))
        link = await stack.enter_async_context(Link(gateway.port))
        fleet = await stack.enter_async_context(
            Fleet(store, REPEAT_POLLS).connected_to(f"http://{LOOPBACK}:{link.port}")
        )
        publishing = asyncio.create_task(keep_publishing(fleet))
        for _ in range(3):
            await asyncio.sleep(_CUT_EVERY_SECONDS)
            link.cut()
        publishing.cancel()
        fleet.publish(PaymentStatus.SUCCESSFUL)
        await fleet.up_to_date()
        assert fleet.faults() == []
        assert gateway.troubles() == []


async def test_clients_get_the_newest_version_from_a_gateway_that_was_restarted(
    valkey: Valkey, store: LiveStore
) -> None:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(GatewayProcess(valkey, SOCKETS_PER_PAYMENT="1000"))
        fleet = await stack.enter_async_context(Fleet(store).connected_to(gateway.url))
        publishing = asyncio.create_task(keep_publishing(fleet))
        for number in (signal.SIGTERM, signal.SIGKILL):
            await gateway.end(number)
            async with fleet.reconnecting():
                await gateway.start()
        publishing.cancel()
        fleet.publish(PaymentStatus.SUCCESSFUL)
        await fleet.up_to_date()
        assert fleet.faults() == []
        assert gateway.troubles() == []
