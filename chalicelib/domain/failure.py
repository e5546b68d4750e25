"""Says in one of ten words why a payment has failed, from what the provider said of it. Pure.

CamPay's reasons are free text of the operators, which no document lists: those that integrators have seen are here.
What is not understood stays `unknown`, and what has not failed has no such word.
"""

import re
from enum import StrEnum

from chalicelib.domain.payment import Payment, PaymentStatus


class FailureCode(StrEnum):
    """Why a payment has failed, in the words of the API. Nothing was charged in any case but REFUSED by the shop."""

    NOT_ENOUGH_FUNDS = "not_enough_funds"
    """Too little money; MTN says the same where a limit is reached."""
    WRONG_PIN = "wrong_pin"
    DECLINED = "declined"
    """The customer said no on the phone."""
    NOT_REGISTERED = "not_registered"
    """The number has no mobile money account."""
    LIMIT_REACHED = "limit_reached"
    """A limit of the customer's account."""
    NO_ANSWER = "no_answer"
    """The operator stopped waiting for the PIN."""
    OPERATOR_DOWN = "operator_down"
    """The operator, or CamPay, could not do its part."""
    NUMBER_NOT_SUPPORTED = "number_not_supported"
    """It is no number of MTN or Orange."""
    REFUSED = "refused"
    """CamPay took no such payment; or the shop did not, at its review."""
    UNKNOWN = "unknown"


_C = FailureCode
_OF_RECORDS = (
    (_C.WRONG_PIN, r"(wrong|invalid|incorrect)( user)? (pin|password|secret)"),
    (_C.WRONG_PIN, r"(pin|password|secret)( code)? (is )?(wrong|invalid|incorrect|blocked|locked)"),
    (_C.NOT_ENOUGH_FUNDS, r"(?<!re)fund(?!ed)|balance|insufficient|solde"),
    (_C.NUMBER_NOT_SUPPORTED, r"er10[12]|(invalid|unsupported) (phone )?number|not supported"),
    (_C.NOT_REGISTERED, r"(payer|payee|initiatee|subscriber|customer|account|wallet|number) (is )?not found"),
    (_C.NOT_REGISTERED, r"not registered|not exist|no account"),
    (_C.OPERATOR_DOWN, r"rate limit|unavailable|unreachable|maintenance|(service|system) (is )?down"),
    (_C.OPERATOR_DOWN, r"(internal|system|service|technical|server|processing) (error|failure|problem)"),
    (_C.LIMIT_REACHED, r"limit"),
    (_C.DECLINED, r"reject|declin|cancel|denied|refus|annul"),
    (_C.NO_ANSWER, r"time ?out|timed out|expired|no (answer|response)"),
)
"""What CamPay's record says of a prompt that went out; the first that is found counts."""
_BEFORE_THE_PROMPT = (
    (_C.NUMBER_NOT_SUPPORTED, r"er10[12]|^from "),
    (_C.REFUSED, r"er201"),
    (_C.OPERATOR_DOWN, r"^http [0-9]+$|^[a-z]*(error|timeout|exception|closed)$"),
    (_C.OPERATOR_DOWN, r"reached|is away|answer|credentials|rate limit"),
)
"""What kept the prompt from being sent, in CamPay's words or in ours."""


def failure_code_of(payment: Payment) -> FailureCode | None:
    """Returns why a payment has FAILED, None where it has not: one that EXPIRED may still be paid."""
    if payment.status is not PaymentStatus.FAILED:
        return None
    if payment.disputed:
        return FailureCode.REFUSED
    if payment.provider_reference is None:
        return _first(_BEFORE_THE_PROMPT, payment.reason) or FailureCode.REFUSED
    return _first(_OF_RECORDS, payment.reason) or FailureCode.UNKNOWN


def _first(rules: tuple[tuple[FailureCode, str], ...], reason: str | None) -> FailureCode | None:
    words = re.sub(r"[\W_]+", " ", reason or "").strip().lower()
    return next((code for code, pattern in rules if re.search(pattern, words)), None)
