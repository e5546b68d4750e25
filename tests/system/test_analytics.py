"""Tests the route of the analytics, and the function that Lambda invokes with the changes of the ledger."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from chalice.local import LambdaContext

import app
from chalicelib.domain.rollup import day_of
from chalicelib.runtime.clock import Clock
from chalicelib.settings import Settings
from local.worker import Shards
from tests.conftest import ORDER, Shop
from tests.harness.api_gateway import call

PATH = "/api/payment/analytics"


def count_changes(settings: Settings) -> None:
    for event in Shards(settings.payments_table).events():
        answer = app.rollups(json.loads(json.dumps(event, default=str)), LambdaContext("rollups", 512, 60_000))
        assert answer == {"state": {}, "batchItemFailures": []}


def pay(shop: Shop, merchant: dict[str, str], operator: dict[str, str], number: int) -> None:
    """Starts a payment and approves it; an operator's recheck finds that out."""
    body = {**ORDER, "orderId": f"order-{number}", "phoneNumber": f"2376777777{number:02}"}
    reference = call("POST", "/api/payment/initiate", body, headers=merchant).json["reference"]
    (row,) = (row for row in shop.transactions if row["externalReference"] == reference)
    shop.customer(row["reference"], "SUCCESSFUL")
    assert call("POST", f"/api/payment/operator/{reference}/recheck", headers=operator).json["status"] == "SUCCESSFUL"


def test_an_operator_sees_todays_figures(
    api: Settings, shop: Shop, merchant: dict[str, str], operator: dict[str, str]
) -> None:
    before = today()
    for number in range(3):
        pay(shop, merchant, operator, number)
    call(
        "POST",
        "/api/payment/initiate",
        {**ORDER, "orderId": "order-3", "phoneNumber": "237697777777"},
        headers=merchant,
    )
    count_changes(api)
    count_changes(api)
    shown = call("GET", f"{PATH}?from={before}&to={today()}", headers=operator).json
    days = f"from={before}&to={today()}"
    missing = call("GET", f"/api/payment/history?{days}&webhook=missing", headers=operator).json
    assert [row["orderId"] for row in missing["payments"]] == ["order-2", "order-1", "order-0"], (
        "as many as are counted"
    )
    assert (missing["phones"], shown["webhooks"]["toldAt"]) == (3, None)
    assert shown["webhooks"]["missingAt"] == missing["payments"][0]["updatedAt"]
    assert shown["total"] == {
        "started": 4,
        "prompted": 4,
        "paid": 3,
        **dict.fromkeys(("declined", "refused", "expired", "givenUp", "conflicted", "late", "duplicate"), 0),
        "waiting": 1,
        "webhooksMissing": 3,
        "successRate": 1.0,
        "paidAmounts": {"XAF": 15_000},
        "money": {"XAF": {"charges": 3, "gross": 15_000, "fee": 300, "net": 14_700, "feesUnknown": 0}},
        "secondsToApprove": shown["total"]["secondsToApprove"],
        "reasons": {},
        "furtherAttempts": {"started": 0, "paid": 0, "paidAmounts": {}, "after": {}},
        "promptRetries": {"payments": 0, "paid": 0},
    }
    assert shown["total"]["secondsToApprove"]["p50"] > 0
    assert {it["operator"]: it["figures"]["started"] for it in shown["operators"]} == {"MTN": 3, "Orange": 1}


def today() -> date:
    return day_of(Clock().now())


@pytest.mark.usefixtures("api")
def test_without_a_range_it_shows_thirty_days_until_today(operator: dict[str, str]) -> None:
    before = today()
    shown = call("GET", PATH, headers=operator).json
    assert shown["to"] in (before.isoformat(), today().isoformat())
    assert date.fromisoformat(shown["to"]) - date.fromisoformat(shown["from"]) == timedelta(days=29)
    assert shown["total"]["started"] == 0
    assert (shown["days"], shown["operators"], shown["total"]["successRate"]) == ([], [], None)
    assert shown["total"]["money"] == {}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=2026-1-1", {"from"}),
        ("from=20260101&to=tomorrow", {"from", "to"}),
        ("to=2026-02-30", {"to"}),
        ("from=2026-01-02&to=2026-01-01", {"from"}),
        ("from=2026-01-01&to=2026-04-03", {"from"}),
        ("from=0001-01-01&to=9999-12-31", {"from", "to"}),
    ],
)
@pytest.mark.usefixtures("api")
def test_a_wrong_range_is_refused(query: str, fields: set[str], operator: dict[str, str]) -> None:
    reply: Any = call("GET", f"{PATH}?{query}", headers=operator)
    assert (reply.status, reply.json["code"], set(reply.json["fields"])) == (400, "invalid_request", fields)


def test_only_an_operator_sees_it(merchant: dict[str, str]) -> None:
    for headers in ({}, merchant):
        reply = call("GET", PATH, headers=headers)
        assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")
