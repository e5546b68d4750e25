"""Tests what may become of a refund, and what it makes of its payment."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.ledger.items import read_payment, write_payment
from chalicelib.domain.errors import RefundTooHigh
from chalicelib.domain.money import Money
from chalicelib.domain.payment import InvalidTransition, Payment, PaymentStatus
from chalicelib.domain.provider import ProviderRecord, RecordStatus
from chalicelib.domain.refund import WATCHED_MS, Refund, RefundStatus, paid_back, refunded_amount
from tests.unit.test_payment import EXAMPLES, NOW, changed

SENDING, PENDING, SUCCESSFUL, FAILED = RefundStatus
MAY_BECOME = {
    SENDING: {PENDING, SUCCESSFUL, FAILED},
    PENDING: {SUCCESSFUL, FAILED},
    SUCCESSFUL: set[RefundStatus](),
    FAILED: set[RefundStatus](),
}
PAID = replace(EXAMPLES["SUCCESSFUL"], paid_version=3)
TWICE = replace(PAID, charges=("A", "B"), duplicate=True)
ASKED = Refund(reference="refund-1", charge="A", amount=2000, charged=5000, at=NOW)
RECORD = ProviderRecord(
    provider_reference="W",
    external_reference="refund-1",
    status=RecordStatus.SUCCESSFUL,
    money=Money(2000, "XAF"),
    is_incoming=False,
)


def with_refund(status: RefundStatus, payment: Payment = PAID) -> tuple[Payment, Refund]:
    claimed = payment.refund_claimed(ASKED, NOW)
    refund = replace(claimed.refunds[0], status=status)
    return replace(claimed, refunds=(refund,)), refund


def paying_back(payment: Payment, amount: int, *, charge: str = "A", reference: str = "refund-1") -> Payment:
    """Claims a refund, and takes it for paid."""
    claimed = payment.refund_claimed(replace(ASKED, amount=amount, charge=charge, reference=reference), NOW)
    return changed(claimed.refund_changed(replace(claimed.refunds[-1], status=SUCCESSFUL), NOW))


@pytest.mark.parametrize(("before", "after"), list(product(RefundStatus, RefundStatus)))
def test_every_pair_of_states(before: RefundStatus, after: RefundStatus) -> None:
    payment, refund = with_refund(before)
    result = payment.refund_changed(replace(refund, status=after), NOW + 1)
    if after not in MAY_BECOME[before]:
        assert result is None
        return
    assert (changed(result).status, changed(result).version) == (PaymentStatus.SUCCESSFUL, payment.version + 1)
    assert changed(result).refunds == (replace(refund, status=after, version=payment.version + 1),)
    assert refund.is_open


@pytest.mark.parametrize(
    ("record", "status"), list(zip(RecordStatus, [PENDING, SUCCESSFUL, FAILED, SENDING], strict=True))
)
def test_what_a_record_makes_of_a_refund(record: RecordStatus, status: RefundStatus) -> None:
    _, refund = with_refund(SENDING)
    seen = refund.observed(replace(RECORD, status=record, reason="why"))
    assert (seen.status, seen.provider_reference) == (status, "W"), "of an unknown status only the reference is learnt"


@pytest.mark.parametrize("record", RecordStatus)
@pytest.mark.parametrize("status", [SUCCESSFUL, FAILED])
def test_a_refund_that_has_ended_stays_as_it_is(status: RefundStatus, record: RecordStatus) -> None:
    refund = replace(with_refund(status)[1], provider_reference="W")
    assert refund.observed(replace(RECORD, status=record, reason="why")) == refund
    assert not refund.is_open


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, is_incoming=True),
        replace(RECORD, external_reference="payment-1"),
        replace(RECORD, external_reference=None),
        replace(RECORD, money=Money(2001, "XAF")),
        replace(RECORD, money=Money(2000, "XOF")),
        replace(RECORD, money=None),
        replace(RECORD, provider_reference="another"),
    ],
)
def test_a_record_that_disagrees(record: ProviderRecord) -> None:
    refund = replace(ASKED, status=PENDING, provider_reference="W")
    assert refund.agrees_with(RECORD, "XAF")
    assert not refund.agrees_with(record, "XAF")


@pytest.mark.parametrize("amount", [-1, 0, 5001])
def test_an_amount_that_cannot_be_paid_back(amount: int) -> None:
    with pytest.raises(RefundTooHigh):
        PAID.refund_claimed(replace(ASKED, amount=amount), NOW)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "SUCCESSFUL"])
def test_only_a_payment_that_is_paid_can_be_paid_back(name: str) -> None:
    payment = replace(EXAMPLES[name], charges=("A",))
    assert not payment.may_be_refunded
    with pytest.raises(InvalidTransition):
        payment.refund_claimed(ASKED, NOW)


def test_a_charge_of_another_payment_is_not_paid_back() -> None:
    with pytest.raises(InvalidTransition):
        PAID.refund_claimed(replace(ASKED, charge="another"), NOW)


@given(st.lists(st.tuples(st.integers(1, 3000), st.sampled_from(RefundStatus)), max_size=8))
def test_the_refunds_of_a_charge_never_exceed_it(asked: list[tuple[int, RefundStatus]]) -> None:
    """A refund that failed gives its sum free; an open one holds it."""
    payment = PAID
    for number, (amount, status) in enumerate(asked):
        left = 5000 - paid_back(payment.refunds, "A")
        refund = replace(ASKED, reference=f"refund-{number}", amount=amount)
        if amount > left:
            with pytest.raises(RefundTooHigh):
                payment.refund_claimed(refund, NOW)
            continue
        claimed = payment.refund_claimed(refund, NOW)
        payment = claimed.refund_changed(replace(claimed.refunds[-1], status=status), NOW) or claimed
        assert payment.may_be_refunded is (paid_back(payment.refunds, "A") < 5000)
    assert refunded_amount(payment.refunds) <= paid_back(payment.refunds, "A") <= 5000


def test_a_version_names_the_refund_that_it_changed() -> None:
    claimed = PAID.refund_claimed(ASKED, NOW)
    assert PAID.refund_of_version is None
    assert claimed.refund_of_version == claimed.refunds[0]
    record = replace(RECORD, external_reference="payment-1", provider_reference="B", money=PAID.money, is_incoming=True)
    charged = changed(claimed.observe(record, NOW))
    assert (charged.refund_of_version, charged.duplicate) == (None, True)


def test_the_extra_charge_paid_back_whole_deals_with_the_duplicate() -> None:
    in_part = paying_back(TWICE, 3000, charge="B")
    assert in_part.may_be_acknowledged
    whole = paying_back(in_part, 2000, charge="B", reference="refund-2")
    assert (whole.acknowledged, whole.may_be_refunded) == (True, True), "the other charge paid the order"
    again = replace(RECORD, external_reference="payment-1", provider_reference="C", money=PAID.money, is_incoming=True)
    assert changed(whole.observe(again, NOW)).may_be_acknowledged, "a further charge has to go back too"


def test_parts_of_two_charges_do_not_deal_with_the_duplicate() -> None:
    parts = paying_back(paying_back(TWICE, 3000), 2000, charge="B", reference="refund-2")
    assert refunded_amount(parts.refunds) == 5000
    assert parts.may_be_acknowledged


def test_every_charge_is_extra_where_another_attempt_paid_the_order() -> None:
    twice = replace(TWICE, paid_version=None)
    once = paying_back(twice, 5000)
    assert once.may_be_acknowledged
    assert paying_back(once, 5000, charge="B", reference="refund-2").acknowledged


def test_a_refund_of_a_payment_that_is_no_duplicate_acknowledges_nothing() -> None:
    whole = paying_back(PAID, 5000)
    assert (whole.acknowledged, whole.may_be_refunded) == (False, False)


@pytest.mark.parametrize("status", RefundStatus)
def test_the_ledger_keeps_refunds(status: RefundStatus) -> None:
    payment, refund = with_refund(status)
    payment = replace(payment, refunds=(refund, replace(ASKED, version=5, provider_reference="W", reason="ER301")))
    assert read_payment(write_payment(payment)) == payment
    assert "refunds" not in write_payment(PAID), "a payment without refunds takes no more room"


@pytest.mark.parametrize("status", [PaymentStatus.SUCCESSFUL, PaymentStatus.FAILED])
@pytest.mark.parametrize("open_as", [SENDING, PENDING])
def test_a_person_decides_the_oldest_that_is_open_for_three_days(status: PaymentStatus, open_as: RefundStatus) -> None:
    first, _ = with_refund(open_as)
    payment = first.refund_claimed(replace(ASKED, reference="refund-2", at=NOW + 1), NOW + 1)
    last = NOW + WATCHED_MS
    assert payment.resolutions(last - 1) == frozenset()
    with pytest.raises(InvalidTransition):
        payment.resolved(status, last - 1)
    decided = payment.resolved(status, last)
    assert [it.status for it in decided.refunds] == [status, SENDING]
    assert (decided.status, decided.version, decided.charges) == (
        PaymentStatus.SUCCESSFUL,
        payment.version + 1,
        PAID.charges,
    )
    with pytest.raises(InvalidTransition):
        payment.resolved(PaymentStatus.EXPIRED, last)


def test_what_a_release_before_refunds_has_dropped_changes_nothing() -> None:
    payment, refund = with_refund(SENDING)
    dropped = replace(payment, refunds=())
    assert dropped.open_refund(refund.reference) is None
    assert dropped.refund_changed(replace(refund, status=PENDING), NOW + 1) is None
