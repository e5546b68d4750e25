"""Tests CamPay's statement as a stream: exact, bounded, and read once for all searches."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from benchmarks.large_statement import statement_row
from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.campay.statement import StatementMalformed, rows_in
from chalicelib.bootstrap import Service
from chalicelib.domain.comparison import KEPT, Kind
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import RecordStatus, StatementRow
from chalicelib.flows.statement_search import search_statement
from chalicelib.runtime import deadline
from chalicelib.settings import CampaySettings, Settings
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import Answer, HandClock, ScriptedServer
from tests.harness.service import rebuilt
from tests.harness.workers import sweep_once

S = PaymentStatus
PRICE = Money(5000, "XAF")
REQUEST = PaymentRequest("order-1", PRICE, "237677777777", "Braids", "fr")
REFERENCE = "7d9a2f7e-6a53-4c89-9a61-0d5a3a9f5d11"
DAY = date(2026, 1, 2)
ROW = {"reference_uuid": "c-1", "external_user": REFERENCE, "status": "SUCCESSFUL", "amount": 5000.0}
HTML = b"<html><h1>502 Bad Gateway</h1></html>"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def campay(server: ScriptedServer, clock: HandClock) -> Iterator[Campay]:
    client = Campay(CampaySettings(server.url, (), permanent_token="permanent", statement_rows=1_000), clock)
    yield client
    client.close()


def a_statement_row(
    provider_reference: str, external_reference: str | None, status: RecordStatus, money: Money | None
) -> StatementRow:
    return StatementRow(
        provider_reference=provider_reference,
        external_reference=external_reference,
        status=status,
        money=money,
        is_incoming=True,
    )


def a_row(number: int, external_user: str | None = None) -> dict[str, Any]:
    return statement_row(number, DAY.isoformat()) | {"external_user": external_user or str(uuid.UUID(int=number))}


def in_pieces(body: bytes, size: int = 7) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


# --------------------------------------------------------------------------- the rows


@pytest.mark.parametrize(
    "envelope",
    [
        lambda rows: {"data": rows},
        lambda rows: rows,
        lambda rows: {"count": 3, "next": {"data": 1}, "data": rows, "links": [1, 2]},
    ],
)
def test_the_statement_in_either_envelope(server: ScriptedServer, campay: Campay, envelope: Callable[..., Any]) -> None:
    odd = ["odd", 7, None, [ROW], ["x", 1], [], [{"reference_uuid": "c-9"}], {}, {"nested": ROW, "more": [ROW]}]
    rows = [
        ROW | {"more": ROW, "list": [1, ROW]},
        {"external_user": "x"},
        *odd,
        {"reference_uuid": "c-2", "external_user": None, "amount": "x"},
    ]
    server.answer("/history/", Answer(body=json.dumps(envelope(rows)).encode()))
    assert list(campay.statement(DAY)) == [
        a_statement_row("c-1", REFERENCE, RecordStatus.SUCCESSFUL, PRICE),
        a_statement_row("c-2", None, RecordStatus.UNKNOWN, None),
    ]
    assert json.loads(server.calls("/history/")[0].body) == {"start_date": "2026-01-02", "end_date": "2026-01-02"}


@pytest.mark.parametrize(
    ("amount", "money"),
    [
        ("5000", PRICE),
        ("5000.0", PRICE),
        ('"5000.00"', PRICE),
        ("5000.000000000000000001", None),
        ("9007199254740993.0", None),
        ("900719925474099.0", Money(900719925474099, "XAF")),
        ("5e3", None),
        ("0.1", None),
        ("true", None),
        ("null", None),
    ],
)
def test_amounts_stay_exact(server: ScriptedServer, campay: Campay, amount: str, money: Money | None) -> None:
    """As a float, 9007199254740993 would be another number, and 5000.000000000000000001 would equal the price."""
    server.answer("/history/", Answer(body=f'[{{"reference_uuid":"c-1","amount":{amount}}}]'.encode()))
    assert [row.money for row in campay.statement(DAY)] == [money]


@pytest.mark.parametrize(
    ("fields", "fee"),
    [
        ({"charge_amount": 100.0}, 100),
        ({"charge_amount": 0}, 0),
        ({}, None),
        ({"charge_amount": None}, None),
        ({"charge_amount": 100.5}, None),
        ({"charge_amount": 5001}, None),
        ({"charge_amount": 100.0, "amount": "5e3"}, None),
        ({"charge_amount": 50.0, "debit": 5050.0}, None),
    ],
)
def test_a_row_tells_its_fee_or_none(
    server: ScriptedServer, campay: Campay, fields: dict[str, Any], fee: int | None
) -> None:
    """A payout's fee is none of a payment's."""
    server.answer("/history/", Answer(body=json.dumps([ROW | fields]).encode()))
    assert [row.fee for row in campay.statement(DAY)] == [fee]


def test_no_number_is_ever_a_float() -> None:
    body = b'{"data":[{"a":5000.10,"b":12345678901234567890,"c":1E+2,"d":"x","e":true,"f":null}]}'
    (row,) = rows_in(in_pieces(body), 10)
    exact = {"a": "5000.10", "b": "12345678901234567890", "c": str(Decimal("1E+2"))}
    assert row == exact | {"d": "x", "e": True, "f": None}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b'{"data":{}}', b'{"data":null}', b'"x"', b"7", HTML, b'{"rows":[{}]}', b'{"a":{"data":[{}]}}'),
        *(b'{"data":[{"reference_uuid":"c-1"},', b'{"data":[{"reference_uuid":"c-1"}]', b"[NaN]", b"[] []"),
        *(b'[{"a":"\xff\xfe"}]', b'[{"a":' + b"9" * 5_000 + b"}]", b"[1e99999999999999999999]"),
        *(b"[" * 100_000, b'{"data":' * 100_000, b'[{"a":' * 100_000),
    ],
)
def test_an_odd_statement_is_unreadable_not_empty(
    server: ScriptedServer, campay: Campay, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer("/history/", Answer(body=body))
    with pytest.raises(ProviderUnavailable):
        list(campay.statement(DAY))
    (alarm,) = (record for record in caplog.records if record.message == "statement-unreadable")
    assert getattr(alarm, "fields", {})["alarm"] is True
    assert getattr(alarm, "fields", {})["day"] == "2026-01-02"


@pytest.mark.parametrize(
    ("answer", "alarms"),
    [
        (Answer(502, HTML), 0),
        (Answer(429, b'{"message":"slow"}'), 0),
        (Answer(reset=True), 0),
        (Answer(400, b'{"end_date":["is wrong"]}'), 1),
        (Answer(404, HTML), 1),
        (Answer(401, b'{"detail":"Invalid token."}'), 2),
    ],
)
def test_campay_away_is_no_alarm_of_the_statement_and_a_refusal_is(
    server: ScriptedServer, campay: Campay, answer: Answer, alarms: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A 401 causes a further alarm for the refused permanent token."""
    server.answer("/history/", answer)
    with pytest.raises(ProviderUnavailable):
        list(campay.statement(DAY))
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == alarms


def test_a_refused_token_is_renewed_once(server: ScriptedServer, clock: HandClock) -> None:
    campay = Campay(CampaySettings(server.url, (), username="user", password="secret"), clock)
    server.answer("/token/", *(Answer(body=json.dumps({"token": name}).encode()) for name in ("old", "new")))
    server.answer("/history/", Answer(401, b'{"detail":"Invalid token."}'), Answer(body=json.dumps([ROW]).encode()))
    assert len(list(campay.statement(DAY))) == 1
    assert [call.headers["Authorization"] for call in server.calls("/history/")] == ["Token old", "Token new"]
    campay.close()


def test_a_statement_on_a_dead_connection_is_requested_again(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/history/", Answer(reset=True), Answer(body=json.dumps([ROW]).encode()))
    assert len(list(campay.statement(DAY))) == 1


# --------------------------------------------------------------------------- its bounds


def test_a_statement_has_a_row_that_is_one_too_many(server: ScriptedServer, campay: Campay) -> None:
    body = json.dumps([a_row(number) for number in range(1_001)]).encode()
    server.answer("/history/", Answer(body=body))
    read: list[StatementRow] = []
    with pytest.raises(ProviderUnavailable, match="more than 1000 rows"):
        read.extend(campay.statement(DAY))  # the rows before the fault are kept
    assert len(read) == 1_000


def test_a_row_without_end_has_one() -> None:
    chunk = b"x" * 65_536

    def endless() -> Iterator[bytes]:
        yield b'[{"a":"'
        while True:
            yield chunk

    with pytest.raises(StatementMalformed, match="a row is longer"):
        list(rows_in(endless(), 10))


def test_a_statement_that_takes_too_long_is_an_alarm(
    server: ScriptedServer, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    settings = CampaySettings(server.url, (), permanent_token="permanent", statement_seconds=10)
    campay = Campay(settings, clock)
    server.answer("/history/", Answer(body=json.dumps([a_row(number) for number in range(2_000)]).encode()))
    with pytest.raises(ProviderUnavailable):
        read_slowly(campay, clock)
    assert "statement-unreadable" in [record.message for record in caplog.records]
    campay.close()


def read_slowly(campay: Campay, clock: HandClock) -> None:
    for _ in campay.statement(DAY):
        clock.forward(0.1)


def test_a_slow_statement_does_not_keep_other_reads_away(
    server: ScriptedServer, campay: Campay, clock: HandClock
) -> None:
    """CamPay may take long to prepare a large day; that says nothing of its other calls."""
    server.answer("/history/", Answer(hold_seconds=30))
    server.answer("/transaction/c-1/", Answer(body=b'{"reference":"c-1","status":"PENDING"}'))
    with deadline.until(clock.now() + 500), pytest.raises(ProviderUnavailable):
        list(campay.statement(DAY))
    assert campay.read("c-1") is not None


# --------------------------------------------------------------------------- the search


def a_payment(clock: HandClock, reference: str, **fields: Any) -> Payment:
    now = clock.now()
    return Payment(
        reference=reference, order_id="o", money=PRICE, phone_mask="", phone_hash="", locale="fr", provider="campay",
        created_at=now, updated_at=now, expires_at=now, **fields,
    )  # fmt: skip


def test_all_searches_share_one_pass_over_each_day(server: ScriptedServer, campay: Campay, clock: HandClock) -> None:
    payments = [a_payment(clock, str(uuid.UUID(int=number))) for number in (1, 3, 5, 99)]
    server.answer(
        "/history/", Answer(body=json.dumps([a_row(number) for number in range(10)]).encode()), Answer(body=b"[]")
    )
    found = search_statement(campay, payments)
    assert [list(found.of(payment)) for payment in payments] == [["c-1"], ["c-3"], ["c-5"], []]
    today = datetime.fromtimestamp(clock.now() / 1000, UTC).date()
    asked = [json.loads(call.body)["start_date"] for call in server.calls("/history/")]
    assert asked == [(today + timedelta(days=shift)).isoformat() for shift in (-1, 0, 1)]


def test_what_was_not_found_on_a_day_that_could_not_be_read_is_not_known(
    server: ScriptedServer, campay: Campay, clock: HandClock
) -> None:
    there, absent = (a_payment(clock, str(uuid.UUID(int=number))) for number in (1, 99))
    broken = json.dumps([a_row(number) for number in range(10)]).encode()[:-1]
    server.answer("/history/", Answer(body=broken), Answer(body=b"[]"))
    found = search_statement(campay, [there, absent])
    assert found.of(there) == ["c-1"], "it was listed before the statement broke off"
    with pytest.raises(ProviderUnavailable):
        found.of(absent)


@pytest.mark.parametrize("count", [0, 3])
def test_a_sweep_reads_each_day_once_for_all_payments_and_never_for_none(
    service: Service, large: Service, server: ScriptedServer, shop: Shop, clock: HandClock, count: int
) -> None:
    shop.faults(collect=["reset-after-accept"] * count)
    for number in range(count + 2):
        service.initiate(replace(REQUEST, order_id=f"order-{number}", phone_number=f"23767000010{number}"))
    server.answer("/history/", Answer(body=b"[]"))
    clock.forward(12)
    sweep_once(large)
    assert len(server.calls("/history/")) == (3 if count else 0)
    assert len(server.seen) - len(server.calls("/history/")) == 2, "those whose CamPay reference is known"


# --------------------------------------------------------------------------- a large day

LARGE = 20_000


@pytest.fixture
def large(service: Service, settings: Settings, server: ScriptedServer, clock: HandClock) -> Iterator[Service]:
    """Builds the service with the scripted CamPay."""
    campay = Campay(replace(settings.campay, api_url=server.url), clock)
    yield rebuilt(service, campay=campay)
    campay.close()


def test_a_lost_answer_is_found_in_a_large_statement(
    service: Service, large: Service, server: ScriptedServer, shop: Shop, clock: HandClock
) -> None:
    """A statement beyond 4 MB was once unreadable: the payment stayed EXPIRED although it was paid."""
    shop.faults(collect=["reset-after-accept"])
    lost = service.initiate(REQUEST).payment
    assert lost.status is S.INITIATING
    body = json.dumps({"data": [a_row(number) for number in range(LARGE)] + [a_row(LARGE, lost.reference)]}).encode()
    assert len(body) > 7_000_000
    server.answer("/history/", Answer(body=body), Answer(body=b'{"data":[]}'))
    record = {"reference": f"c-{LARGE}", "external_reference": lost.reference, "status": "SUCCESSFUL"}
    record |= {"amount": "5000.00", "currency": "XAF", "endpoint": "collect"}
    server.answer(f"/transaction/c-{LARGE}/", Answer(body=json.dumps(record).encode()))
    clock.forward(12)
    sweep_once(large)
    stored = large.ledger.load(lost.reference)
    assert stored is not None
    assert (stored.payment.status, stored.payment.provider_reference) == (S.SUCCESSFUL, f"c-{LARGE}")


def test_a_large_day_is_compared_a_hundred_payments_at_a_time(
    service: Service, large: Service, server: ScriptedServer, aws: EmbeddedAws, clock: HandClock
) -> None:
    ours = [service.initiate(replace(REQUEST, order_id=f"order-{n}", phone_number=f"2376700{n:05}")) for n in range(3)]
    rows = [a_row(number, ours[number].payment.reference if number < 3 else None) for number in range(LARGE)]
    server.answer("/history/", Answer(body=json.dumps({"data": rows}).encode()), Answer(body=b"[]"))
    server.answer("/transaction/c-1/", Answer(502, HTML))
    for number in (0, 2):
        record = {"reference": f"c-{number}", "external_reference": rows[number]["external_user"]}
        record |= {"status": "SUCCESSFUL", "amount": "5000.00", "currency": "XAF", "endpoint": "collect"}
        server.answer(f"/transaction/c-{number}/", Answer(body=json.dumps(record).encode()))
    aws.calls.clear()
    report = large.compare_statement(datetime.fromtimestamp(clock.now() / 1000, UTC).date())
    assert report.names(Kind.MADE_GOOD) == [ours[0].payment.reference, ours[2].payment.reference]
    assert report.counts[Kind.MISSING_HERE] == LARGE - 2
    assert len(report.names(Kind.MISSING_HERE)) == KEPT
    assert aws.calls["BatchGetItem"] == LARGE / 100, "what the ledger has of that day is read from its index alone"
    assert aws.calls["GetItem"] < 20
