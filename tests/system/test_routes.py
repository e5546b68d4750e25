"""Tests the HTTP API, called as API Gateway calls it."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import redis

from chalicelib import bootstrap
from chalicelib.domain import tokens
from chalicelib.domain.contract import PaymentEvent
from chalicelib.domain.errors import LimitReached
from chalicelib.domain.operator_trouble import LEAST_TECHNICAL, Outcome
from chalicelib.settings import Settings
from local.embedded import Valkey
from tests.conftest import ORDER, Shop, order_token
from tests.harness.api_gateway import Reply, call


def signature(settings: Settings, **claims: object) -> str:
    now = int(time.time())
    usual = {"iat": now, "nbf": now, "exp": now + 3600, "source": "CamPay"}
    return jwt.encode(usual | claims, settings.campay.webhook_keys[0], algorithm="HS256", headers={"app": "shop"})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def initiate(headers: dict[str, str], **changes: object) -> Reply:
    return call("POST", "/api/payment/initiate", ORDER | changes, headers=headers)


# --------------------------------------------------------------------------- initiate


def test_a_shop_page_pays_with_an_order_token(api: Settings, shop: Shop) -> None:
    body = {"orderToken": order_token(api), "phoneNumber": "237677777777"}
    reply = call("POST", "/api/payment/initiate", body)
    assert reply.status == 201, reply.text
    started = reply.json
    assert set(started) == {*PaymentEvent.__required_keys__, "trackingToken", "operatorNotice"}
    assert (started["status"], started["operator"], started["ussdCode"], started["version"]) == (
        *("PENDING", "MTN", "*126#", 2),
    )
    grant = tokens.read_tracking_token(started["trackingToken"], api.tracking_token_keys, int(time.time() * 1000))
    assert (grant.reference, grant.order_id) == (started["reference"], "order-1")
    assert shop.transactions[0]["amount"] == 5000


def test_the_same_call_again_is_replayed(merchant: dict[str, str], shop: Shop) -> None:
    first, again = initiate(merchant), initiate(merchant)
    assert (first.status, again.status) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json["reference"] == again.json["reference"]
    assert len(shop.transactions) == 1


def test_an_unknown_outcome_is_202(merchant: dict[str, str], shop: Shop) -> None:
    shop.faults(collect=["502-after-accept"])
    reply = initiate(merchant)
    assert (reply.status, reply.json["status"], reply.json["version"]) == (202, "INITIATING", 1)


@pytest.mark.parametrize(
    ("faults", "status", "code", "retryable"),
    [
        ({"collect": ["filter"]}, 422, "payment_refused", False),
        ({"collect": ["rate-limit"]}, 503, "provider_busy", True),
    ],
)
def test_a_refusal_is_a_problem_that_names_the_payment(
    merchant: dict[str, str], shop: Shop, faults: dict[str, list[str]], status: int, code: str, retryable: bool
) -> None:
    shop.faults(**faults)
    reply = initiate(merchant)
    assert (reply.status, reply.json["code"], reply.json["retryable"]) == (status, code, retryable)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["reference"]


def test_a_prompt_in_flight_is_a_problem_with_the_time_to_wait(merchant: dict[str, str]) -> None:
    initiate(merchant)
    reply = initiate({**merchant, "Accept-Language": "en"}, orderId="order-2")
    assert (reply.status, reply.json["code"]) == (429, "prompt_in_flight")
    assert reply.json["detail"].startswith("A payment prompt is on this phone already")
    assert 290 <= int(reply.headers["Retry-After"]) <= 300


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_each_limit_has_a_sentence_of_its_own(locale: str) -> None:
    codes = ("prompt_in_flight", "phone_limit", "address_limit")
    assert len({LimitReached(code, 7).sentence[locale] for code in codes}) == len(codes)


def test_errors_speak_the_callers_language(merchant: dict[str, str]) -> None:
    english = call("POST", "/api/payment/initiate", {}, headers={**merchant, "Accept-Language": "en-GB,fr;q=0.4"})
    french = call("POST", "/api/payment/initiate", {}, headers={**merchant, "Accept-Language": "de, fr;q=0.9"})
    assert english.json["detail"].startswith("Some of the details")
    assert french.json["detail"].startswith("Certaines informations")
    assert english.json["code"] == french.json["code"] == "invalid_request"


# --------------------------------------------------------------------------- current


def current(headers: dict[str, str], query: str = "") -> Reply:
    return call("GET", f"/api/payment/current{query}", headers=headers)


def rechecked(started: Mapping[str, Any], operator: dict[str, str]) -> str:
    reply = call("POST", f"/api/payment/operator/{started['reference']}/recheck", headers=operator)
    return str(reply.json["status"])


def test_an_order_token_opens_the_payment_in_progress_and_then_the_paid_one(
    api: Settings, operator: dict[str, str], shop: Shop
) -> None:
    mine = bearer(order_token(api))
    before = current(mine)
    assert (before.status, before.text) == (204, "")
    body = {"orderToken": order_token(api), "phoneNumber": "237677777777"}
    started = call("POST", "/api/payment/initiate", body).json
    opened = current(mine)
    assert opened.status == 200
    assert {**opened.json, "timestamp": ""} == {**started, "timestamp": ""}
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    assert rechecked(started, operator) == "SUCCESSFUL"
    assert current(mine).json["status"] == "SUCCESSFUL"


def test_who_opens_a_checkout_or_pays_is_told_which_operators_are_in_trouble(api: Settings, shop: Shop) -> None:
    """The form is told without a body, since there is no payment to show."""
    mine = bearer(order_token(api))
    assert "Operator-Notice" not in current(mine).headers
    now = bootstrap.service().clock.now()
    for name in ("MTN", "Orange"):
        failed = [Outcome(name, f"{name}-{number}", True, now) for number in range(LEAST_TECHNICAL)]
        bootstrap.service().live_store.tell_operators({}, [], "{}", failed)
    bootstrap.process.close()  # another process, which has not asked yet
    form = current(mine)
    assert (form.status, form.headers["Operator-Notice"]) == (204, "MTN, Orange")
    started = call("POST", "/api/payment/initiate", {"orderToken": order_token(api), "phoneNumber": "237677777777"})
    assert (started.status, started.json["operatorNotice"]) == (201, ["MTN", "Orange"])
    assert current(mine).json["operatorNotice"] == ["MTN", "Orange"]
    assert len(shop.transactions) == 1


def test_an_attempt_that_has_ended_unpaid_leaves_the_form(
    api: Settings, merchant: dict[str, str], operator: dict[str, str], shop: Shop
) -> None:
    started = initiate(merchant, phoneNumber="237677777770").json
    shop.customer(shop.transactions[0]["reference"], "FAILED")
    assert rechecked(started, operator) == "FAILED"
    assert current(bearer(order_token(api))).status == 204


def test_a_payment_under_review_is_the_orders_own(
    api: Settings, merchant: dict[str, str], operator: dict[str, str], shop: Shop
) -> None:
    started = initiate(merchant, phoneNumber="237670000006").json
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    assert rechecked(started, operator) == "CONFLICTED"
    assert current(bearer(order_token(api))).json["status"] == "CONFLICTED"


def test_current_opens_to_the_order_token_and_to_the_shop_only(api: Settings, merchant: dict[str, str]) -> None:
    started = initiate(merchant).json
    assert current(merchant, "?orderId=order-1").json["reference"] == started["reference"]
    assert current(bearer(order_token(api, orderId="order-2"))).status == 204
    strangers = [{}, bearer("x"), bearer(started["trackingToken"]), bearer(order_token(api, exp=1))]
    for headers in strangers:
        reply = current(headers, "?orderId=order-1")
        assert (reply.status, reply.json["code"]) == (401, "invalid_token"), headers
    assert current({"X-Api-Key": "x" * 43}, "?orderId=order-1").json["code"] == "invalid_api_key"
    for query in ("", "?orderId=", "?orderId=%20"):
        assert set(current(merchant, query).json["fields"]) == {"orderId"}


# --------------------------------------------------------------------------- webhook


@pytest.mark.parametrize("kind", ["json", "base64", "form", "query"])
def test_a_webhook_may_come_in_any_form(api: Settings, merchant: dict[str, str], shop: Shop, kind: str) -> None:
    reference = initiate(merchant).json["reference"]
    provider_reference = shop.transactions[0]["reference"]
    shop.customer(provider_reference, "SUCCESSFUL")
    fields = {
        "status": "SUCCESSFUL",
        "reference": provider_reference,
        "external_reference": reference,
        "amount": "5000",
        "phone_number": "237677777777",
        "signature": signature(api),
    }
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    replies = {
        "json": lambda: call("POST", "/api/payment/webhook", fields),
        "base64": lambda: call("POST", "/api/payment/webhook", fields, as_base64=True),
        "form": lambda: call("POST", "/api/payment/webhook", urlencode(fields), headers=form),
        "query": lambda: call("GET", f"/api/payment/webhook?{urlencode(fields)}"),
    }
    assert replies[kind]().status == 200
    status = call("GET", "/api/payment/status/order-1", headers=merchant)
    assert status.json["status"] == "SUCCESSFUL"


@pytest.mark.parametrize(
    ("truth", "claim"),
    [
        ("PENDING", {"status": "SUCCESSFUL"}),
        ("PENDING", {"status": "FAILED"}),
        ("FAILED", {"status": "SUCCESSFUL"}),
        ("SUCCESSFUL", {"status": "FAILED"}),
        ("SUCCESSFUL", {"status": "PENDING", "amount": "1", "currency": "EUR"}),
    ],
)
def test_a_webhooks_claim_is_not_trusted(
    api: Settings, merchant: dict[str, str], shop: Shop, truth: str, claim: dict[str, str]
) -> None:
    reference = initiate(merchant).json["reference"]
    (transaction,) = shop.transactions
    if truth != "PENDING":
        shop.customer(transaction["reference"], truth)
    named = {"reference": transaction["reference"], "external_reference": reference, "signature": signature(api)}
    assert call("POST", "/api/payment/webhook", {"amount": "5000", "currency": "XAF", **claim, **named}).status == 200
    stored = bootstrap.service().ledger.load(reference)
    assert stored is not None
    assert (stored.payment.status, stored.payment.money.amount) == (truth, 5000)
    told = [] if truth == "PENDING" else [(f"payment.{truth.lower()}", stored.payment.version)]
    assert shop.order_events == told


def test_a_webhook_without_a_good_signature_does_nothing(api: Settings, merchant: dict[str, str], shop: Shop) -> None:
    reference = initiate(merchant).json["reference"]
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    now = int(time.time())
    unsigned = jwt.encode({"exp": now + 60}, "", algorithm="none")
    wrong_key = jwt.encode({"exp": now + 60}, "another-key-of-thirty-two-bytes-or-more!", algorithm="HS256")
    wrong_algorithm = jwt.encode({"exp": now + 60}, api.campay.webhook_keys[0], algorithm="HS384")
    forgeries = ["", "x", "a.b.c", unsigned, wrong_key, wrong_algorithm, signature(api, exp=now - 61)]
    for forgery in forgeries:
        fields = {"reference": "c", "external_reference": reference, "status": "SUCCESSFUL", "signature": forgery}
        reply = call("POST", "/api/payment/webhook", fields)
        assert (reply.status, reply.json["code"]) == (401, "invalid_signature"), forgery
    stored = bootstrap.service().ledger.load(reference)
    assert stored is not None
    assert stored.payment.status == "PENDING"


def test_a_webhook_of_an_unknown_payment_is_handled_and_a_malformed_one_is_refused(api: Settings) -> None:
    good = signature(api)
    for fields in (
        {"reference": "c-1", "external_reference": "00000000-0000-4000-8000-000000000000", "signature": good},
        {"reference": "c-1", "external_reference": "507f1f77bcf86cd799439011", "signature": good},
        {"reference": "c-1", "signature": good},
    ):
        assert call("POST", "/api/payment/webhook", fields).status == 200
    malformed: list[object] = [
        {"signature": good},
        {"signature": good, "reference": ["c"]},
        {"signature": 5, "reference": "c"},
        "[]",
        "{",
        f'{{"reference":"a","reference":"b","signature":"{good}"}}',
    ]
    for body in malformed:
        assert call("POST", "/api/payment/webhook", body).status == 400, body
    assert call("GET", f"/api/payment/webhook?reference=a&reference=b&signature={good}").status == 400
    assert call("POST", "/api/payment/webhook", "x", headers={"Content-Type": "text/plain"}).status == 400


def test_a_webhook_while_campay_is_away_may_come_again(api: Settings, merchant: dict[str, str], shop: Shop) -> None:
    reference = initiate(merchant).json["reference"]
    shop.faults(transaction=["502"])
    fields = {"reference": "", "external_reference": reference, "signature": signature(api)}
    reply = call("POST", "/api/payment/webhook", fields)
    assert (reply.status, reply.json["code"]) == (503, "provider_unavailable")
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    assert call("POST", "/api/payment/webhook", fields).status == 200
    assert call("GET", "/api/payment/status/order-1", headers=merchant).json["status"] == "SUCCESSFUL"


def arrivals(operator: dict[str, str]) -> dict[str, int]:
    shown = call("GET", "/api/payment/debug/connections", headers=operator).json["webhooks"]["arrivals"]
    return {it["outcome"]: it["count"] for it in shown["outcomes"]}


def test_an_operator_sees_what_became_of_the_webhooks_that_arrived(
    api: Settings, merchant: dict[str, str], operator: dict[str, str], shop: Shop
) -> None:
    started = initiate(merchant).json
    mine, now = {"external_reference": started["reference"], "reference": ""}, int(time.time())
    good = signature(api)

    def webhook(status: int, **fields: str) -> None:
        assert call("POST", "/api/payment/webhook", mine | fields).status == status

    webhook(401, signature="x")
    webhook(401)
    webhook(401, signature=signature(api, exp=now - 61))
    webhook(400, signature=good, external_reference="")
    assert call("POST", "/api/payment/webhook", "x", headers={"Content-Type": "text/plain"}).status == 400
    webhook(200, signature=good, external_reference="00000000-0000-4000-8000-000000000000")
    webhook(200, signature=good, external_reference="another system's")
    shop.faults(transaction=["502"])
    webhook(503, signature=good)
    refused = {"invalidSignature": 2, "expiredSignature": 1, "malformed": 2, "unknownPayment": 2}
    assert arrivals(operator) == refused | {"providerUnavailable": 1}
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    webhook(200, signature=good)
    assert arrivals(operator) == refused | {"providerUnavailable": 1}, "what has told of a change is counted with it"
    webhook(200, signature=good)
    assert arrivals(operator) == refused | {"providerUnavailable": 1, "unchanged": 1}


# --------------------------------------------------------------------------- status and tracking


def test_a_tracking_token_opens_its_payment_and_its_order_only(api: Settings, merchant: dict[str, str]) -> None:
    started = initiate(merchant).json
    mine = bearer(started["trackingToken"])
    payment = call("GET", f"/api/payment/tracking/{started['reference']}", headers=mine)
    order = call("GET", "/api/payment/status/order-1", headers=mine)
    assert (payment.status, order.status) == (200, 200)
    assert {**payment.json, "timestamp": ""} == {**order.json, "timestamp": ""}
    assert payment.headers["Cache-Control"] == "no-store"
    assert payment.json["phoneNumber"] == "2376******77"

    now = int(time.time() * 1000)
    strange = [
        {},
        bearer("x"),
        bearer(started["trackingToken"] + "x"),
        bearer(tokens.sign_tracking_token(tokens.TrackingGrant("r", "o"), api.tracking_token_keys, now + 10_000)),
        bearer(tokens.sign_tracking_token(tokens.TrackingGrant(started["reference"], "order-1"), ("k" * 32,), now * 2)),
        {"Authorization": f"Basic {started['trackingToken']}"},
        {"X-Api-Key": "x" * 43},
        {"X-Api-Key": api.operator_keys[0].secret},
    ]
    for headers in strange:
        for path in (f"/api/payment/tracking/{started['reference']}", "/api/payment/status/order-1"):
            reply = call("GET", path, headers=headers)
            assert (reply.status, reply.json["code"]) == (401, "invalid_token")


def test_what_a_token_does_not_cover_looks_the_same_whether_or_not_it_exists(merchant: dict[str, str]) -> None:
    token = bearer(initiate(merchant).json["trackingToken"])
    other = initiate(merchant, orderId="order-2", phoneNumber="237677777770").json["reference"]
    unknown = "00000000-0000-4000-8000-000000000000"
    get = [(f"/api/payment/tracking/{name}", "GET") for name in (other, unknown, "x")]
    get += [(f"/api/payment/status/{name}", "GET") for name in ("order-2", "order-3", "%20")]
    give_up = [(f"/api/payment/tracking/{name}/give-up", "POST") for name in (other, unknown, "x")]
    replies = [call(method, path, headers=token) for path, method in get + give_up]
    replies += [call(method, path, headers=merchant) for path, method in give_up]  # the shop may not end a wait
    assert {reply.status for reply in replies} == {401}
    assert len({(reply.json["code"], reply.json["detail"]) for reply in replies}) == 1


def test_who_holds_the_merchant_key_sees_what_there_is(merchant: dict[str, str]) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for path in (f"/api/payment/tracking/{unknown}", "/api/payment/tracking/x", "/api/payment/status/nothing"):
        reply = call("GET", path, headers=merchant)
        assert (reply.status, reply.json["code"]) == (404, "not_found")


def test_tracking_answers_from_the_ledger_when_redis_has_lost_it(merchant: dict[str, str], valkey: Valkey) -> None:
    started = initiate(merchant).json
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
        reply = call("GET", f"/api/payment/tracking/{started['reference']}", headers=merchant)
        assert reply.json["version"] == 2
        kept = client.get(f"payment:{{{started['reference']}}}")
        assert isinstance(kept, bytes)
        assert json.loads(kept)["version"] == 2
        assert 3500 < client.ttl(f"payment:{{{started['reference']}}}") <= 3600


# --------------------------------------------------------------------------- operator, health, the rest


def test_an_operators_actions(merchant: dict[str, str], operator: dict[str, str], shop: Shop) -> None:
    started = initiate(merchant, phoneNumber="237670000006").json
    base = f"/api/payment/operator/{started['reference']}"
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    assert call("POST", f"{base}/recheck", headers=operator).json["status"] == "CONFLICTED"
    assert call("POST", f"{base}/resolve", {"status": "PENDING"}, headers=operator).json["fields"] == {
        "status": "must be SUCCESSFUL or FAILED",
        "reason": "must be 1 to 200 printable characters",
        "version": "must be the version of the payment that you have seen",
    }
    decision = {"status": "SUCCESSFUL", "reason": "rest paid in cash", "version": 3}
    assert call("POST", f"{base}/resolve", decision, headers=operator).json["status"] == "SUCCESSFUL"
    assert call("POST", f"{base}/resolve", decision, headers=operator).status == 409
    assert call("POST", f"{base}/redeliver", headers=operator).status == 200
    assert [kind for kind, _ in shop.order_events] == [
        *("payment.conflicted", "payment.successful", "payment.successful"),
    ]
    assert call("POST", f"{base}/explode", headers=operator).status == 404
    for path in (f"{base}/recheck", f"{base}/resolve", "/api/payment/debug/connections"):
        method = "GET" if "debug" in path else "POST"
        for headers in ({}, merchant):
            reply = call(method, path, headers=headers)
            assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")


@pytest.mark.usefixtures("api")
def test_health_says_what_holds(valkey: Valkey) -> None:
    assert call("GET", "/api/payment/health").json | {"timestamp": ""} == {
        "status": "healthy",
        "storage": "redis",
        "timestamp": "",
    }
    valkey.stop()
    try:
        assert call("GET", "/api/payment/health").json["status"] == "degraded"
    finally:
        valkey.start()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/payment/health", 200),
        ("GET", "/api/payment/status/order-1", 401),
        ("POST", "/api/payment/test/simulate", 404),
        ("PUT", "/api/payment/initiate", 405),
        ("POST", "/api/payment/initiate", 400),
    ],
)
@pytest.mark.usefixtures("api")
def test_no_browser_keeps_guesses_frames_or_runs_an_answer(method: str, path: str, status: int) -> None:
    reply = call(method, path)
    assert reply.status == status
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"


@pytest.mark.usefixtures("api")
def test_simulate_is_unknown_in_production() -> None:
    assert call("POST", "/api/payment/test/simulate", {"outcome": "approved"}).status == 404


@pytest.mark.usefixtures("api")
def test_simulate_in_development_starts_a_whole_payment(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> None:
    monkeypatch.setenv("APP_ENV", "development")
    bootstrap.process.close()
    reply = call("POST", "/api/payment/test/simulate", {"outcome": "declined", "amount": 700})
    assert reply.status == 201
    assert shop.transactions[0]["phoneNumber"] == "237677777770"
    wrong = call("POST", "/api/payment/test/simulate", {"outcome": "maybe", "amount": 0})
    assert set(wrong.json["fields"]) == {"outcome", "amount"}
    unsigned = call("POST", "/api/payment/initiate", ORDER)
    assert unsigned.status == 201, "development takes an order without a signature"


@pytest.mark.usefixtures("api")
def test_methods_that_a_route_does_not_take_are_problems_too() -> None:
    reply = call("DELETE", "/api/payment/health")
    assert (reply.status, reply.json["code"]) == (405, "method_not_allowed")
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_no_log_line_shows_a_phone_number_or_a_signature(
    api: Settings, merchant: dict[str, str], shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = initiate(merchant, description="for 237677777777").json["reference"]
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    signed = signature(api)
    query = urlencode({"external_reference": reference, "phone_number": "237677777777", "signature": signed})
    call("GET", f"/api/payment/webhook?{query}&reference={shop.transactions[0]['reference']}")
    call("POST", "/api/payment/webhook", {"signature": "forged.237677777777.x", "reference": "237677777777"})
    written = capsys.readouterr().out
    assert "payment-changed" in written
    assert "77777777" not in written
    assert signed not in written


def test_an_order_id_may_come_percent_encoded(merchant: dict[str, str]) -> None:
    """API Gateway passes path parameters on without decoding them."""
    body = {**ORDER, "orderId": "shop:1"}
    started = call("POST", "/api/payment/initiate", headers=merchant, body=body).json
    grant = {"Authorization": f"Bearer {started['trackingToken']}"}
    for headers in (merchant, grant):
        assert call("GET", "/api/payment/status/shop%3A1", headers=headers).status == 200
