"""Tests the route that lists what needs a person, and what may be done about it."""

import json
import re
from collections.abc import Mapping

import pytest

from chalicelib.domain.attention import Need
from chalicelib.settings import Settings
from tests.conftest import Shop
from tests.harness.api_gateway import Reply, call
from tests.harness.operators import session_of
from tests.system.test_openapi_examples import ORDER_ID, payment_paid_twice, payment_under_review

PATH = "/api/payment/attention"
NOBODY = {kind.value: 0 for kind in Need}


def attention(headers: Mapping[str, str]) -> Reply:
    return call("GET", PATH, headers=headers)


@pytest.fixture
def under_review(api: Settings, shop: Shop, merchant: dict[str, str]) -> str:
    return payment_under_review(shop, merchant, api)["reference"]


def test_a_person_sees_what_waits_for_a_decision_until_it_is_made(
    under_review: str, operator: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    reply = attention(operator)
    assert (reply.status, reply.json["counts"]) == (200, {**NOBODY, "underReview": 1})
    (item,) = reply.json["items"]
    assert (item["kind"], item["actions"]) == ("underReview", ["recheck", "redeliver", "resolve"])
    payment = item["payment"]
    assert (payment["reference"], payment["orderId"], payment["status"]) == (under_review, ORDER_ID, "CONFLICTED")
    assert item["since"] == payment["updatedAt"]
    written = capsys.readouterr().out
    assert "campay-" not in written, "CamPay is asked nothing, and so holds up nobody who reads"
    for text in (written, reply.text, json.dumps(item)):
        assert not re.search(r"23767\d{7}|[0-9a-f]{64}", text), "no phone number, and no hash of one"
    decision = {"status": "FAILED", "reason": "paid back", "version": 3}
    assert call("POST", f"/api/payment/operator/{under_review}/resolve", decision, headers=operator).status == 200
    assert attention(operator).json["items"] == []


@pytest.fixture
def paid_twice(api: Settings, shop: Shop, merchant: dict[str, str]) -> str:
    return payment_paid_twice(shop, merchant, api)["reference"]


def acknowledge(reference: str, operator: dict[str, str], *, version: int) -> Reply:
    body = {"reason": "paid back in CamPay's dashboard", "version": version}
    return call("POST", f"/api/payment/operator/{reference}/acknowledge", body, headers=operator)


def test_a_duplicate_is_listed_until_a_person_says_that_the_money_is_back(
    paid_twice: str, operator: dict[str, str], shop: Shop
) -> None:
    (item,) = attention(operator).json["items"]
    assert (item["kind"], item["actions"]) == ("duplicate", ["recheck", "redeliver", "acknowledge"])
    told = shop.order_events
    done = acknowledge(paid_twice, operator, version=item["payment"]["version"])
    assert (done.status, done.json["status"], done.json["duplicate"]) == (200, "SUCCESSFUL", True)
    assert attention(operator).json["items"] == []
    assert shop.order_events == told, "the shop made it itself"
    story = call("GET", f"/api/payment/operator/{paid_twice}", headers=operator).json
    last = story["versions"][-1]
    assert (last["cause"], last["by"], last["note"]) == ("operator", "operator", "paid back in CamPay's dashboard")
    assert last["changes"] == [{"field": "acknowledged", "before": False, "after": True}]
    (act,) = story["acts"]
    assert (act["action"], act["by"]) == ("acknowledge", "operator")


def test_a_decision_about_an_earlier_version_does_nothing(under_review: str, operator: dict[str, str]) -> None:
    base = f"/api/payment/operator/{under_review}"
    before = call("GET", base, headers=operator).json
    decision = {"status": "SUCCESSFUL", "reason": "rest in cash"}
    for version in (2, 4):
        reply = call("POST", f"{base}/resolve", {**decision, "version": version}, headers=operator)
        assert (reply.status, reply.json["code"], reply.json["reference"]) == (409, "payment_changed", under_review)
        assert acknowledge(under_review, operator, version=version).json["code"] == "payment_changed"
    after = call("GET", base, headers=operator).json
    assert (after["versions"], after["acts"]) == (before["versions"], before["acts"])


def test_what_is_no_duplicate_is_not_acknowledged(under_review: str, operator: dict[str, str]) -> None:
    reply = acknowledge(under_review, operator, version=3)
    assert (reply.status, reply.json["code"]) == (409, "not_allowed")
    assert attention(operator).json["counts"]["underReview"] == 1


def test_an_acknowledgement_names_a_reason_and_what_was_seen(paid_twice: str, operator: dict[str, str]) -> None:
    path = f"/api/payment/operator/{paid_twice}/acknowledge"
    for body, fields in (
        ({}, {"reason", "version"}),
        ({"reason": "", "version": 4}, {"reason"}),
        ({"reason": "a" * 201, "version": 0}, {"reason", "version"}),
        ({"reason": "paid back", "version": "4"}, {"version"}),
        ({"reason": "paid back", "version": True}, {"version"}),
        ({"reason": "paid back", "version": 4.0}, {"version"}),
    ):
        reply = call("POST", path, body, headers=operator)
        assert (reply.status, set(reply.json["fields"])) == (400, fields), body
    assert attention(operator).json["counts"]["duplicate"] == 1


@pytest.mark.usefixtures("under_review")
def test_who_may_only_look_sees_it_too(api: Settings) -> None:
    reply = attention(session_of(api.operator_keys[1]))
    assert reply.json["counts"]["underReview"] == 1


def test_only_an_operator_sees_it(merchant: dict[str, str]) -> None:
    for headers in ({}, merchant, {"X-Api-Key": "x"}):
        reply = attention(headers)
        assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")
