"""Tests when an operator's outcomes call for a warning of customers, or for telling the shop's people."""

from dataclasses import replace

import pytest

from chalicelib.domain.operator_trouble import (
    LEAST_TECHNICAL,
    RUN_WINDOW_MS,
    Outcome,
    failing_run,
    is_in_trouble,
    outcomes_of,
)
from tests.unit.test_payment import EXAMPLES

NOW = 1_800_000_000_000


def outcomes(*words: str, age_ms: int = 0) -> list[Outcome]:
    """Builds outcomes, the newest first, a second apart."""
    return [
        Outcome("MTN", f"ref-{number}", word == "technical", NOW - age_ms - number * 1000, word == "paid")
        for number, word in enumerate(words)
    ]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ([], 0),
        (["failed"] * 4, 0),
        (["failed"] * 5, 5),
        (["failed"] * 9 + ["paid"], 9),
        (["paid"] + ["failed"] * 9, 0),
        (["technical"] * 2, 0),
        (["technical"] * 3 + ["paid"], 3),
        (["technical"] * 3 + ["failed"], 4),
        (["failed"] + ["technical"] * 3, 0),
    ],
)
def test_what_is_a_run_of_failures(words: list[str], count: int) -> None:
    assert len(failing_run(outcomes(*words), NOW)) == count
    assert len(failing_run(outcomes(*words, age_ms=RUN_WINDOW_MS - 1), NOW)) == count
    assert not failing_run(outcomes(*words, age_ms=RUN_WINDOW_MS), NOW), "an hour later"


def test_ten_technical_outcomes_call_for_a_warning() -> None:
    assert is_in_trouble([True] * LEAST_TECHNICAL + [False] * 10)
    assert not is_in_trouble([True] * (LEAST_TECHNICAL - 1) + [False] * 11)


def test_only_what_has_been_decided_is_an_outcome() -> None:
    down = replace(EXAMPLES["FAILED"], reason="Operator service unavailable")
    at = down.created_at
    assert list(outcomes_of([*EXAMPLES.values(), down])) == [
        Outcome("MTN", "payment-1", is_technical=False, claimed_at=at),
        Outcome("MTN", "payment-1", is_technical=False, claimed_at=at, is_paid=True),
        Outcome("MTN", "payment-1", is_technical=True, claimed_at=at),
    ]
