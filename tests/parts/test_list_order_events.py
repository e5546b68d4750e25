"""Tests the list of order events on DynamoDB's protocol: what it has, its order, and that nothing of it is lost."""

import itertools
import json
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.ledger.attributes import key_of, to_attributes
from chalicelib.adapters.ledger.change import Change
from chalicelib.adapters.ledger.event_pages import QUERIES_A_PAGE, EventPages, event_mark
from chalicelib.adapters.ledger.items import version_key, write_payment
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table, shard_of
from chalicelib.adapters.ledger.table_client import TableClient
from chalicelib.bootstrap import Service
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.event_cursor import EventPosition, read_cursor, write_cursor
from chalicelib.domain.order_event import FIRST, OrderEvent, order_events_after
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.flows.list_order_events import SETTLED_MS, EventPage, ListOrderEvents
from chalicelib.runtime.clock import Clock
from chalicelib.settings import MOST_DAY_SHARDS
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock, ScriptedServer
from tests.parts.test_order_events import start
from tests.parts.test_payment_history import DAY_MS, a_payment
from tests.parts.test_tell_shop import expired_and_paid, paid, server, telling

__all__ = ["server", "telling"]
HOUR_MS = 3_600_000
_TABLES = itertools.count()


def pages(listing: ListOrderEvents, begin: EventPosition, limit: int = 100) -> Iterator[EventPage]:
    """Yields pages until the list has no more for now. Each cursor is written and read, as a shop sends it back."""
    has_more = True
    while has_more:
        page = listing(begin, limit)
        yield page
        begin, has_more = read_cursor(write_cursor(page.following)), page.has_more


def all_of(listing: ListOrderEvents, begin: EventPosition, limit: int = 100) -> list[OrderEvent]:
    return [event for page in pages(listing, begin, limit) for event in page.events]


def put_version(dynamodb: Any, table: str, payment: Payment, at: int, shards: int = 1) -> None:
    """Writes the row of a version as a commit of a moment leaves it."""
    mark = event_mark(payment, at, shard_of(f"payment#{payment.reference}", shards))
    key = key_of(f"payment#{payment.reference}", version_key(payment.version))
    row = {**key, **mark, "at": at, "payment": write_payment(payment), "cause": "webhook"}
    dynamodb.put_item(TableName=table, Item=to_attributes(row))


# --------------------------------------------------------------------------- what it has


def test_the_list_has_what_the_shops_address_is_sent_the_oldest_first(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock
) -> None:
    begin = EventPosition(clock.now())
    late = expired_and_paid(telling, shop, clock)
    clock.forward(1)
    other = paid(telling, shop, 2)
    clock.forward(1)
    twice = paid(telling, shop, 3)
    clock.forward(1)
    telling.settle.handle_webhook(twice.reference, shop.charge_again(twice.reference))
    for payment in (late, other, twice):
        assert telling.tell_shop(payment.reference) is None
    sent = [(call.headers["webhook-id"], call.body) for call in server.seen]
    assert len(sent) == 5
    clock.forward(61)
    listed = all_of(telling.list_order_events, begin)
    assert [(it.id, it.body) for it in listed] == sent
    assert [json.loads(it.body)["type"] for it in listed] == [
        *("payment.expired", "payment.successful", "payment.successful"),
        *("payment.successful", "payment.duplicate"),
    ]


def test_what_the_shop_is_not_told_is_not_listed(service: Service, clock: HandClock) -> None:
    begin, ledger = EventPosition(clock.now()), service.ledger
    payment = start(service, 1)  # it waits: there is no order event yet
    expired = replace(payment, status=PaymentStatus.EXPIRED, version=payment.version + 1)
    ledger.commit(Change(payment, expired, Cause.RECOVERED, None, is_told=False))
    clock.forward(61)
    assert all_of(service.list_order_events, begin) == []


def test_the_events_of_one_version_are_not_parted(service: Service, dynamodb: Any, clock: HandClock) -> None:
    at = clock.now()
    twice = replace(a_payment(1, 0), duplicate=True, paid_version=3)
    table = service.settings.payments_table
    for payment, moment in ((twice, at), (a_payment(2, 0), at + 1)):
        put_version(dynamodb, table, payment, moment)
    clock.forward(61)
    of_pages = list(pages(service.list_order_events, EventPosition(at), 1))
    assert [[it.kind for it in page.events] for page in of_pages] == [
        ["payment.successful", "payment.duplicate"],
        ["payment.successful"],
        [],
    ]
    assert [page.has_more for page in of_pages] == [True, True, False]
    first = service.list_order_events(EventPosition(at), 2)
    assert (len(first.events), first.has_more) == (2, True)


# --------------------------------------------------------------------------- nothing is lost, nothing comes twice


@settings(max_examples=60, phases=[Phase.reuse, Phase.generate])  # to shrink a failure takes minutes
@given(
    moments=st.lists(st.integers(0, 3).map(lambda it: it * DAY_MS - 2) | st.integers(-2, 3), min_size=2, max_size=24),
    shards=st.lists(st.integers(1, MOST_DAY_SHARDS), min_size=1, max_size=3).map(sorted),
    limit=st.integers(1, 4),
)
def test_paging_has_each_version_once_in_order(
    dynamodb: Any, moments: Sequence[int], shards: Sequence[int], limit: int
) -> None:
    """Versions share milliseconds and stand around midnight, and the number of shards rises meanwhile."""
    table = f"events-{next(_TABLES)}"
    create_table(dynamodb, table)
    base = a_payment(0, 0).created_at
    for number, moment in enumerate(moments):
        put_version(dynamodb, table, a_payment(number, 0), base + moment, shards[0])
    client, until, found = TableClient(dynamodb, table, Clock()), base + 3 * DAY_MS, []
    position, has_more = EventPosition(base - 2), True
    for now_shards in itertools.islice(itertools.chain(shards, itertools.repeat(shards[-1])), len(moments) + 6):
        if not has_more:
            break
        places, position, has_more = EventPages(client, now_shards).page(position, until, limit)
        found += places
    dynamodb.delete_table(TableName=table)
    assert not has_more, "the list does not end"
    assert position == EventPosition(until + 1)
    assert [it.at - base for it in found] == sorted(moments)
    assert len({it.reference for it in found}) == len(found) == len(moments)


@pytest.mark.parametrize("seed", range(4))
def test_a_shop_that_polls_while_payments_settle_gets_each_event_once(
    service: Service, dynamodb: Any, clock: HandClock, seed: int
) -> None:
    """A write takes up to 20 s, and another 30 s until the index has it; every third poll is of another process."""
    chance, table, begun = random.Random(seed), service.settings.payments_table, clock.now()
    on_their_way: list[tuple[int, int, Payment]] = []
    written, got, begin = 0, list[OrderEvent](), EventPosition(begun)
    for step in range(120):
        clock.forward(chance.random() * 8)
        for _ in range(chance.randrange(4)):
            written += 1
            visible = clock.now() + int(chance.random() * 50_000)
            on_their_way.append((visible, clock.now(), a_payment(written, 0)))
        there = [it for it in on_their_way if it[0] <= clock.now()]
        on_their_way = [it for it in on_their_way if it[0] > clock.now()]
        for _, at, payment in there:
            put_version(dynamodb, table, payment, at)
        listing = service.list_order_events
        if step % 3 == 0:
            listing = ListOrderEvents(Ledger(dynamodb, table, clock), clock)
        page = listing(begin, chance.randint(1, 5))
        got += page.events
        begin = read_cursor(write_cursor(page.following))
    for _, at, payment in on_their_way:
        put_version(dynamodb, table, payment, at)
    clock.forward(61)
    got += all_of(service.list_order_events, begin)
    assert len({it.id for it in got}) == len(got) == written > 100
    assert [it.id for it in got] == [it.id for it in all_of(service.list_order_events, EventPosition(begun))]


def test_an_event_is_listed_once_it_is_a_minute_old(service: Service, shop: Shop, clock: HandClock) -> None:
    begin = EventPosition(clock.now())
    payment = paid(service, shop)
    clock.forward(SETTLED_MS / 1000 - 1)
    early = service.list_order_events(begin, 100)
    assert (early.events, early.has_more) == ([], False)
    clock.forward(1)
    assert [it.id for it in service.list_order_events(early.following, 100).events] == [f"{payment.reference}:3"]


def test_a_cursor_stays_where_it_is_on_a_clock_that_is_behind(service: Service, clock: HandClock) -> None:
    ahead = service.list_order_events(EventPosition(clock.now()), 100).following
    clock.forward(-3)
    assert service.list_order_events(ahead, 100).following == ahead


# --------------------------------------------------------------------------- what it costs


@pytest.mark.parametrize("day_shards", [1, MOST_DAY_SHARDS])
def test_weeks_without_a_payment_take_a_bounded_number_of_queries_each(
    dynamodb: Any, table: str, aws: EmbeddedAws, clock: HandClock, day_shards: int
) -> None:
    listing = ListOrderEvents(Ledger(dynamodb, table, clock, day_shards), clock)
    put_version(dynamodb, table, a_payment(1, 0), clock.now() - HOUR_MS, day_shards)
    begin, found, calls = EventPosition(clock.now() - 45 * DAY_MS), list[OrderEvent](), 0
    has_more = True
    while has_more:
        aws.calls.clear()
        page = listing(begin, 100)
        assert aws.calls["Query"] <= QUERIES_A_PAGE
        found += page.events
        begin, has_more, calls = page.following, page.has_more, calls + 1
    assert len(found) == 1
    assert calls <= 47 // (QUERIES_A_PAGE // day_shards) + 1


def test_a_page_is_a_query_and_a_read_of_all_its_versions(
    service: Service, dynamodb: Any, aws: EmbeddedAws, clock: HandClock
) -> None:
    at = clock.now() - 2 * SETTLED_MS
    for number in range(100):
        put_version(dynamodb, service.settings.payments_table, a_payment(number, 0), at + number)
    aws.calls.clear()
    page = service.list_order_events(EventPosition(at), 100)
    assert len(page.events) == 100
    assert aws.calls == {"Query": 1, "BatchGetItem": 1}


def test_a_ledger_that_is_away_is_said_so(service: Service, aws: EmbeddedAws, clock: HandClock) -> None:
    aws.faults.set({"operation": "Query", "kind": "unavailable", "count": 9})
    with pytest.raises(LedgerUnavailable):
        service.list_order_events(EventPosition(clock.now() - HOUR_MS), 1)


def test_a_version_that_was_deleted_meanwhile_is_left_out(service: Service, dynamodb: Any, clock: HandClock) -> None:
    place = EventPosition(clock.now(), 0, str(uuid.UUID(int=7, version=4)), 3)
    kept = a_payment(8, 0)
    put_version(dynamodb, service.settings.payments_table, kept, place.at)
    there = replace(place, reference=kept.reference)
    assert list(service.ledger.events.versions([place, there])) == [(there, kept)]
    assert len(order_events_after(FIRST, [kept])) == 1
