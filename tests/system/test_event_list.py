"""Tests how a shop asks for the order events, called as API Gateway calls it."""

import time
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib import bootstrap
from chalicelib.domain.contract import to_iso
from chalicelib.domain.event_cursor import EventPosition, write_cursor
from chalicelib.settings import Settings
from tests.conftest import ORDER, Shop
from tests.harness.api_gateway import Reply, call
from tests.harness.ledger_rows import write_earlier
from tests.system.test_routes import signature

HOUR_MS = 3_600_000
Headers = dict[str, str]


def listed(headers: Headers, **query: object) -> Reply:
    return call("GET", f"/api/payment/events?{urlencode(query)}", headers=headers)


def hours_ago(hours: float) -> str:
    return to_iso(time.time_ns() // 1_000_000 - int(hours * HOUR_MS))


@pytest.fixture
def references(api: Settings, shop: Shop, merchant: Headers, dynamodb: Any) -> list[str]:
    """Makes three payments that were paid three, two and one hours ago."""
    paid = []
    for number in range(3):
        body = {**ORDER, "orderId": f"order-{number}", "phoneNumber": f"23767777770{number}"}
        reference = call("POST", "/api/payment/initiate", body, headers=merchant).json["reference"]
        charge = next(row["reference"] for row in shop.transactions if row["externalReference"] == reference)
        shop.customer(charge, "SUCCESSFUL")
        told = {"reference": charge, "external_reference": reference, "signature": signature(api)}
        assert call("POST", "/api/payment/webhook", told).status == 200
        write_earlier(dynamodb, api.payments_table, reference, (3 - number) * HOUR_MS)
        paid.append(reference)
    return paid


def test_a_shop_goes_on_by_its_cursor_also_after_the_api_was_restarted(
    references: list[str], merchant: Headers
) -> None:
    begun = listed(merchant, since=hours_ago(4), limit=1).json
    got = [it["id"] for it in begun["events"]]
    while begun["hasMore"]:
        bootstrap.process.close()
        begun = listed(merchant, after=begun["next"], limit=1).json
        got += [it["id"] for it in begun["events"]]
    assert got == [f"{reference}:3" for reference in references]
    idle = listed(merchant, after=begun["next"]).json
    assert (idle["events"], idle["hasMore"], bool(idle["next"])) == ([], False, True)


def test_since_leaves_out_what_was_written_before(references: list[str], merchant: Headers) -> None:
    shown = listed(merchant, since=hours_ago(1.5)).json
    (event,) = shown["events"]
    assert event["id"] == event["data"]["id"] == f"{references[2]}:3"
    assert (event["type"], event["data"]["orderId"]) == ("payment.successful", "order-2")
    assert event["timestamp"] == event["data"]["updatedAt"]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({}, {"after"}),
        ({"limit": 5}, {"after"}),
        ({"after": "x"}, {"after"}),
        ({"after": write_cursor(EventPosition(0)), "since": "2026-01-15T10:00:00Z"}, {"since"}),
        ({"since": "2026-01-15T10:00:00Z", "limit": 0}, {"limit"}),
        ({"since": "2026-01-15T10:00:00Z", "limit": 101}, {"limit"}),
        ({"since": "2026-01-15"}, {"since"}),
        ({"since": "2026-13-15T10:00:00Z"}, {"since"}),
        ({"since": "2026-01-15T10:00:00+01:00"}, {"since"}),
        ({"since": "2099-01-15T10:00:00Z"}, {"since"}),
        ({"since": "2026-01-15T10:00:00Z", "cursor": "x"}, {"cursor"}),
        ({"after": "x", "limit": "x"}, {"after", "limit"}),
    ],
)
def test_what_is_wrong_is_named(merchant: Headers, query: dict[str, Any], wrong: set[str]) -> None:
    reply = listed(merchant, **query)
    assert (reply.status, reply.json["code"]) == (400, "invalid_request")
    assert reply.json["fields"].keys() == wrong


def test_only_the_shop_may_ask(api: Settings, merchant: Headers) -> None:
    others: list[Headers] = [{}, {"X-Api-Key": "x" * 64}, {"X-Api-Key": api.operator_keys[0].secret}]
    for headers in others:
        reply = listed(headers, since=hours_ago(1))
        assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")
    assert listed(merchant, since=hours_ago(1)).status == 200
