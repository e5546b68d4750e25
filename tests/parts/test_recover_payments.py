"""Tests what the log gives back to a ledger that was restored to a moment before."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import Service
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import LedgerUnavailable, OrderAlreadyPaid, RefundTooHigh
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.money import Money
from chalicelib.domain.order_event import order_events_after
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest, key_hash
from chalicelib.domain.refund import RefundRequest, RefundStatus
from chalicelib.domain.rollup import count_of
from chalicelib.flows.recover_payments import RecoverPayments, Recovery
from chalicelib.runtime.log import JsonLines
from tests.conftest import Shop
from tests.harness.fakes import HandClock, ProcessDied, SimulatedProcess
from tests.harness.service import rebuilt
from tests.parts.test_story_of_payment import OTHER_AMOUNT_NUMBER

REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr", idempotency_key="a-key")


class Disaster:
    """Keeps a copy of the ledger, and puts it in the place of what came later."""

    def __init__(self, dynamodb: Any, table: str, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        self._dynamodb, self._table = dynamodb, table
        self._service, self._caplog = service, caplog
        self._copy = self.rows()

    def backup(self) -> None:
        self._copy = self.rows()

    def restore(self) -> None:
        for row in self.rows():
            self._dynamodb.delete_item(TableName=self._table, Key={name: row[name] for name in ("pk", "sk")})
        for row in self._copy:
            self._dynamodb.put_item(TableName=self._table, Item=row)

    def lines(self) -> list[Mapping[str, Any]]:
        return [json.loads(JsonLines().format(it)) for it in self._caplog.records if it.name == "payments"]

    def recover(self) -> Recovery:
        return RecoverPayments(self._service.ledger, self._service.clock)(self.lines())

    def rows(self) -> list[dict[str, Any]]:
        answer = self._dynamodb.scan(TableName=self._table, ConsistentRead=True)
        assert "LastEvaluatedKey" not in answer
        return sorted(answer["Items"], key=repr)


@pytest.fixture
def disaster(dynamodb: Any, table: str, service: Service, caplog: pytest.LogCaptureFixture) -> Disaster:
    return Disaster(dynamodb, table, service, caplog)


def newest(service: Service, reference: str) -> Payment:
    stored = service.ledger.load(reference)
    assert stored is not None
    return stored.payment


def pay(service: Service, shop: Shop, request: PaymentRequest = REQUEST) -> Payment:
    payment = service.initiate(request).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    return newest(service, payment.reference)


def check(service: Service, reference: str) -> Payment:
    """Lets the check of a payment come, which is due at once after a recovery."""
    service.check(CheckHint(reference))
    return newest(service, reference)


def told(shop: Shop, reference: str) -> list[tuple[str, int]]:
    """Lists the statuses and versions that the shop was told of a payment."""
    events = [json.loads(event["Detail"]) for event in shop._aws.events]
    return [(it["status"], it["version"]) for it in events if it["reference"] == reference]


def untold(service: Service, reference: str) -> list[str]:
    """Lists the ids of the order events that would be sent to the shop's own address."""
    told, versions = service.ledger.shop.load(reference).told, service.ledger.versions(reference, 0, 99)
    return [event.id for event in order_events_after(told, versions)]


def causes(service: Service, reference: str) -> list[tuple[int, str]]:
    return [(it.payment.version, it.cause) for it in service.ledger.versions_of(reference)]


def test_a_lost_payment_is_there_again_and_campay_says_that_it_is_paid(
    service: Service, shop: Shop, disaster: Disaster
) -> None:
    paid = pay(service, shop)
    disaster.restore()
    assert service.ledger.load(paid.reference) is None
    (written,) = disaster.recover().written
    assert (written.version, written.status) == (paid.version + 1, PaymentStatus.INITIATING)
    assert told(shop, paid.reference) == [("SUCCESSFUL", 3)], "nobody is told less than before"
    again = check(service, paid.reference)
    assert (again.status, again.version, again.late) == (PaymentStatus.SUCCESSFUL, paid.version + 2, False)
    assert (again.order_id, again.money, again.operator) == (paid.order_id, paid.money, paid.operator)
    assert causes(service, paid.reference) == [(4, "recovered"), (5, "check")]
    assert told(shop, paid.reference) == [("SUCCESSFUL", 3), ("SUCCESSFUL", 5)]


def test_whoever_paid_in_the_lost_hour_is_not_asked_again(service: Service, shop: Shop, disaster: Disaster) -> None:
    paid = pay(service, shop)
    service.initiate(REQUEST)
    disaster.restore()
    disaster.recover()
    for key in ("a-key", "another-key"):  # before CamPay has said anything, the order is held
        repeated = service.initiate(replace(REQUEST, idempotency_key=key))
        assert (repeated.payment.reference, repeated.replayed) == (paid.reference, True)
    check(service, paid.reference)
    assert service.initiate(REQUEST).payment.reference == paid.reference
    with pytest.raises(OrderAlreadyPaid):
        service.initiate(replace(REQUEST, idempotency_key="a-third-key"))
    assert len(shop.transactions) == 1


def test_a_key_that_had_joined_the_payment_still_names_it(service: Service, disaster: Disaster) -> None:
    started = service.initiate(REQUEST).payment
    disaster.backup()
    service.initiate(replace(REQUEST, idempotency_key="joined"))
    disaster.restore()
    assert disaster.recover().keys == 1, "the first one is there in full"
    service.give_up(started.reference)
    joined = service.initiate(replace(REQUEST, idempotency_key="joined"))
    assert (joined.payment.reference, joined.replayed) == (started.reference, True)


def test_a_payment_that_was_declined_frees_its_order_again(service: Service, shop: Shop, disaster: Disaster) -> None:
    declined = service.initiate(REQUEST).payment
    shop.customer(declined.provider_reference, "FAILED")
    service.settle.handle_webhook(declined.reference, declined.provider_reference)
    disaster.restore()
    disaster.recover()
    assert check(service, declined.reference).status is PaymentStatus.FAILED
    further = service.initiate(replace(REQUEST, idempotency_key="another"))
    assert not further.replayed
    assert service.ledger.order("order-1").attempts == (declined.reference, further.payment.reference)


def test_of_two_lost_attempts_the_later_one_holds_the_order_and_both_are_read_again(
    service: Service, shop: Shop, disaster: Disaster, clock: HandClock
) -> None:
    first = service.initiate(REQUEST).payment
    service.give_up(first.reference)
    clock.forward(1)
    second = service.initiate(replace(REQUEST, idempotency_key="another")).payment
    shop.customer(first.provider_reference, "SUCCESSFUL")
    disaster.restore()
    disaster.recover()
    order = service.ledger.order("order-1")
    assert (order.active, order.latest) == (second.reference, second.reference)
    assert order.attempts == (first.reference, second.reference)
    assert newest(service, second.reference).further_attempt
    assert check(service, first.reference).status is PaymentStatus.SUCCESSFUL
    assert newest(service, second.reference).order_paid_by == first.reference
    assert service.ledger.order("order-1").paid == first.reference


def test_a_payment_that_waited_at_the_backup_gets_a_version_above_the_lost_ones(
    service: Service, shop: Shop, disaster: Disaster, clock: HandClock
) -> None:
    waiting = service.initiate(REQUEST).payment
    disaster.backup()
    clock.forward(320)
    check(service, waiting.reference)
    shop.customer(waiting.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(waiting.reference, waiting.provider_reference)
    assert told(shop, waiting.reference) == [("EXPIRED", 3), ("SUCCESSFUL", 4)]
    disaster.restore()
    (raised,) = disaster.recover().raised
    assert (raised.version, raised.status) == (5, PaymentStatus.PENDING)
    assert raised.expires_at == clock.now() + 300_000, "the wait begins anew"
    assert check(service, waiting.reference).version == 6
    assert told(shop, waiting.reference)[2:] == [("SUCCESSFUL", 6)]


def test_the_shop_is_not_told_that_a_payment_has_expired_which_it_knows_to_be_paid(
    service: Service, shop: Shop, disaster: Disaster, clock: HandClock
) -> None:
    expired = service.initiate(REQUEST).payment
    clock.forward(320)
    check(service, expired.reference)
    disaster.backup()
    shop.customer(expired.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(expired.reference, expired.provider_reference)
    disaster.restore()
    (raised,) = disaster.recover().raised
    assert (raised.version, raised.status) == (5, PaymentStatus.EXPIRED)
    clock.forward(60)
    assert service.ledger.undelivered(clock.now(), 10) == {}
    assert untold(service, expired.reference) == []
    assert check(service, expired.reference).version == 6
    assert untold(service, expired.reference) == [f"{expired.reference}:6"]
    assert told(shop, expired.reference) == [("EXPIRED", 3), ("SUCCESSFUL", 4), ("SUCCESSFUL", 6)]


def test_a_version_that_has_another_meaning_since_is_told_under_a_new_number(
    service: Service, shop: Shop, disaster: Disaster, clock: HandClock
) -> None:
    """Who has seen version 3 would drop the other version 3, and never hear that the order is paid."""
    waiting = service.initiate(REQUEST).payment
    disaster.backup()
    clock.forward(320)
    assert check(service, waiting.reference).status is PaymentStatus.EXPIRED
    disaster.restore()
    shop.customer(waiting.provider_reference, "SUCCESSFUL")
    assert check(service, waiting.reference).version == 3
    (raised,) = disaster.recover().raised
    assert (raised.version, raised.status) == (4, PaymentStatus.SUCCESSFUL)
    clock.forward(60)
    assert list(service.ledger.undelivered(clock.now(), 10)) == [waiting.reference]
    service.operate.redeliver(waiting.reference, by="ada")
    assert told(shop, waiting.reference)[-1] == ("SUCCESSFUL", 4)


def test_it_can_be_repeated(service: Service, shop: Shop, disaster: Disaster, clock: HandClock) -> None:
    waiting = service.initiate(REQUEST).payment
    disaster.backup()
    paid = pay(service, shop, replace(REQUEST, order_id="order-2", phone_number="237677777778"))
    clock.forward(320)
    check(service, waiting.reference)
    disaster.restore()
    first = disaster.recover()
    assert (len(first.written), len(first.raised), first.known, first.keys) == (1, 1, 0, 1)
    before = disaster.rows()
    again = disaster.recover()
    assert (again.written, again.raised, again.known, again.keys) == ([], [], 2, 0)
    assert disaster.rows() == before
    check(service, paid.reference)
    again = disaster.recover()
    assert (again.written, again.raised, again.known, again.keys) == ([], [], 2, 0)


@pytest.mark.parametrize("step", ["before reclaim", "after reclaim", "after commit", "before keep_lost_key"])
def test_what_dies_half_way_is_finished_by_the_next(
    service: Service, shop: Shop, disaster: Disaster, clock: HandClock, step: str
) -> None:
    waiting = service.initiate(REQUEST).payment
    disaster.backup()
    paid = pay(service, shop, replace(REQUEST, order_id="order-2", phone_number="237677777778"))
    clock.forward(320)
    check(service, waiting.reference)
    disaster.restore()
    ledger = SimulatedProcess(ends_at=step).watch(service.ledger)
    with pytest.raises(ProcessDied):
        RecoverPayments(ledger, clock)(disaster.lines())
    disaster.recover()
    assert [newest(service, it.reference).version for it in (waiting, paid)] == [4, 4]
    assert set(service.ledger.order("order-2").keys) == {key_hash("a-key")}


def test_a_claim_that_no_prompt_followed_is_not_missed(
    service: Service, disaster: Disaster, caplog: pytest.LogCaptureFixture
) -> None:
    process = SimulatedProcess(ends_at="before begin_prompt")
    with pytest.raises(ProcessDied):
        rebuilt(service, ledger=process.watch(service.ledger)).initiate(REQUEST)
    assert "payment-claimed" not in caplog.text
    disaster.restore()
    assert disaster.recover() == Recovery()


def test_the_line_is_written_before_the_prompt_leaves(service: Service, disaster: Disaster, shop: Shop) -> None:
    process = SimulatedProcess(ends_at="before collect")
    with pytest.raises(ProcessDied):
        rebuilt(service, campay=process.watch(service.campay)).initiate(REQUEST)
    disaster.restore()
    (written,) = disaster.recover().written
    assert (shop.transactions, written.version, written.status) == ([], 2, PaymentStatus.INITIATING)


def test_a_payment_that_no_line_begins_is_named(service: Service, shop: Shop, disaster: Disaster) -> None:
    paid = pay(service, shop)
    disaster.restore()
    lines = [line for line in disaster.lines() if line["event"] != "payment-claimed"]
    recovery = RecoverPayments(service.ledger, service.clock)(lines)
    assert [(it.reference, it.order_id) for it in recovery.unclaimed] == [(paid.reference, "order-1")]
    assert service.ledger.load(paid.reference) is None


def test_an_operators_decision_is_named_until_it_is_made_again(
    service: Service, shop: Shop, disaster: Disaster, clock: HandClock
) -> None:
    conflicted = service.initiate(replace(REQUEST, phone_number=OTHER_AMOUNT_NUMBER)).payment
    shop.customer(conflicted.provider_reference, "SUCCESSFUL")
    assert check_now(service, conflicted.reference).status is PaymentStatus.CONFLICTED
    disaster.backup()
    service.operate.resolve(conflicted.reference, PaymentStatus.SUCCESSFUL, "asked CamPay", version=3, by="ada")
    disaster.restore()
    recovery = disaster.recover()
    assert [(it.action, it.by, it.status) for _, it in recovery.decisions] == [("resolve", "ada", "SUCCESSFUL")]
    assert [(it.version, it.status) for it in recovery.raised] == [(5, PaymentStatus.CONFLICTED)]
    assert told(shop, conflicted.reference)[-1] == ("SUCCESSFUL", 4)
    clock.forward(1)
    service.operate.resolve(conflicted.reference, PaymentStatus.SUCCESSFUL, "again", version=5, by="bea")
    assert disaster.recover().decisions == []
    assert told(shop, conflicted.reference)[-1] == ("SUCCESSFUL", 6)


def check_now(service: Service, reference: str) -> Payment:
    return service.settle.recheck(reference, Cause.CHECK)


def test_a_paid_payment_with_a_lost_second_charge_stays_paid(service: Service, shop: Shop, disaster: Disaster) -> None:
    paid = pay(service, shop)
    disaster.backup()
    second = shop.charge_again(paid.reference)
    service.settle.handle_webhook(paid.reference, second)
    assert newest(service, paid.reference).duplicate
    disaster.restore()
    (raised,) = disaster.recover().raised
    assert (raised.version, raised.status, raised.duplicate) == (5, PaymentStatus.SUCCESSFUL, False)
    service.settle.handle_webhook(paid.reference, second)
    assert newest(service, paid.reference).duplicate


def test_the_figures_of_the_day_are_those_of_before(service: Service, shop: Shop, disaster: Disaster) -> None:
    paid = pay(service, shop)
    before = count_of(service.ledger.versions_of(paid.reference))
    disaster.restore()
    disaster.recover()
    check(service, paid.reference)
    after = count_of(service.ledger.versions_of(paid.reference))
    of_webhook = {"webhookMissing"}  # it was settled by a check, the second time
    (one,), (other,) = before.values(), after.values()
    assert {name for name in one | other if one[name] != other[name]} == of_webhook


@pytest.fixture
def paying_back(service: Service) -> Service:
    """Returns the service as it is with REFUNDS on."""
    return rebuilt(replace(service, settings=replace(service.settings, refunds=True)))


def pay_back(service: Service, paid: Payment, amount: int) -> Payment:
    (charge,) = paid.charges
    return service.refund(paid.reference, RefundRequest(charge, amount, "torn", paid.version), by="ada")


@pytest.mark.parametrize("backed_up", ["before the payment", "before the refund"])
def test_what_has_gone_back_in_the_lost_hour_does_not_go_back_again(
    paying_back: Service, shop: Shop, disaster: Disaster, clock: HandClock, backed_up: str
) -> None:
    paid = pay(paying_back, shop)
    if backed_up == "before the refund":
        disaster.backup()
    (refund,) = pay_back(paying_back, paid, 3000).refunds
    disaster.restore()
    disaster.recover()
    lost = newest(paying_back, paid.reference)
    assert [(it.reference, it.amount, it.charged, it.status) for it in lost.open_refunds] == [
        (refund.reference, 3000, 5000, RefundStatus.SENDING)
    ]
    known = check(paying_back, paid.reference)
    assert known.status is PaymentStatus.SUCCESSFUL
    with pytest.raises(RefundTooHigh):
        pay_back(paying_back, known, 3000)
    shop.customer(shop.transactions[-1]["reference"], "SUCCESSFUL")
    clock.forward(24 * 3600)
    assert [it.status for it in check(paying_back, paid.reference).refunds] == [RefundStatus.SUCCESSFUL]
    recovery = disaster.recover()
    assert (recovery.written, recovery.raised, recovery.known) == ([], [], 1)


def test_a_refund_is_asked_for_at_once_where_a_webhook_comes_before_the_check(
    paying_back: Service, shop: Shop, disaster: Disaster, clock: HandClock
) -> None:
    paid = pay(paying_back, shop)
    (refund,) = pay_back(paying_back, paid, 3000).refunds
    shop.customer(shop.transactions[-1]["reference"], "SUCCESSFUL")
    disaster.restore()
    disaster.recover()
    clock.forward(3600)
    paying_back.settle.handle_webhook(paid.reference, paid.provider_reference)
    assert newest(paying_back, paid.reference).open_refunds == (
        replace(refund, status=RefundStatus.SENDING, version=4, provider_reference=None),
    )
    assert not check(paying_back, paid.reference).open_refunds


def test_nothing_goes_back_while_the_ledger_is_being_restored(
    paying_back: Service, shop: Shop, disaster: Disaster
) -> None:
    paid, before = pay(paying_back, shop), disaster.rows()
    with pytest.raises(LedgerUnavailable) as refused:
        pay_back(paused(paying_back), paid, 3000)
    assert refused.value.retryable
    assert disaster.rows() == before


def paused(service: Service) -> Service:
    return rebuilt(replace(service, settings=replace(service.settings, prompts_paused=True)))


def test_while_prompts_are_paused_nothing_starts_and_all_else_goes_on(
    service: Service, shop: Shop, disaster: Disaster
) -> None:
    started = service.initiate(REQUEST).payment
    before = disaster.rows()
    other = replace(REQUEST, order_id="order-2", phone_number="237677777778")
    with pytest.raises(LedgerUnavailable) as refused:
        paused(service).initiate(other)
    assert refused.value.retryable
    assert disaster.rows() == before, "nothing is claimed"
    for key in ("a-key", "another-key"):
        repeated = paused(service).initiate(replace(REQUEST, idempotency_key=key))
        assert (repeated.payment.reference, repeated.replayed) == (started.reference, True)
    shop.customer(started.provider_reference, "SUCCESSFUL")
    paused(service).settle.handle_webhook(started.reference, started.provider_reference)
    assert newest(service, started.reference).status is PaymentStatus.SUCCESSFUL
    with pytest.raises(OrderAlreadyPaid):
        paused(service).initiate(replace(REQUEST, idempotency_key="a-third-key"))
    assert not service.initiate(other).replayed


def test_a_claim_whose_prompt_nobody_has_sent_waits_while_prompts_are_paused(service: Service, shop: Shop) -> None:
    process = SimulatedProcess(ends_at="before begin_prompt")
    with pytest.raises(ProcessDied):
        rebuilt(service, ledger=process.watch(service.ledger)).initiate(REQUEST)
    with pytest.raises(LedgerUnavailable):
        paused(service).initiate(REQUEST)
    assert shop.transactions == []
    assert service.initiate(REQUEST).payment.provider_reference
