"""Tests which order events a replay finds by a window of time, on DynamoDB's protocol."""

from typing import Any

import pytest

from chalicelib.adapters.ledger.attributes import key_of, to_attributes
from chalicelib.adapters.ledger.event_pages import QUERIES_A_PAGE
from chalicelib.adapters.ledger.items import version_key
from chalicelib.bootstrap import Service
from chalicelib.domain.event_cursor import EventPosition
from chalicelib.domain.payment import Payment
from chalicelib.flows.replay_order_events import ReplayOrderEvents
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.parts.test_attention import pay
from tests.parts.test_order_events import start
from tests.parts.test_tell_shop import paid

DAY = 86_400


@pytest.fixture
def replay(service: Service) -> ReplayOrderEvents:
    return ReplayOrderEvents(service.ledger)


def found(replay: ReplayOrderEvents, since: int, until: int) -> list[str]:
    return [event.id for each in replay.of_window(since, until) for event in each.events]


def of_version(service: Service, payment: Payment, version: int) -> dict[str, Any]:
    """Returns by what DynamoDB finds the row of a payment's version."""
    key = key_of(f"payment#{payment.reference}", version_key(version))
    return {"TableName": service.settings.payments_table, "Key": to_attributes(key)}


def test_a_row_of_a_release_without_the_index_is_found_by_its_claim(
    service: Service, shop: Shop, dynamodb: Any, clock: HandClock, replay: ReplayOrderEvents
) -> None:
    begun = clock.now()
    old, new = paid(service, shop, 1), paid(service, shop, 2)
    dynamodb.update_item(**of_version(service, old, 3), UpdateExpression="REMOVE eventDay")
    places, _, _ = service.ledger.events.page(EventPosition(begun), clock.now(), 9)
    assert [it.reference for it in places] == [new.reference]
    assert sorted(found(replay, begun, clock.now())) == sorted(f"{it.reference}:3" for it in (old, new))


@pytest.mark.parametrize("seconds", [-2, 19])
def test_an_event_is_in_the_window_of_its_own_time_and_not_in_that_of_its_write(
    service: Service, shop: Shop, dynamodb: Any, clock: HandClock, replay: ReplayOrderEvents, seconds: int
) -> None:
    """Two clocks are two seconds apart, or a write takes its longest; the claim is too long ago to be looked at."""
    payment = start(service, 1)
    clock.forward(8 * DAY)
    pay(service, shop, payment)
    at = clock.now()
    written = at + seconds * 1000
    dynamodb.update_item(
        **of_version(service, payment, 3),
        UpdateExpression="SET #at = :at",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues=to_attributes({":at": written}),
    )
    assert found(replay, at, at) == [f"{payment.reference}:3"]
    assert found(replay, written, written) == []


def test_a_window_of_weeks_is_read_to_its_end(
    service: Service, shop: Shop, clock: HandClock, replay: ReplayOrderEvents
) -> None:
    payment = start(service, 1)
    clock.forward(6 * DAY)
    since = clock.now()
    clock.forward((QUERIES_A_PAGE + 5) * DAY)
    pay(service, shop, payment)
    assert found(replay, since, clock.now()) == [f"{payment.reference}:3"]
