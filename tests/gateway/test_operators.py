"""Tests the operators' namespace with official clients: who gets in, what they are told, and until when."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from chalicelib.domain import contract, redis_names
from chalicelib.domain.contract import PaymentEvent
from chalicelib.domain.operators import Operator, OperatorKey, Right
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.tokens import OperatorSession, sign_operator_session
from local.embedded import Valkey
from tests.harness.bare_clients import bare_socket, nothing_remains
from tests.harness.clients import JAVASCRIPT_VERSIONS, TRANSPORTS
from tests.harness.gateway_stack import (
    PATIENCE_SECONDS,
    Link,
    LiveStore,
    Running,
    new_event,
    next_version,
    running,
    settings_for,
    token_for,
    until,
)
from tests.harness.operator_clients import AMINA, PAUL, Watching, javascript_clients, python_client, ticket_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("driver")]
KEYS = (AMINA, PAUL)
STRANGER = OperatorKey(AMINA.operator, "key-of-amina-that-was-withdrawn-01234")
PROMOTED = OperatorKey(Operator("amina", Right.ACT), AMINA.secret)
DAY = "2026-01-31"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(valkey: Valkey, driver: str) -> AsyncIterator[Running]:  # noqa: ARG001 one gateway for each driver
    async with running(settings_for(valkey, operator_keys=KEYS)) as gateway:
        yield gateway


def publish(store: LiveStore, *events: PaymentEvent, complete: bool = True) -> None:
    """Publishes a notice, as the function does that counts changes."""
    notice = {"payments": events, "days": [DAY], "complete": complete}
    store.redis.publish(redis_names.operators_channel(), json.dumps(notice))


def subscribers(store: LiveStore) -> int:
    reply: Any = store.redis.pubsub_numsub(redis_names.operators_channel())
    return int(reply[0][1])


async def greeted(*watching: Watching) -> None:
    """Waits until each client was told that changes arrive from now on."""
    await until(lambda: all(it.events and it.events[-1]["live"] for it in watching))


async def more_events(watching: Watching, than: int) -> None:
    await until(lambda: len(watching.events) > than)


async def left_or_refused(watching: Watching, seconds: float) -> None:
    await until(lambda: watching.disconnects or watching.refused, seconds)


async def told_of(event: PaymentEvent, *watching: Watching) -> None:
    await until(lambda: all((event["reference"], event["version"]) in it.payments for it in watching))


def versions(events: Iterable[PaymentEvent]) -> list[tuple[str, int]]:
    return [(it["reference"], it["version"]) for it in events]


# --------------------------------------------------------------------------- who gets in


def intruders() -> dict[str, object]:
    """Returns what each intruder sends with its CONNECT."""
    session = sign_operator_session(OperatorSession(PAUL, 4_000_000_000_000))
    return {
        "nothing": None,
        "no ticket": {"name": "paul"},
        "a ticket that is no text": {"ticket": 7},
        "no token at all": {"ticket": "x" * 2000},
        "an expired ticket": {"ticket": ticket_of(age=61)},
        "a ticket of an ended session": {"ticket": ticket_of(session_seconds=-1)},
        "a ticket of a withdrawn key": {"ticket": ticket_of(STRANGER)},
        "a ticket with another right than the key has": {"ticket": ticket_of(PROMOTED)},
        "the session itself": {"ticket": session},
        "the key itself": {"ticket": PAUL.secret},
        "a customer's tracking token": {"ticket": token_for(str(uuid4()))},
        "a ticket in another place": {"token": ticket_of()},
    }


async def test_whoever_has_no_valid_ticket_is_told_nothing(gateway: Running, store: LiveStore) -> None:
    sent = intruders()
    async with AsyncExitStack() as stack:
        wanted = [{"auth": auth} for auth in sent.values()]
        javascript = await stack.enter_async_context(javascript_clients(gateway.url, wanted))
        opened = [await stack.enter_async_context(python_client(gateway.url, auth)) for auth in sent.values()]
        await until(lambda: all(it.refused for it in [*javascript, *opened]))
        publish(store, new_event())
        async with python_client(gateway.url, {"ticket": ticket_of()}) as watching:
            await greeted(watching)
            publish(store, new_event())
            await until(lambda: watching.payments)
        for client, intruder in [*zip(javascript, sent, strict=True), *zip(opened, sent, strict=True)]:
            assert (client.connects, client.refused, client.events) == (0, ["invalid_session"], []), intruder
    await until(lambda: len(gateway.gateway.operators) == 0)


async def test_a_page_of_a_foreign_origin_gets_no_connection(gateway: Running) -> None:
    wanted = [
        {"auth": {"ticket": ticket_of()}, "transports": transports, "origin": "https://evil.example"}
        for transports in TRANSPORTS.values()
    ]
    async with javascript_clients(gateway.url, wanted) as clients:
        await until(lambda: all(it.refused for it in clients))
        assert [it.connects for it in clients] == [0] * len(clients)
        assert "invalid_session" not in {message for it in clients for message in it.refused}, "refused before that"


async def test_where_no_operator_has_a_key_there_is_no_such_namespace(valkey: Valkey) -> None:
    async with (
        running(settings_for(valkey)) as gateway,
        python_client(gateway.url, {"ticket": ticket_of()}) as watching,
    ):
        await until(lambda: watching.refused)
        assert (watching.connects, watching.refused) == (0, ["Invalid namespace"])


async def test_a_ticket_is_good_for_the_operators_namespace_alone(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with gateway.browser() as browser:
        assert (await browser.track(event["reference"], ticket_of()))["code"] == "invalid_token"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.operator.right)
async def test_whoever_may_look_watches_and_whoever_may_act_too(gateway: Running, key: OperatorKey) -> None:
    async with python_client(gateway.url, {"ticket": ticket_of(key)}) as watching:
        await greeted(watching)


# --------------------------------------------------------------------------- what they are told


async def test_each_client_on_each_transport_is_told_each_change_once(gateway: Running, store: LiveStore) -> None:
    async with AsyncExitStack() as stack:
        wanted = [
            {"version": version, "transports": transports, "auth": {"ticket": ticket_of()}}
            for version in JAVASCRIPT_VERSIONS
            for transports in TRANSPORTS.values()
        ]
        clients = await stack.enter_async_context(javascript_clients(gateway.url, wanted))
        for transports in TRANSPORTS.values():
            watching = python_client(gateway.url, {"ticket": ticket_of()}, transports)
            clients.append(await stack.enter_async_context(watching))
        await greeted(*clients)
        assert all(it.events[0]["complete"] is False for it in clients), "what was before is for the page to read"
        events = [new_event() for _ in range(3)]
        for event in events:
            publish(store, event)
            await told_of(event, *clients)
        newer = [next_version(event, PaymentStatus.SUCCESSFUL) for event in events]
        publish(store, *newer)
        await until(lambda: all(it.payments[-3:] == versions(newer) for it in clients))
        for client in clients:
            assert client.payments == versions([*events, *newer])
            assert [event["complete"] for event in client.events if event["payments"]] == [True] * 4
            assert client.events[-1]["days"] == [DAY]
        names = [TRANSPORTS[it][-1] for _ in (*JAVASCRIPT_VERSIONS, "python") for it in TRANSPORTS]
        assert [it.transport for it in clients] == names
    await until(lambda: subscribers(store) == 0)


async def test_changes_that_come_together_are_one_event_with_each_payment_once(
    gateway: Running, store: LiveStore
) -> None:
    async with python_client(gateway.url, {"ticket": ticket_of()}) as watching:
        await greeted(watching)
        before, first = len(watching.events), new_event()
        publish(store, first)
        publish(store, next_version(first, PaymentStatus.FAILED))
        store.redis.publish(redis_names.operators_channel(), "no notice")
        await until(lambda: (first["reference"], 2) in watching.payments)
        assert [versions(it["payments"]) for it in watching.events[before:]] == [[(first["reference"], 2)]]


async def test_it_says_since_when_the_oldest_payment_waits(gateway: Running, store: LiveStore) -> None:
    older, newer = str(uuid4()), str(uuid4())
    store.redis.zadd(redis_names.waiting_key(), {newer: 1_769_850_060_000, older: 1_769_850_000_000})
    async with python_client(gateway.url, {"ticket": ticket_of()}) as watching:
        await greeted(watching)
        assert watching.events[-1]["waitingSince"] == "2026-01-31T09:00:00.000Z"
        store.redis.delete(redis_names.waiting_key())
        publish(store, new_event())
        await until(lambda: watching.payments)
        assert watching.events[-1]["waitingSince"] is None


async def test_redis_is_subscribed_to_only_while_somebody_watches(gateway: Running, store: LiveStore) -> None:
    await until(lambda: subscribers(store) == 0)
    async with python_client(gateway.url, {"ticket": ticket_of()}) as watching:
        await greeted(watching)
        assert subscribers(store) == 1
    await until(lambda: subscribers(store) == 0)
    async with python_client(gateway.url, {"ticket": ticket_of()}) as watching:
        await greeted(watching)
        publish(store, new_event())
        await until(lambda: watching.payments)


async def test_a_lost_connection_to_redis_is_told_and_so_is_its_return(valkey: Valkey, store: LiveStore) -> None:
    async with Link(valkey.port) as link:
        settings = settings_for(valkey, operator_keys=KEYS, probe_seconds=0.2)
        settings = replace(settings, redis=replace(settings.redis, port=link.port))
        async with (
            running(settings) as gateway,
            python_client(gateway.url, {"ticket": ticket_of()}) as watching,
        ):
            await greeted(watching)
            link.freeze()
            link.cut()
            await until(lambda: not watching.events[-1]["live"])
            link.thaw()
            await greeted(watching)
            assert watching.events[-1]["complete"] is False, "changes may have been missed"
            event = new_event()
            publish(store, event)
            await until(lambda: watching.payments == versions([event]))


# --------------------------------------------------------------------------- until when


async def test_a_client_leaves_when_its_session_ends_and_the_others_stay(gateway: Running) -> None:
    async with python_client(gateway.url, {"ticket": ticket_of()}) as other:
        for seconds in (2, 10, 40):  # on a busy machine a client may take longer to connect than its session lasts
            auth = {"ticket": ticket_of(session_seconds=seconds)}
            async with javascript_clients(gateway.url, [{"auth": auth}]) as (watching,):
                await left_or_refused(watching, 2 * seconds + PATIENCE_SECONDS)
            if watching.connects:
                break
        assert (watching.connects, watching.disconnects, watching.refused) == (1, 1, [])
        assert (other.disconnects, len(gateway.gateway.operators)) == (0, 1)


def connect_packet(ticket: str) -> str:
    return "40/operator," + json.dumps({"ticket": ticket})


def told(text: str) -> Any:
    """Returns the payload of the event for operators in a message."""
    name, payload = json.loads(text.removeprefix("42/operator,"))
    assert name == contract.PAYMENTS_CHANGED
    return payload


def has_deadline(gateway: Running) -> bool:
    """Says whether the gateway's only session is closed unless it tracks a payment."""
    (session,) = gateway.gateway.connections._sessions.values()
    return session.deadline is not None


async def test_whoever_watches_need_not_track_a_payment_and_whoever_leaves_must(valkey: Valkey) -> None:
    settings = settings_for(valkey, operator_keys=KEYS, track_deadline_seconds=1)
    async with running(settings) as gateway, bare_socket(gateway) as browser:
        browser.say(connect_packet(ticket_of()))
        await browser.hear_until("40/operator,")
        assert not has_deadline(gateway)
        browser.say("41/operator,")
        await until(lambda: has_deadline(gateway))
        assert await browser.close_code()
        await nothing_remains(gateway.gateway)


async def test_one_connection_carries_both_namespaces(gateway: Running, store: LiveStore) -> None:
    event, other = new_event(), new_event()
    store.put(event)
    async with bare_socket(gateway) as browser:
        await browser.connect()
        assert (await browser.track(event["reference"]))["ok"]
        browser.say(connect_packet(ticket_of()))
        await browser.hear_until("42/operator,")
        publish(store, other)
        assert versions(told((await browser.hear_until("42/operator,"))[-1])["payments"]) == versions([other])
        browser.say("41/operator,")
        await until(lambda: len(gateway.gateway.operators) == 0)
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        await browser.hear_until('42["payment-success"')
    await nothing_remains(gateway.gateway)


# --------------------------------------------------------------------------- bounds


async def test_a_second_connect_is_malformed_and_changes_nothing(gateway: Running) -> None:
    async with bare_socket(gateway) as browser:
        browser.say(connect_packet(ticket_of()))
        await browser.hear_until("42/operator,")
        browser.say(*[connect_packet(ticket_of())] * 3)
        assert await browser.close_code()
    await nothing_remains(gateway.gateway)


async def test_an_address_has_so_many_operators_and_no_more(valkey: Valkey) -> None:
    async with running(settings_for(valkey, operator_keys=KEYS, operators_per_address=2)) as gateway:
        async with AsyncExitStack() as stack:
            auth = {"ticket": ticket_of()}
            clients = [await stack.enter_async_context(python_client(gateway.url, auth)) for _ in range(3)]
            await until(lambda: clients[-1].refused)
            assert [it.connects for it in clients] == [1, 1, 0]
            assert clients[-1].refused == ["too_many_sockets"]
        await nothing_remains(gateway.gateway)
        async with python_client(gateway.url, {"ticket": ticket_of()}) as watching:
            await greeted(watching)


async def test_whoever_reads_slowly_is_skipped_and_told_to_read_again(valkey: Valkey, store: LiveStore) -> None:
    settings = settings_for(valkey, operator_keys=KEYS, output_stall_seconds=60)
    async with (
        running(settings) as gateway,
        python_client(gateway.url, {"ticket": ticket_of()}) as quick,
        bare_socket(gateway, is_narrow=True) as slow,
    ):
        await greeted(quick)
        slow.say(connect_packet(ticket_of()))
        await slow.hear_until("42/operator,")
        *_, lagging = gateway.gateway.operators._operators
        while not lagging.is_behind:
            told_before = len(quick.events)
            publish(store, *[new_event() for _ in range(100)])
            await more_events(quick, told_before)
        assert lagging.session.waiting_bytes < 256 * 1024
        heard = told((await slow.hear_until("42/operator,"))[-1])
        while heard["complete"]:
            heard = told((await slow.hear_until("42/operator,"))[-1])


async def test_whoever_takes_nothing_is_closed(valkey: Valkey, store: LiveStore) -> None:
    settings = settings_for(valkey, operator_keys=KEYS, output_stall_seconds=0.3)
    async with running(settings) as gateway, bare_socket(gateway, is_narrow=True) as slow:
        slow.say(connect_packet(ticket_of()))
        await slow.hear_until("42/operator,")
        while len(gateway.gateway.connections):
            publish(store, *[new_event() for _ in range(100)])
            await asyncio.sleep(0.05)
        assert 'gateway_closes_total{reason="output_stalled"} 1.0' in gateway.gateway.metrics.text().decode()
        assert len(gateway.gateway.operators) == 0
