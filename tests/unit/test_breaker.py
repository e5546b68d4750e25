"""Tests the circuit breaker alone: which calls it admits, and what a failure changes for the others."""

import pytest

from chalicelib.adapters.breaker import Breaker, BreakerOpen
from tests.harness.fakes import HandClock


class DoesNotAnswer(Exception):
    """Raised by the service's client."""


@pytest.fixture
def breaker(clock: HandClock) -> Breaker:
    return Breaker("service", clock, (DoesNotAnswer,))


def fail(breaker: Breaker, clock: HandClock, after_seconds: float, others: int = 0) -> None:
    """Makes a call that fails after a time; `others` calls meanwhile are refused."""

    def call() -> None:
        with breaker.call():
            clock.forward(after_seconds)
            assert not any(is_admitted(breaker) for _ in range(others))
            raise DoesNotAnswer

    with pytest.raises(DoesNotAnswer):
        call()


def is_admitted(breaker: Breaker) -> bool:
    try:
        with breaker.call():
            return True
    except BreakerOpen:
        return False


@pytest.mark.parametrize(("waited", "away"), [(0, 0.2), (0.05, 0.2), (0.1, 2), (10, 2)])
def test_the_next_try_comes_sooner_after_a_failure_that_cost_no_time(
    breaker: Breaker, clock: HandClock, waited: float, away: float
) -> None:
    fail(breaker, clock, waited)
    assert not is_admitted(breaker)
    clock.forward(away - 0.001)
    assert not is_admitted(breaker)
    clock.forward(0.001)
    assert is_admitted(breaker)
    assert is_admitted(breaker), "it has answered"


def test_one_probe_at_a_time_however_long_it_takes(breaker: Breaker, clock: HandClock) -> None:
    fail(breaker, clock, 0)
    clock.forward(0.2)
    fail(breaker, clock, 10, others=3)
    assert not is_admitted(breaker)
    clock.forward(2)
    assert is_admitted(breaker)


def test_a_fault_of_the_caller_says_nothing_of_the_service(breaker: Breaker, clock: HandClock) -> None:
    with pytest.raises(KeyError), breaker.call():
        raise KeyError
    assert is_admitted(breaker)
    fail(breaker, clock, 0)
    clock.forward(0.2)
    with pytest.raises(KeyError), breaker.call():
        raise KeyError
    assert is_admitted(breaker), "the probe has ended, and nothing keeps the next one from trying"


def test_an_answer_that_came_another_way_closes_it(
    breaker: Breaker, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    fail(breaker, clock, 10)
    breaker.close()
    assert is_admitted(breaker)
    assert [record.message for record in caplog.records] == ["service-lost", "service-back"]
