"""Tests the word for why a payment has failed, for each reason that is known of CamPay."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.failure import FailureCode, failure_code_of
from chalicelib.domain.payment import PaymentStatus
from tests.unit.test_contract import golden_payments

PENDING = golden_payments()["pending"]


def failed(reason: str | None, **changes: object) -> FailureCode | None:
    return failure_code_of(replace(PENDING, status=PaymentStatus.FAILED, reason=reason, **changes))  # type: ignore[arg-type] # any field


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (None, "unknown"),
        ("Initiatee not found", "not_registered"),
        ("LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED", "not_enough_funds"),
        ("NOT_ENOUGH_FUNDS", "not_enough_funds"),
        ("INSUFFICIENT_FUNDS", "not_enough_funds"),
        ("Solde insuffisant", "not_enough_funds"),
        ("PAYER_LIMIT_REACHED", "limit_reached"),
        ("EXPIRED", "no_answer"),
        ("TIMEOUT", "no_answer"),
        ("REJECTED", "declined"),
        ("USER_CANCELLED", "declined"),
        ("INVALID_USER_PIN", "wrong_pin"),
        ("WRONG_PIN", "wrong_pin"),
        ("PAYER_NOT_FOUND", "not_registered"),
        ("PAYEE_NOT_FOUND", "not_registered"),
        ("INVALID_NUMBER", "number_not_supported"),
        ("Service unavailable", "operator_down"),
        ("INTERNAL_PROCESSING_ERROR", "operator_down"),
        ("The payment was refunded", "unknown"),
        ("pinned to the wall", "unknown"),
    ],
)
def test_what_a_record_says_of_a_prompt(reason: str | None, code: str) -> None:
    assert failed(reason) == code


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Invalid phone number (ER101)", "number_not_supported"),
        ("ER102 carrier not supported", "number_not_supported"),
        ("from: Enter a valid number.", "number_not_supported"),
        ("Minimum amount for Orange is 10.00 (ER201)", "refused"),
        ("amount: A valid integer is required.", "refused"),
        ("malicious payload rejected", "refused"),
        ("Rate limit per Phone number exceeded. Try again in a minute.", "operator_down"),
        ("CamPay could not be reached.", "operator_down"),
        ("CamPay does not accept our credentials", "operator_down"),
        ("too little time is left for an answer", "operator_down"),
        ("CamPay is away", "operator_down"),
        ("ConnectTimeout", "operator_down"),
        ("NewConnectionError", "operator_down"),
        ("HTTP 502", "operator_down"),
    ],
)
def test_what_kept_the_prompt_from_being_sent(reason: str, code: str) -> None:
    assert failed(reason, provider_reference=None) == code


def test_what_the_shop_has_refused_at_its_review() -> None:
    assert failed("NOT_ENOUGH_FUNDS", disputed=("c",)) == FailureCode.REFUSED


@given(st.text("xyzqwvjk 0123456789", max_size=80))
def test_a_text_that_is_not_understood_stays_unknown(reason: str) -> None:
    assert failed(reason) == FailureCode.UNKNOWN


@pytest.mark.parametrize("status", [it for it in PaymentStatus if it is not PaymentStatus.FAILED])
def test_only_what_has_failed_has_a_word(status: PaymentStatus) -> None:
    assert failure_code_of(replace(PENDING, status=status, reason="REJECTED")) is None
