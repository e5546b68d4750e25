"""Tests the routes of the nightly comparisons: what an operator may ask for, and what is refused."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from chalicelib import bootstrap
from chalicelib.domain.rollup import day_of
from chalicelib.runtime.clock import Clock
from chalicelib.settings import Settings
from local.simulator.transactions import CAMEROON
from tests.conftest import Shop
from tests.harness.api_gateway import call

PATH = "/api/payment/statement"
FINGERPRINT = "0" * 32
SIGNATURE = {"day": "2026-01-31", "fingerprint": FINGERPRINT, "reason": "looked at"}


def test_an_operator_sees_the_night_and_signs_what_it_found(
    api: Settings, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    today = datetime.now(CAMEROON).date()
    shop.charge_again("00000000-0000-4000-8000-000000000000")
    bootstrap.service().compare_statement.days([today])
    viewer, actor = ({"X-Api-Key": key.secret} for key in api.operator_keys[1:])
    (day,) = call("GET", f"{PATH}?from={today}&to={today}", headers=viewer).json["days"]
    assert (day["isOpen"], day["findings"]["missingHere"]["count"]) == (True, 1)
    wanted = {**SIGNATURE, "day": day["day"], "fingerprint": day["fingerprint"], "reason": "call 237677123456"}
    stale = call("POST", PATH, {**wanted, "fingerprint": FINGERPRINT}, headers=actor)
    assert (stale.status, stale.json["code"]) == (409, "differences_changed")
    signed = call("POST", PATH, wanted, headers=actor).json
    assert (signed["isOpen"], [it["by"] for it in signed["signOffs"]]) == (False, ["paul"])
    assert "237677123456" not in str(signed)
    written = map(json.loads, capsys.readouterr().out.splitlines())
    (line,) = (it for it in written if it["event"] == "statement-signed")
    assert (line["day"], line["by"], line["count"]) == (day["day"], "paul", 1)


@pytest.mark.usefixtures("api")
def test_without_a_range_it_shows_seven_days_until_today(operator: dict[str, str]) -> None:
    before = day_of(Clock().now())
    shown = call("GET", PATH, headers=operator).json
    assert shown["to"] in (before.isoformat(), day_of(Clock().now()).isoformat())
    assert date.fromisoformat(shown["to"]) - date.fromisoformat(shown["from"]) == timedelta(days=6)
    assert shown["days"] == []


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=2026-1-1&to=tomorrow", {"from", "to"}),
        ("from=2026-01-02&to=2026-01-01", {"from"}),
        ("from=2026-01-01&to=2026-02-01", {"from"}),
    ],
)
@pytest.mark.usefixtures("api")
def test_a_wrong_range_is_refused(query: str, fields: set[str], operator: dict[str, str]) -> None:
    reply = call("GET", f"{PATH}?{query}", headers=operator)
    assert (reply.status, reply.json["code"], set(reply.json["fields"])) == (400, "invalid_request", fields)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        (dict.fromkeys(SIGNATURE), set(SIGNATURE)),
        ({"day": "31/01/2026"}, {"day"}),
        ({"day": 20260131}, {"day"}),
        ({"fingerprint": FINGERPRINT[1:]}, {"fingerprint"}),
        ({"reason": " " * 201}, {"reason"}),
        ({"reason": "a\nb"}, {"reason"}),
        ({"reason": ""}, {"reason"}),
    ],
)
@pytest.mark.usefixtures("api")
def test_a_wrong_signature_is_refused_with_every_wrong_field(
    changes: dict[str, Any], fields: set[str], operator: dict[str, str]
) -> None:
    reply = call("POST", PATH, SIGNATURE | changes, headers=operator)
    assert (reply.status, reply.json["code"], set(reply.json["fields"])) == (400, "invalid_request", fields)


@pytest.mark.usefixtures("api")
def test_a_day_that_was_not_compared_cannot_be_signed(operator: dict[str, str]) -> None:
    reply = call("POST", PATH, SIGNATURE, headers=operator)
    assert (reply.status, reply.json["code"]) == (404, "not_found")
