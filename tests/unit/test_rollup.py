"""Tests the rollups' figures: what each version adds is, in any order, what a recount of the payments finds."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cause import Cause
from chalicelib.domain.charges import RecordedCharge, charges_of
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
    end_of,
    noting_webhook,
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


def record(
    status: RecordStatus, reference: str = "c-1", amount: int = 5000, operator: str = "MTN", fee: int | None = 100
) -> ProviderRecord:
    return ProviderRecord(
        provider_reference=reference,
        external_reference=None,
        status=status,
        money=Money(amount, "XAF"),
        is_incoming=True,
        fee=fee,
        operator=operator,
        reason="Declined by 237670000001" if status is RecordStatus.FAILED else None,
    )


@dataclass(frozen=True)
class Decision:
    """What a step makes of a payment, as the flows decide it. `record`: the provider's, which led to it."""

    cause: Cause
    decide: Callable[[Payment, int], Payment | None]
    record: ProviderRecord | None = None


def observing(cause: Cause, seen: ProviderRecord) -> Decision:
    return Decision(cause, lambda payment, now: payment.observe(seen, now), seen)


_OK = RecordStatus.SUCCESSFUL
STEPS: Mapping[str, Decision] = {
    "prompted": Decision(Cause.PROMPTED, lambda it, now: it.prompted("c-1", "*126#", "MTN", now)),
    "refused": Decision(Cause.REFUSED, lambda it, now: it.refused("ER101", now)),
    "paid by webhook": observing(Cause.WEBHOOK, record(_OK)),
    "paid by a check": observing(Cause.CHECK, record(_OK)),
    "paid from Orange": observing(Cause.CHECK, record(_OK, operator="Orange")),
    "paid with an unreadable fee": observing(Cause.CHECK, record(_OK, fee=None)),
    "charged again": observing(Cause.STATEMENT, record(_OK, "c-2", fee=99)),
    "declined": observing(Cause.WEBHOOK, record(RecordStatus.FAILED)),
    "disputed": observing(Cause.CHECK, record(_OK, amount=4000, fee=80)),
    "a disputed refusal": observing(Cause.CHECK, record(RecordStatus.FAILED, amount=4000)),
    "expired": Decision(Cause.WAITED_LONG_ENOUGH, lambda it, now: it.expired(max(now, it.expires_at))),
    "given up": Decision(Cause.GIVEN_UP, lambda it, now: it.given_up(now)),
    "accepted by an operator": Decision(Cause.OPERATOR, lambda it, now: it.resolved(PaymentStatus.SUCCESSFUL, now)),
    "rejected by an operator": Decision(Cause.OPERATOR, lambda it, now: it.resolved(PaymentStatus.FAILED, now)),
}


def history_of(payment: Payment, *steps: Step) -> list[Version]:
    """Returns the versions that steps make of a payment. Those that the domain does not allow change nothing."""
    versions = [Version(payment, Cause.INITIATED.value, payment.created_at)]
    now = payment.created_at
    for step, seconds in steps:
        now += seconds * 1000
        try:
            decision = STEPS[step]
            before = versions[-1].payment
            changed = decision.decide(before, now)
        except InvalidTransition:
            continue
        if changed:
            evidence = decision.record.as_evidence() if decision.record else {}
            noted = noting_webhook(before, changed, decision.cause, now)
            versions.append(Version(noted, decision.cause.with_note("by hand"), now, evidence))
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
    assert total[Figure.WEBHOOK_MISSING] == sum(payment.webhook_missing_at is not None for payment in newest)
    assert total[Figure.FURTHER] == sum(payment.further_attempt for payment in newest)
    charges = [charge for history in payments for charge in charges_of(history)]
    known = [charge.fee for charge in charges if charge.fee is not None]
    assert money_of(total) == (
        len(charges),
        sum(it.money.amount for it in charges),
        sum(known),
        len(charges) - len(known),
    )
    assert {it.provider_reference for it in charges} <= {"c-1", "c-2"}


def figures(*steps: Step, **fields: object) -> Counter[str]:
    (found,) = rollup_of([history_of(claimed(**fields), *steps)]).values()  # type: ignore[arg-type]  # as of `claimed`
    return found


MONEY = {"charges.XAF": 1, "gross.XAF": 5000, "fee.XAF": 100}
"""Of one charge that agrees with the claim."""


def test_a_payment_by_webhook_counts_its_time_and_its_amount() -> None:
    assert figures(("prompted", 1), ("paid by webhook", 20)) == {
        "started": 1,
        "prompted": 1,
        "paid": 1,
        "amount.XAF": 5000,
        **MONEY,
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
        **MONEY,
    }


def test_a_refusal_counts_by_its_reason_without_numbers() -> None:
    assert figures(("refused", 1)) == {"started": 1, "refused": 1, "reason.ER#": 1}
    declined = figures(("prompted", 1), ("declined", 5))
    assert declined == {"started": 1, "prompted": 1, "declined": 1, "reason.Declined by #": 1}


def test_a_further_attempt_counts_what_it_won() -> None:
    won = figures(("prompted", 1), ("paid by webhook", 20), further_attempt=True)
    assert (won["further"], won["furtherPaid"], won["furtherAmount.XAF"]) == (1, 1, 5000)
    assert (won["furtherAfter.unknown"], won["furtherPaidAfter.unknown"]) == (1, 1)
    lost = figures(("prompted", 1), ("declined", 20), further_attempt=True, attempt_before="declined")
    assert (lost["further"], lost["furtherPaid"]) == (1, 0)
    assert (lost["furtherAfter.declined"], lost["furtherPaidAfter.declined"]) == (1, 0)


def test_what_an_operator_decided_misses_no_webhook_and_has_no_time_to_approve() -> None:
    decided = figures(("prompted", 1), ("disputed", 5), ("accepted by an operator", 7200))
    charged = {"charges.XAF": 1, "gross.XAF": 4000, "fee.XAF": 80}
    assert decided == {"started": 1, "prompted": 1, "paid": 1, "amount.XAF": 5000, **charged}


def money_of(found: Mapping[str, int]) -> tuple[int, int, int, int]:
    """Returns the charges, what they took, the fees, and of how many charges the fee is not known."""
    charges, gross, fee, unknown = (
        found.get(it.of("XAF"), 0) for it in (Detail.CHARGES, Detail.GROSS, Detail.FEE, Detail.FEE_UNKNOWN)
    )
    return charges, gross, fee, unknown


def test_a_second_charge_is_money_too() -> None:
    twice = figures(("prompted", 1), ("paid by webhook", 20), ("charged again", 60))
    assert (twice["amount.XAF"], twice["duplicate"]) == (5000, 1)
    assert money_of(twice) == (2, 10_000, 199, 0)


def test_an_unknown_fee_is_counted_as_such() -> None:
    twice = figures(("prompted", 1), ("paid with an unreadable fee", 20), ("charged again", 60))
    assert money_of(twice) == (2, 10_000, 99, 1)


def test_money_that_came_counts_whatever_an_operator_decides() -> None:
    """The records say what was charged: another amount than the claim's."""
    prompted_and_disputed: tuple[Step, ...] = (("prompted", 1), ("disputed", 5))
    for decision in ((), (("accepted by an operator", 60),), (("rejected by an operator", 60),)):
        assert money_of(figures(*prompted_and_disputed, *decision)) == (1, 4000, 80, 0)
    assert money_of(figures(*prompted_and_disputed, ("charged again", 60))) == (2, 9000, 179, 0)


def test_what_no_record_calls_paid_is_no_money() -> None:
    disputed: tuple[Step, ...] = (("prompted", 1), ("a disputed refusal", 5))
    assert money_of(figures(*disputed)) == (0, 0, 0, 0)
    assert money_of(figures(*disputed, ("accepted by an operator", 60))) == (0, 0, 0, 0)
    assert money_of(figures(("prompted", 1), ("declined", 5))) == (0, 0, 0, 0)


def test_a_payout_is_no_charge() -> None:
    history = history_of(claimed(), ("prompted", 1), ("disputed", 5))
    payout = {**history[-1].evidence, "isIncoming": False}
    assert list(charges_of([*history[:-1], replace(history[-1], evidence=payout)])) == []


def test_a_charge_without_a_readable_record_counts_with_the_claim_and_an_unknown_fee() -> None:
    """The demo host shows 0.00 for its simulated numbers, and an earlier release kept no fee."""
    *before, paid = history_of(claimed(), ("prompted", 1), ("paid by webhook", 20))
    expected = [RecordedCharge("c-1", Money(5000, "XAF"), None)]
    without_fee = {name: value for name, value in paid.evidence.items() if name != "fee"}
    for evidence in ({}, without_fee, {**without_fee, "amount": 0}, {**without_fee, "fee": None}):
        assert list(charges_of([*before, replace(paid, evidence=evidence)])) == expected


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
    assert end_of(date(2026, 1, 31)) == midnight
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
