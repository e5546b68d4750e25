"""Tests the limits of prompts per phone at each boundary, and the time to wait."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.errors import LimitReached
from chalicelib.domain.failure import FailureCode, failure_code_of
from chalicelib.domain.payment import GIVEN_UP, Payment, PaymentStatus
from chalicelib.domain.prompt_limits import (
    DAY_MS,
    QUARTER_HOUR_MS,
    UnwantedPrompts,
    check_phone_limits,
    prompt_in_flight,
    unwanted_prompts,
)
from tests.unit.test_contract import golden_payments

S = PaymentStatus
NOW = 1_800_000_000_000
HOUR_MS = 3_600_000
MOST = {"per_quarter_hour": 3, "per_day": 6}


def retry_after(ages: list[int], **most: int) -> int | None:
    """Returns the seconds to wait after prompts of these ages (ms, oldest first); None where another one is allowed."""
    return wait_at(NOW, [NOW - age for age in ages], **most)


def wait_at(
    now: int, prompts: list[int], declined: Sequence[int] = (), unwanted: Sequence[int] = (), /, **most: int
) -> int | None:
    try:
        check_phone_limits(prompts, now, unwanted=UnwantedPrompts(declined, unwanted), **dict[str, Any](MOST | most))
    except LimitReached as error:
        return error.retry_after
    return None


@pytest.mark.parametrize("window", [QUARTER_HOUR_MS, DAY_MS])
def test_a_prompt_counts_until_it_is_as_old_as_the_window(window: int) -> None:
    most = {"per_quarter_hour": 1, "per_day": 9} if window == QUARTER_HOUR_MS else {"per_quarter_hour": 9, "per_day": 1}
    assert retry_after([window - 1], **most) == 1
    assert retry_after([window], **most) is None
    assert retry_after([window + 1], **most) is None


@pytest.mark.parametrize(("prompts", "wait"), [(0, None), (1, None), (2, None), (3, 900), (4, 900)])
def test_the_third_prompt_in_a_quarter_of_an_hour_is_the_last(prompts: int, wait: int | None) -> None:
    assert retry_after([0] * prompts) == wait


def test_the_sixth_prompt_in_a_day_is_the_last() -> None:
    hours = [hour * 3_600_000 for hour in (23, 20, 15, 10, 5, 1)]
    assert retry_after(hours[1:]) is None
    assert retry_after(hours) == 3600


def test_the_longer_wait_is_returned() -> None:
    minute = 60_000
    assert retry_after([DAY_MS - 1, *[10 * minute] * 3, 2 * minute, 0]) == 5 * 60, "the quarter of an hour is longer"
    assert retry_after([DAY_MS - 20 * minute, 20 * minute, 20 * minute, 9 * minute, 8 * minute, 7 * minute]) == 20 * 60


@pytest.mark.parametrize(("left", "told"), [(1, 1), (999, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 3)])
def test_part_of_a_second_is_a_whole_one(left: int, told: int) -> None:
    assert retry_after([QUARTER_HOUR_MS - left] * 3) == told
    assert prompt_in_flight(NOW + left, NOW).retry_after == told


@pytest.mark.parametrize(("ages", "wait"), [([1], None), ([HOUR_MS, 0], 23 * 3600), ([DAY_MS, 0], None)])
def test_the_second_declined_prompt_in_a_day_is_the_last(ages: list[int], wait: int | None) -> None:
    assert wait_at(NOW, [], [NOW - age for age in ages]) == wait


@pytest.mark.parametrize(("ages", "wait"), [([1, 0], None), ([HOUR_MS, 1, 0], 23 * 3600), ([DAY_MS, 1, 0], None)])
def test_the_third_unwanted_prompt_in_a_day_is_the_last(ages: list[int], wait: int | None) -> None:
    assert wait_at(NOW, [], [], [NOW - age for age in ages]) == wait


def test_of_all_limits_the_longest_wait_is_returned() -> None:
    assert wait_at(NOW, [NOW] * 3, [NOW - 23 * HOUR_MS, NOW]) == 3600
    assert wait_at(NOW, [NOW] * 3, [NOW - DAY_MS + 1000, NOW]) == 900


def attempt(status: PaymentStatus, reason: str | None = None, **changes: object) -> Payment:
    return replace(golden_payments()["pending"], status=status, reason=reason, phone_hash="hash", **changes)  # type: ignore[arg-type] # any field


REASONS = {
    FailureCode.DECLINED: "REJECTED",
    FailureCode.NO_ANSWER: "EXPIRED",
    FailureCode.WRONG_PIN: "INVALID_USER_PIN",
    FailureCode.NOT_ENOUGH_FUNDS: "NOT_ENOUGH_FUNDS",
    FailureCode.LIMIT_REACHED: "PAYER_LIMIT_REACHED",
    FailureCode.NOT_REGISTERED: "PAYER_NOT_FOUND",
    FailureCode.OPERATOR_DOWN: "Service unavailable",
    FailureCode.NUMBER_NOT_SUPPORTED: "INVALID_NUMBER",
    FailureCode.UNKNOWN: None,
}


def test_declined_and_unanswered_prompts_are_unwanted_and_no_others() -> None:
    for code, reason in REASONS.items():
        failed = attempt(S.FAILED, reason)
        assert failure_code_of(failed) is code
        at = [failed.created_at]
        declined, unanswered = code is FailureCode.DECLINED, code is FailureCode.NO_ANSWER
        expected = UnwantedPrompts(at if declined else [], at if declined or unanswered else [])
        assert unwanted_prompts([failed], ["hash"]) == expected
    counted = {status for status in S if unwanted_prompts([attempt(status)], ["hash"]).all}
    assert counted == {S.EXPIRED}
    assert len(unwanted_prompts([attempt(S.EXPIRED, GIVEN_UP)], ["hash"]).all) == 1


def test_unwanted_prompts_are_those_of_the_phone_by_any_key_in_their_order() -> None:
    later, sooner = (attempt(S.EXPIRED, created_at=at) for at in (NOW, NOW - 1))
    other = replace(sooner, phone_hash="another phone's")
    assert unwanted_prompts([later, other, replace(sooner, phone_hash="old")], ["hash", "old"]).all == [NOW - 1, NOW]


def test_the_refusal_says_which_limit_it_is() -> None:
    with pytest.raises(LimitReached) as refused:
        check_phone_limits([NOW] * 3, NOW, per_quarter_hour=3, per_day=6)
    assert refused.value.code == "phone_limit"


@pytest.mark.parametrize("over", [0, 1, 60_000])
def test_a_prompt_whose_time_is_over_is_asked_for_again_in_a_second(over: int) -> None:
    error = prompt_in_flight(NOW - over, NOW)
    assert (error.code, error.retry_after) == ("prompt_in_flight", 1)


def test_the_returned_wait_is_enough_and_a_second_less_is_not() -> None:
    chance = random.Random(17)
    told = 0
    for per_quarter_hour, per_day, _ in itertools.product((1, 2, 3), (1, 4, 6), range(60)):
        most = {"per_quarter_hour": per_quarter_hour, "per_day": per_day}
        reach = chance.choice((QUARTER_HOUR_MS, DAY_MS))
        prompts = sorted(NOW - chance.randrange(reach + 2_000) for _ in range(chance.randrange(9)))
        wait = wait_at(NOW, prompts, **most)
        if wait is None:
            continue
        told += 1
        assert wait_at(NOW + wait * 1000, prompts, **most) is None
        assert wait == 1 or wait_at(NOW + (wait - 1) * 1000, prompts, **most) is not None
    assert told > 100
