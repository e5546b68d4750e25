"""Tests what an error carries beside its code, which test_errors_page.py tests."""

import pytest

from chalicelib.domain.errors import (
    SENTENCE_OF_LIMIT,
    CurrencyNotSupported,
    InvalidRequest,
    LimitReached,
    NotFound,
    PaymentError,
    ProviderUnavailable,
)


def test_an_error_has_its_detail_and_its_reference() -> None:
    error = ProviderUnavailable("read timed out", reference="payment-1")
    assert (error.detail, error.reference, str(error)) == ("read timed out", "payment-1", "read timed out")
    plain = NotFound()
    assert (plain.detail, plain.reference, str(plain)) == ("", None, plain.sentence["en"])


def test_a_wrong_request_names_every_wrong_field() -> None:
    fields = {"amount": "must be whole", "currency": "is missing"}
    error = InvalidRequest("two are wrong", fields=fields)
    assert (error.detail, error.fields) == ("two are wrong", fields)
    assert InvalidRequest().fields == {}
    assert InvalidRequest().detail == ""


def test_a_currency_that_is_not_taken_is_answered_with_those_that_are() -> None:
    error = CurrencyNotSupported(["XOF", "XAF"])
    assert error.supported == ["XAF", "XOF"]
    assert error.fields == {"currency": "must be one of XAF, XOF"}
    assert error.sentence == {
        "en": "This currency cannot be paid with mobile money. Possible: XAF, XOF.",
        "fr": "Cette devise ne peut pas être payée par mobile money. Possible : XAF, XOF.",
    }


def test_where_no_currency_is_known_none_is_named() -> None:
    error = CurrencyNotSupported()
    assert (error.supported, error.fields) == ([], {})
    assert error.sentence is CurrencyNotSupported.sentence


@pytest.mark.parametrize("code", SENTENCE_OF_LIMIT)
def test_a_limit_says_which_it_is_and_for_how_long(code: str) -> None:
    error = LimitReached(code, 7, "too many")
    assert isinstance(error, PaymentError)
    assert (error.code, error.retry_after, error.detail) == (code, 7, "too many")
    assert error.sentence is SENTENCE_OF_LIMIT[code]
    assert LimitReached(code, 7).detail == ""
