"""Tests every request of docs/openapi.yaml against the app; `call` validates each reply."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from jsonschema import ValidationError

from chalicelib import bootstrap
from chalicelib.settings import Settings
from chalicelib.web.link_page import SERVED
from local.simulator.transactions import CAMEROON
from tests.conftest import ORDER, Shop, order_token
from tests.harness.api_gateway import Reply, call
from tests.harness.openapi import DOCUMENT, Operation, check_reply, operations
from tests.harness.operators import session_of
from tests.system.test_routes import signature

ORDER_ID = "order-1042"
"""The one of the document's examples."""
OTHER_SUCCESS = {"initiate": 201, "makeLink": 201, "simulate": 201, "signIn": 204, "signOut": 204}
"""The status of each operation's success that is not 200."""


class Example:
    """A request of the document, with what a running service gives out in place of the example's own tokens."""

    def __init__(
        self, operation: Operation, content_type: str | None = None, body: Mapping[str, Any] | None = None
    ) -> None:
        self.operation = operation
        self.content_type = content_type
        self.body = body

    def __str__(self) -> str:
        return f"{self.operation.id} {self.content_type or ''} {','.join(self.body or ())}"

    def send(self, live: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        parameters = self.operation.parameters
        values = {each["name"]: live.get(each["name"], each["example"]) for each in parameters}
        path = self.operation.path
        for name in _names(parameters, "path"):
            path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
        query = urlencode({name: values[name] for name in _names(parameters, "query")})
        sent = {name: values[name] for name in _names(parameters, "header")}
        sent |= {**headers, **self._content_type()}
        return call(self.operation.method, f"{path}?{query}", self._body(live), headers=sent)

    def _content_type(self) -> dict[str, str]:
        return {"Content-Type": self.content_type} if self.content_type else {}

    def _body(self, live: Mapping[str, str]) -> object:
        if self.body is None:
            return None
        body = {name: live.get(name, value) for name, value in self.body.items()}
        return body if self.content_type == "application/json" else urlencode(body)


def _names(parameters: list[dict[str, Any]], place: str) -> list[str]:
    return [each["name"] for each in parameters if each["in"] == place]


def examples_shown_for(operation: Operation) -> list[Example]:
    """Returns an example for each body in the document, or one without a body where there is none."""
    return [Example(operation, *shown) for shown in operation.bodies()] or [Example(operation)]


EXAMPLES = [example for operation in operations() for example in examples_shown_for(operation)]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_each_request_of_the_document_is_taken(
    example: Example,
    api: Settings,
    shop: Shop,
    merchant: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    operation = example.operation
    if operation.id == "linkPage":
        (tmp_path / "index.html").write_text(SERVED, encoding="utf-8")
        monkeypatch.setenv("LINK_PAGE_DIR", str(tmp_path))
    if operation.path.startswith("/operator"):
        monkeypatch.setenv("OPERATOR_PAGE_DIR", str(page_in(tmp_path, operation)))
    live: dict[str, str] = {"orderToken": order_token(api, orderId=ORDER_ID)}
    headers = {}
    if operation.id == "simulate":
        monkeypatch.setenv("APP_ENV", "development")
        bootstrap.process.close()
    elif operation.id != "initiate":
        live |= payment_under_review(shop, merchant, api)
    if operation.id.startswith("webhook"):
        live["reference"] = shop.transactions[0]["reference"]
    if operation.id == "signComparison":
        live |= compared_today()
    if operation.id in ("link", "linkPage", "cancelLink"):
        live["link_id"] = link_of(merchant)
    if operation.content["security"]:
        headers = credentials(operation, api, live, by_key="orderToken" not in (example.body or {}))
    reply = example.send(live, headers)
    assert reply.status == OTHER_SUCCESS.get(operation.id, 200), reply.text


def page_in(folder: Path, operation: Operation) -> Path:
    """Writes a page of the operators, with the part that the operation asks for."""
    (folder / "assets").mkdir()
    for name in ("index.html", *(f"assets/{each['example']}" for each in operation.parameters if each["in"] == "path")):
        (folder / name).write_text("<p>a page</p>", encoding="utf-8")
    return folder


def payment_under_review(shop: Shop, merchant: dict[str, str], api: Settings) -> dict[str, str]:
    """Makes a payment to which every action but `acknowledge` applies, of version 3, and CamPay's webhook about it."""
    body = {"orderId": ORDER_ID, "amount": 5000, "currency": "XAF", "phoneNumber": "237670000006"}
    started = call("POST", "/api/payment/initiate", body, headers=merchant).json
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    checked = call("POST", f"/api/payment/operator/{started['reference']}/recheck", headers=operator_of(api))
    assert checked.json["status"] == "CONFLICTED"
    return {
        "reference": started["reference"],
        "external_reference": started["reference"],
        "trackingToken": started["trackingToken"],
        "signature": signature(api),
    }


def payment_paid_twice(shop: Shop, merchant: dict[str, str], api: Settings) -> dict[str, str]:
    """Makes a payment that CamPay has charged twice. It has version 4."""
    started = call("POST", "/api/payment/initiate", {**ORDER, "orderId": ORDER_ID}, headers=merchant).json
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    for charge in (shop.transactions[0]["reference"], shop.charge_again(started["reference"])):
        body = {"reference": charge, "external_reference": started["reference"], "signature": signature(api)}
        assert call("POST", "/api/payment/webhook", body).status == 200
    status = call("GET", f"/api/payment/status/{ORDER_ID}", headers=merchant).json
    assert (status["duplicate"], status["version"]) == (True, 4)
    return {"reference": started["reference"]}


def link_of(merchant: dict[str, str]) -> str:
    """Makes a payment link. Returns its id."""
    order = {"orderId": "order-1043", "amount": 5000, "currency": "XAF"}
    return str(call("POST", "/api/payment/links", order, headers=merchant).json["linkId"])


def compared_today() -> dict[str, str]:
    """Compares today, on which the payment under review differs. Returns the day and what a signature names."""
    payments = bootstrap.service()
    day = datetime.now(CAMEROON).date()
    payments.compare_statement(day)
    (shown,) = payments.compared_days(day, day)["days"]
    return {"day": shown["day"], "fingerprint": shown["fingerprint"]}


def credentials(operation: Operation, api: Settings, live: Mapping[str, str], *, by_key: bool) -> dict[str, str]:
    """Returns the credentials of the operation's first security scheme. `by_key`: a key where it takes one."""
    schemes = [name for each in operation.content["security"] for name in each]
    if "orderToken" in schemes and not by_key:
        return {"Authorization": f"Bearer {order_token(api, orderId=ORDER_ID)}"}
    if "trackingToken" in schemes:
        return {"Authorization": f"Bearer {live['trackingToken']}"}
    keys = {"merchantKey": api.merchant_api_keys[0], "operatorKey": api.operator_keys[0].secret}
    taken = [keys[name] for name in schemes if name in keys]
    return {"X-Api-Key": taken[0]} if by_key and taken else {}


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("operation", operations(), ids=lambda it: it.id)
def test_who_needs_credentials_is_refused_without(operation: Operation) -> None:
    security = operation.content["security"]
    refused = examples_shown_for(operation)[0].send({}, {}).status == 401
    is_signed = operation.id in (
        "initiate",
        "webhook",
        "webhookByQuery",
    )  # the signature is in the body or the query, not in a header
    assert refused == (bool(security) or is_signed)


@pytest.mark.parametrize("scheme", ["merchantKey", "operatorKey", "operatorSession", "orderToken", "trackingToken"])
def test_each_security_scheme_opens_what_it_is_named_for(
    scheme: str, api: Settings, shop: Shop, merchant: dict[str, str]
) -> None:
    live = payment_under_review(shop, merchant, api)
    headers = {
        "merchantKey": merchant,
        "operatorKey": operator_of(api),
        "operatorSession": session_of(api.operator_keys[0]),
        "orderToken": {"Authorization": f"Bearer {order_token(api, orderId=ORDER_ID)}"},
        "trackingToken": {"Authorization": f"Bearer {live['trackingToken']}"},
    }[scheme]
    for operation in operations():
        if operation.content["security"] and operation.id != "initiate":
            reply = examples_shown_for(operation)[0].send(live, headers)
            assert (reply.status != 401) == ({scheme: []} in operation.content["security"]), operation.id


def test_each_refusal_of_an_order_is_as_documented(api: Settings, shop: Shop, merchant: dict[str, str]) -> None:
    def refusal(order_id: str, **more: str) -> tuple[int, str]:
        body = ORDER | {"orderId": order_id, "phoneNumber": more.pop("phone", "237677777777")}
        reply = call("POST", "/api/payment/initiate", body, headers=merchant | more)
        return reply.status, reply.json.get("code", "")

    assert refusal("order-1", **{"Idempotency-Key": "a"}) == (201, "")
    assert refusal("order-1", phone="237699999999", **{"Idempotency-Key": "a"}) == (409, "idempotency_key_reused")
    assert refusal("order-1", phone="237699999999") == (409, "payment_in_progress")
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    call("POST", f"/api/payment/operator/{reference_of('order-1', merchant)}/recheck", headers=operator_of(api))
    assert refusal("order-1", phone="237699999999", **{"Idempotency-Key": "b"}) == (409, "order_already_paid")


def test_a_payment_whose_record_cannot_be_read_is_as_documented(
    api: Settings, shop: Shop, merchant: dict[str, str]
) -> None:
    started = call("POST", "/api/payment/initiate", ORDER, headers=merchant).json
    path = f"/api/payment/tracking/{started['reference']}/give-up"
    grant = {"Authorization": f"Bearer {started['trackingToken']}"}
    for method, url, headers in (
        ("POST", path, grant),
        ("POST", f"/api/payment/operator/{started['reference']}/recheck", operator_of(api)),
    ):
        shop.faults(transaction=["502"] * 3)
        reply = call(method, url, headers=headers)
        assert (reply.status, reply.json["code"]) == (503, "provider_unavailable")


def reference_of(order_id: str, merchant: dict[str, str]) -> str:
    return str(call("GET", f"/api/payment/status/{order_id}", headers=merchant).json["reference"])


def operator_of(api: Settings) -> dict[str, str]:
    return {"X-Api-Key": api.operator_keys[0].secret}


def test_a_reply_that_the_document_does_not_know_is_found() -> None:
    path, problem = "/api/payment/health", DOCUMENT["components"]["examples"]["internal_error"]["value"]
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    sound = '{"status": "healthy", "storage": "redis", "timestamp": "2026-01-15T10:11:40.120Z"}'
    check_reply("GET", path, 200, headers, sound)
    for status, more, text in (
        (201, {}, sound),
        (200, {"X-More": "1"}, sound),
        (200, {"Cache-Control": "public"}, sound),
        (200, {"Content-Type": "text/plain"}, sound),
        (200, {}, sound.replace("healthy", "well")),
        (200, {}, sound.replace("{", '{"more": 1, ')),
        (500, {}, str(problem)),
    ):
        with pytest.raises((AssertionError, ValidationError)):
            check_reply("GET", path, status, headers | more, text)
    with pytest.raises(AssertionError):
        check_reply("DELETE", path, 200, headers, sound)
