"""Tests that a process follows AWS's clock where its machine's own is off, and leaves it alone where it is not."""

from collections.abc import Iterator
from email.utils import formatdate

import pytest
from botocore.exceptions import ClientError

from chalicelib.runtime import aws, clock, deadline
from tests.parts.test_aws_clients import CALLS, Scripted, service

__all__ = ["service"]
LATENCY_MS = 1_000


@pytest.fixture(autouse=True)
def right_again() -> Iterator[None]:
    yield
    clock.correct_by(formatdate(), clock.machine_now())
    assert not clock.correction_ms()


def off_by() -> float:
    """Returns how many seconds the product's clock is ahead of the machine's."""
    return (clock.Clock().now() - clock.machine_now()) / 1000


def answered(service: Scripted, ahead: float, status: int = 200) -> None:
    """Has AWS answer with a clock that is so many seconds ahead of this machine's."""
    service.answer = (status, {"Date": formatdate(clock.machine_now() / 1000 + ahead, usegmt=True)}, b"{}")


def call() -> None:
    aws.make_client("dynamodb").get_item(**CALLS["dynamodb"][1])


@pytest.mark.parametrize("seconds", [600, -600, 5, -5])
def test_it_follows_aws_by_the_first_answer(service: Scripted, seconds: float) -> None:
    answered(service, seconds)
    call()
    assert off_by() == pytest.approx(seconds, abs=1.5)


@pytest.mark.parametrize("seconds", [0, 1.5, -1.5])
def test_what_a_date_cannot_tell_changes_nothing(service: Scripted, seconds: float) -> None:
    answered(service, seconds)
    call()
    assert off_by() == 0


def test_it_goes_back_to_the_machines_clock_once_that_is_right(service: Scripted) -> None:
    for seconds, expected in ((600, 600), (0, 0)):
        answered(service, seconds)
        call()
        assert off_by() == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize(("before", "seconds"), [(0, 600), (0, -600), (600, 0)])
def test_a_correction_leaves_a_deadline_as_far_away(service: Scripted, before: float, seconds: float) -> None:
    """Else a prompt would not be sent for lack of time, or be waited for without end."""
    product = clock.Clock()
    answered(service, before)
    call()
    with deadline.until(product.now() + 60_000):
        answered(service, seconds)
        call()
        left = deadline.earliest(product.now() + 3_600_000) - product.now()
    assert 50_000 < left <= 60_000


def test_an_answer_that_was_long_on_its_way_says_no_more_than_it_can() -> None:
    """Its `Date` is of some moment of the call."""
    now = clock.machine_now()
    assert not clock.correct_by(formatdate((now - 8_000) / 1000, usegmt=True), now - 10_000)
    assert clock.correct_by(formatdate((now - 18_000) / 1000, usegmt=True), now - 10_000)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 99:99:99 GMT"])
def test_an_answer_without_a_date_changes_nothing(date: str | None) -> None:
    assert not clock.correct_by(date, clock.machine_now())
    assert off_by() == 0


def test_what_aws_refuses_for_its_time_is_signed_anew_and_sent_once_more(service: Scripted) -> None:
    answered(service, 600, status=400)
    with pytest.raises(ClientError):
        call()
    first, second = (received.headers["X-Amz-Date"] for received in service.received)
    minutes = [int(text[9:11]) * 60 + int(text[11:13]) for text in (first, second)]
    assert (minutes[1] - minutes[0]) % 1440 in (9, 10, 11)
