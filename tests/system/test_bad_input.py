"""Tests that bad input gets an error which names the field, writes nothing and sends no prompt."""

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from jsonschema import ValidationError

from chalicelib.settings import Settings
from local.embedded import EmbeddedAws
from tests.conftest import ORDER, Shop, order_token
from tests.harness.api_gateway import call
from tests.harness.openapi import check_request, operations

MISSING = object()


def order(**changes: object) -> str:
    return json.dumps({name: value for name, value in (ORDER | changes).items() if value is not MISSING})


BODIES: list[tuple[str, str, set[str]]] = [
    ("empty", "", {"body"}),
    ("not JSON", "{", {"body"}),
    ("a list", "[]", {"body"}),
    ("a string", '"order"', {"body"}),
    ("null", "null", {"body"}),
    ("NaN", '{"amount": NaN}', {"body"}),
    ("Infinity", '{"amount": -Infinity}', {"body"}),
    ("a duplicate key", order()[:-1] + ', "amount": 1}', {"body"}),
    ("a nested duplicate key", order()[:-1] + ', "x": {"a": 1, "a": 2}}', {"body"}),
    ("17 kB", json.dumps(ORDER | {"x": "a" * 17_000}), {"body"}),
    ("17 kB of spaces", order() + " " * 17_000, {"body"}),
    ("deep nesting", "[" * 15_000, {"body"}),
    ("an endless number", '{"amount": ' + "9" * 6000 + "}", {"body"}),
    ("nothing at all", "{}", {"orderId", "amount", "currency", "phoneNumber"}),
    ("no order", order(orderId=MISSING), {"orderId"}),
    ("no amount", order(amount=MISSING), {"amount"}),
    ("no currency", order(currency=MISSING), {"currency"}),
    ("no phone", order(phoneNumber=MISSING), {"phoneNumber"}),
    ("order null", order(orderId=None), {"orderId"}),
    ("order a number", order(orderId=5), {"orderId"}),
    ("order empty", order(orderId=""), {"orderId"}),
    ("order too long", order(orderId="a" * 65), {"orderId"}),
    ("order with a slash", order(orderId="a/b"), {"orderId"}),
    ("order with a space", order(orderId="a b"), {"orderId"}),
    ("order with a line break", order(orderId="a\n"), {"orderId"}),
    ("order with a hash", order(orderId="a#b"), {"orderId"}),
    ("order in another script", order(orderId="commandé"), {"orderId"}),
    ("order begins with a dot", order(orderId="..x"), {"orderId"}),
    ("amount text", order(amount="5000"), {"amount"}),
    ("amount a float", '{"orderId":"o","amount":5000.0,"currency":"XAF","phoneNumber":"237677777777"}', {"amount"}),
    ("amount a fraction", order(amount=0.5), {"amount"}),
    ("amount with an exponent", order().replace("5000", "5e3"), {"amount"}),
    ("amount true", order(amount=True), {"amount"}),
    ("amount null", order(amount=None), {"amount"}),
    ("amount zero", order(amount=0), {"amount"}),
    ("amount negative", order(amount=-1), {"amount"}),
    ("amount astronomic", order(amount=10**20), {"amount"}),
    ("amount a list", order(amount=[5000]), {"amount"}),
    ("currency unknown", order(currency="BTC"), {"currency"}),
    ("currency lower case", order(currency="xaf"), {"currency"}),
    ("currency a number", order(currency=950), {"currency"}),
    ("currency not CamPay's", order(currency="EUR"), {"currency"}),
    ("currency of the neighbours", order(currency="XOF"), {"currency"}),
    ("phone without country", order(phoneNumber="677777777"), {"phoneNumber"}),
    ("phone with a plus", order(phoneNumber="+237677777777"), {"phoneNumber"}),
    ("phone of a land line", order(phoneNumber="237222222222"), {"phoneNumber"}),
    ("phone of another country", order(phoneNumber="234677777777"), {"phoneNumber"}),
    ("phone too short", order(phoneNumber="23767777777"), {"phoneNumber"}),
    ("phone too long", order(phoneNumber="2376777777777"), {"phoneNumber"}),
    ("phone with spaces", order(phoneNumber="237 677 777 777"), {"phoneNumber"}),
    ("phone with a line break", order(phoneNumber="237677777777\n"), {"phoneNumber"}),
    ("phone in Arabic digits", order(phoneNumber="٢٣٧٦٧٧٧٧٧٧٧٧"), {"phoneNumber"}),
    ("phone in full-width digits", order(phoneNumber="２３７６７７７７７７７７"), {"phoneNumber"}),
    ("phone a number", order(phoneNumber=237677777777), {"phoneNumber"}),
    ("phone a list", order(phoneNumber=["237677777777"]), {"phoneNumber"}),
    ("description a number", order(description=5), {"description"}),
    ("description empty", order(description=""), {"description"}),
    ("description too long", order(description="a" * 201), {"description"}),
    ("description with control characters", order(description="a\x00b"), {"description"}),
    ("description with a lone surrogate", order(description="\ud800"), {"description"}),
    ("locale unknown", order(locale="de"), {"locale"}),
    ("locale a number", order(locale=1), {"locale"}),
    ("all wrong at once", order(orderId="", amount=1.5, currency="?", phoneNumber="1", locale="x"),
     {"orderId", "amount", "currency", "phoneNumber", "locale"}),
]  # fmt: skip


@pytest.fixture
def untouched(api: Settings, dynamodb: Any, shop: Shop) -> Iterator[None]:
    """Checks afterwards that nothing was written and no prompt was sent."""
    yield
    assert dynamodb.scan(TableName=api.payments_table)["Items"] == []
    assert shop.transactions == []


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("body", "fields"), [pytest.param(body, fields, id=name) for name, body, fields in BODIES])
def test_a_bad_body_names_what_is_wrong(merchant: dict[str, str], body: str, fields: set[str]) -> None:
    reply = call("POST", "/api/payment/initiate", body, headers=merchant)
    assert reply.status == 400, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert set(reply.json["fields"]) == fields
    assert reply.json["code"] in ("invalid_request", "currency_not_supported")
    assert ("supported" in reply.json) == (reply.json["code"] == "currency_not_supported")
    assert "77777777" not in reply.text


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "This currency cannot be paid with mobile money. Possible: XAF."),
        ("fr", "Cette devise ne peut pas être payée par mobile money. Possible : XAF."),
    ],
)
@pytest.mark.parametrize("currency", ["EUR", "XOF", "TND"])
def test_a_refused_currency_is_told_what_is_possible(
    merchant: dict[str, str], currency: str, language: str, sentence: str
) -> None:
    headers = merchant | {"Accept-Language": language}
    reply = call("POST", "/api/payment/initiate", ORDER | {"currency": currency}, headers=headers)
    assert (reply.status, reply.json["code"]) == (400, "currency_not_supported")
    assert (reply.json["supported"], reply.json["detail"]) == (["XAF"], sentence)


@pytest.mark.parametrize(
    ("path", "name", "key"),
    [
        (operation.path, it["name"], "operator" if {"operatorKey": []} in operation.content["security"] else "merchant")
        for operation in operations()
        for it in operation.parameters
        if it["in"] == "query"
    ],
)
def test_no_parameter_of_a_query_may_be_given_twice(
    request: pytest.FixtureRequest, path: str, name: str, key: str
) -> None:
    """Otherwise two readers of one address could each believe another of the two."""
    reply = call("GET", f"{path}?{name}=1&{name}=1", headers=request.getfixturevalue(key))
    assert (reply.status, reply.json["code"]) == (400, "invalid_request")
    assert reply.json["fields"][name] == "is given twice"


@pytest.mark.usefixtures("api")
def test_no_field_of_a_form_may_be_given_twice() -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = call("POST", "/api/payment/webhook", "reference=a&reference=a", headers=form)
    assert (reply.status, reply.json["fields"]) == (400, {"body": "a key stands twice"})


def test_the_document_refuses_what_the_api_refuses() -> None:
    """Exceptions are what a schema cannot express: how JSON is written, which currencies exist, what is printable."""
    taken = {name for name, body, _ in BODIES if is_taken_by_the_document(body)}
    assert taken == {
        *("a duplicate key", "a nested duplicate key", "17 kB", "17 kB of spaces"),
        *("amount a float", "amount with an exponent"),  # JSON Schema takes 5000.0 for an integer
        *("order with a line break", "phone with a line break"),  # Python's `$` takes one at the end, ECMA's does not
        *("currency unknown", "currency not CamPay's", "currency of the neighbours"),
        *("description with control characters", "description with a lone surrogate"),
    }


def is_taken_by_the_document(body: str) -> bool:
    try:
        check_request("POST", "/api/payment/initiate", "application/json", body)
    except (ValidationError, ValueError, RecursionError):
        return False
    return True


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Content-Type": "text/plain"}, "Content-Type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
        ({"Content-Type": "application/jsonp"}, "Content-Type"),
        ({"Idempotency-Key": ""}, "Idempotency-Key"),
        ({"Idempotency-Key": "a" * 129}, "Idempotency-Key"),
        ({"Idempotency-Key": "a b"}, "Idempotency-Key"),
        ({"Idempotency-Key": "clé"}, "Idempotency-Key"),
    ],
)
def test_a_bad_header_is_named(merchant: dict[str, str], headers: dict[str, str], field: str) -> None:
    reply = call("POST", "/api/payment/initiate", order(), headers=merchant | headers)
    assert (reply.status, set(reply.json["fields"])) == (400, {field})


@pytest.mark.usefixtures("untouched")
def test_bytes_that_are_no_text(merchant: dict[str, str]) -> None:
    for body in (b"\xff\xfe", order().encode("utf-16"), order().replace("order-1", "\xe9").encode("latin-1")):
        reply = call("POST", "/api/payment/initiate", body, headers=merchant, as_base64=True)
        assert (reply.status, set(reply.json["fields"])) == (400, {"body"})


def forged_tokens(settings: Settings) -> dict[str, str]:
    claims = {"orderId": "order-1", "amount": 5000, "currency": "XAF", "exp": int(time.time()) + 600}
    key = settings.order_token_keys[0]
    return {
        "not a token": "x",
        "empty": "",
        "of another key": jwt.encode(claims, "k" * 40, algorithm="HS256"),
        "of the tracking key": jwt.encode(claims, settings.tracking_token_keys[0], algorithm="HS256"),
        "without algorithm": jwt.encode(claims, "", algorithm="none"),
        "of another algorithm": jwt.encode(claims, key * 2, algorithm="HS512"),
        "expired": order_token(settings, exp=int(time.time()) - 1),
        "without an end": jwt.encode({**claims, "exp": None}, key, algorithm="HS256"),
        "not begun": order_token(settings, nbf=int(time.time()) + 600),
        "tampered": order_token(settings)[:-2] + "xx",
    }


@pytest.mark.usefixtures("untouched")
def test_a_forged_order_token_opens_nothing(api: Settings) -> None:
    for kind, token in forged_tokens(api).items():
        body = {"orderToken": token, "phoneNumber": "237677777777"}
        reply = call("POST", "/api/payment/initiate", body, address=f"an address for {kind}")
        assert (reply.status, reply.json["code"]) == (401, "invalid_token"), kind


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("claims", "field"),
    [
        ({"amount": "5000"}, "amount"),
        ({"amount": 50.0}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 0}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"currency": None}, "currency"),
        ({"orderId": ""}, "orderId"),
        ({"orderId": 7}, "orderId"),
    ],
)
def test_what_a_token_says_is_checked_as_well(api: Settings, claims: dict[str, object], field: str) -> None:
    body = {"orderToken": order_token(api, **claims), "phoneNumber": "237677777777"}
    reply = call("POST", "/api/payment/initiate", body)
    assert (reply.status, set(reply.json["fields"])) == (400, {field})


@pytest.mark.usefixtures("untouched")
def test_the_amount_never_comes_from_a_browser(api: Settings) -> None:
    alone = call("POST", "/api/payment/initiate", order())
    assert (alone.status, alone.json["code"]) == (401, "invalid_token")
    beside = call("POST", "/api/payment/initiate", {"orderToken": order_token(api), **ORDER})
    assert set(beside.json["fields"]) == {"orderId", "amount", "currency"}
    wrong_key = call("POST", "/api/payment/initiate", order(), headers={"X-Api-Key": "k" * 40})
    assert (wrong_key.status, wrong_key.json["code"]) == (401, "invalid_api_key")


@pytest.mark.usefixtures("untouched", "api")
def test_an_address_that_sends_only_bad_requests_is_limited() -> None:
    if time.time() % 60 > 50:  # a new window would begin during the test
        time.sleep(60 - time.time() % 60)
    replies = [call("POST", "/api/payment/initiate", "{", address="41.202.0.77") for _ in range(12)]
    assert [reply.status for reply in replies] == [400] * 10 + [429] * 2
    assert replies[-1].json["code"] == "address_limit"
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 60
    assert call("POST", "/api/payment/initiate", "{", address="41.202.0.78").status == 400


@pytest.mark.usefixtures("untouched")
def test_an_unexpected_exception_is_a_problem_without_details(merchant: dict[str, str], aws: EmbeddedAws) -> None:
    aws.faults.set({"operation": "BatchGetItem", "kind": "throttle", "count": 20})
    reply = call("POST", "/api/payment/initiate", order(), headers=merchant)
    aws.faults.set()
    assert (reply.status, reply.json["code"], reply.json["retryable"]) == (503, "ledger_unavailable", True)
