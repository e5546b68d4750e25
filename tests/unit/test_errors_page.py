"""docs/errors.md lists exactly the codes that the API and the gateway answer, with what the code says of each."""

from chalicelib.domain.errors import LIMITS_OF_GATEWAY, InvalidRequest, InvalidToken, LimitReached, PaymentError
from chalicelib.domain.failure import FailureCode
from socket_gateway.refusals import RETRYABLE_REFUSALS, STATUS_OF_REFUSAL
from tests import ROOT
from tests.harness.markdown import rows
from tests.unit.test_openapi import ERRORS

PAGE = ROOT / "docs" / "errors.md"


def yes(answer: bool) -> str:
    return "yes" if answer else "no"


def said_of(error: PaymentError) -> list[str]:
    return [error.sentence["en"], error.sentence["fr"]]


def test_the_api() -> None:
    listed = {code: [status, retry, *sentences] for code, status, retry, _, *sentences in rows(PAGE, "## The API")}
    assert listed == {
        f"`{code}`": [str(error.http_status), yes(error.retryable), *said_of(error)] for code, error in ERRORS.items()
    }


def test_why_a_payment_has_failed() -> None:
    listed = [code for code, *_ in rows(PAGE, "## Why a payment has failed")]
    assert listed == [f"`{code}`" for code in FailureCode]


def test_tracking() -> None:
    errors = [InvalidRequest(), InvalidToken(), PaymentError(), *(LimitReached(code, 0) for code in LIMITS_OF_GATEWAY)]
    listed = {code: sentences for code, _, *sentences in rows(PAGE, "## Tracking, on a connection")}
    assert listed == {f"`{error.code}`": said_of(error) for error in errors}


def test_connecting() -> None:
    listed = {code: [status, retry] for code, status, retry, _ in rows(PAGE, "## Connecting")}
    assert listed == {
        f"`{refusal}`": [str(status.value), yes(refusal in RETRYABLE_REFUSALS)]
        for refusal, status in STATUS_OF_REFUSAL.items()
    }
