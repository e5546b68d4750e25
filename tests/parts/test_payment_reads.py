"""Tests reads of CamPay: who may read, in what order, and what a replayed webhook must not cause."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.read_lease import ReadRequest
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import PaymentError, ProviderBusy
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import ProviderRecord
from chalicelib.flows.settle_payment import UNPROVEN_READS_OF_A_PAYMENT_A_MINUTE, SettlePayment
from chalicelib.runtime.clock import Clock
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.stack import wait_until
from tests.harness.workers import sweep_once

S = PaymentStatus
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")
INVENTED = "11111111-1111-4111-8111-111111111111"


@dataclass
class WatchedCampay:
    """CamPay's client, which records every reference that it reads.

    `hold`: holds back the answers of the reads that it selects. `shown`: changes a record.
    """

    service: Service
    hold: Callable[[str], bool] = lambda _: False
    shown: Callable[[ProviderRecord], ProviderRecord] = lambda record: record
    read_references: list[str] = field(default_factory=list)
    is_held: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.service.campay, name)

    def read(self, provider_reference: str) -> ProviderRecord | None:
        self.read_references.append(provider_reference)
        record = self.service.campay.read(provider_reference)
        if self.hold(provider_reference):
            self.is_held.set()
            assert self.may_answer.wait(20)
        return self.shown(record) if record else None


class RecordingClock(Clock):
    """A clock that stands still, so that no wait ends early on a slow machine. Sleeps take real time."""

    def __init__(self) -> None:
        self._now = super().now()
        self.sleepers: set[int] = set()

    def now(self) -> int:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.sleepers.add(threading.get_ident())
        super().sleep(seconds)


def settle_with(service: Service, campay: WatchedCampay, clock: Clock | None = None) -> SettlePayment:
    """Builds the settling flow of another process, with its own CamPay client and, where given, its own clock."""
    clock = clock or service.clock
    ledger = Ledger(service.ledger._table.client, service.ledger._table.name, clock)
    return rebuilt(service, campay=campay, ledger=ledger, clock=clock).settle


def newest(service: Service, payment: Payment) -> Payment:
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    return stored.payment


def send_webhook(settle: SettlePayment, payment: Payment, named: str | None) -> PaymentError | None:
    try:
        settle.handle_webhook(payment.reference, named)
    except PaymentError as error:
        return error
    return None


@pytest.fixture
def pending(service: Service) -> Payment:
    return service.initiate(REQUEST).payment


@pytest.fixture
def unanswered(service: Service, shop: Shop) -> Payment:
    """Makes a payment whose prompt was sent, and CamPay's answer to `/collect/` lost."""
    shop.faults(collect=["502-after-accept"])
    return service.initiate(REQUEST).payment


def state_row(service: Service, payment: Payment) -> dict[str, Any]:
    key = {"pk": {"S": f"payment#{payment.reference}"}, "sk": {"S": "state"}}
    row: dict[str, Any] = service.ledger._table.client.get_item(TableName=service.ledger._table.name, Key=key)["Item"]
    return row


# ---------------------------------------------------------------- references that are not the payment's own


def test_a_foreign_reference_leaves_the_payments_row_as_it_is(
    service: Service, pending: Payment, clock: HandClock
) -> None:
    clock.forward(6)
    before = state_row(service, pending)
    campay = WatchedCampay(service)
    send_webhook(settle_with(service, campay), pending, INVENTED)
    assert campay.read_references == [INVENTED]
    assert state_row(service, pending) == before


def test_replayed_webhooks_with_invented_references_do_not_block_reads_of_a_paid_payment(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    """A signature is valid for an hour and every payment: one call a second once postponed the next check for ever."""
    campay = WatchedCampay(service)
    settle = settle_with(service, campay)
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    for second in range(60):
        send_webhook(settle, pending, f"{second:08d}-1111-4111-8111-111111111111")
        clock.forward(1)
        sweep_once(service)
    assert newest(service, pending).status is S.SUCCESSFUL
    invented = [reference for reference in campay.read_references if reference != pending.provider_reference]
    assert len(invented) <= 2 * UNPROVEN_READS_OF_A_PAYMENT_A_MINUTE, "60 calls over at most two minutes of the clock"


def test_a_replay_does_not_keep_a_status_call_from_reading(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    settle = settle_with(service, WatchedCampay(service))
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    for second in range(6):
        clock.forward(1)
        send_webhook(settle, pending, f"{second:08d}-1111-4111-8111-111111111111")
    assert service.track.order("order-1")["status"] == "SUCCESSFUL"


def test_reads_of_foreign_references_are_few_and_the_rest_are_asked_to_come_again(
    service: Service, pending: Payment
) -> None:
    campay = WatchedCampay(service)
    settle = settle_with(service, campay)
    answers = [send_webhook(settle, pending, f"{n:08d}-1111-4111-8111-111111111111") for n in range(60)]
    assert len(campay.read_references) == UNPROVEN_READS_OF_A_PAYMENT_A_MINUTE
    refused = [answer for answer in answers if answer is not None]
    assert len(refused) == 60 - UNPROVEN_READS_OF_A_PAYMENT_A_MINUTE
    assert all(isinstance(answer, ProviderBusy) and answer.http_status == 503 for answer in refused)


def test_reads_of_foreign_references_are_few_over_all_payments(service: Service) -> None:
    campay = WatchedCampay(service)
    settle = replace(settle_with(service, campay), unproven_reads_a_minute=4)
    for n in range(4):
        request = replace(REQUEST, order_id=f"order-{n}", phone_number=f"23767000010{n}")
        payment = service.initiate(request).payment
        for m in range(3):
            send_webhook(settle, payment, f"{n:04d}{m:04d}-1111-4111-8111-111111111111")
    assert len(campay.read_references) == 4


def test_a_genuine_webhook_is_not_answered_by_a_read_of_something_else(
    service: Service, unanswered: Payment, shop: Shop
) -> None:
    (transaction,) = shop.transactions
    genuine = transaction["reference"]
    shop.customer(genuine, "SUCCESSFUL")
    campay = WatchedCampay(service, hold=lambda reference: reference == INVENTED)
    settle = settle_with(service, campay, Clock())
    with ThreadPoolExecutor(2) as threads:
        replay = threads.submit(send_webhook, settle, unanswered, INVENTED)
        assert campay.is_held.wait(10)
        webhook = threads.submit(send_webhook, settle, unanswered, genuine)
        campay.may_answer.set()
        assert (replay.result(20), webhook.result(20)) == (None, None)
    assert newest(service, unanswered).status is S.SUCCESSFUL


def test_an_invented_reference_does_not_make_an_unanswered_payment_look_read(
    service: Service, unanswered: Payment, shop: Shop, clock: HandClock
) -> None:
    (transaction,) = shop.transactions
    shop.customer(transaction["reference"], "SUCCESSFUL")
    due = service.ledger.due(0, clock.now() + 60_000, 10)
    clock.forward(6)
    send_webhook(settle_with(service, WatchedCampay(service)), unanswered, INVENTED)
    assert service.ledger.due(0, clock.now() + 60_000, 10) == due
    assert service.track.order("order-1")["status"] == "SUCCESSFUL", "the statement was read for it"


def test_fifty_copies_of_a_webhook_that_comes_before_collect_is_answered_are_two_reads(
    service: Service, unanswered: Payment, shop: Shop
) -> None:
    (transaction,) = shop.transactions
    genuine = transaction["reference"]
    campay = WatchedCampay(service, hold=lambda _: not campay.may_answer.is_set())
    clock = RecordingClock()
    settle = settle_with(service, campay, clock)
    with ThreadPoolExecutor(50) as threads:
        answers = [threads.submit(send_webhook, settle, unanswered, genuine) for _ in range(50)]
        assert campay.is_held.wait(10)
        wait_until(lambda: len(clock.sleepers) == 49, "all the others wait for the first one's answer")
        shop.customer(genuine, "SUCCESSFUL")
        campay.may_answer.set()
        assert {answer.result(30) for answer in answers} == {None}
    assert len(campay.read_references) <= 2
    assert newest(service, unanswered).status is S.SUCCESSFUL


# ---------------------------------------------------------------- order without clocks, ends without theft


def ahead(clock: HandClock, seconds: float) -> HandClock:
    other = HandClock()
    other.forward((clock.now() - other.now()) / 1000 + seconds)
    return other


def test_a_clock_two_seconds_ahead_loses_no_webhook(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    """A read that began before the approval, on a machine whose clock is ahead, must not replace the webhook's read."""
    clock.forward(6)
    campay = WatchedCampay(service, hold=lambda _: not campay.may_answer.is_set())
    early = settle_with(service, campay, ahead(clock, 2))
    on_time = settle_with(service, WatchedCampay(service), Clock())
    with ThreadPoolExecutor(2) as threads:
        look = threads.submit(early.refresh, pending.reference)
        assert campay.is_held.wait(10)
        shop.customer(pending.provider_reference, "SUCCESSFUL")
        webhook = threads.submit(send_webhook, on_time, pending, pending.provider_reference)
        campay.may_answer.set()
        look.result(20)
        assert webhook.result(20) is None
    assert newest(service, pending).status is S.SUCCESSFUL


def test_a_reader_whose_clock_is_a_little_behind_does_not_take_a_lease_that_is_held(
    service: Service, pending: Payment, clock: HandClock
) -> None:
    """Two threads of one machine suffice: one takes the time, the other one takes it later and writes first."""
    clock.forward(6)
    campay = WatchedCampay(service, hold=lambda _: True)
    behind = WatchedCampay(service)
    with ThreadPoolExecutor(1) as threads:
        holder = threads.submit(settle_with(service, campay).refresh, pending.reference)
        assert campay.is_held.wait(10)
        settle_with(service, behind, ahead(clock, -0.005)).refresh(pending.reference)
        assert behind.read_references == []
        campay.may_answer.set()
        holder.result(20)


def test_a_webhook_on_a_machine_whose_clock_is_a_little_behind_keeps_the_gap(
    service: Service, pending: Payment, clock: HandClock
) -> None:
    first = settle_with(service, WatchedCampay(service))
    first.handle_webhook(pending.reference, pending.provider_reference)
    request = ReadRequest(by_webhook=True, named=pending.provider_reference)
    table = service.ledger._table
    behind = Ledger(table.client, table.name, ahead(clock, -0.005))
    found = behind.begin_read(pending.reference, request)
    assert found is not None
    assert not found.granted


def test_a_clock_minutes_ahead_does_not_block_other_readers(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    clock.forward(6)
    settle_with(service, WatchedCampay(service), ahead(clock, 600)).refresh(pending.reference)
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    clock.forward(6)
    assert service.track.order("order-1")["status"] == "SUCCESSFUL"


def test_a_dead_reader_with_a_clock_ahead_holds_its_lease_no_longer_than_any_other(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    clock.forward(6)
    campay = WatchedCampay(service, hold=lambda _: True)
    dead = threading.Thread(target=settle_with(service, campay, ahead(clock, 600)).refresh, args=[pending.reference])
    dead.start()
    assert campay.is_held.wait(10)
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    clock.forward(20)
    assert service.track.order("order-1")["status"] == "SUCCESSFUL"
    campay.may_answer.set()
    dead.join(20)


def test_a_reader_that_lost_its_lease_does_not_end_anothers(
    service: Service, pending: Payment, clock: HandClock
) -> None:
    clock.forward(6)
    first, second = (WatchedCampay(service, hold=lambda _: True) for _ in range(2))
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(settle_with(service, first).refresh, pending.reference)
        assert first.is_held.wait(10)
        clock.forward(16)
        holder = threads.submit(settle_with(service, second).refresh, pending.reference)
        assert second.is_held.wait(10)
        first.may_answer.set()
        slow.result(20)
        third = WatchedCampay(service)
        clock.forward(6)
        settle_with(service, third).refresh(pending.reference)
        second.may_answer.set()
        holder.result(20)
    assert third.read_references == [], "the second still reads"


# ---------------------------------------------------------------- records without our reference


def test_a_record_without_our_reference_settles_the_payment_that_collect_named(
    service: Service, pending: Payment, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    campay = WatchedCampay(service, shown=lambda record: replace(record, external_reference=None))
    settle_with(service, campay).handle_webhook(pending.reference, pending.provider_reference)
    assert newest(service, pending).status is S.SUCCESSFUL
    assert [record for record in caplog.records if record.message == "settled-without-our-reference"]


def test_a_record_without_our_reference_and_with_another_amount_is_for_an_operator(
    service: Service, pending: Payment, shop: Shop
) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    other = Money(4000, "XAF")
    campay = WatchedCampay(service, shown=lambda record: replace(record, external_reference=None, money=other))
    settle_with(service, campay).handle_webhook(pending.reference, pending.provider_reference)
    assert newest(service, pending).status is S.CONFLICTED


def test_a_record_without_our_reference_that_only_a_webhook_names_proves_nothing(
    service: Service, unanswered: Payment, shop: Shop
) -> None:
    (transaction,) = shop.transactions
    shop.customer(transaction["reference"], "SUCCESSFUL")
    campay = WatchedCampay(service, shown=lambda record: replace(record, external_reference=None))
    settle_with(service, campay).handle_webhook(unanswered.reference, transaction["reference"])
    assert newest(service, unanswered).status is S.INITIATING
