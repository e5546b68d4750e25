"""Tests that a rebuild of the rollups equals a recount, loses no change that comes meanwhile, and counts none twice."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from chalicelib.bootstrap import Service
from chalicelib.domain.rollup import Group, day_of
from chalicelib.flows.rebuild_rollups import AHEAD_MS, RebuildOvertaken, RebuildRollups
from chalicelib.runtime.clock import Clock
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.parts.test_rollups import count_all, counted, pay_in_many_ways, recount, start, told


class Meanwhile(Clock):
    """A clock during whose wait things happen: first what the recount counts, then what the stream alone counts."""

    def __init__(self, clock: HandClock, early: Callable[[], None], later: Callable[[], None]) -> None:
        self._clock = clock
        self._early = early
        self._later = later

    def now(self) -> int:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._early()
        self._clock.forward(AHEAD_MS / 1000 + 1)
        self._later()
        self._clock.forward(seconds)


def nothing() -> None:
    """Happens in a calm rebuild."""


def days_of(service: Service) -> list[date]:
    today = day_of(service.clock.now())
    return [today - timedelta(days=number) for number in range(3)]


def spoil(service: Service) -> None:
    """Makes the rollup wrong, as a fault in the code that counts would."""
    today = day_of(service.clock.now())
    wrong = {(Group(today, operator), 0): Counter({"started": 7, "paid": -2}) for operator in ("MTN", "nobody")}
    assert service.ledger.rollups.add("another-shard", 0, 1, wrong, service.clock.now())


@pytest.mark.parametrize("is_counted", [True, False])
def test_a_rebuild_of_wrong_rollups_equals_a_recount(
    service: Service, shop: Shop, clock: HandClock, is_counted: bool
) -> None:
    """Whether or not the stream was counted before: what the recount has counted, the stream never adds."""
    pay_in_many_ways(service, shop, clock)
    spoil(service)
    if is_counted:
        count_all(service)
    assert counted(service) != recount(service)
    RebuildRollups(service.ledger, Meanwhile(clock, nothing, nothing))(days_of(service))
    assert counted(service) == recount(service)
    count_all(service)
    assert counted(service) == recount(service)


def test_what_comes_during_a_rebuild_is_counted_once(service: Service, shop: Shop, clock: HandClock) -> None:
    """Some of it is counted before the new rollup is read, some after it."""
    first, second, third, fourth = (start(service, f"order-{number}", f"23767777770{number}") for number in range(4))
    spoil(service)
    count_all(service)

    def early() -> None:
        told(service, shop, first, "SUCCESSFUL")
        count_all(service)
        told(service, shop, second, "FAILED")
        start(service, "order-5", "237677777705")

    def later() -> None:
        told(service, shop, third, "SUCCESSFUL")
        count_all(service)
        told(service, shop, fourth, "FAILED")
        start(service, "order-6", "237677777706")

    RebuildRollups(service.ledger, Meanwhile(clock, early, later))(days_of(service))
    assert counted(service) != recount(service), "the stream is behind"
    count_all(service)
    assert counted(service) == recount(service)
    RebuildRollups(service.ledger, Meanwhile(clock, nothing, nothing))(days_of(service))
    told(service, shop, start(service, "order-7", "237677777707"), "SUCCESSFUL")
    count_all(service)
    assert counted(service) == recount(service)


def test_a_rebuild_that_another_overtakes_changes_nothing(service: Service, clock: HandClock) -> None:
    start(service, "order-1", "237677777701")
    spoil(service)

    def another() -> None:
        RebuildRollups(service.ledger, Meanwhile(clock, nothing, nothing))(days_of(service))

    with pytest.raises(RebuildOvertaken):
        RebuildRollups(service.ledger, Meanwhile(clock, another, nothing))(days_of(service))
    count_all(service)
    assert counted(service) == recount(service)


def test_a_rebuild_that_ended_halfway_is_made_good_by_the_next(service: Service, clock: HandClock) -> None:
    start(service, "order-1", "237677777701")
    spoil(service)

    def dies() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RebuildRollups(service.ledger, Meanwhile(clock, nothing, dies))(days_of(service))
    start(service, "order-2", "237677777702")
    count_all(service)
    assert counted(service) != recount(service)
    RebuildRollups(service.ledger, Meanwhile(clock, nothing, nothing))(days_of(service))
    assert counted(service) == recount(service)
