"""Says when an operator, MTN or Orange, is in technical trouble, from the outcomes of the last payments. Pure.

A customer who says no, or has no money, says nothing of the operator: only what could not be done counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chalicelib.domain.failure import FailureCode, failure_code_of
from chalicelib.domain.payment import Payment, PaymentStatus

TROUBLE_WINDOW_MS = 15 * 60_000
"""Payments that were claimed before say nothing of now."""
LATEST = 20
"""How many outcomes are looked at: so few that trouble shows within a minute where ten payments a minute fail."""
LEAST_TECHNICAL = 10
_SETTLED = frozenset({PaymentStatus.SUCCESSFUL, PaymentStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a payment has ended, for its operator.

    `is_technical`: whether the operator, or CamPay, could not do its part. `claimed_at`: when the payment began, in
    milliseconds since the epoch.
    """

    operator: str
    reference: str
    is_technical: bool
    claimed_at: int


def outcomes_of(payments: Iterable[Payment]) -> Iterator[Outcome]:
    """Yields the outcomes that are known: what may still be paid, or is under review, says nothing of the operator."""
    for it in payments:
        if it.operator and it.status in _SETTLED:
            is_technical = failure_code_of(it) is FailureCode.OPERATOR_DOWN
            yield Outcome(it.operator, it.reference, is_technical, it.created_at)


def is_in_trouble(technical: Iterable[bool]) -> bool:
    """Whether an operator's latest outcomes, LATEST at most, call for a warning."""
    return sum(technical) >= LEAST_TECHNICAL
