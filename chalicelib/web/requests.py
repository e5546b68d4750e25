"""Reads requests strictly. A refusal names everything that is wrong with the request, not only the first fault."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from chalice.app import Request

from chalicelib.domain import tokens
from chalicelib.domain.accept_language import preferred_locale
from chalicelib.domain.errors import InvalidRequest, InvalidToken
from chalicelib.domain.money import Money
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.phone_number import is_phone_number
from chalicelib.domain.refund import RefundRequest
from chalicelib.web.callers import address_of, bearer
from chalicelib.web.query import parameters

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MAXIMUM_BODY_BYTES = 16_000
MAXIMUM_AMOUNT = 100_000_000
DAYS_SHOWN, MOST_DAYS = 30, 92
"""Days of the analytics: without a range, and at most."""
_ORDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_REFERENCE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_CURSOR = re.compile(r"[\w.~-]{0,200}", re.ASCII)
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,20}")
ORDER_ID_FORM = "must be 1 to 64 characters: letters, digits and . _ : -, a letter or digit first"
PHONE_NUMBER_FORM = "must be 237, then 6, then eight digits"
SIMULATED_NUMBERS = {
    "approved": "237677777777",
    "declined": "237677777770",
    "cancelled": "237670000001",
    "lost-webhook": "237670000002",
    "late": "237670000003",
}


def locale_of(request: Request | None) -> str:
    """Returns `en` where Accept-Language prefers English to French, else `fr`."""
    return preferred_locale((request.headers.get("accept-language") or "") if request else "")


def is_reference(text: str) -> bool:
    """Whether the text has the form of a payment's reference: a UUID4 in lower case."""
    return _REFERENCE.fullmatch(text) is not None


def is_order_id(text: str) -> bool:
    """Whether the text may be an order's id: 1 to 64 ASCII letters, digits and `._:-`, the first no sign."""
    return _ORDER_ID.fullmatch(text) is not None


def json_object(request: Request) -> dict[str, Any]:
    """Returns the body as a JSON object; a number with a fraction or an exponent is a Decimal.

    Raises InvalidRequest, also for a name that stands twice and for NaN.
    """
    text = _body_text(request)
    try:
        body = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not JSON.", fields={"body": str(error)[:100] or "not JSON"}) from error
    if not isinstance(body, dict):
        raise InvalidRequest("The body is not a JSON object.", fields={"body": "must be a JSON object"})
    return body


def webhook_fields(request: Request) -> Mapping[str, object]:
    """Returns CamPay's parameters, from the query, a form or JSON. Raises InvalidRequest."""
    if request.method == "GET":
        query, faults = parameters(request)
        if faults:
            raise InvalidRequest(fields=faults)
        return query
    content_type = (request.headers.get("content-type") or JSON).lower()
    if content_type.startswith(FORM):
        try:
            return _single(parse_qsl(_body_text(request), keep_blank_values=True, max_num_fields=100))
        except ValueError as error:
            raise InvalidRequest("The form cannot be read.", fields={"body": "must be a form"}) from error
    return json_object(request)


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """Holds what is read of a webhook. `reference`: ours, None where it names nothing that could be ours."""

    signature: str
    reference: str | None
    provider_reference: str | None


def webhook_call(request: Request) -> WebhookCall:
    """Reads a webhook: its signature and the two references. Raises InvalidRequest."""
    fields = webhook_fields(request)
    faults: dict[str, str] = {}
    words: dict[str, str] = {}
    for name in ("signature", "reference", "external_reference"):
        value = fields.get(name) or ""
        if not isinstance(value, str) or len(value) > 2000:
            faults[name] = "must be a string"
        words[name] = str(value)
    if not faults and not words["reference"] and not words["external_reference"]:
        faults["reference"] = "is missing"
    if faults:
        raise InvalidRequest(fields=faults)
    ours = words["external_reference"].lower()
    return WebhookCall(words["signature"], ours if is_reference(ours) else None, words["reference"] or None)


def simulation(request: Request) -> PaymentRequest:
    """Reads the request for a whole payment against the simulator. Raises InvalidRequest."""
    body = json_object(request)
    faults: dict[str, str] = {}
    outcome = body.get("outcome")
    if not isinstance(outcome, str) or outcome not in SIMULATED_NUMBERS:
        faults["outcome"] = f"must be one of {', '.join(SIMULATED_NUMBERS)}"
    order_id = checked_order_id(body.get("orderId", f"test-{uuid.uuid4().hex[:12]}"), faults)
    money = checked_money(body.get("amount", 5000), "XAF", faults)
    if faults or money is None:
        raise InvalidRequest(fields=faults)
    return PaymentRequest(order_id, money, SIMULATED_NUMBERS[str(outcome)], f"Order {order_id}", locale_of(request))


def decision(request: Request) -> tuple[PaymentStatus, str, int]:
    """Reads an operator's `{status, reason, version}` for a payment under review. Raises InvalidRequest."""
    body = json_object(request)
    faults: dict[str, str] = {}
    if body.get("status") not in ("SUCCESSFUL", "FAILED"):
        faults["status"] = "must be SUCCESSFUL or FAILED"
    reason, version = _reason_and_version(body, faults)
    return PaymentStatus(body["status"]), reason, version


def acknowledgement(request: Request) -> tuple[str, int]:
    """Reads an operator's `{reason, version}` for a duplicate. Raises InvalidRequest."""
    return _reason_and_version(json_object(request), {})


def refund(request: Request) -> RefundRequest:
    """Reads an operator's `{charge, amount, reason, version}` for a refund. Raises InvalidRequest."""
    body = json_object(request)
    charge, amount, faults = body.get("charge"), body.get("amount"), dict[str, str]()
    if not isinstance(charge, str) or not 1 <= len(charge) <= 64:
        faults["charge"] = "must be CamPay's reference of a charge"
    if type(amount) is not int or not 0 < amount <= MAXIMUM_AMOUNT:
        faults["amount"] = f"must be a whole number of the currency's minor unit, 1 to {MAXIMUM_AMOUNT}"
    reason, version = _reason_and_version(body, faults)
    return RefundRequest(str(charge), int(str(amount)), reason, version)


def _reason_and_version(body: Mapping[str, Any], faults: dict[str, str]) -> tuple[str, int]:
    """Returns why an operator decides, and which version of the payment the decision is about.

    Raises InvalidRequest, with the faults that were found before too.
    """
    reason, version = checked_reason(body, faults), body.get("version")
    if type(version) is not int or version < 1:
        faults["version"] = "must be the version of the payment that you have seen"
    if faults:
        raise InvalidRequest(fields=faults)
    return reason, int(str(version))


def checked_reason(body: Mapping[str, Any], faults: dict[str, str]) -> str:
    """Returns an operator's reason, or a fault."""
    reason = body.get("reason")
    if not isinstance(reason, str) or not 1 <= len(reason) <= 200 or not reason.isprintable():
        faults["reason"] = "must be 1 to 200 printable characters"
    return str(reason)


def page(request: Request) -> tuple[str, int]:
    """Reads `cursor` and `limit` of the query. Raises InvalidRequest."""
    query, faults = parameters(request)
    cursor, limit = query.get("cursor", ""), query.get("limit", "100")
    if not _CURSOR.fullmatch(cursor):
        faults.setdefault("cursor", "must be the cursor of a page before")
    if not _NUMBER.fullmatch(limit):
        faults.setdefault("limit", "must be a whole number")
    if faults:
        raise InvalidRequest(fields=faults)
    return cursor, min(max(int(limit), 1), 1000)


def days(request: Request, today: date, shown: int = DAYS_SHOWN, most: int = MOST_DAYS) -> tuple[date, date]:
    """Reads the first and the last day, `from` and `to`, of the query. Without them: the days `shown` until today.

    Raises InvalidRequest.
    """
    query, faults = parameters(request)
    last = checked_day(query, "to", today, faults)
    first = checked_day(query, "from", last - timedelta(days=shown - 1), faults)
    check_range(first, last, faults, most)
    if faults:
        raise InvalidRequest(fields=faults)
    return first, last


def check_range(first: date, last: date, faults: dict[str, str], most: int = MOST_DAYS) -> None:
    """Adds a fault where the days `from` and `to` are well written and in the wrong order, or too many."""
    if not {"from", "to"} & faults.keys() and not (first <= last and (last - first).days < most):
        faults["from"] = f"must be at most {most} days, and not later than `to`"


def checked_day(query: Mapping[str, str], name: str, default: date, faults: dict[str, str]) -> date:
    """Returns a day of the query, or the default and a fault."""
    text = query.get(name)
    if text is None:
        return default
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        faults.setdefault(name, "must be a day from 2000-01-01 to 2099-12-31")
        return default


def payment_request(request: Request, *, merchant: bool, order_token_keys: Sequence[str], now: int) -> PaymentRequest:
    """Reads what initiate is asked for. `merchant`: the caller may name the order and the amount itself.

    Raises InvalidRequest with every wrong field, and InvalidToken.
    """
    body = json_object(request)
    faults: dict[str, str] = {}
    order = _order_fields(body, merchant, order_token_keys, now, faults)
    order_id = checked_order_id(order.get("orderId"), faults)
    money = checked_money(order.get("amount"), order.get("currency"), faults)
    phone_number = body.get("phoneNumber")
    if not isinstance(phone_number, str) or not is_phone_number(phone_number):
        faults["phoneNumber"] = PHONE_NUMBER_FORM
    link = tokens.link_grant_of(order)
    described = order if link else body
    description = checked_description(described.get("description", f"Order {order_id}"), faults)
    locale = body.get("locale", locale_of(request))
    if locale not in ("fr", "en"):
        faults["locale"] = "must be fr or en"
    key = request.headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        faults["Idempotency-Key"] = "must be 1 to 128 visible ASCII characters"
    if faults or money is None:
        raise InvalidRequest(fields=faults)
    address = None if "x-api-key" in request.headers else address_of(request)
    return PaymentRequest(order_id, money, str(phone_number), description, locale, key, address, link)


def order_asked_for(request: Request, *, merchant: bool, order_token_keys: Sequence[str], now: int) -> str:
    """Returns the order of the order token in `Authorization` or, where the caller is the shop, of the query.

    Raises InvalidToken, InvalidRequest.
    """
    token = bearer(request)
    query, faults = parameters(request)
    if token is not None:
        order_id = tokens.read_order_token(token, order_token_keys, now).get("orderId")
    elif merchant:
        order_id = query.get("orderId")
    else:
        raise InvalidToken("An order token, or the merchant key, is needed.")
    checked = checked_order_id(order_id, faults)
    if faults:
        raise InvalidRequest(fields=faults)
    return checked


def _order_fields(
    body: Mapping[str, Any], merchant: bool, keys: Sequence[str], now: int, faults: dict[str, str]
) -> Mapping[str, Any]:
    """Returns the fields of the order: signed by the shop in a token or, where the caller is the shop, the body's own.

    The amount never comes from a browser.
    """
    if "orderToken" not in body:
        if not merchant:
            raise InvalidToken("An order token, or the merchant key, is needed.")
        return body
    for name in ("orderId", "amount", "currency"):
        if name in body:
            faults[name] = "comes with the order token and must not be given beside it"
    token = body["orderToken"]
    if not isinstance(token, str):
        raise InvalidRequest(fields={**faults, "orderToken": "must be a string"})
    return tokens.read_order_token(token, keys, now)


def checked_order_id(value: object, faults: dict[str, str]) -> str:
    """Returns an order's id, or "" and a fault."""
    if isinstance(value, str) and is_order_id(value):
        return value
    faults.setdefault("orderId", ORDER_ID_FORM)
    return ""


def checked_money(amount: object, currency: object, faults: dict[str, str]) -> Money | None:
    """Returns an amount that may be asked for, or None and a fault for what is wrong with it."""
    if type(amount) is not int or not 0 < amount <= MAXIMUM_AMOUNT:
        faults.setdefault("amount", f"must be a whole number of the currency's minor unit, 1 to {MAXIMUM_AMOUNT}")
    if not isinstance(currency, str) or not Money.knows(currency):
        faults.setdefault("currency", "must be a currency of ISO 4217, such as XAF")
    return None if "amount" in faults or "currency" in faults else Money(int(str(amount)), str(currency))


def checked_description(value: object, faults: dict[str, str]) -> str:
    """Returns what a customer is told that the money is for, or a fault."""
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or not value.isprintable():
        faults["description"] = "must be 1 to 200 printable characters"
    return str(value)


def _body_text(request: Request) -> str:
    raw = request.raw_body or b""
    raw = raw.encode() if isinstance(raw, str) else raw
    if len(raw) > MAXIMUM_BODY_BYTES:
        raise InvalidRequest("The body is too large.", fields={"body": f"must be at most {MAXIMUM_BODY_BYTES} bytes"})
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest("The body is not UTF-8.", fields={"body": "must be UTF-8"}) from error


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a key stands twice")
    return unique


def _single(pairs: Sequence[tuple[str, str]]) -> Mapping[str, object]:
    try:
        return _unique(pairs)
    except ValueError as error:
        raise InvalidRequest("A parameter is given twice.", fields={"body": str(error)}) from error


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
