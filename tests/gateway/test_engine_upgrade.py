"""Tests that the gateway's engine takes polling sessions over without loss, one upgrade at a time, or leaves them."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio

from local.embedded import Valkey
from socket_gateway.engine.session import EngineSession
from socket_gateway.stock.session import StockSession
from tests.harness.bare_clients import BareSocket, Poller, bare_socket, nothing_remains, track_packet, versions
from tests.harness.gateway_stack import (
    PATIENCE_SECONDS,
    LiveStore,
    Running,
    TrackingServer,
    new_event,
    running,
    settings_for,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
BEHIND_PROXY = {"X-Forwarded-For": "203.0.113.7"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[TrackingServer]:
    async with TrackingServer() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(valkey: Valkey, api: TrackingServer) -> AsyncIterator[Running]:
    async with running(settings_for(valkey, api.url, driver="auto", trusted_proxies=1)) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def poller(gateway: Running, api: TrackingServer) -> AsyncIterator[Poller]:
    """Connects a browser by long-polling. When the test has ended, nothing may be left of it."""
    api.forget()
    async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE_SECONDS, headers=BEHIND_PROXY) as http:
        poller = Poller(http)
        await poller.connect()
        yield poller
        if gateway.gateway.connections.get(poller.sid) is not None:
            gateway.gateway.connections.close(poller.sid, "test")
    await nothing_remains(gateway.gateway)


async def probe(browser: BareSocket) -> None:
    browser.say("2probe")
    assert await browser.hear() == "3probe"


def carrier(gateway: Running, poller: Poller) -> type | None:
    """Returns the class of the poller's session."""
    session = gateway.gateway.connections.get(poller.sid)
    return type(session) if session is not None else None


async def test_a_session_that_upgrades_stays_the_same_and_gets_its_acknowledgement(
    gateway: Running, poller: Poller, api: TrackingServer
) -> None:
    event = new_event()
    api.events[event["reference"]] = event
    api.answering.clear()
    (client,) = [json.loads(it[2:])["sid"] for it in await poller.poll() if it.startswith("40")]
    await poller.say(track_packet(event["reference"]))
    await until(lambda: api.asked == [event["reference"]])
    async with bare_socket(gateway, poller.sid, BEHIND_PROXY) as browser:
        await probe(browser)
        assert carrier(gateway, poller) is StockSession
        assert "6" in await poller.poll()
        browser.say("5")
        await until(lambda: carrier(gateway, poller) is EngineSession)
        assert gateway.gateway.sockets.sids() == [client]
        api.answering.set()
        heard = await browser.hear_until("431")
        assert versions(heard) == [1, 1]
        assert json.loads(heard[-1][3:])[0]["ok"]


async def test_what_waited_for_the_poll_comes_once_and_in_order(
    gateway: Running, poller: Poller, store: LiveStore
) -> None:
    event = new_event()
    store.put(event)
    await poller.track(event["reference"])
    async with bare_socket(gateway, poller.sid, BEHIND_PROXY) as browser:
        await probe(browser)
        for version in range(2, 21):
            store.publish(new_event(event["reference"], version))
        await until(lambda: gateway.gateway.tracked_payments._tracked_payments[event["reference"]].version == 20)
        browser.say("5")
        await until(lambda: carrier(gateway, poller) is EngineSession)
        store.publish(new_event(event["reference"], 21))
        heard: list[int] = []
        while len(heard) < 40:
            heard += versions([await browser.hear()])
        assert heard == [version for version in range(2, 22) for _ in range(2)]


@pytest.mark.parametrize("is_probed", [False, True])
async def test_of_two_upgrades_at_once_the_second_is_refused(
    gateway: Running, poller: Poller, store: LiveStore, is_probed: bool
) -> None:
    event = new_event()
    store.put(event)
    async with bare_socket(gateway, poller.sid, BEHIND_PROXY) as first:
        if is_probed:
            await probe(first)
        async with bare_socket(gateway, poller.sid, BEHIND_PROXY, status=400):
            assert carrier(gateway, poller) is StockSession
        if not is_probed:
            await probe(first)
        first.say("5")
        await until(lambda: carrier(gateway, poller) is EngineSession)
        assert (await first.track(event["reference"]))["ok"]


FAILURES = {"wrong-probe": ("2x",), "message-first": ('42["x"]',), "no-last-step": ("2probe", "40"), "closed": ("1",)}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_session_whose_upgrade_failed_polls_on_and_may_upgrade_later(
    gateway: Running, poller: Poller, store: LiveStore, name: str
) -> None:
    event = new_event()
    store.put(event)
    async with bare_socket(gateway, poller.sid, BEHIND_PROXY) as failed:
        failed.say(*FAILURES[name])
        assert await failed.close_code() == 1000
    async with bare_socket(gateway, poller.sid, BEHIND_PROXY) as failed:
        await probe(failed)
    await until(lambda: len(gateway.gateway.admission._per_address) == 0)
    assert carrier(gateway, poller) is StockSession
    assert versions(await poller.track(event["reference"])) == [1, 1]
    async with bare_socket(gateway, poller.sid, BEHIND_PROXY) as browser:
        await probe(browser)
        browser.say("5")
        await until(lambda: carrier(gateway, poller) is EngineSession)
        store.publish(new_event(event["reference"], 2))
        assert versions(await browser.hear_until("42")) == [2]


async def test_a_session_that_is_closed_during_its_upgrade_is_not_taken_over(gateway: Running, poller: Poller) -> None:
    async with bare_socket(gateway, poller.sid, BEHIND_PROXY) as browser:
        await probe(browser)
        gateway.gateway.connections.close(poller.sid, "test")
        browser.say("5")
        assert await browser.close_code() == 0
        await until(lambda: carrier(gateway, poller) is None)


async def test_what_follows_the_last_step_at_once_is_for_the_session(gateway: Running, poller: Poller) -> None:
    async with bare_socket(gateway, poller.sid, BEHIND_PROXY) as browser:
        await probe(browser)
        browser.say("5", track_packet("x"))
        assert (await browser.hear_until("431"))[-1].startswith('431[{"ok":')


async def test_the_addresses_behind_a_proxy_are_counted_once_and_forgotten(gateway: Running, poller: Poller) -> None:
    counted = gateway.gateway.admission._per_address
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(bare_socket(gateway, poller.sid, BEHIND_PROXY))
        await probe(browser)
        browser.say("5")
        await until(lambda: carrier(gateway, poller) is EngineSession)
        other = await stack.enter_async_context(bare_socket(gateway, None, {"X-Forwarded-For": "203.0.113.8"}))
        await other.connect()
        assert counted == {"203.0.113.7": 1, "203.0.113.8": 1}
    await until(lambda: not counted)
