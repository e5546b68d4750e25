"""Tests what is kept of the comparisons with CamPay's statement, and what an operator's signature covers."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import requests

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.comparison import KEPT, Comparison, Finding, Kind, shortened
from chalicelib.domain.errors import DifferencesChanged, LedgerUnavailable, NotFound
from chalicelib.domain.money import Money
from local.campay_simulator import CampaySimulator
from local.dynamodb import Fault
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.parts.test_compare_statement import REQUEST, paid, today

REASON = "a payment link of the shop, not an order"


def shown(service: Service, day: date | None = None) -> dict[str, Any]:
    day = day or today()
    (found,) = service.compared_days(day, day)["days"]
    return dict(found)


def counts(day: dict[str, Any]) -> dict[str, int]:
    return {kind: it["count"] for kind, it in day["findings"].items() if it["count"]}


def stray(shop: Shop, number: int = 0) -> str:
    """Has money come to CamPay that names a payment which is not ours. Returns CamPay's reference."""
    return shop.charge_again(f"00000000-0000-4000-8000-{number:012d}")


def sign(service: Service, day: dict[str, Any], by: str = "paul") -> dict[str, Any]:
    return service.compared_days.sign(date.fromisoformat(day["day"]), day["fingerprint"], REASON, by=by)


def test_what_a_comparison_found_can_be_read(service: Service, shop: Shop, clock: HandClock) -> None:
    payment = paid(service, shop)
    unnoted = service.initiate(replace(REQUEST, order_id="order-2", phone_number="237699999999")).payment
    shop.customer(unnoted.provider_reference, "SUCCESSFUL")
    reference = stray(shop)
    compared_at = clock.now()
    service.compare_statement(today())
    day = shown(service)
    assert (day["matched"], counts(day)) == (1, {"madeGood": 1, "missingHere": 1})
    assert day["money"] == {"XAF": {"charges": 2, "gross": 10_000, "fee": 200, "net": 9800, "feesUnknown": 0}}
    assert datetime.fromisoformat(day["comparedAt"]).timestamp() * 1000 >= compared_at
    (good,), (missing,) = (day["findings"][kind]["found"] for kind in ("madeGood", "missingHere"))
    assert (good["reference"], good["operator"]) == (unnoted.reference, "Orange")
    assert (missing["reference"], missing["providerReference"]) == (None, reference)
    assert missing["listed"] == {"amount": 5000, "currency": "XAF"}
    assert payment.reference not in json.dumps(day)


def test_a_difference_that_a_later_comparison_no_longer_finds_is_gone(
    service: Service, shop: Shop, simulator: CampaySimulator
) -> None:
    stray(shop)
    service.compare_statement(today())
    assert shown(service)["isOpen"]
    requests.post(f"{simulator.url}/simulator/reset", timeout=5).raise_for_status()
    service.compare_statement(today())
    day = shown(service)
    assert (counts(day), day["isOpen"]) == ({}, False)


def test_a_signature_stays_with_what_it_signed(service: Service, shop: Shop, simulator: CampaySimulator) -> None:
    stray(shop)
    service.compare_statement(today())
    attention = service.attention()
    assert (attention["counts"]["statementDifference"], attention["items"]) == (1, [])
    (waiting,) = attention["days"]
    assert (waiting["day"], waiting["differences"]) == (today().isoformat(), 1)
    assert waiting["since"].startswith(f"{today().isoformat()}T23:00:00")
    signed = sign(service, shown(service))
    assert (signed["isOpen"], [it["isSigned"] for it in signed["findings"]["missingHere"]["found"]]) == (False, [True])
    (sign_off,) = signed["signOffs"]
    assert (sign_off["by"], sign_off["reason"], sign_off["counts"]) == ("paul", REASON, {"missingHere": 1})
    assert sign_off["isOfNow"]
    assert service.attention()["days"] == []
    assert service.attention()["counts"]["statementDifference"] == 0
    requests.post(f"{simulator.url}/simulator/reset", timeout=5).raise_for_status()
    service.compare_statement(today())
    assert shown(service)["signOffs"] == [{**sign_off, "isOfNow": False}]


def test_a_day_that_no_night_has_compared_to_its_end_is_to_be_looked_at(service: Service, clock: HandClock) -> None:
    kept = service.ledger.comparisons.keep
    compared, partly, missing = (today() + timedelta(days=number) for number in range(3))
    night = datetime.combine(missing + timedelta(days=1), time(3, 30), UTC).timestamp()
    clock.forward(night - clock.now() // 1000 - 2)
    assert service.attention()["days"] == [], "where nothing was ever compared, nothing is missing"
    kept(Comparison(compared, clock.now()), None, 2)
    kept(Comparison(partly, clock.now()), 1, 2)
    assert waiting(service) == [partly.isoformat()], "the night of the last day is not over"
    clock.forward(2)
    assert waiting(service) == [partly.isoformat(), missing.isoformat()]
    assert service.attention()["counts"]["statementMissing"] == 2
    assert service.attention()["days"][1]["since"] == f"{missing + timedelta(days=1)}T03:30:00.000Z"
    kept(Comparison(partly, clock.now()), 0, 2)
    kept(Comparison(missing, clock.now()), None, 1)
    assert waiting(service) == [], "a later night has made it good"


def waiting(service: Service) -> list[str]:
    days = service.attention()["days"]
    assert {(day["kind"], day["differences"]) for day in days} <= {("statementMissing", None)}
    return [day["day"] for day in days]


def test_what_is_found_again_needs_no_second_signature_and_what_is_new_does(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    stray(shop)
    service.compare_statement(today())
    sign(service, shown(service))
    clock.forward(86_400)
    service.compare_statement(today())
    assert not shown(service)["isOpen"]
    stray(shop, 1)
    service.compare_statement(today())
    day = shown(service)
    assert day["isOpen"]
    assert sorted(it["isSigned"] for it in day["findings"]["missingHere"]["found"]) == [False, True]
    clock.forward(1)
    day = sign(service, day, by="amina")
    assert (day["isOpen"], [it["by"] for it in day["signOffs"]]) == (False, ["paul", "amina"])


def test_nobody_signs_what_was_not_seen(service: Service, shop: Shop, simulator: CampaySimulator) -> None:
    stray(shop)
    service.compare_statement(today())
    seen = shown(service)
    stray(shop, 1)
    service.compare_statement(today())
    before = shown(service)
    with pytest.raises(DifferencesChanged):
        sign(service, seen)
    assert shown(service) == before
    requests.post(f"{simulator.url}/simulator/reset", timeout=5).raise_for_status()
    service.compare_statement(today())
    with pytest.raises(DifferencesChanged):
        sign(service, shown(service))  # there is nothing to sign
    with pytest.raises(NotFound):
        sign(service, {**seen, "day": "2026-01-01"})


def test_a_signature_that_cannot_be_kept_is_none(service: Service, shop: Shop, aws: EmbeddedAws) -> None:
    stray(shop)
    service.compare_statement(today())
    aws.faults.set(Fault("UpdateItem", "unavailable", 100))
    with pytest.raises(LedgerUnavailable):
        sign(service, shown(service))
    aws.faults.set()
    assert (shown(service)["signOffs"], shown(service)["isOpen"]) == ([], True)


def test_the_shards_of_a_day_are_shown_as_one(service: Service, shop: Shop, clock: HandClock) -> None:
    dynamodb, table = service.ledger._table.client, service.ledger._table.name
    sharded = rebuilt(service, ledger=Ledger(dynamodb, table, clock, day_shards=3))
    for number in range(6):
        stray(shop, number)
    whole = service.compare_statement(today())
    for shard in range(3):
        sharded.compare_statement(today(), shard)
    day = shown(service)
    assert (counts(day), day["fingerprint"]) == ({"missingHere": 6}, f"{whole.digest:032x}")
    assert not sign(service, day)["isOpen"]
    sharded.compare_statement(today())
    assert (counts(shown(service)), shown(service)["isOpen"]) == ({"missingHere": 6}, False)


def test_a_comparison_that_ends_late_does_not_replace_a_newer_one(ledger: Ledger) -> None:
    day = date(2026, 1, 31)
    newer, older = (Comparison(day, at, matched=at) for at in (20, 10))
    for comparison in (newer, older):
        ledger.comparisons.keep(comparison, None, 1)
    ((kept,),) = (it.shards for it in ledger.comparisons.between(day, day))
    assert (kept.compared_at, kept.matched) == (20, 20)


def test_a_row_keeps_within_its_limit_whatever_campay_sends(ledger: Ledger, dynamodb: Any, table: str) -> None:
    """DynamoDB takes 400 kB. Beyond what is kept, the number stays true, and a signature covers exactly what it saw."""
    day, text = date(2026, 1, 31), shortened("\N{MAN}" * 1000)
    money = Money(10**14, "XAF")
    comparison = Comparison(day)
    for kind in Kind:
        for number in range(KEPT * 3):
            comparison.note(kind, Finding(
                reference=f"{number:036d}", provider_reference=text, listed=money, claimed=money,
                operator="Orange", operator_reference=text,
            ))  # fmt: skip
    ledger.comparisons.keep(comparison, None, 1)
    (row,) = dynamodb.scan(TableName=table)["Items"]
    assert 100_000 < len(json.dumps(row)) < 400_000
    (compared,) = ledger.comparisons.between(day, day)
    assert compared.whole.counts == dict.fromkeys(Kind, KEPT * 3)
    assert {kind: len(it) for kind, it in compared.whole.found.items()} == dict.fromkeys(Kind, KEPT)
    ledger.comparisons.sign(day, compared.signed("paul", REASON, 1))
    assert not ledger.comparisons.between(day, day)[0].is_open
    comparison.note(Kind.MISSING_HERE, Finding(provider_reference="one more"))
    ledger.comparisons.keep(comparison, None, 1)
    assert ledger.comparisons.between(day, day)[0].is_open


def test_days_are_listed_the_newest_first_by_a_query_for_each_month(ledger: Ledger, aws: EmbeddedAws) -> None:
    days = [date(2026, 2, 10) - timedelta(days=before) for before in range(20)]
    for day in days:
        ledger.comparisons.keep(Comparison(day, 1), None, 1)
    aws.calls.clear()
    assert [it.day for it in ledger.comparisons.between(days[-2], days[1])] == days[1:-1]
    assert aws.calls == {"Query": 2}
