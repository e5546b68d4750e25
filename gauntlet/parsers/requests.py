"""Reads whole requests: what a shop, a customer, an operator and CamPay send."""

import random
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import jwt
from chalice.app import Request

from chalicelib.domain.errors import InvalidRequest, InvalidToken
from chalicelib.domain.history_cursor import days_in, read_cursor
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.web import requests
from chalicelib.web.history_query import history_query
from chalicelib.web.link_request import link_request
from chalicelib.web.search_request import payment_search
from chalicelib.web.statement_request import sign_off
from gauntlet.inputs.grammar import document, encoded, fields, near, text
from gauntlet.parsers.case import KEYS, NOW, Case, must, outcome
from gauntlet.parsers.values import ORDER_CLAIMS, PHONE, is_mobile_number

REFERENCE = "0f8fad5b-d9cb-469f-a165-70867728950e"
ORDER: Mapping[str, Any] = {
    "orderId": "order-1",
    "amount": 5000,
    "currency": "XAF",
    "phoneNumber": PHONE,
    "description": "Two shirts",
    "locale": "fr",
}
_TODAY = date(2026, 11, 29)
_QUERY = {
    "from": "2026-11-01",
    "to": "2026-11-29",
    "status": "FAILED",
    "operator": "MTN",
    "currency": "XAF",
    "minAmount": "100",
    "maxAmount": "5000.00",
    "webhook": "missing",
    "limit": "50",
    "format": "csv",
    "language": "en",
    "cursor": "MjAyNi0xMS0wMX4yMDI2LTExLTI5fjF-MX5h.AAAA",
}
_SIGNS = frozenset("._:-")


def _request(chance: random.Random, valid: Mapping[str, Any], method: str = "POST", **headers: str) -> Request:
    """Makes a request whose body is near a valid one, or, for a GET, whose query is."""
    is_get = method == "GET"
    given = {name: str(it) for name, it in fields(chance, valid).items()} if is_get else {}
    query = {name: [it] * chance.choice((1, 1, 1, 1, 2)) for name, it in given.items()}
    return Request(
        {
            "multiValueQueryStringParameters": query or None,
            "headers": headers,
            "pathParameters": None,
            "requestContext": {"httpMethod": method, "resourcePath": "/", "identity": {"sourceIp": "192.0.2.1"}},
            "body": None if is_get else encoded(chance, document(chance, valid)),
            "stageVariables": None,
        }
    )


def _ordered_by_shop(chance: random.Random) -> None:
    _order(_request(chance, ORDER, **_key_header(chance)), merchant=True)


def _ordered_by_token(chance: random.Random) -> None:
    claims = fields(chance, ORDER_CLAIMS) if chance.random() < 0.5 else dict(ORDER_CLAIMS)
    token = jwt.encode(claims, chance.choice(KEYS), algorithm="HS256")
    valid = {"orderToken": near(chance, token) if chance.random() < 0.2 else token, "phoneNumber": PHONE}
    _order(_request(chance, valid, **_key_header(chance)), merchant=False)


def _order(request: Request, *, merchant: bool) -> None:
    """Reads an order. One that is taken has an amount, a number, a key and words as they are documented."""
    wanted = outcome(
        lambda: requests.payment_request(request, merchant=merchant, order_token_keys=KEYS, now=NOW),
        *(InvalidRequest, InvalidToken),
    )
    if wanted is not None:
        must(_is_as_documented(wanted), "an order was taken", wanted, request.raw_body)


def _is_as_documented(wanted: PaymentRequest) -> bool:
    money, key = wanted.money, wanted.idempotency_key
    return (
        is_order_id(wanted.order_id)
        and type(money.amount) is int
        and 0 < money.amount <= requests.MAXIMUM_AMOUNT
        and len(money.currency) == 3
        and is_mobile_number(wanted.phone_number)
        and wanted.locale in ("fr", "en")
        and 1 <= len(wanted.description) <= 200
        and len(wanted.description.encode()) > 0  # a lone surrogate cannot be encoded
        and (key is None or (1 <= len(key) <= 128 and key.isascii() and key.isprintable() and " " not in key))
    )


def is_order_id(written: str) -> bool:
    plain = written.isascii() and all(it.isalnum() or it in _SIGNS for it in written)
    return plain and 1 <= len(written) <= 64 and written[0].isalnum()


def _key_header(chance: random.Random) -> dict[str, str]:
    return {"idempotency-key": near(chance, "key-1")} if chance.random() < 0.7 else {}


def _webhook(chance: random.Random) -> None:
    valid = {"signature": "e30.e30.", "reference": "a1", "external_reference": REFERENCE, "status": "SUCCESSFUL"}
    method = chance.choice(("GET", "POST"))
    content_type = chance.choice((requests.JSON, requests.FORM))
    request = _request(chance, valid, method, **{"content-type": content_type})
    call = outcome(lambda: requests.webhook_call(request), InvalidRequest)
    if call is not None and call.reference is not None:
        must(call.reference == REFERENCE, "a webhook names", call.reference)


def _history(chance: random.Random) -> None:
    request = _request(chance, dict(chance.sample([*_QUERY.items()], chance.randint(0, 5))), "GET")
    read = outcome(lambda: history_query(request, NOW, ("XAF",)), InvalidRequest)
    if read is not None:
        query, wanted = read[0], read[0].filter
        must(1 <= query.limit <= 100, "a page has", query.limit)
        must((wanted.last - wanted.first).days in range(92), "days", wanted)
        must(wanted.status in (None, *PaymentStatus), "a status", wanted)
        if query.cursor:
            must(outcome(lambda: read_cursor(query.cursor, wanted, KEYS), InvalidRequest) is None, "a cursor", query)


def _cursor(chance: random.Random) -> None:
    written = chance.choice((near(chance, _QUERY["cursor"]), text(chance)))
    days = days_in(written)
    must(days is None or all(isinstance(day, date) for day in days), "days", days)


def _refusing(parse: Callable[[Request], object], valid: Mapping[str, Any], method: str = "POST") -> Case:
    """Makes the case of a parser whose result has types that its own code checks."""

    def case(chance: random.Random) -> None:
        request = _request(chance, valid, method)
        outcome(lambda: parse(request), InvalidRequest)

    return case


def _link(chance: random.Random) -> None:
    request = _request(chance, {**ORDER, "expiresInSeconds": 600})
    read = outcome(lambda: link_request(request), InvalidRequest)
    if read is not None:
        order_id, money, description, seconds = read
        must(is_order_id(order_id) and type(money.amount) is int and type(seconds) is int, "a link", read)
        must(len(description.encode()) >= 1 and 0 < money.amount <= requests.MAXIMUM_AMOUNT, "a link", read)


def _search(chance: random.Random) -> None:
    valid = {"orderId": "order-1", "reference": REFERENCE, "phoneNumber": PHONE, "providerReference": "a"}
    name = chance.choice([*valid])
    request = _request(chance, {name: valid[name]})
    search = outcome(lambda: payment_search(request), InvalidRequest)
    if search is not None:
        must(isinstance(search.value, str) and search.value.isascii() and search.value.isprintable(), "words", search)


def _days(chance: random.Random) -> None:
    request = _request(chance, {"from": "2026-11-01", "to": "2026-11-29"}, "GET")
    days = outcome(lambda: requests.days(request, _TODAY), InvalidRequest)
    must(days is None or days[0] <= days[1], "days", days)


REQUESTS: Mapping[str, Case] = {
    "order of the shop": _ordered_by_shop,
    "order by token": _ordered_by_token,
    "webhook": _webhook,
    "history": _history,
    "cursor": _cursor,
    "link": _link,
    "search": _search,
    "days": _days,
    "page": _refusing(requests.page, {"cursor": "a", "limit": "100"}, "GET"),
    "decision": _refusing(requests.decision, {"status": "FAILED", "reason": "not paid", "version": 3}),
    "acknowledgement": _refusing(requests.acknowledgement, {"reason": "known", "version": 3}),
    "signature under a day": _refusing(
        lambda it: sign_off(it, _TODAY), {"day": "2026-11-28", "fingerprint": "0" * 32, "reason": "seen"}
    ),
    "simulation": _refusing(requests.simulation, {"outcome": "approved", "amount": 5000, "orderId": "order-1"}),
}
