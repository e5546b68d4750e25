"""Tests the routes by which operators find payments and read their stories."""

import json
import re

import pytest

from tests.conftest import ORDER, Shop
from tests.harness.api_gateway import Reply, call

UNKNOWN = "0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d11"
PHONE = "237671234567"
"""None of the simulated customers': CamPay gives theirs no operator reference."""


def search(headers: dict[str, str], body: object) -> Reply:
    return call("POST", "/api/payment/operator/search", body, headers=headers)


def story(headers: dict[str, str], reference: str) -> Reply:
    return call("GET", f"/api/payment/operator/{reference}", headers=headers)


def test_support_finds_a_payment_and_reads_what_happened(
    merchant: dict[str, str], operator: dict[str, str], shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    started = call("POST", "/api/payment/initiate", ORDER | {"phoneNumber": PHONE}, headers=merchant).json
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    call("POST", f"/api/payment/operator/{started['reference']}/recheck", headers=operator)
    capsys.readouterr()
    (by_phone,) = search(operator, {"phoneNumber": PHONE}).json["payments"]
    assert (by_phone["reference"], by_phone["status"]) == (started["reference"], "SUCCESSFUL")
    found = search(operator, {"operatorReference": by_phone["operatorReference"]}).json
    assert ([it["reference"] for it in found["payments"]], found["hasMore"]) == ([started["reference"]], False)
    told = story(operator, started["reference"])
    last = told.json["versions"][-1]
    assert (last["cause"], last["by"], last["note"]) == ("operator", "operator", "recheck")
    assert last["evidence"]["status"] == "SUCCESSFUL"
    assert told.json["payment"]["phoneNumber"] == "2376******67"
    written = capsys.readouterr().out
    assert '"operator-search"' in written
    assert "campay-" not in written, "CamPay is asked nothing, and so holds up nobody who reads"
    for text in (written, told.text, json.dumps(found)):
        assert PHONE[3:] not in text
        assert not re.search(r"[0-9a-f]{64}", text), "no hash of a phone number"


def test_what_is_unknown_is_not_found(operator: dict[str, str]) -> None:
    for reference in (UNKNOWN, UNKNOWN.upper(), "search", "x"):
        path = f"/api/payment/operator/{reference}"
        if reference == "search":
            assert call("GET", path, headers=operator).status == 405
        else:
            reply = call("GET", path, headers=operator)
            assert (reply.status, reply.json["code"]) == (404, "not_found")
    assert search(operator, {"reference": UNKNOWN}).json == {"payments": [], "hasMore": False}


def test_only_an_operator_may_read(merchant: dict[str, str]) -> None:
    for headers in ({}, merchant, {"X-Api-Key": "x"}):
        for reply in (search(headers, {"phoneNumber": PHONE}), search(headers, "{"), story(headers, UNKNOWN)):
            assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("", {"body"}),
        ("[]", {"body"}),
        ("{}", {"body"}),
        ('{"orderId": "a", "orderId": "b"}', {"body"}),
        ({"phone": PHONE}, {"body"}),
        ({"orderId": "a/b"}, {"orderId"}),
        ({"orderId": 5}, {"orderId"}),
        ({"reference": UNKNOWN.upper()}, {"reference"}),
        ({"reference": None}, {"reference"}),
        ({"providerReference": ""}, {"providerReference"}),
        ({"providerReference": "a b"}, {"providerReference"}),
        ({"operatorReference": "a" * 129}, {"operatorReference"}),
        ({"operatorReference": ["MP1"]}, {"operatorReference"}),
        ({"phoneNumber": PHONE[3:]}, {"phoneNumber"}),
        ({"phoneNumber": f"+{PHONE}"}, {"phoneNumber"}),
        ({"phoneNumber": int(PHONE)}, {"phoneNumber"}),
        ({"orderId": "order-1", "phoneNumber": PHONE}, {"orderId", "phoneNumber"}),
        ({"orderId": "order-1", "reference": "x", "phoneNumber": PHONE}, {"orderId", "reference", "phoneNumber"}),
    ],
)
def test_a_bad_search_names_each_wrong_field_and_no_value(
    operator: dict[str, str], body: object, fields: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    reply = search(operator, body)
    assert (reply.status, reply.json["code"]) == (400, "invalid_request")
    assert set(reply.json["fields"]) == fields
    for text in (reply.text, capsys.readouterr().out):
        assert PHONE[3:] not in text


def test_a_field_of_several_says_that_it_must_be_alone_and_what_else_is_wrong(operator: dict[str, str]) -> None:
    fields = search(operator, {"orderId": "order-1", "phoneNumber": "677"}).json["fields"]
    assert fields == {
        "orderId": "must be the only field of a search",
        "phoneNumber": "must be 237, then 6, then eight digits",
    }
