"""Says what needs a person, and from when on. Pure."""

from enum import StrEnum

from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.refund import WATCHED_MS

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000
_FIRST_HOUR_MS = 70 * _MINUTE_MS
"""Age at which the checks of a payment's first hour have ended: the last of them comes up to a tenth late."""
LAST_CHANGE_MS = (72 + 1 + 24) * _HOUR_MS
"""Age until which a payment may change by itself, and counts as undecided.

Its last check comes after 72 hours, up to half an hour late, and is read from CamPay within the hour. A day is left in
which somebody sees that it ended without an outcome.
"""
UNDECIDED_MS = LAST_CHANGE_MS - _FIRST_HOUR_MS
"""How long a payment counts as undecided."""
UNDELIVERED_MS = 2 * _MINUTE_MS
"""Age of a delivery that needs a person. The sweep takes over after a minute, and tries again at least each minute."""


class Need(StrEnum):
    """Kinds of what needs a person, in the words of the API."""

    UNDER_REVIEW = "underReview"
    """CamPay's record disagrees with the claim: a person decides."""
    DUPLICATE = "duplicate"
    """The order was paid twice, and nobody has said yet that the customer has the money back."""
    UNDECIDED = "undecided"
    """The payment's time is over, and CamPay has never said that it knows the prompt: it may be on the phone, or not.

    A prompt that CamPay calls pending is none: CamPay leaves every one that is cancelled or not answered pending for
    ever, and nobody can do anything about it.
    """
    REFUND_OPEN = "refundOpen"
    """CamPay has never said what has become of a refund, and is no longer asked."""
    UNDELIVERED = "undelivered"
    """A screen or the shop has not been told of a change."""
    STATEMENT_DIFFERENCE = "statementDifference"
    """CamPay's statement of a day differs from the ledger, and nobody has signed that."""
    STATEMENT_MISSING = "statementMissing"
    """The night has not compared a day with CamPay's statement, or not to its end."""


OF_DAYS = (Need.STATEMENT_DIFFERENCE, Need.STATEMENT_MISSING)
OF_PAYMENTS = tuple(need for need in Need if need not in OF_DAYS)


def need_of(payment: Payment) -> Need | None:
    """Returns what a payment's state needs a person for. Whether it is undelivered is not in its state."""
    if payment.is_under_review:
        return Need.UNDER_REVIEW
    if payment.may_be_acknowledged:
        return Need.DUPLICATE
    if payment.status is PaymentStatus.EXPIRED and payment.provider_reference is None:
        return Need.UNDECIDED
    return Need.REFUND_OPEN if payment.open_refunds else None


def needed_from(kind: Need, payment: Payment) -> int:
    """Returns from when on a payment needs a person, if this version is the first that does, in milliseconds."""
    if kind is Need.REFUND_OPEN:
        return min(it.at for it in payment.open_refunds) + WATCHED_MS
    return payment.created_at + _FIRST_HOUR_MS if kind is Need.UNDECIDED else payment.updated_at
