"""Tests the sweep's recovery from lost webhooks and answers, and from outages of Redis and the event bus."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.bootstrap import Service
from chalicelib.domain.check_schedule import AGES_SECONDS
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import ProviderRecord, StatementRow
from chalicelib.flows.batch import unfinished
from chalicelib.runtime import deadline
from chalicelib.settings import Settings
from local.embedded import EmbeddedAws, Valkey
from tests.conftest import Shop, aws_client
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt, start_many
from tests.harness.workers import queues_of, run_for, sweep_once, work_off

S = PaymentStatus
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")
OTHER_REQUEST = replace(REQUEST, order_id="order-2", phone_number="237670000099")


def newest(service: Service, payment: Payment) -> Payment:
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    return stored.payment


def test_a_lost_webhook_is_recovered_at_the_next_check(service: Service, shop: Shop, clock: HandClock) -> None:
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    run_for(service, clock, 16)
    assert newest(service, payment).status is S.SUCCESSFUL
    assert shop.order_events == [("payment.successful", 3)]


def test_a_lost_answer_and_a_lost_webhook_are_recovered_from_the_statement(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    shop.faults(collect=["reset-after-accept", "502-after-accept"])
    first = service.initiate(REQUEST).payment
    second = service.initiate(replace(REQUEST, order_id="order-2", phone_number="237670000099")).payment
    for transaction in shop.transactions:
        shop.customer(transaction["reference"], "SUCCESSFUL")
    run_for(service, clock, 16)
    assert [newest(service, payment).status for payment in (first, second)] == [S.SUCCESSFUL] * 2


def test_an_unapproved_payment_expires_and_is_still_checked(service: Service, shop: Shop, clock: HandClock) -> None:
    payment = service.initiate(REQUEST).payment
    run_for(service, clock, 606)
    assert newest(service, payment).status is S.EXPIRED
    assert service.ledger.order("order-1").active is None
    clock.forward(20 * 3600)
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    clock.forward(4 * 3600)
    sweep_once(service)
    paid = newest(service, payment)
    assert (paid.status, paid.late) == (S.SUCCESSFUL, True)


def test_after_three_days_nothing_is_due(service: Service, clock: HandClock) -> None:
    service.initiate(REQUEST)
    for _ in range(12):
        clock.forward(86_400 / 2)
        sweep_once(service)
    assert list(service.ledger.due(0, clock.now() + 10**12, 10)) == []


def test_one_payment_that_cannot_be_read_does_not_stop_the_others(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws
) -> None:
    payments = start_many(service, REQUEST, 4)
    for payment in payments:
        shop.customer(payment.provider_reference, "SUCCESSFUL")
    clock.forward(11)
    shop.faults(transaction=["502"])
    aws.faults.set({"operation": "UpdateItem", "kind": "conflict", "count": 1})
    sweep_once(service)
    assert sorted(newest(service, payment).status for payment in payments) == ["PENDING", *["SUCCESSFUL"] * 3]
    run_for(service, clock, 36)
    assert {newest(service, payment).status for payment in payments} == {S.SUCCESSFUL}


def test_what_redis_missed_is_published_when_it_is_back(
    service: Service, shop: Shop, clock: HandClock, valkey: Valkey
) -> None:
    valkey.stop()
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    clock.forward(3)
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    assert shop.order_events == [("payment.successful", 3)], "the order is paid although the screen cannot know"
    run_for(service, clock, 20)
    assert shop.order_events == [("payment.successful", 3)], "an away Redis does not repeat the order's events"
    valkey.start()
    run_for(service, clock, 6)
    kept = service.live_store.read(payment.reference)
    assert kept is not None
    assert (kept["status"], kept["version"]) == ("SUCCESSFUL", 3)
    assert list(service.ledger.undelivered(clock.now(), 10)) == []
    assert shop.order_events == [("payment.successful", 3)]


def test_a_screen_waits_a_second_for_what_redis_missed(
    service: Service, shop: Shop, clock: HandClock, valkey: Valkey
) -> None:
    first, second = service.initiate(REQUEST).payment, service.initiate(OTHER_REQUEST).payment
    valkey.stop()
    for payment in (first, second):
        shop.customer(payment.provider_reference, "SUCCESSFUL")
        clock.forward(3 if payment is first else 0.9)
        service.settle.handle_webhook(payment.reference, payment.provider_reference)
    valkey.start()
    clock.forward(0.2)
    work_off(service)
    for payment in (first, second):
        kept = service.live_store.read(payment.reference)
        assert kept is not None
        assert kept["version"] == 3


def test_what_the_event_bus_missed_is_announced_when_it_is_back(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws
) -> None:
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "FAILED")
    aws.faults.set({"operation": "PutEvents", "kind": "unavailable", "count": 6})
    clock.forward(601)
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    assert shop.order_events == []
    assert newest(service, payment).status is S.FAILED
    run_for(service, clock, 30)
    assert shop.order_events == [("payment.failed", 3)]


def test_every_settled_version_is_announced_in_order(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws
) -> None:
    payment = service.initiate(REQUEST).payment
    aws.faults.set({"operation": "PutEvents", "kind": "unavailable", "count": 6})
    clock.forward(601)
    service.settle.refresh(payment.reference)
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    clock.forward(10)
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    assert shop.order_events == []
    aws.faults.set()
    run_for(service, clock, 16)
    assert shop.order_events == [("payment.expired", 3), ("payment.successful", 4)]


def test_an_operator_can_have_a_version_announced_again(service: Service, shop: Shop) -> None:
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    service.operate.redeliver(payment.reference, by="paul")
    assert shop.order_events == [("payment.successful", 3)] * 2
    assert service.operate.recheck(payment.reference, by="paul") == newest(service, payment)


def test_without_the_ledger_a_sweep_ends_quietly_and_says_so(service: Service, aws: EmbeddedAws) -> None:
    assert service.sweep()
    aws.faults.set({"operation": "Query", "kind": "throttle", "count": 60})
    assert not service.sweep()
    aws.faults.set()


def test_a_sweep_says_that_its_time_was_over_before_its_work(service: Service, clock: HandClock) -> None:
    service.initiate(REQUEST)
    with deadline.until(clock.now()):
        assert not service.sweep()


# --------------------------------------------------------------------------- hints


def test_a_hint_that_is_lost_costs_a_minute_at_most(service: Service, shop: Shop, clock: HandClock) -> None:
    queues_of(service).lost = lambda _: True
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    clock.forward(10)
    queues_of(service).lost = lambda _: False
    run_for(service, clock, 62)
    assert newest(service, payment).status is S.SUCCESSFUL


def test_hints_that_come_twice_too_early_or_late_check_once(
    service: Service, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    payment = service.initiate(REQUEST).payment
    hint = CheckHint(payment.reference)
    service.check(hint)
    assert due_at(service, payment) == payment.created_at + 10_000 + jitter(payment, 10), "it was too early"
    clock.forward(12)
    assert unfinished([hint] * 3, service.check) == []
    service.check(hint)
    assert due_at(service, payment) == payment.created_at + 20_000 + jitter(payment, 20)
    sent = [it for it in queues_of(service).waiting if it.at > clock.now()]
    assert len(sent) == 1, "one hint for the next check"
    assert "message-failed" not in caplog.text


def due_at(service: Service, payment: Payment) -> int | None:
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    return stored.check_at


def share(payment: Payment) -> float:
    return zlib.crc32(payment.reference.encode()) / 2**32


def jitter(payment: Payment, age: int) -> int:
    return int(age * 100 * share(payment))


@pytest.mark.parametrize("kind", ["unavailable", "throttle"])
def test_a_payment_starts_without_the_queue(service: Service, aws: EmbeddedAws, clock: HandClock, kind: str) -> None:
    real = aws_client("sqs", aws)
    urls = (service.settings.checks_queue_url, service.settings.deliveries_queue_url)
    aws.faults.set({"operation": "SendMessageBatch", "kind": kind, "count": 100})
    started = rebuilt(service, work_queue=WorkQueue(lambda: real, *urls, clock)).initiate(REQUEST)
    aws.faults.set()
    assert started.payment.status is S.PENDING


def test_customers_who_wait_come_before_older_payments(service: Service, clock: HandClock) -> None:
    queues_of(service).lost = lambda _: True
    old = service.initiate(REQUEST).payment
    clock.forward(3600)
    waiting = service.initiate(replace(REQUEST, order_id="order-2", phone_number="237670000099")).payment
    clock.forward(30)
    queues_of(service).lost = lambda _: False
    service.sweep()
    sent = [CheckHint.from_body(message.body).reference for message in sorted(queues_of(service).waiting)]
    assert sent == [waiting.reference, old.reference]


@pytest.mark.parametrize(("every_seconds", "sent"), [(60, 1), (10, 0)])
def test_a_sweep_sends_what_is_due_before_the_next_one(
    service: Service, clock: HandClock, settings: Settings, every_seconds: float, sent: int
) -> None:
    """What is due later is left to the next sweep: it would send each hint again and again."""
    often = rebuilt(replace(service, settings=replace(settings, sweep_seconds=every_seconds)))
    payment = often.initiate(REQUEST).payment
    run_for(often, clock, 700)
    queues_of(often).waiting.clear()
    due = due_at(often, payment)
    assert due is not None
    clock.forward((due - clock.now()) / 1000 - 30)
    often.sweep()
    assert len(queues_of(often).waiting) == sent


class CountingCampay(Campay):
    """Counts the reads of records."""

    reads = 0

    def read(self, provider_reference: str) -> ProviderRecord | None:
        self.reads += 1
        return super().read(provider_reference)


@pytest.mark.parametrize(("outcome", "most"), [("SUCCESSFUL", 1), ("FAILED", 4), (None, 15)])
def test_a_payment_costs_few_reads(
    service: Service, shop: Shop, clock: HandClock, settings: Settings, outcome: str | None, most: int
) -> None:
    """The webhook comes where there is an outcome. The last check is the one at 72 h."""
    campay = CountingCampay(settings.campay, clock)
    usual = replace(service, settings=replace(settings, check_ages_seconds=AGES_SECONDS))
    counted = rebuilt(usual, campay=campay)
    payment = counted.initiate(REQUEST).payment
    if outcome:
        clock.forward(3)
        shop.customer(payment.provider_reference, outcome)
        counted.settle.handle_webhook(payment.reference, payment.provider_reference)
    run_for(counted, clock, 700)
    while (due := due_at(counted, payment)) is not None:
        clock.forward((due - clock.now()) / 1000)
        sweep_once(counted)
    campay.close()
    assert campay.reads == most


# --------------------------------------------------------------------------- payments whose answer was lost


class CountingStatement(Campay):
    """Counts the days of the statement that are requested."""

    days = 0

    def statement(self, day: date) -> Iterator[StatementRow]:
        self.days += 1
        return super().statement(day)


def expired_without_a_reference(service: Service, shop: Shop, clock: HandClock, count: int) -> list[Payment]:
    """Starts payments whose answers of collect are lost, and lets them expire; their next checks are due."""
    shop.faults(collect=["reset-after-accept"] * count)
    payments = start_many(service, REQUEST, count)
    run_for(service, clock, 605)
    queues_of(service).waiting.clear()
    clock.forward(86_400 + 3600)
    return payments


def test_a_check_that_may_not_search_is_left_for_the_one_that_does(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    payments = expired_without_a_reference(service, shop, clock, 3)
    for transaction in shop.transactions:
        shop.customer(transaction["reference"], "SUCCESSFUL")
    assert service.ledger.spend("statement-searches", 1, 30_000)
    due = [due_at(service, payment) for payment in payments]
    assert unfinished([CheckHint(payment.reference) for payment in payments], service.check) == []
    assert [due_at(service, payment) for payment in payments] == due
    clock.forward(30)
    service.check(CheckHint(payments[0].reference))
    work_off(service)
    assert {newest(service, payment).status for payment in payments} == {S.SUCCESSFUL}


def test_one_search_is_the_check_of_all_that_it_does_not_find(service: Service, shop: Shop, clock: HandClock) -> None:
    payments = expired_without_a_reference(service, shop, clock, 12)
    campay = CountingStatement(service.settings.campay, clock)
    counted = rebuilt(service, campay=campay)
    run_for(counted, clock, 200)
    campay.close()
    assert campay.days == 3, "one search of three days"
    last = [payment.created_at + 259_200_000 + int(1_800_000 * share(payment)) for payment in payments]
    assert [due_at(service, payment) for payment in payments] == last


def test_a_sweep_sends_a_few_for_all_that_one_search_covers(service: Service, shop: Shop, clock: HandClock) -> None:
    payments = expired_without_a_reference(service, shop, clock, 25)
    for transaction in shop.transactions:
        shop.customer(transaction["reference"], "SUCCESSFUL")
    sent = []
    for _ in range(2):
        queues_of(service).waiting.clear()
        service.sweep()
        sent.append({CheckHint.from_body(message.body).reference for message in queues_of(service).waiting})
        clock.forward(1)
    assert [len(references) for references in sent] == [10, 10]
    assert sent[0] != sent[1], "one whose own search fails is not always among them"
    work_off(service)
    assert {newest(service, payment).status for payment in payments} == {S.SUCCESSFUL}


def test_a_search_that_fails_uses_up_nobodys_last_check(service: Service, shop: Shop, clock: HandClock) -> None:
    payments = expired_without_a_reference(service, shop, clock, 3)
    sweep_once(service)
    clock.forward(48 * 3600)
    for transaction in shop.transactions:
        shop.customer(transaction["reference"], "SUCCESSFUL")
    shop.faults(history=["502"] * 3)
    sweep_once(service)
    assert {newest(service, payment).status for payment in payments} == {S.EXPIRED}
    assert None not in {due_at(service, payment) for payment in payments}
    shop.faults(history=[])
    run_for(service, clock, 130)
    assert {newest(service, payment).status for payment in payments} == {S.SUCCESSFUL}


def test_a_record_that_settles_nothing_is_read_once_a_check(service: Service, shop: Shop, clock: HandClock) -> None:
    first, *others = expired_without_a_reference(service, shop, clock, 2)
    hint = CheckHint(others[0].reference, "no-such-record")
    service.check(hint)
    following = due_at(service, others[0])
    assert following is not None
    assert following > clock.now()
    service.check(CheckHint(first.reference, "no-such-record"))
    service.check(hint)
    assert due_at(service, others[0]) == following


def test_announcing_again_skips_no_unannounced_version(
    service: Service, shop: Shop, aws: EmbeddedAws, clock: HandClock
) -> None:
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    aws.faults.set({"operation": "PutEvents", "kind": "unavailable", "count": 100})
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    service.settle.handle_webhook(payment.reference, shop.charge_again(payment.reference))
    assert shop.order_events == []
    aws.faults.set()
    service.operate.redeliver(payment.reference, by="paul")
    clock.forward(15)
    sweep_once(service)
    assert [kind for kind, _ in shop.order_events] == ["payment.successful", "payment.duplicate"]


def test_what_waits_too_long_is_logged_for_the_alarms(
    service: Service, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    service.initiate(REQUEST)
    clock.forward(700)
    sweep_once(service)
    behind = next(record for record in caplog.records if record.message == "sweep-behind")
    assert getattr(behind, "fields", {})["due_seconds"] > 600


def test_the_sweep_marks_an_active_attempt_of_a_paid_order(
    service: Service, shop: Shop, aws: EmbeddedAws, clock: HandClock
) -> None:
    """The order is paid while this prompt is on the phone: the screen has to ask the customer to decline it."""
    first = service.initiate(REQUEST).payment
    clock.forward(601)
    second = service.initiate(REQUEST).payment
    shop.customer(first.provider_reference, "SUCCESSFUL")
    aws.faults.set({"operation": "GetItem", "kind": "unavailable", "count": 3})
    service.settle.handle_webhook(first.reference, first.provider_reference)
    aws.faults.set()
    assert newest(service, second).order_paid_by is None
    run_for(service, clock, 16)
    assert newest(service, second).order_paid_by == first.reference
    assert newest(service, second).status is S.PENDING


def test_a_search_finds_those_too_whose_own_was_refused_a_moment_ago(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    """After an outage each search would else find one payment of many, once in 30 s."""
    shop.faults(collect=["reset-after-accept"] * 2)
    requests = (replace(REQUEST, order_id=f"lost-{n}", phone_number=f"23767000070{n}") for n in range(2))
    first, second = (service.initiate(request).payment.reference for request in requests)
    run_for(service, clock, 320)
    clock.forward(360)
    clock.forward(30 - clock.now() // 1000 % 30)  # a search is made once in each half of a minute
    for row in shop.transactions:
        shop.customer(row["reference"], "SUCCESSFUL")
    shop.faults(history=["502"] * 6)
    service.check(CheckHint(first))
    clock.forward(10)
    service.check(CheckHint(second))
    clock.forward(20)
    shop.faults(history=[])
    service.check(CheckHint(first))
    work_off(service)
    stored = [service.ledger.load(reference) for reference in (first, second)]
    assert [it.payment.status for it in stored if it] == [PaymentStatus.SUCCESSFUL] * 2
