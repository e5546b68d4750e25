"""Tests from when on a payment needs a person."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.attention import OF_DAYS, OF_PAYMENTS, UNDECIDED_MS, Need, need_of, needed_from
from chalicelib.domain.refund import RefundStatus
from tests import ROOT
from tests.unit.test_payment import EXAMPLES, REFUND

MINUTE = 60_000


def test_an_undecided_payment_waits_for_its_first_hours_checks() -> None:
    lost = EXAMPLES["LOST"]
    assert needed_from(Need.UNDECIDED, lost) == lost.created_at + 70 * MINUTE
    assert needed_from(Need.UNDECIDED, lost) + UNDECIDED_MS == lost.created_at + 97 * 60 * MINUTE


@pytest.mark.parametrize("kind", [Need.UNDER_REVIEW, Need.DUPLICATE])
def test_what_a_person_must_decide_is_needed_at_once(kind: Need) -> None:
    assert needed_from(kind, replace(EXAMPLES["CONFLICTED"], updated_at=77)) == 77


@pytest.mark.parametrize(
    ("example", "changes", "need"),
    [
        ("CONFLICTED", {}, Need.UNDER_REVIEW),
        ("SUCCESSFUL", {"duplicate": True}, Need.DUPLICATE),
        ("LOST", {}, Need.UNDECIDED),
        ("SUCCESSFUL", {"refunds": (REFUND,)}, Need.REFUND_OPEN),
        ("SUCCESSFUL", {"refunds": (replace(REFUND, status=RefundStatus.FAILED),)}, None),
        ("EXPIRED", {}, None),
        ("SUCCESSFUL", {}, None),
        ("PENDING", {}, None),
    ],
)
def test_what_a_payments_state_needs_a_person_for(example: str, changes: dict[str, Any], need: Need | None) -> None:
    assert need_of(replace(EXAMPLES[example], **changes)) is need


def test_a_refund_needs_a_person_from_when_the_first_open_one_is_asked_about_no_more() -> None:
    ended = replace(REFUND, reference="refund-0", at=1, status=RefundStatus.SUCCESSFUL)
    later = replace(REFUND, reference="refund-2", at=REFUND.at + 5)
    payment = replace(EXAMPLES["SUCCESSFUL"], refunds=(ended, later, REFUND))
    assert needed_from(Need.REFUND_OPEN, payment) == REFUND.at + 73 * 60 * MINUTE


def test_the_operators_page_has_words_for_each_kind() -> None:
    source = (ROOT / "frontend/operator/apiTypes.ts").read_text("utf-8")
    for name, kinds in {"PaymentNeed": OF_PAYMENTS, "DayNeed": OF_DAYS}.items():
        declared = source.partition(f"export type {name} = ")[2].partition(";")[0]
        assert [word.strip('"') for word in declared.split(" | ")] == list(kinds)
