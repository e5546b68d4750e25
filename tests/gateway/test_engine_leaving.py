"""Tests that nothing is left of browsers that leave the gateway's engine, and that none can hold its memory."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from websockets.frames import Opcode

from local.embedded import Valkey
from socket_gateway.engine.session import EngineSession
from tests.harness.bare_clients import BareSocket, bare_socket, frame, nothing_remains, remains
from tests.harness.gateway_stack import LiveStore, Running, new_event, running, settings_for, until

WAYS: dict[str, Callable[[BareSocket], None]] = {
    "engine-close": lambda browser: browser.say("1"),
    "close-frame": lambda browser: browser.send(frame(Opcode.CLOSE, b"\x03\xe8")),
    "close-frame-without-a-code": lambda browser: browser.send(frame(Opcode.CLOSE)),
    "cut": BareSocket.cut,
    "fault": lambda browser: browser.send(frame(Opcode.CONT)),
}


def only_session(gateway: Running) -> EngineSession:
    (session,) = gateway.gateway.connections._sessions.values()
    assert isinstance(session, EngineSession)
    return session


async def wait_for_output(gateway: Running, store: LiveStore, reference: str) -> None:
    """Publishes versions until some wait in the gateway for the only browser, which does not read."""
    session, version = only_session(gateway), 1
    while session.waiting_bytes < 20 * 1024:
        version += 1
        store.publish(new_event(reference, version))
        await asyncio.sleep(0)


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_is_left_of_who_leaves_while_versions_wait(valkey: Valkey, store: LiveStore, way: str) -> None:
    event = new_event()
    store.put(event)
    settings = settings_for(valkey, driver="auto", output_stall_seconds=0.5)
    async with running(settings) as gateway, bare_socket(gateway, is_narrow=True) as browser:
        await browser.connect()
        assert (await browser.track(event["reference"]))["ok"]
        await wait_for_output(gateway, store, event["reference"])
        WAYS[way](browser)
        await nothing_remains(gateway.gateway)


async def test_a_client_that_leaves_while_versions_wait_may_come_again(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey, driver="auto")) as gateway:
        async with bare_socket(gateway, is_narrow=True) as browser:
            sid = await browser.connect()
            assert (await browser.track(event["reference"]))["ok"]
            await wait_for_output(gateway, store, event["reference"])
            browser.say("41")
            await until(lambda: not len(gateway.gateway.sockets))
            assert len(gateway.gateway.tracked_payments) == 0
            assert gateway.gateway.connections.sessions() == [sid]
            browser.say("40")
            await browser.hear_until("40")
            assert (await browser.track(event["reference"]))["ok"]
        await nothing_remains(gateway.gateway)


async def test_nothing_is_left_of_500_browsers_that_are_cut_at_once(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    settings = settings_for(valkey, driver="auto", sockets_per_address=1000, sockets_per_payment=1000)
    async with running(settings) as gateway, AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(bare_socket(gateway)) for _ in range(500)]
        await asyncio.gather(*(browser.connect() for browser in browsers))
        acks = await asyncio.gather(*(browser.track(event["reference"]) for browser in browsers))
        assert all(ack["ok"] for ack in acks)
        held = remains(gateway.gateway)
        assert (held["sessions"], held["clients"], held["pings due"]) == (500, 500, 500)
        for browser in browsers:
            browser.cut()
        await nothing_remains(gateway.gateway)
        await until(lambda: store.subscribers(event["reference"]) == 0)


async def test_a_flood_of_pings_is_read_as_slowly_as_other_packets(valkey: Valkey) -> None:
    settings = settings_for(valkey, driver="auto")
    async with running(settings) as gateway, bare_socket(gateway, is_narrow=True) as flood:
        await flood.connect()
        session = only_session(gateway)
        async with bare_socket(gateway) as other:
            await other.connect()
            flood.send(frame(Opcode.PING) * 50_000)
            await until(lambda: session.is_held)
            other.send(frame(Opcode.PING, b"x"))
            assert (await other.receive()).opcode == Opcode.PONG
        assert session.total_bytes < 2048  # the greeting, and an answer to each of the burst
    await nothing_remains(gateway.gateway)
