"""Tests who may see and do what on every route that is for operators.

The routes are those of `app.py` that are not listed as somebody else's, so that a new one cannot be forgotten.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.cookies import SimpleCookie
from typing import Any

import jwt
import pytest
from chalice.app import Request

import app as application
from chalicelib import bootstrap
from chalicelib.adapters.ledger.items import Act
from chalicelib.domain.contract import to_iso
from chalicelib.domain.operator_actions import OperatorAction
from chalicelib.domain.operators import UNNAMED, Operator, OperatorKey, Right
from chalicelib.domain.tokens import read_operator_ticket
from chalicelib.runtime.log import JsonLines
from chalicelib.settings import Settings
from chalicelib.web.operator_session import COOKIE, DEVELOPMENT_COOKIE, PAGE_HEADER, TOLD, begun
from tests.conftest import Shop
from tests.harness.api_gateway import DOMAIN, Reply, call, event_of
from tests.harness.operators import FRONTEND, session_of
from tests.system.test_openapi_examples import payment_paid_twice, payment_under_review

OF_THE_PAGE = {"operators_page", "addresses_of_page", "asset_of_page"}
OF_CUSTOMERS = {"initiate", "current", "status", "tracking", "give_up"}
OF_LINKS = {"make_link", "link", "cancel_link", "page_of_link"}
OF_OTHERS = {*OF_CUSTOMERS, *OF_LINKS, "order_events", "webhook", "health", "simulate", *OF_THE_PAGE}
"""Routes of the customer, the shop, CamPay and everybody."""
READS_BY_POST = {"sign_in", "sign_out", "search_payments"}
"""Routes that are no GET and change no payment."""
SIGN_IN = "sign_in"
SESSION = "/api/payment/operator/session"
ACT = {"status": "SUCCESSFUL", "reason": "rest paid in cash", "version": 3}
ACKNOWLEDGEMENT = {"reason": "paid back in CamPay's dashboard", "version": 4}
REFUND = {"amount": 100, "reason": "braids came undone", "version": 4}
BODIES = {
    OperatorAction.RESOLVE: ACT,
    OperatorAction.ACKNOWLEDGE: ACKNOWLEDGEMENT,
    OperatorAction.REFUND: REFUND,
}
API_ORIGIN = f"https://{DOMAIN}"
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Route:
    name: str
    method: str
    path: str
    action: str = ""

    @property
    def acts(self) -> bool:
        return self.method != "GET" and self.name not in READS_BY_POST

    @property
    def is_about_a_payment(self) -> bool:
        return "{reference}" in self.path

    def call(self, reference: str, headers: Headers) -> Reply:
        """Calls the route about a payment that its action may be done to."""
        path = self.path.replace("{reference}", reference).replace("{action}", self.action)
        body = BODIES.get(OperatorAction(self.action)) if self.action else None
        if self.action == OperatorAction.REFUND:
            body = {**REFUND, "charge": charge_of(reference)}
        return call(self.method, path, body, headers=headers)


ROUTES = [
    Route(entry.view_name, method, path, action)
    for path, methods in application.app.routes.items()
    for method, entry in methods.items()
    if entry.view_name not in OF_OTHERS
    for action in (OperatorAction if "{action}" in path else [""])
]
each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda it: f"{it.name} {it.action}".strip())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, refunds=True)


@pytest.fixture
def under_review(api: Settings, shop: Shop, merchant: dict[str, str]) -> str:
    return payment_under_review(shop, merchant, api)["reference"]


@pytest.fixture
def payment(route: Route, api: Settings, shop: Shop, merchant: dict[str, str]) -> str:
    """Makes a payment to which the route's action may be done."""
    is_paid_twice = route.action in (OperatorAction.ACKNOWLEDGE, OperatorAction.REFUND)
    make = payment_paid_twice if is_paid_twice else payment_under_review
    return make(shop, merchant, api)["reference"]


@pytest.fixture
def viewer(api: Settings) -> OperatorKey:
    return api.operator_keys[1]


@pytest.fixture
def actor(api: Settings) -> OperatorKey:
    return api.operator_keys[2]


def key_of(key: OperatorKey) -> Headers:
    return {"X-Api-Key": key.secret}


def without(headers: Headers, name: str) -> Headers:
    return {other: value for other, value in headers.items() if other != name}


def with_cookie(token: str) -> Headers:
    return {"Cookie": f"{COOKIE}={token}", "Origin": FRONTEND, PAGE_HEADER: "fetch"}


def forged(key: str, **changes: object) -> Headers:
    claims = {"name": "paul", "right": "act", "exp": int(time.time()) + 60} | changes
    return with_cookie(jwt.encode(claims, key, algorithm="HS256"))


def history_of(reference: str) -> tuple[int, list[Act]]:
    """Returns the payment's version, and what operators have asked for."""
    history = bootstrap.service().ledger.load_with_history(reference)
    assert history is not None
    return history.stored.payment.version, history.acts


def charge_of(reference: str) -> str:
    stored = bootstrap.service().ledger.load(reference)
    assert stored is not None
    return stored.payment.charges[0]


def version_of(reference: str) -> int:
    return history_of(reference)[0]


def intruders(api: Settings, actor: OperatorKey) -> Mapping[str, tuple[Headers, str]]:
    """Returns what each intruder sends, and the code of the problem that it gets."""
    sent, key = session_of(actor), key_of(actor)
    stranger = OperatorKey(actor.operator, "a-key-of-paul-that-was-withdrawn-last-week")
    promoted = OperatorKey(Operator("amina", Right.ACT), api.operator_keys[1].secret)
    return {
        "nobody": ({}, "invalid_api_key"),
        "a wrong key": ({"X-Api-Key": "x" * 64}, "invalid_api_key"),
        "the shop's server": ({"X-Api-Key": api.merchant_api_keys[0]}, "invalid_api_key"),
        "a wrong key beside a session": ({**sent, "X-Api-Key": "x" * 64}, "invalid_api_key"),
        "a key in the cookie": (with_cookie(actor.secret), "invalid_session"),
        "an expired session": (session_of(actor, seconds=-1), "invalid_session"),
        "a session that never expires": (forged(actor.session_key, exp=None), "invalid_session"),
        "a session of a withdrawn key": (session_of(stranger), "invalid_session"),
        "a session with another right than the key has": (session_of(promoted), "invalid_session"),
        "a session with a changed name": (forged(actor.session_key, name="amina"), "invalid_session"),
        "a session of development": (
            {**sent, "Cookie": sent["Cookie"].replace(COOKIE, DEVELOPMENT_COOKIE)},
            "invalid_api_key",
        ),
        "a cookie signed with the key itself": (forged(actor.secret), "invalid_session"),
        "a cookie signed with another key": (forged(api.tracking_token_keys[0]), "invalid_session"),
        "a session on a foreign page": ({**sent, "Origin": "https://evil.example"}, "forbidden"),
        "a session on a page of no origin": ({**sent, "Origin": "null"}, "forbidden"),
        "a session over plain HTTP": ({**sent, "Origin": API_ORIGIN.replace("https", "http")}, "forbidden"),
        "a key on a foreign page": ({**key, "Origin": "https://evil.example"}, "forbidden"),
    }


def test_nobody_without_a_name_pays_back(api: Settings, shop: Shop, merchant: dict[str, str]) -> None:
    reference = payment_paid_twice(shop, merchant, api)["reference"]
    (route,) = (it for it in ROUTES if it.action == OperatorAction.REFUND)
    assert (api.operator_keys[0].operator, api.development) == (UNNAMED, False)
    refused = route.call(reference, key_of(api.operator_keys[0]))
    assert (refused.status, refused.json["code"]) == (403, "forbidden")


@each_route
def test_an_intruder_gets_nothing(route: Route, api: Settings, actor: OperatorKey, payment: str) -> None:
    before = history_of(payment)
    for intruder, (headers, code) in intruders(api, actor).items():
        reply = route.call(payment, headers)
        # A session is begun by a key alone: there a cookie counts as nothing at all.
        is_cookie_alone = route.name == SIGN_IN and "X-Api-Key" not in headers
        told = "invalid_api_key" if is_cookie_alone else code
        assert (reply.status, reply.json.get("code")) == (403 if told == "forbidden" else 401, told), intruder
        assert "Set-Cookie" not in reply.headers, intruder
    assert history_of(payment) == before


@each_route
def test_a_session_that_acts_needs_proof_that_a_page_of_ours_calls(
    route: Route, actor: OperatorKey, payment: str
) -> None:
    before = history_of(payment)
    for missing in ("Origin", PAGE_HEADER):
        reply = route.call(payment, without(session_of(actor), missing))
        if route.method == "GET":
            assert reply.status not in (401, 403), missing
        else:
            assert reply.json["code"] == ("invalid_api_key" if route.name == SIGN_IN else "forbidden"), missing
    assert history_of(payment) == before


@each_route
@pytest.mark.parametrize("way", ["key", "session"])
def test_who_may_only_look_looks_and_cannot_act(
    route: Route, way: str, viewer: OperatorKey, actor: OperatorKey, payment: str
) -> None:
    before = history_of(payment)
    by = {"key": key_of, "session": session_of}[way]
    reply = route.call(payment, by(viewer))
    if route.acts:
        assert (reply.status, reply.json["code"]) == (403, "forbidden")
    elif not (route.name == SIGN_IN and way == "session"):
        assert reply.status not in (401, 403), reply.text
    assert history_of(payment) == before
    if route.acts and not route.is_about_a_payment:
        assert route.call(payment, by(actor)).json["code"] == "invalid_request"
    elif route.acts:
        assert route.call(payment, by(actor)).status == 200
        _, (*earlier, act) = history_of(payment)
        assert (earlier, act.action, act.by) == (before[1], route.action, "paul")


# --------------------------------------------------------------------------- a session


def test_a_key_begins_a_session_and_appears_in_nothing_that_is_answered(
    actor: OperatorKey, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = call("POST", SESSION, headers={**key_of(actor), "Origin": FRONTEND})
    assert (reply.status, reply.text) == (204, "")
    assert (reply.headers[TOLD], reply.headers["Access-Control-Expose-Headers"]) == ("paul; act; 900", TOLD)
    ((name, cookie),) = SimpleCookie(reply.headers["Set-Cookie"]).items()
    assert name == "__Secure-operator-session"
    assert (cookie["path"], cookie["max-age"], cookie["samesite"]) == ("/prod/api/payment", "900", "Strict")
    assert (cookie["secure"], cookie["httponly"], cookie["domain"]) == (True, True, "")
    written = capsys.readouterr().out
    assert actor.secret not in reply.headers["Set-Cookie"] + written
    assert cookie.value not in written
    (line,) = (line for line in map(json.loads, written.splitlines()) if line["event"] == "operator-signed-in")
    assert (line["by"], line["right"]) == ("paul", "act")

    headers = {"Cookie": f"{name}={cookie.value}", "Origin": FRONTEND, PAGE_HEADER: "fetch"}
    assert call("GET", "/api/payment/debug/connections", headers=headers).status == 200
    ended = call("DELETE", SESSION, headers=headers)
    assert ended.status == 204
    ((_, cookie),) = SimpleCookie(ended.headers["Set-Cookie"]).items()
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/prod/api/payment")


def test_only_in_development_is_the_cookie_one_that_safari_keeps_without_tls(api: Settings, actor: OperatorKey) -> None:
    request = Request(event_of("POST", SESSION, headers=key_of(actor)), None)
    for settings, secure in ((api, True), (replace(api, development=True), "")):
        ((name, cookie),) = SimpleCookie(begun(request, actor, settings, 0)["Set-Cookie"]).items()
        assert (name.startswith("__Secure-"), cookie["secure"] or "") == (bool(secure), secure)
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")


@pytest.mark.parametrize("way", ["key", "session"])
def test_a_session_is_told_with_a_ticket_that_is_no_session(way: str, actor: OperatorKey) -> None:
    before = time.time_ns() // 1_000_000
    headers = {"key": key_of, "session": session_of}[way](actor)
    told = call("GET", SESSION, headers=headers)
    assert (told.status, told.json["name"], told.json["right"]) == (200, "paul", "act")
    held = read_operator_ticket(told.json["ticket"], [actor], before)
    assert (held.key, to_iso(held.ends_at)) == (actor, told.json["endsAt"])
    assert 0 < held.ends_at - before <= {"key": 900_000, "session": 60_000}[way] + 10_000
    again = call("GET", SESSION, headers=with_cookie(told.json["ticket"]))
    assert (again.status, again.json["code"]) == (401, "invalid_session")


def test_a_page_of_the_apis_own_origin_acts_too(actor: OperatorKey, under_review: str) -> None:
    headers = session_of(actor, origin=API_ORIGIN)
    assert call("POST", f"/api/payment/operator/{under_review}/resolve", ACT, headers=headers).status == 200


def test_browsers_let_the_shops_origin_send_the_cookie(api: Settings, actor: OperatorKey) -> None:
    reply = call("GET", "/api/payment/debug/connections", headers=session_of(actor))
    assert reply.headers["Access-Control-Allow-Origin"] == api.frontend_url
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert PAGE_HEADER in reply.headers["Access-Control-Allow-Headers"]


# --------------------------------------------------------------------------- who acted


@pytest.mark.parametrize("way", ["key", "session"])
def test_the_history_and_the_log_name_who_acted(
    way: str,
    actor: OperatorKey,
    under_review: str,
    dynamodb: Any,
    table: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    headers = {"key": key_of, "session": session_of}[way](actor)
    base = f"/api/payment/operator/{under_review}"
    for action, body in (("recheck", None), ("resolve", ACT), ("redeliver", None)):
        assert call("POST", f"{base}/{action}", body, headers=headers).status == 200
    key = {"pk": {"S": f"payment#{under_review}"}, "sk": {"S": f"v#{version_of(under_review):06d}"}}
    row = dynamodb.get_item(TableName=table, Key=key)["Item"]
    assert (row["cause"]["S"], row["by"]["S"]) == ("operator: rest paid in cash", "paul")
    lines = [json.loads(JsonLines().format(it)) for it in caplog.records if it.message == "operator-action"]
    assert [(line["action"], line["by"]) for line in lines[-3:]] == [
        *(("recheck", "paul"), ("resolve", "paul"), ("redeliver", "paul")),
    ]


def test_a_key_without_a_name_acts_as_operator(
    operator: dict[str, str], under_review: str, dynamodb: Any, table: str
) -> None:
    assert call("POST", f"/api/payment/operator/{under_review}/resolve", ACT, headers=operator).status == 200
    key = {"pk": {"S": f"payment#{under_review}"}, "sk": {"S": f"v#{version_of(under_review):06d}"}}
    assert dynamodb.get_item(TableName=table, Key=key)["Item"]["by"]["S"] == "operator"
