"""Tests the comparison of CamPay's statement with the ledger, with the simulator as CamPay."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain

import pytest
import requests

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.comparison import Comparison, Kind
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.web import statement_events
from local.campay_simulator import CampaySimulator
from local.simulator.transactions import CAMEROON
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt

REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")


def today() -> date:
    """Returns today's date in Cameroon, as in the statement's rows."""
    return datetime.now(CAMEROON).date()


def found(comparison: Comparison) -> dict[Kind, list[str]]:
    return {kind: comparison.names(kind) for kind in Kind if comparison.counts[kind]}


def paid(service: Service, shop: Shop, number: str = "237677777777", order: str = "order-1") -> Payment:
    payment = service.initiate(replace(REQUEST, order_id=order, phone_number=number)).payment
    assert payment.provider_reference
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    return service.operate.recheck(payment.reference, by="paul")


def test_what_both_have_matches(service: Service, shop: Shop) -> None:
    paid(service, shop)
    paid(service, shop, "237699999999", "order-2")
    report = service.compare_statement(today())
    assert (report.matched, found(report)) == (2, {})
    assert report.money == {"charges.XAF": 2, "gross.XAF": 10_000, "fee.XAF": 200}


def test_a_payment_without_its_webhook_is_recovered(service: Service, shop: Shop, clock: HandClock) -> None:
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    clock.forward(3)
    report = service.compare_statement(today())
    assert (report.matched, found(report)) == (0, {Kind.MADE_GOOD: [payment.reference]})
    assert report.money == {"charges.XAF": 1, "gross.XAF": 5000, "fee.XAF": 100}
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    assert stored.payment.status is PaymentStatus.SUCCESSFUL


def test_money_that_came_past_us_is_missing_here(
    service: Service, shop: Shop, simulator: CampaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"amount": "700", "currency": "XAF", "from": "237677777777", "description": "by hand"}
    token = {"Authorization": f"Token {simulator.settings.permanent_token}"}
    stray = requests.post(f"{simulator.api_url}/collect/", json=body, headers=token, timeout=5).json()["reference"]
    shop.customer(stray, "SUCCESSFUL")
    report = service.compare_statement(today())
    assert found(report) == {Kind.MISSING_HERE: [stray]}
    (finding,) = report.found[Kind.MISSING_HERE]
    assert (finding.listed, finding.reference, finding.operator) == (Money(700, "XAF"), None, "MTN")
    alarm = next(record for record in caplog.records if record.message == "statement-differs")
    assert getattr(alarm, "fields", {})["alarm"] is True


def test_money_that_campay_does_not_list_is_missing_there(
    service: Service, shop: Shop, simulator: CampaySimulator
) -> None:
    payment = paid(service, shop)
    requests.post(f"{simulator.url}/simulator/reset", timeout=5).raise_for_status()
    day = datetime.now(UTC).date()  # the day in UTC, by which the ledger lists payments
    assert found(service.compare_statement(day)) == {Kind.MISSING_THERE: [payment.reference]}


def test_another_amount_is_reported(service: Service, shop: Shop) -> None:
    """The record of this number has another amount than was asked for."""
    payment = service.initiate(replace(REQUEST, phone_number="237670000006")).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.operate.recheck(payment.reference, by="paul")
    report = service.compare_statement(today())
    assert found(report) == {Kind.AMOUNT_DIFFERS: [payment.reference]}
    (finding,) = report.found[Kind.AMOUNT_DIFFERS]
    assert (finding.listed, finding.claimed) == (Money(4999, "XAF"), Money(5000, "XAF"))


def test_the_days_are_the_last_four_unless_one_is_given() -> None:
    """A payment is checked for 72 h; CamPay's list of a day may change for as long."""
    noon = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
    assert statement_events.days({}, noon) == [date(2026, 2, day) for day in (25, 26, 27, 28)]
    assert statement_events.days({"day": "2026-01-31"}, noon) == [date(2026, 1, 31)]
    assert statement_events.days({"daysBefore": 2}, noon) == [date(2026, 2, 27)]
    assert statement_events.days({"daysBefore": 0, "shard": 0}, noon) == [date(2026, 3, 1)]
    with pytest.raises(ValueError, match="Invalid isoformat"):
        statement_events.days({"day": "yesterday"}, noon)


def test_each_day_has_a_report_of_its_own(service: Service, shop: Shop) -> None:
    paid(service, shop)
    days = [today() - timedelta(days=before) for before in (1, 0)]
    reports = service.compare_statement.days(days)
    assert [(report.day, report.matched) for report in reports] == [(days[0], 0), (days[1], 1)]


def test_a_day_that_cannot_be_read_is_reported_and_the_others_are_compared(
    service: Service, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    paid(service, shop)
    shop.faults(history=["502"])
    with pytest.raises(ProviderUnavailable):
        service.compare_statement.days([today() - timedelta(days=9), today()])
    lines = {record.message: getattr(record, "fields", {}) for record in caplog.records}
    assert lines["statement-not-compared"]["alarm"] is True
    assert lines["statement-compared"]["matched"] == 1


def test_the_shards_of_a_day_tell_together_what_the_day_tells(service: Service, shop: Shop, clock: HandClock) -> None:
    """Also where some payments were claimed while the day had one shard only."""
    dynamodb, table = service.ledger._table.client, service.ledger._table.name
    sharded = rebuilt(service, ledger=Ledger(dynamodb, table, clock, day_shards=3))
    paid, lost = [], []
    for number in range(12):
        claims = service if number < 4 else sharded
        request = replace(REQUEST, order_id=f"order-{number}", phone_number=f"2376777776{number:02}")
        payment = claims.initiate(request).payment
        shop.customer(payment.provider_reference, "SUCCESSFUL")
        if number % 2:
            claims.settle.handle_webhook(payment.reference, payment.provider_reference)
            paid.append(payment.reference)
        else:
            lost.append(payment.reference)
    stranger = shop.charge_again("00000000-0000-4000-8000-000000000000")
    reports = [sharded.compare_statement.days([today()], shard)[0] for shard in range(3)]
    noted = {it.reference for shard in range(3) for it in sharded.ledger.charges_of_day(claimed_on(clock), shard)}
    assert noted == {*paid, *lost}
    assert sorted(chain.from_iterable(it.names(Kind.MADE_GOOD) for it in reports)) == sorted(lost)
    assert [it.names(Kind.MISSING_HERE) for it in reports if it.counts[Kind.MISSING_HERE]] == [[stranger]]
    assert sum(it.counts[Kind.MISSING_THERE] for it in reports) == 0


def claimed_on(clock: HandClock) -> date:
    return datetime.fromtimestamp(clock.now() / 1000, UTC).date()
