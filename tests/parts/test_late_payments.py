"""Tests the hourly pass over CamPay's statement, with the simulator."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.flows.late_payments import open_days
from chalicelib.settings import Settings
from infra.functions import LATE_PAYMENTS
from infra.statement_parts import DAYS_BEFORE
from tests.conftest import Shop
from tests.harness.fakes import Answer, HandClock, ScriptedServer
from tests.harness.service import rebuilt
from tests.harness.workers import queues_of, run_for, work_off

REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")
HOUR = 3600


def newest(service: Service, payment: Payment) -> Payment:
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    return stored.payment


def sent(service: Service) -> list[CheckHint]:
    return [CheckHint.from_body(message.body) for message in queues_of(service).waiting]


def test_a_payment_that_is_charged_hours_later_is_found_by_the_statement(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    payment = service.initiate(REQUEST).payment
    run_for(service, clock, 400)
    for _ in range(3):
        clock.forward(HOUR)
        service.sweep()
        work_off(service)
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.late_payments()
    assert sent(service) == [CheckHint(payment.reference, payment.provider_reference)]
    work_off(service)
    found = newest(service, payment)
    assert (found.status, found.late) == (PaymentStatus.SUCCESSFUL, True)
    assert shop.order_events == [("payment.expired", 3), ("payment.successful", 4)]


def test_a_payment_whose_answer_was_lost_is_found_by_the_statement(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    shop.faults(collect=["reset-after-accept"])
    lost = service.initiate(REQUEST).payment
    queues_of(service).waiting.clear()
    clock.forward(2 * HOUR)
    (row,) = shop.transactions
    shop.customer(row["reference"], "SUCCESSFUL")
    service.late_payments()
    work_off(service)
    assert newest(service, lost).status is PaymentStatus.SUCCESSFUL


def test_what_the_ledger_has_noted_and_what_is_not_ours_is_not_sent(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    paid = service.initiate(REQUEST).payment
    declined = service.initiate(replace(REQUEST, order_id="order-2", phone_number="237670000099")).payment
    shop.customer(declined.provider_reference, "FAILED")
    shop.customer(paid.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(paid.reference, paid.provider_reference)
    shop.charge_again("not-a-reference-of-ours")
    shop.charge_again("00000000-0000-4000-8000-000000000000")
    queues_of(service).waiting.clear()
    clock.forward(HOUR)
    assert service.late_payments() == 0
    assert sent(service) == []


def test_a_second_charge_of_a_paid_payment_is_sent(service: Service, shop: Shop) -> None:
    paid = service.initiate(REQUEST).payment
    shop.customer(paid.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(paid.reference, paid.provider_reference)
    again = shop.charge_again(paid.reference)
    queues_of(service).waiting.clear()
    service.late_payments()
    assert sent(service) == [CheckHint(paid.reference, again)]
    work_off(service)
    assert newest(service, paid).duplicate


def test_a_day_that_cannot_be_read_does_not_hold_up_the_others(service: Service, shop: Shop) -> None:
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    queues_of(service).waiting.clear()
    shop.faults(history=["502"])
    with pytest.raises(ProviderUnavailable):
        service.late_payments()
    assert sent(service) == [CheckHint(payment.reference, payment.provider_reference)]


@pytest.mark.parametrize(
    ("hour", "asked"),
    [
        (0, ["01-27", "01-28", "01-29", "01-30", "01-31"]),
        (12, ["01-27", "01-28", "01-29", "01-30", "01-31", "02-01"]),
        (23, ["01-28", "01-29", "01-30", "01-31", "02-01"]),
    ],
)
def test_only_days_on_which_a_watched_payment_may_stand_are_read(
    service: Service, settings: Settings, clock: HandClock, hour: int, asked: list[str]
) -> None:
    clock.forward(milliseconds(datetime(2026, 1, 31, hour, 30, tzinfo=UTC)) / 1000 - clock.now() / 1000)
    with ScriptedServer() as server:
        server.answer("/history/", Answer(body=b"[]"))
        campay = Campay(replace(settings.campay, api_url=server.url), clock)
        rebuilt(service, campay=campay).late_payments()
        campay.close()
        days = [json.loads(call.body)["start_date"] for call in server.calls("/history/")]
    assert days == [f"2026-{day}" for day in asked]


@pytest.mark.parametrize("zone_hours", [-12, 0, 1, 14])
def test_every_day_is_read_each_hour_while_a_payment_of_it_is_watched(zone_hours: int) -> None:
    """Whatever calendar the statement's days are of."""
    day = date(2026, 1, 10)
    begins = datetime(2026, 1, 10, tzinfo=UTC) - timedelta(hours=zone_hours)
    watched = [begins + timedelta(hours=number) for number in range(24 + 72)]
    assert [at for at in watched if day not in open_days(milliseconds(at))] == []


def test_the_schedules_have_a_part_for_each_day_that_is_open() -> None:
    for hour in range(48):
        now = datetime(2026, 1, 10, tzinfo=UTC) + timedelta(hours=hour)
        parts = {now.date() - timedelta(days=before) for before in DAYS_BEFORE[LATE_PAYMENTS]}
        assert set(open_days(milliseconds(now))) <= parts


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def test_each_part_of_the_pass_sends_the_payments_of_its_day_and_shard(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    dynamodb, table = service.ledger._table.client, service.ledger._table.name
    sharded = rebuilt(service, ledger=Ledger(dynamodb, table, clock, day_shards=3))
    payments = [
        sharded.initiate(replace(REQUEST, order_id=f"order-{n}", phone_number=f"2376777776{n:02}")).payment
        for n in range(9)
    ]
    for payment in payments:
        shop.customer(payment.provider_reference, "SUCCESSFUL")
    queues_of(service).waiting.clear()
    counts = [sharded.late_payments(day, shard) for day in open_days(clock.now()) for shard in range(3)]
    of_shards = Counter(sharded.ledger.day_shard_of(payment.reference) for payment in payments)
    assert sorted(count for count in counts if count) == sorted(of_shards.values())
    assert sorted(hint.reference for hint in sent(service)) == sorted(it.reference for it in payments)
    assert sharded.late_payments(date(2020, 1, 1)) == 0, "nothing of that day is watched any more"
