"""Tests settling: CamPay's record decides, whoever calls, and no webhook is lost."""

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import Service
from chalicelib.domain.cause import Cause
from chalicelib.domain.contract import PaymentEvent
from chalicelib.domain.errors import NotAllowed, NotFound, ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import ProviderRecord
from chalicelib.runtime.clock import Clock
from chalicelib.runtime.log import JsonLines
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt

S = PaymentStatus
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")


@pytest.fixture
def pending(service: Service) -> Payment:
    return service.initiate(REQUEST).payment


def newest(service: Service, payment: Payment) -> Payment:
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    return stored.payment


def test_a_webhook_settles_by_campays_record(service: Service, pending: Payment, shop: Shop) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    paid = newest(service, pending)
    assert (paid.status, paid.version, paid.charges) == (S.SUCCESSFUL, 3, (pending.provider_reference,))
    assert service.ledger.order("order-1").paid == pending.reference
    assert shop.order_events == [("payment.successful", 3)]
    kept = service.live_store.read(pending.reference)
    assert kept is not None
    assert kept["status"] == "SUCCESSFUL"


def test_a_payment_that_was_settled_without_its_webhook_says_so(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    other = service.initiate(replace(REQUEST, order_id="order-2", phone_number="237677777001")).payment
    for payment in (pending, other):
        shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    service.settle.recheck(other.reference, Cause.CHECK)
    assert newest(service, pending).webhook_missing_at is None
    assert newest(service, other).webhook_missing_at == clock.now()


def test_a_recheck_counts_a_charge_that_campay_names_and_says_who_asked(
    service: Service, pending: Payment, shop: Shop
) -> None:
    again = shop.charge_again(pending.reference)
    paid = service.settle.recheck(pending.reference, Cause.STATEMENT, note="of the day", by="paul", named=again)
    assert paid.charges == (again,)
    [last] = service.story(pending.reference)["versions"][-1:]
    assert (last["cause"], last["by"], last["note"]) == (Cause.STATEMENT, "paul", "of the day")


def test_a_repeated_webhook_makes_no_call_to_campay(
    service: Service, pending: Payment, shop: Shop, aws: EmbeddedAws
) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    shop.faults(transaction=["502"])
    aws.calls.clear()
    for named in (pending.provider_reference, None):
        service.settle.handle_webhook(pending.reference, named)
    assert dict(aws.calls) == {"UpdateItem": 2}, "one refused condition each, and no read at CamPay"
    assert newest(service, pending).version == 3


def test_a_webhook_of_an_unknown_payment_makes_no_call_to_campay(service: Service, shop: Shop) -> None:
    shop.faults(transaction=["502"])
    service.settle.handle_webhook("00000000-0000-4000-8000-000000000000", "c-1")


def test_a_webhook_within_two_seconds_of_another_waits_and_reads_again(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    """A webhook that arrives during a read, or just after it, is followed by another read."""
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    assert 1.5 <= sum(clock.slept) <= 2.5
    assert newest(service, pending).status is S.SUCCESSFUL


def test_a_webhook_does_not_wait_after_a_status_call(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    clock.forward(11)
    service.settle.refresh(pending.reference)
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    clock.forward(0.1)
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    assert not clock.slept
    assert newest(service, pending).status is S.SUCCESSFUL


def test_five_webhooks_at_once_are_one_change(service: Service, pending: Payment, shop: Shop) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    settle = rebuilt(service, clock=Clock()).settle  # those who wait would else move the clock on, past CamPay's time
    calls = [
        threading.Thread(target=settle.handle_webhook, args=(pending.reference, pending.provider_reference))
        for _ in range(5)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert newest(service, pending).version == 3
    assert shop.order_events == [("payment.successful", 3)]


def test_an_unreadable_campay_is_not_a_failure_and_is_tried_again_soon(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    shop.faults(transaction=["502"])
    with pytest.raises(ProviderUnavailable):
        service.settle.handle_webhook(pending.reference, pending.provider_reference)
    assert newest(service, pending) == pending
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    assert list(service.ledger.due(0, clock.now() + 30_000, 10)) == [pending.reference]
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    assert newest(service, pending).status is S.SUCCESSFUL


def test_a_decline_is_failed_with_its_reason(service: Service, shop: Shop) -> None:
    poor = service.initiate(replace(REQUEST, phone_number="237670000009")).payment
    shop.customer(poor.provider_reference, "FAILED")
    service.settle.handle_webhook(poor.reference, poor.provider_reference)
    failed = newest(service, poor)
    assert failed.status is S.FAILED
    assert failed.reason
    assert shop.order_events == [("payment.failed", 3)]


def test_late_money_is_taken_and_marked(service: Service, pending: Payment, shop: Shop, clock: HandClock) -> None:
    clock.forward(601)
    assert service.settle.refresh(pending.reference).status is S.EXPIRED
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    clock.forward(10)
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    paid = newest(service, pending)
    assert (paid.status, paid.late) == (S.SUCCESSFUL, True)
    assert shop.order_events == [("payment.expired", 3), ("payment.successful", 4)]


def test_a_late_success_marks_the_active_attempt(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    clock.forward(601)
    second = service.initiate(replace(REQUEST, phone_number="237670000099")).payment
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    told = newest(service, second)
    assert (told.status, told.order_paid_by) == (S.PENDING, pending.reference)
    kept = service.live_store.read(second.reference)
    assert kept is not None
    assert kept["orderPaidBy"] == pending.reference

    shop.customer(second.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(second.reference, second.provider_reference)
    twice = newest(service, second)
    assert (twice.status, twice.duplicate) == (S.SUCCESSFUL, True)
    assert shop.order_events[-1] == ("payment.duplicate", twice.version)
    order = service.ledger.order("order-1")
    assert (order.paid, order.active) == (pending.reference, None)


def test_a_record_of_another_amount_is_for_an_operator(service: Service, shop: Shop) -> None:
    odd = service.initiate(replace(REQUEST, phone_number="237670000006")).payment
    shop.customer(odd.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(odd.reference, odd.provider_reference)
    assert newest(service, odd).status is S.CONFLICTED
    assert shop.order_events == [("payment.conflicted", 3)]
    assert service.operate.recheck(odd.reference, by="paul").status is S.CONFLICTED

    resolved = service.operate.resolve(odd.reference, S.SUCCESSFUL, "the rest was paid in cash", version=3, by="paul")
    assert resolved.status is S.SUCCESSFUL
    assert service.ledger.order("order-1").paid == odd.reference
    assert service.operate.recheck(odd.reference, by="paul") == resolved
    with pytest.raises(NotAllowed):
        service.operate.resolve(odd.reference, S.FAILED, "or not", version=4, by="paul")


def test_a_version_keeps_its_cause_with_the_note_and_the_log_has_the_cause_alone(
    service: Service, shop: Shop, dynamodb: Any, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Metrics count by the cause, and an operator's note may be private."""
    odd = service.initiate(replace(REQUEST, phone_number="237670000006")).payment
    shop.customer(odd.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(odd.reference, odd.provider_reference)
    service.operate.resolve(odd.reference, S.FAILED, "refunded: by hand", version=3, by="paul")
    keys = [{"pk": {"S": f"payment#{odd.reference}"}, "sk": {"S": f"v#{n:06d}"}} for n in (1, 2, 3, 4)]
    rows = [dynamodb.get_item(TableName=table, Key=key)["Item"] for key in keys]
    kept = [row["cause"]["S"] for row in rows]
    assert kept == ["initiated", "prompted", "webhook", "operator: refunded: by hand"]
    lines = [json.loads(JsonLines().format(it)) for it in caplog.records if it.message == "payment-changed"]
    assert [line["cause"] for line in lines] == ["prompted", "webhook", "operator"]


def test_a_payment_that_an_operator_rejected_stays_failed(service: Service, shop: Shop) -> None:
    odd = service.initiate(replace(REQUEST, phone_number="237670000006")).payment
    shop.customer(odd.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(odd.reference, odd.provider_reference)
    service.operate.resolve(odd.reference, S.FAILED, "refunded by hand", version=3, by="paul")
    assert service.operate.recheck(odd.reference, by="paul").status is S.FAILED
    assert service.ledger.order("order-1").active is None


def test_an_operator_cannot_reject_a_matching_charge(service: Service, shop: Shop) -> None:
    odd = service.initiate(replace(REQUEST, phone_number="237670000006")).payment
    shop.customer(odd.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(odd.reference, odd.provider_reference)
    charge = shop.charge_again(odd.reference)
    service.settle.handle_webhook(odd.reference, charge)
    before = newest(service, odd)
    assert (before.status, before.charges) == (S.CONFLICTED, (charge,))
    with pytest.raises(NotAllowed) as refused:
        service.operate.resolve(odd.reference, S.FAILED, "it never came", version=4, by="paul")
    assert charge in refused.value.detail
    assert newest(service, odd) == before
    order = service.ledger.order("order-1")
    assert (order.active, order.paid) == (odd.reference, None)


def test_a_webhook_that_names_anothers_record_acts_on_the_other(service: Service, pending: Payment, shop: Shop) -> None:
    other = service.initiate(replace(REQUEST, order_id="order-2", phone_number="237670000099")).payment
    shop.customer(other.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, other.provider_reference)
    assert newest(service, pending) == pending
    assert newest(service, other).status is S.SUCCESSFUL


def test_a_second_charge_under_our_reference_is_a_duplicate(service: Service, pending: Payment, shop: Shop) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    second = shop.charge_again(pending.reference)
    service.settle.handle_webhook(pending.reference, second)
    paid = newest(service, pending)
    assert (paid.duplicate, paid.charges) == (True, (pending.provider_reference, second))
    service.settle.handle_webhook(pending.reference, second)
    assert shop.order_events == [("payment.successful", 3), ("payment.duplicate", 4)]


def test_status_calls_read_a_payment_at_most_every_five_seconds(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    clock.forward(4.9)
    assert service.track.payment(pending.reference)["status"] == "PENDING"
    clock.forward(0.2)
    assert service.track.payment(pending.reference)["status"] == "SUCCESSFUL"
    assert service.track.order("order-1")["status"] == "SUCCESSFUL"


def test_an_order_shows_the_attempt_that_paid_it(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    clock.forward(601)
    second = service.initiate(replace(REQUEST, phone_number="237670000099")).payment
    assert service.track.order("order-1")["reference"] == second.reference
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    assert service.track.order("order-1")["reference"] == pending.reference
    with pytest.raises(NotFound):
        service.track.order("order-2")
    with pytest.raises(NotFound):
        service.track.payment("00000000-0000-4000-8000-000000000000")


def test_a_status_call_while_campay_is_away_still_answers_and_expires(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    clock.forward(10)
    shop.faults(transaction=["502", "502", "502", "502"])
    assert service.track.payment(pending.reference)["status"] == "PENDING"
    clock.forward(600)
    assert service.track.payment(pending.reference)["status"] == "EXPIRED"


def test_conflicts_with_other_writers_are_decided_again(
    service: Service, pending: Payment, shop: Shop, aws: EmbeddedAws
) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    aws.faults.set({"operation": "TransactWriteItems", "kind": "conflict", "count": 2})
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    assert newest(service, pending).status is S.SUCCESSFUL


class _SlowCampay:
    """CamPay's client that reads at once and returns when it is released."""

    def __init__(self, service: Service) -> None:
        self._read = service.campay.read
        self.statement = service.campay.statement
        self.within, self.currencies = service.campay.within, service.campay.currencies
        self.has_read, self.may_answer = threading.Event(), threading.Event()

    def read(self, provider_reference: str) -> ProviderRecord | None:
        record = self._read(provider_reference)
        self.has_read.set()
        assert self.may_answer.wait(10)
        return record


def test_a_read_that_ends_after_a_success_does_not_make_it_due_again(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    """Nothing would ever remove its due mark, and the sweep would list it for ever."""
    clock.forward(11)
    slow = _SlowCampay(service)
    settle = rebuilt(service, campay=slow).settle
    reader = threading.Thread(target=settle.refresh, args=[pending.reference])
    reader.start()
    assert slow.has_read.wait(10)
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    slow.may_answer.set()
    reader.join()
    assert newest(service, pending).status is S.SUCCESSFUL
    assert service.ledger.due(0, clock.now() + 10**12, 10) == {}


def test_a_failed_recheck_of_a_paid_payment_does_not_make_it_due_again(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    shop.faults(transaction=["502"])
    with pytest.raises(ProviderUnavailable):
        service.operate.recheck(pending.reference, by="paul")
    assert service.ledger.due(0, clock.now() + 10**12, 10) == {}


def test_a_change_ends_the_read_that_led_to_it(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    shop.customer(pending.provider_reference, "FAILED")
    clock.forward(11)
    service.settle.refresh(pending.reference)
    stored = service.ledger.load(pending.reference)
    assert stored is not None
    assert stored.payment.status is S.FAILED
    assert stored.reads.lease_id is None


def test_a_deleted_phone_row_does_not_block_a_settlement(
    service: Service, pending: Payment, shop: Shop, dynamodb: Any, table: str
) -> None:
    phone = {"pk": {"S": f"phone#{pending.phone_hash}"}, "sk": {"S": "state"}}
    dynamodb.delete_item(TableName=table, Key=phone)
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    assert newest(service, pending).status is S.SUCCESSFUL


def test_whatever_goes_wrong_in_a_delivery_the_caller_gets_the_answer(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    """The cluster client's error was no RedisError: the customer got a 500 with the prompt on the phone."""

    class Broken:
        def publish_newer(self, _event: PaymentEvent) -> bool:
            raise RuntimeError("nobody thought of this")

    undelivered = rebuilt(service, live_store=Broken())
    payment = undelivered.initiate(REQUEST).payment
    assert payment.status is S.PENDING
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    undelivered.settle.handle_webhook(payment.reference, payment.provider_reference)
    assert newest(service, payment).status is S.SUCCESSFUL
    assert list(service.ledger.undelivered(clock.now(), 10)) == [payment.reference]
