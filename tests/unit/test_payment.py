"""Tests the status transitions of the design, and the effect of every event on every status."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.attention import Need, need_of
from chalicelib.domain.money import Money
from chalicelib.domain.operator_actions import OperatorAction, allowed_actions
from chalicelib.domain.payment import (
    ACTIVE,
    FINAL,
    TRANSITIONS,
    UNDECIDED,
    UNDER_REVIEW,
    WAITING,
    InvalidTransition,
    Payment,
    PaymentStatus,
)
from chalicelib.domain.provider import ProviderRecord, RecordStatus
from chalicelib.domain.refund import Refund

INITIATING, PENDING, EXPIRED, FAILED, CONFLICTED, SUCCESSFUL = PaymentStatus
MAY_BECOME = {
    INITIATING: {PENDING, SUCCESSFUL, FAILED, EXPIRED, CONFLICTED},
    PENDING: {SUCCESSFUL, FAILED, EXPIRED, CONFLICTED},
    EXPIRED: {SUCCESSFUL, FAILED, CONFLICTED},
    FAILED: {SUCCESSFUL, CONFLICTED},
    CONFLICTED: {SUCCESSFUL, FAILED},
    SUCCESSFUL: set[PaymentStatus](),
}

CREATED, EXPIRES, NOW = 1_000_000, 1_600_000, 1_700_000
PRICE = Money(5000, "XAF")

CLAIMED = Payment(
    reference="payment-1",
    order_id="order-1",
    money=PRICE,
    phone_mask="2376******77",
    phone_hash="hash",
    locale="en",
    provider="campay",
    created_at=CREATED,
    updated_at=CREATED,
    expires_at=EXPIRES,
)
PROMPTED = replace(CLAIMED, status=PENDING, version=2, provider_reference="A", ussd_code="*126#", operator="MTN")
REFUND = Refund(reference="refund-1", charge="A", amount=5000, charged=5000, at=NOW)
EXAMPLES = {
    "INITIATING": CLAIMED,
    "PENDING": PROMPTED,
    "EXPIRED": replace(PROMPTED, status=EXPIRED, version=3),
    "FAILED": replace(PROMPTED, status=FAILED, version=3, reason="REJECTED"),
    "CONFLICTED": replace(PROMPTED, status=CONFLICTED, version=3, disputed=("A",)),
    "SUCCESSFUL": replace(PROMPTED, status=SUCCESSFUL, version=3, charges=("A",)),
    "LOST": replace(CLAIMED, status=EXPIRED, version=2),
    "REFUSED": replace(CLAIMED, status=FAILED, version=2, reason="ER201"),
}
"""One payment per status. LOST and REFUSED are an EXPIRED and a FAILED one without a reference of CamPay."""

PAID = ProviderRecord(
    provider_reference="A",
    external_reference="payment-1",
    status=RecordStatus.SUCCESSFUL,
    money=PRICE,
    is_incoming=True,
)


def in_status(status: PaymentStatus) -> Payment:
    return EXAMPLES[status.value]


def changed(payment: Payment | None) -> Payment:
    assert payment is not None
    return payment


# --- the table


def test_the_transition_table_is_that_of_the_design() -> None:
    assert TRANSITIONS == MAY_BECOME


@pytest.mark.parametrize(("before", "after"), list(product(PaymentStatus, PaymentStatus)))
def test_every_pair_of_states(before: PaymentStatus, after: PaymentStatus) -> None:
    payment = in_status(before)
    if after is before:
        assert payment._changed(NOW, status=after) is None
    elif after in MAY_BECOME[before]:
        result = changed(payment._changed(NOW, status=after))
        assert (result.status, result.version, result.updated_at) == (after, payment.version + 1, NOW)
    else:
        with pytest.raises(InvalidTransition, match=f"{before} may not become {after}"):
            payment._changed(NOW, status=after)


@pytest.mark.parametrize("status", PaymentStatus)
def test_every_predicate(status: PaymentStatus) -> None:
    payment = in_status(status)
    assert payment.is_final is (status in FINAL) is (status in {SUCCESSFUL})
    assert payment.is_waiting is (status in WAITING) is (status in {INITIATING, PENDING})
    assert payment.is_undecided is (status in UNDECIDED) is (status in {INITIATING, PENDING, EXPIRED})
    assert payment.is_active is (status in ACTIVE) is (status in {INITIATING, PENDING, CONFLICTED})
    assert (status in UNDER_REVIEW) is (status in {CONFLICTED})


# --- what a record makes of a payment

STATUS_WORDS = {
    "successful": RecordStatus.SUCCESSFUL,
    "failed": RecordStatus.FAILED,
    "pending": RecordStatus.PENDING,
    "unknown": RecordStatus.UNKNOWN,
}
PECULIARITIES: dict[str, dict[str, Any]] = {
    "amount": {"money": Money(4999, "XAF")},
    "currency": {"money": Money(5000, "EUR")},
    "unreadable": {"money": None},
    "zero": {"money": Money(0, "XAF")},
    "withdraw": {"is_incoming": False},
    "unproven": {"money": Money(0, "XAF"), "amount_is_proof": False},
    "foreign": {"provider_reference": "B"},
}
# `-`: nothing changes. `late`: SUCCESSFUL, late. `duplicate`: a second charge. `adopted`: the status
# stays, the provider's reference is learnt. `noted`: a charge that the operator has to know of. A word
# after `+` is a peculiarity of the record.
OBSERVED = """
record                        INITIATING PENDING    EXPIRED    LOST       FAILED     REFUSED    CONFLICTED SUCCESSFUL
successful                    SUCCESSFUL SUCCESSFUL late       late       late       late       noted      -
failed                        FAILED     FAILED     FAILED     FAILED     -          -          -          -
pending                       PENDING    -          -          adopted    -          -          -          -
unknown                       adopted    -          -          adopted    -          -          -          -
successful+amount             CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED -          -
failed+amount                 CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED -          -
pending+amount                -          -          -          -          -          -          -          -
unknown+amount                -          -          -          -          -          -          -          -
successful+currency           CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED -          -
successful+unreadable         CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED -          -
successful+zero               CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED -          -
successful+withdraw           CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED -          -
failed+withdraw               CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED -          -
pending+withdraw              -          -          -          -          -          -          -          -
successful+unproven           SUCCESSFUL SUCCESSFUL late       late       late       late       noted      -
failed+unproven               FAILED     FAILED     FAILED     FAILED     -          -          -          -
pending+unproven              PENDING    -          -          adopted    -          -          -          -
successful+unproven+withdraw  CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED CONFLICTED -          -
successful+foreign            SUCCESSFUL SUCCESSFUL late       late       late       late       noted      duplicate
failed+foreign                FAILED     -          -          FAILED     -          -          -          -
pending+foreign               PENDING    -          -          adopted    -          -          -          -
unknown+foreign               adopted    -          -          adopted    -          -          -          -
successful+foreign+amount     CONFLICTED -          -          CONFLICTED -          CONFLICTED -          -
failed+foreign+amount         CONFLICTED -          -          CONFLICTED -          CONFLICTED -          -
successful+foreign+withdraw   CONFLICTED -          -          CONFLICTED -          CONFLICTED -          -
"""


def observations() -> Iterator[tuple[str, str, str]]:
    header, *rows = (line.split() for line in OBSERVED.strip().splitlines())
    for words, *outcomes in rows:
        yield from ((words, example, outcome) for example, outcome in zip(header[1:], outcomes, strict=True))


def record_of(words: str) -> ProviderRecord:
    status, *peculiarities = words.split("+")
    record = replace(PAID, status=STATUS_WORDS[status])
    for word in peculiarities:
        record = replace(record, **PECULIARITIES[word])
    return record


def outcome_of(before: Payment, after: Payment | None) -> str:
    if after is None:
        return "-"
    if after.duplicate:
        return "duplicate"
    if after.late:
        return "late"
    if after.charges != before.charges and after.status is before.status:
        return "noted"
    return after.status.value if after.status is not before.status else "adopted"


@pytest.mark.parametrize(("words", "example", "outcome"), list(observations()))
def test_every_status_meets_every_kind_of_record(words: str, example: str, outcome: str) -> None:
    before = EXAMPLES[example]
    after = before.observe(record_of(words), NOW)
    assert outcome_of(before, after) == outcome
    if after is not None:
        assert after.version == before.version + 1
        assert after.updated_at == NOW


def test_the_table_of_observations_leaves_no_example_and_no_peculiarity_out() -> None:
    assert {example for _, example, _ in observations()} == set(EXAMPLES)
    used = {word for words, _, _ in observations() for word in words.split("+")}
    assert used == set(STATUS_WORDS) | set(PECULIARITIES)


def test_a_settled_payment_has_what_the_record_says_and_keeps_what_it_leaves_out() -> None:
    record = replace(PAID, operator=None, operator_reference="12345678901", reason=None)
    paid = changed(replace(PROMPTED, reason="earlier").observe(record, NOW))
    assert (paid.operator, paid.operator_reference, paid.reason, paid.charges) == ("MTN", "12345678901", None, ("A",))


def test_a_failed_payment_says_why() -> None:
    failed = changed(PROMPTED.observe(replace(record_of("failed"), reason="NOT_ENOUGH_FUNDS"), NOW))
    assert failed.reason == "NOT_ENOUGH_FUNDS"


def test_the_same_record_again_changes_nothing() -> None:
    for words in ("successful", "failed", "pending", "unknown", "successful+amount"):
        after = changed(CLAIMED.observe(record_of(words), NOW))
        assert after.observe(record_of(words), NOW + 1) is None


@pytest.mark.parametrize("example", ["INITIATING", "PENDING", "EXPIRED", "LOST"])
@pytest.mark.parametrize("words", ["pending", "unknown", "pending+amount", "unknown+foreign", "unknown+withdraw"])
def test_without_proof_nothing_fails_and_nothing_is_paid(example: str, words: str) -> None:
    after = EXAMPLES[example].observe(record_of(words), NOW) or EXAMPLES[example]
    assert after.status in {INITIATING, PENDING, EXPIRED}


# --- charges


def test_every_further_charge_is_a_duplicate_and_each_is_counted_once() -> None:
    payment = changed(PROMPTED.observe(PAID, NOW))
    for count, provider_reference in enumerate(("B", "C"), start=2):
        charge = replace(PAID, provider_reference=provider_reference)
        payment = changed(payment.observe(charge, NOW))
        assert payment.duplicate
        assert payment.charges == ("A", "B", "C")[:count]
        assert payment.observe(charge, NOW) is None
    assert payment.status is SUCCESSFUL
    assert payment.provider_reference == "A"


def test_a_prompt_approved_after_a_foreign_charge_is_a_duplicate() -> None:
    paid = changed(PROMPTED.observe(record_of("successful+foreign"), NOW))
    twice = changed(paid.observe(PAID, NOW))
    assert (twice.charges, twice.duplicate) == (("B", "A"), True)


def test_a_charge_of_an_order_that_another_attempt_has_paid_is_a_duplicate_in_the_same_change() -> None:
    paid = changed(PROMPTED.observe(PAID, NOW))
    assert paid.as_duplicate() == replace(paid, duplicate=True, paid_version=None)


def test_a_payment_that_was_refused_and_is_charged_all_the_same_is_late() -> None:
    paid = changed(EXAMPLES["REFUSED"].observe(PAID, NOW))
    assert (paid.status, paid.late, paid.reason, paid.provider_reference) == (SUCCESSFUL, True, None, "A")


# --- the other changes


def test_a_prompt_that_went_out() -> None:
    payment = changed(CLAIMED.prompted("A", "*126#", "MTN", NOW))
    assert payment == replace(PROMPTED, updated_at=NOW)
    assert payment.prompted("A", "*126#", "MTN", NOW) is None


def test_a_prompt_that_went_out_at_the_second_try_says_so() -> None:
    assert changed(CLAIMED.prompted("A", "*126#", "MTN", NOW, retries=1)).prompt_retries == 1
    assert changed(CLAIMED.refused("ER201", NOW, retries=1)).prompt_retries == 1


def test_a_payment_that_a_restored_ledger_lacks_keeps_its_refunds_and_gets_those_of_the_log() -> None:
    known, lost = REFUND, replace(REFUND, reference="refund-2")
    before = replace(EXAMPLES["SUCCESSFUL"], refunds=(known,))
    after = before.recovered(9, "Z", (lost,), NOW)
    assert after == replace(before, version=9, refunds=(known, lost), updated_at=NOW)
    assert EXAMPLES["LOST"].recovered(9, "Z", (), NOW).provider_reference == "Z"


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_wait_of_a_payment_begins_anew_in_a_restored_ledger_where_there_is_one(example: str) -> None:
    before = EXAMPLES[example]
    expires_at = NOW + EXPIRES - CREATED if before.is_waiting else EXPIRES
    assert before.recovered(9, None, (), NOW) == replace(before, version=9, expires_at=expires_at, updated_at=NOW)
    assert before.recovered(9, None, (), CREATED - 1).updated_at == before.updated_at


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example != "INITIATING"])
def test_an_answer_that_comes_after_the_webhook_only_adds_what_is_missing(example: str) -> None:
    before = EXAMPLES[example]
    after = before.prompted("Z", "#150*50#", "Orange", NOW) or before
    assert after.status is before.status
    assert after.provider_reference == (before.provider_reference or "Z")
    assert after.ussd_code == ("#150*50#" if before.is_waiting else before.ussd_code)


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_refusal_counts_only_while_nothing_is_known_from_campay(example: str) -> None:
    after = EXAMPLES[example].refused("ER102", NOW)
    if example in {"INITIATING", "LOST"}:
        assert (changed(after).status, changed(after).reason) == (FAILED, "ER102")
    else:
        assert after is None


@pytest.mark.parametrize("example", EXAMPLES)
def test_only_what_waits_expires_and_not_before_its_time_unless_the_customer_gives_up(example: str) -> None:
    payment = EXAMPLES[example]
    assert payment.expired(EXPIRES - 1) is None
    after = payment.expired(EXPIRES)
    assert (after is not None and after.status is EXPIRED) is (example in {"INITIATING", "PENDING"})
    ended = payment.given_up(EXPIRES - 1)
    assert (ended is not None) is (example in {"INITIATING", "PENDING"})
    assert ended is None or (ended.status, ended.reason, ended.was_given_up) == (EXPIRED, "given_up", True)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_active_payment_records_that_another_attempt_paid_the_order(example: str) -> None:
    before = EXAMPLES[example]
    after = before.order_paid_elsewhere("payment-2", NOW)
    if example in {"INITIATING", "PENDING", "CONFLICTED"}:
        told = changed(after)
        assert told == replace(before, order_paid_by="payment-2", version=before.version + 1, updated_at=NOW)
        assert told.order_paid_elsewhere("payment-2", NOW) is None
    else:
        assert after is None


@pytest.mark.parametrize("status", [SUCCESSFUL, FAILED])
def test_an_operator_decides_a_conflict(status: PaymentStatus) -> None:
    decided = EXAMPLES["CONFLICTED"].resolved(status, NOW)
    assert (decided.status, decided.version) == (status, 4)
    for words in ("successful+amount", "failed+amount"):
        assert decided.observe(record_of(words), NOW) is None, "the decision covers what was disputed"


@pytest.mark.parametrize("status", [INITIATING, PENDING, EXPIRED, CONFLICTED])
def test_an_operator_decides_for_paid_or_not_and_nothing_else(status: PaymentStatus) -> None:
    with pytest.raises(InvalidTransition):
        EXAMPLES["CONFLICTED"].resolved(status, NOW)


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example != "CONFLICTED"])
@pytest.mark.parametrize("status", PaymentStatus)
def test_an_operator_decides_nothing_else(example: str, status: PaymentStatus) -> None:
    with pytest.raises(InvalidTransition):
        EXAMPLES[example].resolved(status, NOW)


def test_an_operator_is_offered_what_is_accepted_and_nothing_else() -> None:
    noted = changed(EXAMPLES["CONFLICTED"].observe(record_of("successful+foreign"), NOW))
    for payment in (*EXAMPLES.values(), noted):
        accepted = {status for status in PaymentStatus if is_resolved(payment, status)}
        assert payment.resolutions(NOW) == accepted, payment.status
        assert (OperatorAction.RESOLVE in allowed_actions(payment, NOW, refunds=False)) is bool(accepted)
        assert {OperatorAction.RECHECK, OperatorAction.REDELIVER} <= set(allowed_actions(payment, NOW, refunds=False))


def is_resolved(payment: Payment, status: PaymentStatus) -> bool:
    try:
        return payment.resolved(status, NOW).status is status
    except InvalidTransition:
        return False


def test_a_duplicate_is_acknowledged_once_and_a_further_charge_is_a_duplicate_again() -> None:
    paid = changed(PROMPTED.observe(PAID, NOW))
    twice = changed(paid.observe(record_of("successful+foreign"), NOW))
    dealt_with = twice.acknowledge(NOW)
    assert dealt_with == replace(twice, acknowledged=True, version=twice.version + 1)
    again = changed(dealt_with.observe(replace(PAID, provider_reference="C"), NOW))
    assert [it.may_be_acknowledged for it in (paid, twice, dealt_with, again)] == [False, True, False, True]
    offered = [
        OperatorAction.ACKNOWLEDGE in allowed_actions(it, NOW, refunds=False) for it in (paid, twice, dealt_with, again)
    ]
    assert offered == [False, True, False, True]
    for payment in (*EXAMPLES.values(), paid, dealt_with):
        with pytest.raises(InvalidTransition):
            payment.acknowledge(NOW)


def test_a_duplicate_under_review_is_resolved_before_it_is_acknowledged() -> None:
    charged = changed(EXAMPLES["CONFLICTED"].observe(record_of("successful+foreign"), NOW))
    twice = changed(charged.observe(replace(PAID, provider_reference="C"), NOW))
    assert (twice.status, twice.duplicate, need_of(twice)) == (CONFLICTED, True, Need.UNDER_REVIEW)
    with pytest.raises(InvalidTransition):
        twice.acknowledge(NOW)
    assert need_of(twice.resolved(SUCCESSFUL, NOW)) is Need.DUPLICATE


def test_what_a_status_needs_a_person_for() -> None:
    needs = {name: need_of(payment) for name, payment in EXAMPLES.items() if need_of(payment)}
    assert needs == {"CONFLICTED": Need.UNDER_REVIEW, "LOST": Need.UNDECIDED}
    paid_elsewhere = changed(PROMPTED.observe(PAID, NOW)).as_duplicate()
    assert need_of(paid_elsewhere) is Need.DUPLICATE
    assert need_of(paid_elsewhere.acknowledge(NOW)) is None


def test_the_charge_that_an_operator_accepts_is_no_duplicate_but_the_next_one_is() -> None:
    paid = EXAMPLES["CONFLICTED"].resolved(SUCCESSFUL, NOW)
    assert (paid.charges, paid.duplicate) == (("A",), False)
    assert paid.observe(PAID, NOW) is None
    assert changed(paid.observe(record_of("successful+foreign"), NOW)).duplicate


def test_a_charge_during_the_review_makes_the_accepted_payment_a_duplicate() -> None:
    noted = changed(EXAMPLES["CONFLICTED"].observe(record_of("successful+foreign"), NOW))
    assert (noted.status, noted.duplicate) == (CONFLICTED, False)
    paid = noted.resolved(SUCCESSFUL, NOW)
    assert (paid.charges, paid.duplicate) == (("B", "A"), True)


@pytest.mark.parametrize(("words", "charge"), [("successful+foreign", "B"), ("successful", "A")])
def test_an_operator_cannot_reject_a_payment_with_a_matching_charge(words: str, charge: str) -> None:
    """FAILED would hide a full charge and free the order for a second one."""
    noted = changed(EXAMPLES["CONFLICTED"].observe(record_of(words), NOW))
    assert (noted.status, noted.charges) == (CONFLICTED, (charge,))
    with pytest.raises(InvalidTransition, match=f"charged by {charge}$"):
        noted.resolved(FAILED, NOW)
    assert noted.resolved(SUCCESSFUL, NOW).status is SUCCESSFUL


def test_a_disputed_record_that_agrees_at_last_is_one_charge() -> None:
    noted = changed(EXAMPLES["CONFLICTED"].observe(PAID, NOW))
    assert noted.observe(PAID, NOW) is None
    paid = noted.resolved(SUCCESSFUL, NOW)
    assert (paid.charges, paid.duplicate) == (("A",), False)


def test_one_version_pays_the_order() -> None:
    paid = changed(PROMPTED.observe(PAID, NOW))
    charged_twice = changed(paid.observe(record_of("successful+foreign"), NOW))
    by_an_operator = EXAMPLES["CONFLICTED"].resolved(SUCCESSFUL, NOW)
    told = [version.pays_order for version in (PROMPTED, paid, charged_twice, by_an_operator, paid.as_duplicate())]
    assert told == [False, True, False, True, False]
    assert (charged_twice.paid_version, paid.as_duplicate().paid_version) == (paid.version, None)


def test_a_clock_that_goes_back_does_not_set_the_payments_time_back() -> None:
    payment = changed(PROMPTED.observe(PAID, NOW))
    assert changed(payment.observe(record_of("successful+foreign"), NOW - 5_000)).updated_at == NOW


# --- any sequence of changes

Change = Callable[..., Payment | None]


def decide(payment: Payment, status: PaymentStatus, now: int) -> Payment | None:
    is_refused = payment.status is not CONFLICTED or (status is FAILED and payment.charges)
    return None if is_refused else payment.resolved(status, now)


def acknowledge(payment: Payment, now: int) -> Payment | None:
    return payment.acknowledge(now) if payment.may_be_acknowledged else None


def changes() -> st.SearchStrategy[Change]:
    references = st.sampled_from(["A", "B", "C"])
    records = st.builds(
        ProviderRecord,
        provider_reference=references,
        external_reference=st.just("payment-1"),
        status=st.sampled_from(RecordStatus),
        money=st.sampled_from([PRICE, PRICE, Money(4999, "XAF"), Money(5000, "EUR"), None]),
        is_incoming=st.sampled_from([True, True, False]),
        operator=st.sampled_from(["MTN", None]),
        reason=st.sampled_from(["REJECTED", None]),
        amount_is_proof=st.booleans(),
    )
    return st.one_of(
        records.map(lambda record: partial(Payment.observe, record=record)),
        references.map(lambda it: partial(Payment.prompted, provider_reference=it, ussd_code="*126#", operator="MTN")),
        st.just(partial(Payment.refused, reason="ER201")),
        st.just(Payment.expired),
        st.just(Payment.given_up),
        st.sampled_from(["payment-2", "payment-3"]).map(lambda it: partial(Payment.order_paid_elsewhere, paid_by=it)),
        st.sampled_from([SUCCESSFUL, FAILED]).map(lambda status: partial(decide, status=status)),
        st.just(acknowledge),
    )


@settings(max_examples=400)
@given(st.lists(st.tuples(changes(), st.integers(CREATED, 2 * EXPIRES)), max_size=12))
def test_no_sequence_of_changes_breaks_the_rules(steps: list[tuple[Change, int]]) -> None:
    before = CLAIMED
    for change, now in steps:
        after = change(before, now=now)
        if after is None:
            continue
        assert after.version == before.version + 1
        assert after.updated_at >= before.updated_at
        assert after.status is before.status or after.status in MAY_BECOME[before.status]
        assert after.charges[: len(before.charges)] == before.charges
        assert after.duplicate is (len(after.charges) > 1)
        assert (need_of(after) is Need.DUPLICATE) is (after.duplicate and after.is_final and not after.acknowledged)
        assert not after.acknowledged or after.charges == before.charges
        assert claim_of(after) == claim_of(CLAIMED)
        before = after


def claim_of(payment: Payment) -> tuple[object, ...]:
    """Returns the fields that no change may alter."""
    return (payment.reference, payment.order_id, payment.money, payment.phone_hash, payment.created_at)
