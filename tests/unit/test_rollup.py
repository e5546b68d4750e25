"""Tests the rollups' figures: what each version adds is, in any order, what a recount of the payments finds."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cause import Cause
from chalicelib.domain.money import Money
from chalicelib.domain.payment import InvalidTransition, Payment, PaymentStatus
from chalicelib.domain.provider import ProviderRecord, RecordStatus
from chalicelib.domain.rollup import (
    OUTCOMES,
    Detail,
    Figure,
    Group,
    added_by,
    bucket_of,
    day_of,
    percentile,
    rollup_of,
    summed,
    utc_days_of,
)
from chalicelib.domain.version import Version

NOON = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp() * 1000)
WAIT_MS = 300_000
Step = tuple[str, int]


def claimed(at: int = NOON, **fields: object) -> Payment:
    known = {
        "reference": "2b9cdbe3-4b5a-4c53-9f1c-6f4a5c8f2a01",
        "order_id": "order-1",
        "money": Money(5000, "XAF"),
        "phone_mask": "2376******77",
        "phone_hash": "hash",
        "operator": "MTN",
        "locale": "fr",
        "provider": "campay",
        "created_at": at,
        "updated_at": at,
        "expires_at": at + WAIT_MS,
    }
    return Payment(**(known | fields))  # type: ignore[arg-type]  # the fields' types are those of the literals above


def record(status: RecordStatus, reference: str = "c-1", amount: int = 5000, operator: str = "MTN") -> ProviderRecord:
    return ProviderRecord(
        provider_reference=reference,
        external_reference=None,
        status=status,
        money=Money(amount, "XAF"),
        is_incoming=True,
        operator=operator,
        reason="Declined by 237670000001" if status is RecordStatus.FAILED else None,
    )


_OK = RecordStatus.SUCCESSFUL
STEPS: Mapping[str, tuple[Callable[[Payment, int], Payment | None], Cause]] = {
    "prompted": (lambda it, now: it.prompted("c-1", "*126#", "MTN", now), Cause.PROMPTED),
    "refused": (lambda it, now: it.refused("ER101", now), Cause.REFUSED),
    "paid by webhook": (lambda it, now: it.observe(record(_OK), now), Cause.WEBHOOK),
    "paid by a check": (lambda it, now: it.observe(record(_OK), now), Cause.CHECK),
    "paid from Orange": (lambda it, now: it.observe(record(_OK, operator="Orange"), now), Cause.CHECK),
    "charged again": (lambda it, now: it.observe(record(_OK, "c-2"), now), Cause.STATEMENT),
    "declined": (lambda it, now: it.observe(record(RecordStatus.FAILED), now), Cause.WEBHOOK),
    "disputed": (lambda it, now: it.observe(record(_OK, amount=1), now), Cause.CHECK),
    "expired": (lambda it, now: it.expired(max(now, it.expires_at)), Cause.WAITED_LONG_ENOUGH),
    "given up": (lambda it, now: it.given_up(now), Cause.GIVEN_UP),
    "accepted by an operator": (lambda it, now: it.resolved(PaymentStatus.SUCCESSFUL, now), Cause.OPERATOR),
}
"""What a step makes of a payment, as the flows decide it, and its cause."""


def history_of(payment: Payment, *steps: Step) -> list[Version]:
    """Returns the versions that steps make of a payment. Those that the domain does not allow change nothing."""
    versions = [Version(payment, Cause.INITIATED.value, payment.created_at)]
    now = payment.created_at
    for step, seconds in steps:
        now += seconds * 1000
        try:
            decide, cause = STEPS[step]
            changed = decide(versions[-1].payment, now)
        except InvalidTransition:
            continue
        if changed:
            versions.append(Version(changed, cause.with_note("by hand"), now))
    return versions


histories = st.builds(
    lambda hours, operator, further, steps: history_of(
        claimed(NOON + hours * 3_600_000, operator=operator, further_attempt=further), *steps
    ),
    st.integers(-30, 30),
    st.sampled_from(["MTN", "Orange", None]),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(list(STEPS)), st.integers(0, 400)), max_size=7),
)


@settings(max_examples=300)
@given(st.lists(histories, max_size=12), st.randoms(use_true_random=False))
def test_what_all_versions_add_in_any_order_is_a_recount(payments: list[list[Version]], dice: random.Random) -> None:
    versions = [(history, version.payment.version) for history in payments for version in history]
    dice.shuffle(versions)
    assert summed(added_by(history, number) for history, number in versions) == rollup_of(payments)


@settings(max_examples=200)
@given(st.lists(histories, max_size=12))
def test_the_figures_are_those_of_the_payments_as_they_stand(payments: list[list[Version]]) -> None:
    total: Counter[str] = sum(rollup_of(payments).values(), Counter())
    newest = [history[-1].payment for history in payments]
    statuses = Counter(payment.status.value for payment in newest)
    assert total[Figure.STARTED] == len(payments)
    assert total[Figure.PAID] == statuses["SUCCESSFUL"]
    assert total[Figure.DECLINED] + total[Figure.REFUSED] == statuses["FAILED"]
    assert total[Figure.EXPIRED] + total[Figure.GIVEN_UP] == statuses["EXPIRED"]
    assert total[Figure.CONFLICTED] == statuses["CONFLICTED"]
    assert sum(total[it] for it in OUTCOMES) == len(payments) - statuses["INITIATING"] - statuses["PENDING"]
    assert total[Detail.AMOUNT.of("XAF")] == 5000 * statuses["SUCCESSFUL"]
    assert total[Figure.DUPLICATE] == sum(payment.duplicate for payment in newest)
    assert total[Figure.FURTHER] == sum(payment.further_attempt for payment in newest)


def figures(*steps: Step, **fields: object) -> Counter[str]:
    (found,) = rollup_of([history_of(claimed(**fields), *steps)]).values()  # type: ignore[arg-type]  # as of `claimed`
    return found


def test_a_payment_by_webhook_counts_its_time_and_its_amount() -> None:
    assert figures(("prompted", 1), ("paid by webhook", 20)) == {
        "started": 1,
        "prompted": 1,
        "paid": 1,
        "amount.XAF": 5000,
        Detail.APPROVED.of(bucket_of(21_000)): 1,
    }


def test_a_late_payment_is_no_more_expired_and_has_no_time_to_approve() -> None:
    assert figures(("prompted", 1), ("expired", 300), ("paid by a check", 60)) == {
        "started": 1,
        "prompted": 1,
        "paid": 1,
        "late": 1,
        "webhookMissing": 1,
        "amount.XAF": 5000,
    }


def test_a_refusal_counts_by_its_reason_without_numbers() -> None:
    assert figures(("refused", 1)) == {"started": 1, "refused": 1, "reason.ER#": 1}
    declined = figures(("prompted", 1), ("declined", 5))
    assert declined == {"started": 1, "prompted": 1, "declined": 1, "reason.Declined by #": 1}


def test_a_further_attempt_counts_what_it_won() -> None:
    won = figures(("prompted", 1), ("paid by webhook", 20), further_attempt=True)
    assert (won["further"], won["furtherPaid"], won["furtherAmount.XAF"]) == (1, 1, 5000)
    lost = figures(("prompted", 1), ("declined", 20), further_attempt=True)
    assert (lost["further"], lost["furtherPaid"]) == (1, 0)


def test_what_an_operator_decided_misses_no_webhook_and_has_no_time_to_approve() -> None:
    decided = figures(("prompted", 1), ("disputed", 5), ("accepted by an operator", 7200))
    assert decided == {"started": 1, "prompted": 1, "paid": 1, "amount.XAF": 5000}


def test_a_payment_moves_to_the_operator_that_campay_names() -> None:
    history = history_of(claimed(operator="MTN"), ("prompted", 1), ("paid from Orange", 20))
    day = date(2026, 1, 31)
    moved = added_by(history, 3)
    assert moved[Group(day, "MTN")] == {"started": -1, "prompted": -1}
    assert moved[Group(day, "Orange")]["started"] == 1
    assert set(rollup_of([history])) == {Group(day, "Orange")}


def test_a_day_is_cameroons() -> None:
    before, midnight = (int(datetime(2026, 1, 31, *at, tzinfo=UTC).timestamp() * 1000) for at in ((22, 59), (23, 0)))
    assert (day_of(before), day_of(midnight)) == (date(2026, 1, 31), date(2026, 2, 1))
    assert utc_days_of(date(2026, 2, 1)) == [date(2026, 1, 31), date(2026, 2, 1)]


@pytest.mark.parametrize("part", [0.5, 0.95])
def test_a_percentile_is_within_nine_percent(part: float) -> None:
    dice = random.Random(3)
    for _ in range(50):
        times = sorted(int(1000 * 300 ** dice.random()) for _ in range(1 + int(dice.random() * 500)))
        buckets = Counter(map(bucket_of, times))
        exact = times[max(0, -int(-part * len(times) // 1) - 1)]
        found = percentile(buckets, part)
        assert found is not None
        assert abs(found - exact) <= 0.091 * exact


def test_nothing_has_no_percentile() -> None:
    assert percentile({}, 0.5) is None
