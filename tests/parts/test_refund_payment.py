"""Tests that a charge is paid back at most once, whatever CamPay answers, and that nothing unknown is called failed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import Any

import pytest
import requests

from chalicelib.adapters.campay.client import Campay
from chalicelib.bootstrap import Service
from chalicelib.domain.attention import Need
from chalicelib.domain.check_schedule import UNANSWERED_AGAIN_MS
from chalicelib.domain.errors import (
    NotAllowed,
    NotFound,
    PaymentChanged,
    PaymentError,
    ProviderUnavailable,
    RefundNotCovered,
    RefundsOff,
    RefundTooHigh,
)
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import PayerRecord
from chalicelib.domain.refund import RefundRequest, RefundStatus
from chalicelib.domain.webhooks import WebhookOutcome
from chalicelib.settings import Settings
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.workers import CHECKS, queues_of

SENDING, PENDING, SUCCESSFUL, FAILED = RefundStatus
PHONE = "237677777777"
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), PHONE, "Braids", "fr")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, refunds=True)


@pytest.fixture
def paid(service: Service, shop: Shop) -> Payment:
    """Makes a payment that is paid, and a second one, so that the float covers a whole refund."""
    other = service.initiate(replace(REQUEST, order_id="order-0", phone_number="237677777001")).payment
    shop.customer(other.provider_reference, "SUCCESSFUL")
    return pay(service, shop, REQUEST)


def pay(service: Service, shop: Shop, request: PaymentRequest) -> Payment:
    payment = service.initiate(request).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    return newest(service, payment)


def newest(service: Service, payment: Payment) -> Payment:
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    return stored.payment


def refund(service: Service, payment: Payment, amount: int = 2000, **changes: Any) -> Payment:
    request = RefundRequest(payment.charges[0], amount, "braids came undone", payment.version)
    return service.refund(payment.reference, replace(request, **changes), by="paul")


def payouts(shop: Shop) -> list[dict[str, Any]]:
    """Lists what CamPay was asked to pay out."""
    return [it for it in shop.transactions if it["endpoint"] == "withdraw"]


def states(payment: Payment) -> list[str]:
    return [it.status for it in payment.refunds]


def check(service: Service, clock: HandClock, payment: Payment, seconds: float = 15) -> Payment:
    clock.forward(seconds)
    service.check(CheckHint(payment.reference))
    return newest(service, payment)


def test_a_part_and_then_the_rest_go_back(service: Service, shop: Shop, clock: HandClock, paid: Payment) -> None:
    told = len(shop.order_events)
    asked = refund(service, paid)
    assert (states(asked), asked.status, asked.version) == ([PENDING], PaymentStatus.SUCCESSFUL, paid.version + 2)
    (payout,) = payouts(shop)
    assert (payout["amount"], payout["phoneNumber"], payout["externalReference"]) == (
        *(2000, PHONE),
        asked.refunds[0].reference,
    )
    assert states(check(service, clock, asked)) == [PENDING]
    shop.customer(payout["reference"], "SUCCESSFUL")
    in_part = check(service, clock, asked)
    assert (states(in_part), in_part.may_be_refunded) == ([SUCCESSFUL], True)
    rest = refund(service, in_part, 3000)
    shop.customer(payouts(shop)[-1]["reference"], "SUCCESSFUL")
    whole = check(service, clock, rest)
    assert (states(whole), whole.may_be_refunded) == ([SUCCESSFUL, SUCCESSFUL], False)
    assert shop.order_events[told:] == [("payment.refunded", in_part.version), ("payment.refunded", whole.version)]
    stored = service.ledger.load(paid.reference)
    assert stored is not None
    assert stored.check_at is None, "nothing more will be learnt"
    history = service.story(paid.reference)["versions"]
    assert [(it["cause"], it["by"], it["note"]) for it in history[paid.version : paid.version + 2]] == [
        ("refund requested", "paul", "braids came undone"),
        ("refund answered", None, None),
    ]


def test_nothing_goes_back_unless_it_is_switched_on(service: Service, shop: Shop, paid: Payment) -> None:
    off = rebuilt(replace(service, settings=replace(service.settings, refunds=False)))
    assert "refund" in service.story(paid.reference)["actions"]
    assert "refund" not in off.story(paid.reference)["actions"]
    with pytest.raises(RefundsOff) as refused:
        refund(off, paid)
    assert refused.value.reference == paid.reference
    assert not payouts(shop)


NOT_CHARGED = "the payment was not charged by this reference"


@pytest.mark.parametrize(
    ("changes", "error", "detail"),
    [
        ({"amount": 5001}, RefundTooHigh, ""),
        ({"charge": "another"}, NotAllowed, NOT_CHARGED),
        ({"version": 1}, PaymentChanged, ""),
    ],
)
def test_what_is_refused_sends_and_writes_nothing(
    service: Service, shop: Shop, paid: Payment, changes: dict[str, Any], error: type[PaymentError], detail: str
) -> None:
    with pytest.raises(error) as refused:
        refund(service, paid, **changes)
    assert (refused.value.detail, refused.value.reference) == (detail, paid.reference)
    assert not payouts(shop)
    assert newest(service, paid) == paid


def test_a_payment_that_is_unknown_or_not_paid(service: Service, shop: Shop, paid: Payment) -> None:
    pending = service.initiate(replace(REQUEST, order_id="order-2", phone_number="237677777002")).payment
    with pytest.raises(NotFound):
        refund(service, replace(paid, reference="00000000-0000-4000-8000-000000000000"))
    with pytest.raises(NotAllowed) as refused:
        refund(service, replace(pending, charges=(str(pending.provider_reference),)))
    assert refused.value.detail == NOT_CHARGED
    assert not payouts(shop)


def test_more_than_is_left_while_a_refund_is_open(service: Service, shop: Shop, paid: Payment) -> None:
    asked = refund(service, paid, 4000)
    with pytest.raises(RefundTooHigh):
        refund(service, asked, 1001)
    assert [it["amount"] for it in payouts(shop)] == [4000]


NO_CHARGE = "CamPay's record is of no successful charge"


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"external_reference": "of-another-payment"}, "CamPay's record does not name this payment"),
        ({"phone_number": ""}, "CamPay's record names no number"),
        ({"endpoint": "withdraw"}, NO_CHARGE),
    ],
)
def test_only_who_paid_this_payment_is_paid_back(
    service: Service, shop: Shop, paid: Payment, changed: dict[str, Any], detail: str
) -> None:
    """CamPay's record of the charge names another payment by now, no number, or a payout."""
    record = shop._simulator.ledger.find(paid.charges[0])
    assert record is not None
    shop._simulator.ledger.put(replace(record, prompt=replace(record.prompt, **changed)))
    asked = len(shop.transactions)
    with pytest.raises(NotAllowed) as refused:
        refund(service, paid)
    assert (refused.value.detail, refused.value.reference) == (detail, paid.reference)
    assert (newest(service, paid), len(shop.transactions)) == (paid, asked)


def test_a_charge_that_campay_has_taken_back_is_not_paid_back(service: Service, shop: Shop, paid: Payment) -> None:
    record = shop._simulator.ledger.find(paid.charges[0])
    assert record is not None
    shop._simulator.ledger.put(replace(record, status="FAILED"))
    with pytest.raises(NotAllowed) as refused:
        refund(service, paid)
    assert (refused.value.detail, refused.value.reference) == (NO_CHARGE, paid.reference)


def test_a_charge_that_campay_does_not_know_is_not_paid_back(service: Service, shop: Shop, paid: Payment) -> None:
    shop.faults(transaction=["404"])
    with pytest.raises(NotAllowed) as refused:
        refund(service, paid)
    assert refused.value.detail == NO_CHARGE


def test_the_float_of_the_customers_operator_has_to_cover_it(service: Service, shop: Shop) -> None:
    """Another operator's does not count."""
    payment = pay(service, shop, replace(REQUEST, phone_number="237699999999"))
    shop.customer(service.initiate(replace(REQUEST, order_id="order-2")).payment.provider_reference, "SUCCESSFUL")
    with pytest.raises(RefundNotCovered):
        refund(service, payment, 5000)
    assert newest(service, payment) == payment
    assert states(refund(service, payment, 4000)) == [PENDING]
    assert len(payouts(shop)) == 1


@pytest.mark.parametrize("call", ["transaction", "balance"])
def test_nothing_is_claimed_while_campay_cannot_be_read(service: Service, shop: Shop, paid: Payment, call: str) -> None:
    shop.faults(**{call: ["500-before"] * 3})
    with pytest.raises(ProviderUnavailable):
        refund(service, paid)
    assert newest(service, paid) == paid
    assert not payouts(shop)


def test_a_double_click_pays_once(service: Service, shop: Shop, paid: Payment) -> None:
    together = Barrier(2)

    def click(_: int) -> Payment | PaymentChanged:
        together.wait(10)
        try:
            return refund(service, paid)
        except PaymentChanged as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(click, range(2)))
    assert sorted(type(it).__name__ for it in answers) == ["Payment", "PaymentChanged"]
    assert len(payouts(shop)) == 1
    assert states(newest(service, paid)) == [PENDING]


def test_the_hint_for_the_first_check_is_sent_before_campay_is_asked(service: Service, paid: Payment) -> None:
    """The process may end with the call."""
    queues = queues_of(service)
    queues.waiting.clear()
    with pytest.raises(Interrupted):
        refund(rebuilt(service, campay=DyingCampay(service.campay)), paid)
    stored = service.ledger.load(paid.reference)
    assert stored is not None
    assert stored.check_at is not None
    [sent] = [it for it in queues.waiting if it.queue == CHECKS]
    assert CheckHint.from_body(sent.body) == CheckHint(paid.reference)
    assert stored.check_at <= sent.at < stored.check_at + 1000, "SQS counts in whole seconds"


@pytest.mark.parametrize("fault", ["reset-after-accept", "502-after-accept", "refused-after-accept", "200-html"])
@pytest.mark.parametrize("outcome", [SUCCESSFUL, FAILED])
def test_a_lost_answer_is_told_by_the_statement(
    service: Service, shop: Shop, clock: HandClock, paid: Payment, fault: str, outcome: RefundStatus
) -> None:
    shop.faults(withdraw=[fault])
    asked = refund(service, paid)
    assert (states(asked), asked.refunds[0].reason) == ([SENDING], None)
    assert states(check(service, clock, asked)) == [SENDING], "the statement lists no pending rows"
    (payout,) = payouts(shop)
    shop.customer(payout["reference"], outcome)
    told = check(service, clock, asked)
    assert (states(told), told.refunds[0].provider_reference) == ([outcome], payout["reference"])
    assert [it["asked"] for it in payouts(shop)] == [1]


def paid_out_by_hand(shop: Shop, reference: str, status: str) -> None:
    """Has CamPay pay out under a refund's reference, which the product never does."""
    body = {"amount": "2000", "to": PHONE, "description": "by hand", "external_user": reference}
    token = {"Authorization": f"Token {shop._simulator.settings.permanent_token}"}
    answer = requests.post(f"{shop._simulator.api_url}/withdraw/", json=body, headers=token, timeout=5)
    shop.customer(answer.json()["reference"], status)


@pytest.mark.parametrize("statuses", [("FAILED", "SUCCESSFUL"), ("SUCCESSFUL", "FAILED"), ("SUCCESSFUL", "SUCCESSFUL")])
def test_of_two_records_the_one_that_paid_counts(
    service: Service,
    shop: Shop,
    clock: HandClock,
    paid: Payment,
    caplog: pytest.LogCaptureFixture,
    statuses: tuple[str, str],
) -> None:
    shop.faults(withdraw=["502"])
    asked = refund(service, paid)
    for status in statuses:
        paid_out_by_hand(shop, asked.refunds[0].reference, status)
    assert states(check(service, clock, asked)) == [SUCCESSFUL]
    assert ("refund-made-twice" in caplog.messages) is (statuses == ("SUCCESSFUL", "SUCCESSFUL"))


def test_an_answer_that_does_not_come_in_time_is_told_by_the_record(
    service: Service, shop: Shop, clock: HandClock, paid: Payment
) -> None:
    shop.faults(withdraw=["timeout"])
    with service.campay.within(5.5):
        asked = refund(service, paid)
    assert states(asked) == [SENDING]
    shop.customer(payouts(shop)[0]["reference"], "SUCCESSFUL")
    assert states(check(service, clock, asked)) == [SUCCESSFUL]
    assert [it["asked"] for it in payouts(shop)] == [1]


def test_without_time_for_an_answer_nothing_is_sent(service: Service, shop: Shop, paid: Payment) -> None:
    with service.campay.within(4):
        failed = refund(service, paid)
    assert [(it.status, it.reason) for it in failed.refunds] == [(FAILED, "not_sent")]
    assert not payouts(shop)


@pytest.mark.parametrize("fault", ["500-before", "502", "reset", "rate-limit", "filter"])
def test_an_answer_that_proves_nothing_leaves_it_open_for_a_person(
    service: Service, shop: Shop, clock: HandClock, paid: Payment, fault: str
) -> None:
    shop.faults(withdraw=[fault])
    asked = refund(service, paid)
    for seconds in (15, 3600, 24 * 3600, 74 * 3600):
        assert states(check(service, clock, asked, seconds)) == [SENDING]
    stored = service.ledger.load(paid.reference)
    assert stored is not None
    assert stored.check_at is None, "the last check has passed"
    attention = service.attention()
    assert [it["kind"] for it in attention["items"]] == [Need.REFUND_OPEN]
    assert attention["counts"]["refundOpen"] == 1
    assert not payouts(shop), "it is never sent again"


@pytest.mark.parametrize("found", [PaymentStatus.SUCCESSFUL, PaymentStatus.FAILED])
def test_a_person_decides_what_campay_never_tells(
    service: Service, shop: Shop, clock: HandClock, paid: Payment, found: PaymentStatus
) -> None:
    shop.faults(withdraw=["502"])
    asked = refund(service, paid, 5000)
    decide = partial(
        service.operate.resolve, asked.reference, found, "looked at CamPay", version=asked.version, by="ada"
    )
    check(service, clock, asked, 72 * 3600)
    assert (service.story(asked.reference)["resolutions"], told_of_refunds(shop)) == ([], 0)
    with pytest.raises(NotAllowed):
        decide()
    check(service, clock, asked, 2 * 3600)
    assert service.story(asked.reference)["resolutions"] == ["FAILED", "SUCCESSFUL"]
    decided = decide()
    assert (states(decided), decided.status) == ([found], PaymentStatus.SUCCESSFUL)
    assert service.attention()["counts"]["refundOpen"] == 0
    assert (told_of_refunds(shop), decided.may_be_refunded) == (
        (1, False) if found is PaymentStatus.SUCCESSFUL else (0, True)
    )
    with pytest.raises(NotAllowed):
        service.operate.resolve(asked.reference, found, "again", version=decided.version, by="ada")


def told_of_refunds(shop: Shop) -> int:
    return [kind for kind, _ in shop.order_events].count("payment.refunded")


def test_an_open_refund_needs_nobody_before_its_last_check(service: Service, shop: Shop, paid: Payment) -> None:
    shop.faults(withdraw=["502"])
    refund(service, paid)
    assert service.attention()["counts"]["refundOpen"] == 0


def test_a_refusal_with_a_code_is_proof(service: Service, shop: Shop) -> None:
    """CamPay's fee makes a float too low that covers the amount."""
    payment = pay(service, shop, REQUEST)
    failed = refund(service, payment, 4900)
    assert [(it.status, it.reason) for it in failed.refunds] == [(FAILED, "ER301")]
    assert failed.may_be_refunded
    assert service.story(payment.reference)["versions"][-1]["note"] == "ER301"
    assert states(refund(service, failed, 4000)) == [FAILED, PENDING]
    assert [it["amount"] for it in payouts(shop)] == [4000]
    assert service.attention()["counts"]["refundOpen"] == 0


class OtherCurrency(Campay):
    """Says of each record that it is of another currency."""

    def __init__(self, campay: Campay) -> None:
        vars(self).update(vars(campay))

    def read_payer(self, provider_reference: str) -> PayerRecord | None:
        found = super().read_payer(provider_reference)
        return found and replace(found, record=replace(found.record, money=Money(5000, "XOF")))


def test_a_charge_in_another_currency_is_not_paid_back(service: Service, shop: Shop, paid: Payment) -> None:
    with pytest.raises(NotAllowed) as refused:
        refund(rebuilt(service, campay=OtherCurrency(service.campay)), paid)
    assert (refused.value.detail, refused.value.reference) == (
        "CamPay's record is of another currency",
        paid.reference,
    )
    assert not payouts(shop)


class Interrupted(Exception):
    """Stands for the end of the process."""


class DyingCampay(Campay):
    """Ends the process as the payout is about to be sent."""

    def __init__(self, campay: Campay) -> None:
        vars(self).update(vars(campay))

    def withdraw(self, *_: object) -> Any:
        raise Interrupted


def test_a_process_that_dies_before_the_call_leaves_the_claim(
    service: Service, shop: Shop, clock: HandClock, paid: Payment
) -> None:
    with pytest.raises(Interrupted):
        refund(rebuilt(service, campay=DyingCampay(service.campay)), paid)
    claimed = newest(service, paid)
    assert states(claimed) == [SENDING]
    with pytest.raises(PaymentChanged):
        refund(service, paid)
    for seconds in (15, 3600, 74 * 3600):
        assert states(check(service, clock, claimed, seconds)) == [SENDING]
    assert not payouts(shop)


def test_a_webhook_of_the_payout_is_of_no_payment(service: Service, shop: Shop, paid: Payment) -> None:
    """The checks are soon enough, and what names no payment of ours is answered with 200."""
    asked = refund(service, paid)
    payout = payouts(shop)[0]["reference"]
    shop.customer(payout, "SUCCESSFUL")
    told = service.settle.handle_webhook(asked.refunds[0].reference, payout)
    assert told is WebhookOutcome.UNKNOWN_PAYMENT
    assert newest(service, paid) == asked


def test_a_check_that_campay_does_not_answer_comes_again_soon(
    service: Service, shop: Shop, clock: HandClock, paid: Payment
) -> None:
    """Between the last ages of a refund are days."""
    asked = refund(service, paid)
    clock.forward(26 * 3600)
    shop.faults(transaction=["502"] * 3)
    service.check(CheckHint(asked.reference))
    stored = service.ledger.load(asked.reference)
    assert stored is not None
    assert stored.check_at == clock.now() + UNANSWERED_AGAIN_MS
    shop.faults(transaction=[])
    shop.customer(payouts(shop)[0]["reference"], "SUCCESSFUL")
    assert states(check(service, clock, asked, 30)) == [SUCCESSFUL]


def test_an_operator_who_rechecks_reads_the_open_refund(service: Service, shop: Shop, paid: Payment) -> None:
    asked = refund(service, paid)
    shop.customer(payouts(shop)[0]["reference"], "SUCCESSFUL")
    assert states(service.operate.recheck(asked.reference, by="paul")) == [SUCCESSFUL]


def test_the_second_charge_paid_back_whole_closes_the_case(service: Service, shop: Shop, paid: Payment) -> None:
    shop.charge_again(paid.reference)
    for charge in (it["reference"] for it in shop.transactions):
        service.settle.handle_webhook(paid.reference, charge)
    twice = newest(service, paid)
    assert service.attention()["counts"]["duplicate"] == 1
    asked = refund(service, twice, 5000, charge=twice.charges[1])
    shop.customer(payouts(shop)[0]["reference"], "SUCCESSFUL")
    done = service.operate.recheck(asked.reference, by="paul")
    assert (done.acknowledged, service.attention()["counts"]["duplicate"]) == (True, 0)
    assert shop.order_events[-1] == ("payment.refunded", done.version)


def test_the_number_of_the_payer_is_kept_nowhere(
    service: Service, shop: Shop, paid: Payment, caplog: pytest.LogCaptureFixture, dynamodb: Any, table: str, aws: Any
) -> None:
    for fault in ("ok", "502", "reset-after-accept"):
        shop.faults(withdraw=[fault])
        refund(service, newest(service, paid), 100)
    with pytest.raises(RefundTooHigh) as refused:
        refund(service, newest(service, paid), 5000)
    service.operate.recheck(paid.reference, by="paul")
    rows = dynamodb.scan(TableName=table)["Items"]
    said = [*(str(vars(it)) for it in caplog.records), str(rows), str(aws.events), repr(refused.value)]
    assert len(rows) > 5
    assert any("withdraw" in it for it in said)
    assert not [it for it in said if PHONE in it or PHONE[3:] in it]
