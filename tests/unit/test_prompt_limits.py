"""Tests the limits of prompts per phone at each boundary, and the time to wait."""

import itertools
import random

import pytest

from chalicelib.domain.errors import LimitReached
from chalicelib.domain.prompt_limits import DAY_MS, QUARTER_HOUR_MS, check_phone_limits, prompt_in_flight

NOW = 1_800_000_000_000
MOST = {"per_quarter_hour": 3, "per_day": 6}


def retry_after(ages: list[int], **most: int) -> int | None:
    """Returns the seconds to wait after prompts of these ages (ms, oldest first); None where another one is allowed."""
    return wait_at(NOW, [NOW - age for age in ages], **most)


def wait_at(now: int, prompts: list[int], **most: int) -> int | None:
    try:
        check_phone_limits(prompts, now, **(MOST | most))
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


def test_the_refusal_says_which_limit_it_is() -> None:
    with pytest.raises(LimitReached) as refused:
        check_phone_limits([NOW] * 3, NOW, **MOST)
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
