"""Counts payments by day and operator. Pure.

What a payment counts as depends on its history, which is its versions in order (`figures_of`). A version adds the
difference that it makes (`added_by`). So the sum over all versions of all payments, added in any order, each once,
equals a count of the payments as they stand.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import NamedTuple, TypeVar

from chalicelib.domain.cause import Cause, split_note
from chalicelib.domain.charges import RecordedCharge, charges_of
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.version import Version

DOUALA = timezone(timedelta(hours=1), "Africa/Douala")
"""Cameroon's time, which has no summer time: a day of a rollup is the shop's day."""


class Figure(StrEnum):
    """What is counted. Of the outcomes, from PAID to CONFLICTED, a payment has one at most; without one it waits."""

    STARTED = "started"
    PROMPTED = "prompted"
    """The provider knows the payment: its prompt went out."""
    PAID = "paid"
    DECLINED = "declined"
    """FAILED after the prompt went out."""
    REFUSED = "refused"
    """FAILED without a prompt: the provider refused it, or was never asked."""
    EXPIRED = "expired"
    GIVEN_UP = "givenUp"
    CONFLICTED = "conflicted"
    LATE = "late"
    """Paid after the wait was over."""
    DUPLICATE = "duplicate"
    """Charged twice, or paid for an order that another attempt had paid."""
    WEBHOOK_MISSING = "webhookMissing"
    """Paid or declined, and something else than the webhook told so first."""
    FURTHER = "further"
    """Not the first attempt of its order."""
    FURTHER_PAID = "furtherPaid"
    RETRIED = "retried"
    """Its prompt was tried again by itself, since it had provably not reached the provider."""
    RETRIED_PAID = "retriedPaid"


class Detail(StrEnum):
    """What is counted by a value: the name of the count is the detail's, a dot, and the value."""

    AMOUNT = "amount"
    """Paid, in minor units, by currency."""
    FURTHER_AMOUNT = "furtherAmount"
    FURTHER_AFTER = "furtherAfter"
    """Further attempts, by what had become of the attempt before: an outcome, or UNKNOWN."""
    FURTHER_PAID_AFTER = "furtherPaidAfter"
    CHARGES = "charges"
    """Charges by the provider's records, by currency, whatever has become of their payment: see `charges_of`."""
    GROSS = "gross"
    """What these charges took from the customers, in minor units, by currency."""
    FEE = "fee"
    """What the provider kept of it, as far as its records tell."""
    FEE_UNKNOWN = "feeUnknown"
    """Charges whose record does not tell the fee, by currency."""
    REASON = "reason"
    """Of DECLINED and REFUSED, by the provider's words without their digits."""
    APPROVED = "approved"
    """Paid in time and without a review, by the bucket of the time from the claim until that was known."""

    def of(self, value: str | int) -> str:
        return f"{self.value}.{value}"

    def values_in(self, figures: Mapping[str, int]) -> dict[str, int]:
        """Returns value -> count."""
        begin = f"{self.value}."
        return {name.removeprefix(begin): count for name, count in figures.items() if name.startswith(begin)}


_F = Figure
OUTCOMES = (_F.PAID, _F.DECLINED, _F.REFUSED, _F.EXPIRED, _F.GIVEN_UP, _F.CONFLICTED)
UNKNOWN = "unknown"
_REASON_LENGTH = 64
_BUCKETS_AN_OCTAVE = 4
_BOUNDS = [round(1000 * 2 ** (number / _BUCKETS_AN_OCTAVE)) for number in range(4 * 12 + 1)]
"""Upper bounds of the buckets of times, in milliseconds: 1 s to 68 minutes. The last bucket has none."""


class Group(NamedTuple):
    """What figures are of: the payments claimed on a day in Cameroon's time, of one operator."""

    day: date
    operator: str


K = TypeVar("K")
Figures = Counter[str]
"""Name of a Figure, or of a Detail with its value -> count."""
Rollup = dict[Group, Figures]


def day_of(milliseconds: int) -> date:
    """Returns the day in Cameroon's time."""
    return datetime.fromtimestamp(milliseconds / 1000, DOUALA).date()


def end_of(day: date) -> int:
    """Returns when a day in Cameroon's time is over, in milliseconds since the epoch."""
    following = day + timedelta(days=1)
    return int(datetime(following.year, following.month, following.day, tzinfo=DOUALA).timestamp() * 1000)


def utc_days_of(day: date) -> list[date]:
    """Returns the days in UTC that a day in Cameroon's time has a part of."""
    start = datetime(day.year, day.month, day.day, tzinfo=DOUALA)
    return [(start + timedelta(hours=hours)).astimezone(UTC).date() for hours in (0, 23)]


def rollup_of(histories: Iterable[Sequence[Version]]) -> Rollup:
    """Counts payments as they stand."""
    return summed(count_of(history) for history in histories)


def added_by(history: Sequence[Version], number: int) -> Rollup:
    """Returns what the version of this number adds to the figures that the versions before it have made."""
    until = [version for version in history if version.payment.version <= number]
    before = count_of([version for version in until if version.payment.version < number])
    return summed([count_of(until), {group: Counter(_negated(figures)) for group, figures in before.items()}])


def summed(rollups: Iterable[Mapping[K, Mapping[str, int]]]) -> dict[K, Figures]:
    """Adds figures up, whatever they are of, and leaves out what is zero."""
    total: dict[K, Figures] = {}
    for rollup in rollups:
        for key, figures in rollup.items():
            total.setdefault(key, Counter()).update(figures)
    without_zeros = {key: Counter({k: v for k, v in figures.items() if v}) for key, figures in total.items()}
    return {key: figures for key, figures in without_zeros.items() if figures}


def _negated(figures: Mapping[str, int]) -> dict[str, int]:
    return {name: -count for name, count in figures.items()}


def count_of(history: Sequence[Version]) -> Rollup:
    """Returns what one payment counts as after the versions of its history; nothing where there is none."""
    if not history:
        return {}
    newest = history[-1].payment
    group = Group(day_of(newest.created_at), newest.operator or UNKNOWN)
    return {group: figures_of(history)}


def figures_of(history: Sequence[Version]) -> Figures:
    """Returns the figures of one payment. `history`: not empty."""
    newest = history[-1].payment
    figures = Figures({Figure.STARTED.value: 1})
    holds = {
        Figure.PROMPTED: newest.provider_reference is not None,
        Figure.LATE: newest.late and newest.is_final,
        Figure.DUPLICATE: newest.duplicate,
        Figure.FURTHER: newest.further_attempt,
        Figure.FURTHER_PAID: newest.further_attempt and newest.is_final,
        Figure.RETRIED: newest.prompt_retries > 0,
        Figure.RETRIED_PAID: newest.prompt_retries > 0 and newest.is_final,
        Figure.WEBHOOK_MISSING: _was_settled_without_webhook(history),
    }
    figures.update(figure.value for figure, is_so in holds.items() if is_so)
    if outcome := outcome_of(newest):
        figures[outcome.value] += 1
    if outcome in (Figure.DECLINED, Figure.REFUSED):
        figures[Detail.REASON.of(reason_of(newest))] += 1
    if newest.further_attempt:
        before = newest.attempt_before or UNKNOWN
        figures[Detail.FURTHER_AFTER.of(before)] = 1
        if newest.is_final:
            figures[Detail.FURTHER_PAID_AFTER.of(before)] = 1
    if newest.is_final:
        figures.update(_paid_details(history))
    for charge in charges_of(history):  # on the payment's day, whenever a late or a second one came
        figures.update(charge_figures(charge))
    return figures


def outcome_of(payment: Payment) -> Figure | None:
    """Returns what has become of a payment; None while it waits."""
    if payment.is_final:
        return Figure.PAID
    if payment.status is PaymentStatus.FAILED:
        return Figure.DECLINED if payment.provider_reference else Figure.REFUSED
    if payment.status is PaymentStatus.EXPIRED:
        return Figure.GIVEN_UP if payment.was_given_up else Figure.EXPIRED
    return Figure.CONFLICTED if payment.is_under_review else None


def _settled(history: Sequence[Version]) -> Version:
    """Returns the version that first had the status that the payment has now."""
    return next(it for it in history if it.payment.status is history[-1].payment.status)


def _was_settled_without_webhook(history: Sequence[Version]) -> bool:
    """Whether nobody but us found out what became of the prompt. A reviewed payment is settled by a person."""
    return _lacks_webhook(history[-1].payment, split_note(_settled(history).cause)[0])


def noting_webhook(before: Payment, after: Payment, cause: Cause, now: int) -> Payment:
    """Returns a new version that knows whether it lacks a webhook, as WEBHOOK_MISSING counts it.

    So a list can be filtered by it, which reads no history.
    """
    if outcome_of(after) is outcome_of(before):
        return after
    return replace(after, webhook_missing_at=now if _lacks_webhook(after, cause) else None)


def _lacks_webhook(payment: Payment, settled_by: str) -> bool:
    is_settled = outcome_of(payment) in (Figure.PAID, Figure.DECLINED) and not payment.disputed
    return is_settled and settled_by != Cause.WEBHOOK


def _paid_details(history: Sequence[Version]) -> Figures:
    payment, settled = history[-1].payment, _settled(history)
    money = payment.money
    details = Figures({Detail.AMOUNT.of(money.currency): money.amount})
    if payment.further_attempt:
        details[Detail.FURTHER_AMOUNT.of(money.currency)] = money.amount
    if not (payment.late or payment.disputed):
        details[Detail.APPROVED.of(bucket_of(settled.payment.updated_at - payment.created_at))] = 1
    return details


def charge_figures(charge: RecordedCharge) -> Figures:
    """Returns the figures of money of one charge."""
    currency, fee = charge.money.currency, charge.fee
    figures = Figures({Detail.CHARGES.of(currency): 1, Detail.GROSS.of(currency): charge.money.amount})
    if fee is None:
        figures[Detail.FEE_UNKNOWN.of(currency)] = 1
    elif fee:
        figures[Detail.FEE.of(currency)] = fee
    return figures


def reason_of(payment: Payment) -> str:
    """Returns the provider's words as one of few: without numbers, which differ from payment to payment."""
    return re.sub(r"[0-9]+", "#", payment.reason or UNKNOWN)[:_REASON_LENGTH]


def bucket_of(milliseconds: int) -> int:
    """Returns the number of the bucket of a time. Four buckets double it."""
    return bisect_right(_BOUNDS, milliseconds)


def percentile(buckets: Mapping[int, int], part: float) -> int | None:
    """Returns the time, in milliseconds, that this part of the payments does not exceed; None where there is none.

    `buckets`: number -> count. The time is that of its bucket's middle: 9 % from the true one at most, from one second
    to 68 minutes.
    """
    rank, seen = part * sum(buckets.values()), 0
    for number in sorted(buckets):
        seen += buckets[number]
        if seen and seen >= rank:
            return _middle_of(number)
    return None


def _middle_of(number: int) -> int:
    """Returns the geometric middle of a bucket, in milliseconds."""
    half = 2 ** (0.5 / _BUCKETS_AN_OCTAVE)
    return round(_BOUNDS[number] / half) if number < len(_BOUNDS) else round(_BOUNDS[-1] * half)
