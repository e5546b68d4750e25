"""Tests which order events the shop is sent, in which order, and when again."""

import itertools
import json

import pytest

from chalicelib.domain.order_event import FIRST, Attempt, Place, order_events_after
from chalicelib.domain.order_event_schedule import LONGEST_PAUSE_MS, TRIED_MS, next_attempt
from tests.unit.test_contract import EVENTS, PAYMENTS

HOUR_MS = 3_600_000
TWICE = PAYMENTS["successfulByAnOperatorChargedTwice"]


@pytest.mark.parametrize("case", EVENTS)
def test_each_case_has_the_order_events_of_the_contract(case: str) -> None:
    events = order_events_after(FIRST, [PAYMENTS[case]])
    assert [event.kind for event in events] == EVENTS[case]["orderEventTypes"]
    bodies = [json.loads(event.body) for event in events]
    assert [body["type"] for body in bodies] == EVENTS[case]["orderEventTypes"]
    assert [body["data"]["id"] for body in bodies] == [event.id for event in events]


def test_a_body_says_when_its_version_came_to_be_however_late_it_is_sent() -> None:
    payment = PAYMENTS["successful"]
    (event,) = order_events_after(FIRST, [payment])
    body = json.loads(event.body)
    assert body["timestamp"] == body["data"]["timestamp"] == body["data"]["updatedAt"]
    assert event.id == f"{payment.reference}:{payment.version}"


def test_what_is_told_of_a_version_is_left_out_event_by_event() -> None:
    first, second = order_events_after(FIRST, [TWICE])
    assert (first.place, second.place) == (Place(TWICE.version, 1), Place(TWICE.version, 2))
    assert order_events_after(first.place, [TWICE]) == [second]
    assert order_events_after(second.place, [TWICE]) == []


@pytest.mark.parametrize(
    ("status", "is_taken"), [(200, True), (204, True), (299, True), (199, False), (301, False), (500, False)]
)
def test_only_a_2xx_takes_an_event(status: int, is_taken: bool) -> None:
    assert Attempt("id", 0, 1, status).is_taken is is_taken
    assert not Attempt("id", 0, 1, None, "TimeoutError").is_taken


def times_of_failures(reference: str) -> list[int]:
    """Returns when an event is tried that is never taken and first fails at 0."""
    times = [0]
    while (at := next_attempt(reference, len(times), 0, times[-1])) is not None:
        times.append(at)
    return times


def test_pauses_grow_and_the_last_attempt_is_three_days_after_the_first() -> None:
    times = times_of_failures("payment-1")
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses[:-1] == sorted(pauses[:-1])
    assert pauses[0] < 6_000
    assert max(pauses) <= LONGEST_PAUSE_MS
    assert times[-1] == TRIED_MS == 72 * HOUR_MS
    assert 20 < len(times) < 30


def test_payments_that_failed_together_are_not_tried_together() -> None:
    eighth = {next_attempt(f"payment-{number}", 8, 0, HOUR_MS) for number in range(100)}
    assert len(eighth) == 100
    assert all(at is not None and 5 * HOUR_MS <= at <= HOUR_MS + LONGEST_PAUSE_MS for at in eighth)
