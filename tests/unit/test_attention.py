"""Tests from when on a payment needs a person."""

from dataclasses import replace

import pytest

from chalicelib.domain.attention import OF_DAYS, OF_PAYMENTS, UNDECIDED_MS, Need, needed_from
from tests import ROOT
from tests.unit.test_payment import EXAMPLES

MINUTE = 60_000


def test_an_undecided_payment_waits_for_its_first_hours_checks() -> None:
    lost = EXAMPLES["LOST"]
    assert needed_from(Need.UNDECIDED, lost) == lost.created_at + 70 * MINUTE
    assert needed_from(Need.UNDECIDED, lost) + UNDECIDED_MS == lost.created_at + 97 * 60 * MINUTE


@pytest.mark.parametrize("kind", [Need.UNDER_REVIEW, Need.DUPLICATE])
def test_what_a_person_must_decide_is_needed_at_once(kind: Need) -> None:
    assert needed_from(kind, replace(EXAMPLES["CONFLICTED"], updated_at=77)) == 77


def test_the_operators_page_has_words_for_each_kind() -> None:
    source = (ROOT / "frontend/operator/apiTypes.ts").read_text("utf-8")
    for name, kinds in {"PaymentNeed": OF_PAYMENTS, "DayNeed": OF_DAYS}.items():
        declared = source.partition(f"export type {name} = ")[2].partition(";")[0]
        assert [word.strip('"') for word in declared.split(" | ")] == list(kinds)
