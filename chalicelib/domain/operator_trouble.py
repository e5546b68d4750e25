"""Says when an operator, MTN or Orange, is in trouble, from the outcomes of the last payments. Pure.

Customers are warned of technical trouble alone: one who says no, or has no money, says nothing of the operator. The
shop's people are told as well where nothing is paid any more, whatever the words are: they judge.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.domain.failure import FailureCode, failure_code_of
from chalicelib.domain.payment import Payment, PaymentStatus

TROUBLE_WINDOW_MS = 15 * 60_000
"""Payments that were claimed before say nothing of now."""
LATEST = 20
"""How many outcomes are looked at: so few that trouble shows within a minute where ten payments a minute fail."""
LEAST_TECHNICAL = 10
RUN_TECHNICAL, RUN_FAILED = 3, 5
"""Payments in a row that have failed for technical reasons, or for any, from which on the shop's people are told."""
RUN_PHONES = 2
"""Phones that a run without a technical reason has: where it has one, it says something of that customer."""
RUN_WINDOW_MS = 3_600_000
"""A run whose latest payment was claimed before says nothing of now."""
_SETTLED = frozenset({PaymentStatus.SUCCESSFUL, PaymentStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a payment has ended, for its operator.

    `is_paid`: the money is there. `is_technical`: the operator, or CamPay, could not do its part. `claimed_at`: when
    the payment began, in milliseconds since the epoch.
    """

    operator: str
    reference: str
    is_technical: bool
    claimed_at: int
    is_paid: bool = False


def outcomes_of(payments: Iterable[Payment]) -> Iterator[Outcome]:
    """Yields the outcomes that are known: what may still be paid, or is under review, says nothing of the operator."""
    for it in payments:
        if it.operator and it.status in _SETTLED:
            is_technical = failure_code_of(it) is FailureCode.OPERATOR_DOWN
            yield Outcome(it.operator, it.reference, is_technical, it.created_at, it.status is PaymentStatus.SUCCESSFUL)


def is_in_trouble(technical: Iterable[bool]) -> bool:
    """Whether an operator's latest outcomes, LATEST at most, call for a warning."""
    return sum(technical) >= LEAST_TECHNICAL


def failing_run(outcomes: Sequence[Outcome], now: int) -> Sequence[Outcome]:
    """Returns the payments that have failed in a row until now, the newest first; none where there are too few.

    `outcomes`: an operator's, the newest first.
    """
    paid = (place for place, it in enumerate(outcomes) if it.is_paid)
    run = outcomes[: next(paid, len(outcomes))]
    if not run or run[0].claimed_at <= now - RUN_WINDOW_MS:
        return ()
    is_technical = len(run) >= RUN_TECHNICAL and all(it.is_technical for it in run[:RUN_TECHNICAL])
    return run if is_technical or len(run) >= RUN_FAILED else ()
