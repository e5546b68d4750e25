"""Tests the route that lists what needs a person, and what may be done about it."""

import json
import re
from collections.abc import Mapping

import pytest

from chalicelib.settings import Settings
from tests.conftest import Shop
from tests.harness.api_gateway import Reply, call
from tests.harness.operators import session_of
from tests.system.test_openapi_examples import ORDER_ID, payment_under_review

PATH = "/api/payment/attention"
NOBODY = {"underReview": 0, "duplicate": 0, "undecided": 0, "undelivered": 0}


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
    decision = {"status": "FAILED", "reason": "paid back"}
    assert call("POST", f"/api/payment/operator/{under_review}/resolve", decision, headers=operator).status == 200
    assert attention(operator).json["items"] == []


@pytest.mark.usefixtures("under_review")
def test_who_may_only_look_sees_it_too(api: Settings) -> None:
    reply = attention(session_of(api.operator_keys[1]))
    assert reply.json["counts"]["underReview"] == 1


def test_only_an_operator_sees_it(merchant: dict[str, str]) -> None:
    for headers in ({}, merchant, {"X-Api-Key": "x"}):
        reply = attention(headers)
        assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")
