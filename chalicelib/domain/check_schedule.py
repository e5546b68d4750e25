"""Says when a payment is checked at CamPay again without anybody asking. Pure."""

import zlib
from collections.abc import Sequence

from chalicelib.domain.payment import Payment, PaymentStatus

MINUTE, HOUR = 60, 3600
AGES_SECONDS: tuple[float, ...] = (
    *(10, 20, 30, 45, 60, 90, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE),
    *(6 * MINUTE, 10 * MINUTE, 30 * MINUTE, 1 * HOUR, 72 * HOUR),
)
"""Ages at which a payment is checked: dense while its customer watches, and when it expires, at five minutes.

After one hour CamPay's statement tells what has changed, for all payments at once (`flows/late_payments.py`). The last
check is as late as CamPay may still charge the customer.
"""
FAILED_AGES_SECONDS: tuple[float, ...] = (10 * MINUTE, 1 * HOUR, 72 * HOUR)
"""The same after CamPay has said that a payment failed, which it hardly ever takes back."""
REFUND_AGES_SECONDS: tuple[float, ...] = (
    *(10, 20, 30, 1 * MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(1 * HOUR, 6 * HOUR, 24 * HOUR, 72 * HOUR),
)
"""The same of a refund that is open, counted from its claim."""
UNANSWERED_AGAIN_MS = 30_000
"""How soon a payment is checked again after a check, or a webhook's read, that CamPay did not answer."""

_LATEST_SHARE = 0.1
_LATEST_MS = 30 * MINUTE * 1000


class CheckSchedule:
    """Gives each payment its check times, spread so that payments that began together are not checked together.

    A check comes up to a tenth of its age late, half an hour at most, and never early: the last one is no sooner than
    its age says.
    """

    def __init__(self, ages_seconds: Sequence[float] = AGES_SECONDS) -> None:
        self._ages = [int(age * 1000) for age in ages_seconds]
        self._failed_ages = [int(age * 1000) for age in FAILED_AGES_SECONDS]
        self._refund_ages = [int(age * 1000) for age in REFUND_AGES_SECONDS]

    def first_check(self, payment: Payment) -> int:
        """Returns the time of a new payment's first check."""
        return self.next_check(payment, payment.created_at) or payment.expires_at

    def next_check(self, payment: Payment, now: int) -> int | None:
        """Returns the time in milliseconds since the epoch; None when nothing more will be learnt from CamPay."""
        spread = zlib.crc32(payment.reference.encode()) / 2**32
        if payment.is_final:
            times = [at for it in payment.open_refunds for at in self._times(it.at, self._refund_ages, spread)]
            return min((moment for moment in times if moment > now), default=None)
        ages = self._failed_ages if payment.status is PaymentStatus.FAILED else self._ages
        times = self._times(payment.created_at, ages, spread)
        if payment.is_waiting:
            times.append(payment.expires_at)
        return min((moment for moment in times if moment > now), default=None)

    def _times(self, since: int, ages: Sequence[int], spread: float) -> list[int]:
        return [since + age + int(min(age * _LATEST_SHARE, _LATEST_MS) * spread) for age in ages]
