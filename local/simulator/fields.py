"""Reads the fields of a request as CamPay's API does, and refuses as it does."""

import json
import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

from local.simulator.faults import FILTERED
from local.simulator.http_server import Answer, Request
from local.simulator.phone_numbers import operator_of

_LOOKS_LIKE_A_TAG = re.compile(r"<[^<>]+>")


class Refused(Exception):
    """CamPay would refuse the request. `answer` is its response."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def refusal(message: str, code: str | None = None) -> Refused:
    """Makes a refusal with status 400, CamPay's message and its error code."""
    return Refused(Answer(400, {"message": message, **({"error_code": code} if code else {})}))


def fields_of(request: Request) -> Mapping[str, Any]:
    """Reads the fields of a JSON or form body. Raises Refused."""
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            fields: Any = dict(parse_qsl(request.body.decode()))
        else:
            fields = json.loads(request.body or b"{}")
    except ValueError as error:
        raise Refused(Answer(400, {"detail": "JSON parse error"})) from error
    if not isinstance(fields, dict):
        raise Refused(Answer(400, {"non_field_errors": ["Invalid data. Expected a dictionary."]}))
    if any(_LOOKS_LIKE_A_TAG.search(text_of(value)) for value in fields.values()):
        raise Refused(FILTERED)
    return fields


def text_of(value: object) -> str:
    """Returns a value as text; None is empty."""
    return "" if value is None else str(value)


def required(fields: Mapping[str, Any], name: str) -> str:
    """Reads a field that must be there. Raises Refused."""
    text = text_of(fields.get(name))
    if not text:
        raise Refused(Answer(400, {name: ["This field is required."]}))
    return text


def choice(fields: Mapping[str, Any], name: str, choices: Collection[str], usual: str | None = None) -> str:
    """Reads a field with a fixed set of values. It is required where `usual` is None. Raises Refused."""
    text = required(fields, name) if usual is None else text_of(fields.get(name)) or usual
    if text not in choices:
        raise Refused(Answer(400, {name: [f'"{text}" is not a valid choice.']}))
    return text


def whole_amount(text: str) -> int:
    """Reads an amount of whole francs, larger than zero. Raises Refused."""
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) == 0:
        raise refusal("Invalid amount", "ER201")
    return int(text)


def phone_and_operator(text: str) -> tuple[str, str]:
    """Reads a phone number and finds its operator, MTN or Orange. Raises Refused."""
    phone_number = text.removeprefix("+")
    if not re.fullmatch(r"237[0-9]{9}", phone_number):
        raise refusal("Invalid phone number", "ER101")
    operator = operator_of(phone_number)
    if operator is None:
        raise refusal("Carrier not supported. Only MTN and Orange are.", "ER102")
    return phone_number, operator


def day(fields: Mapping[str, Any], name: str) -> date:
    """Reads a date, YYYY-MM-DD. Raises Refused."""
    try:
        return date.fromisoformat(required(fields, name))
    except ValueError as error:
        wrong_format = ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]
        raise Refused(Answer(400, {name: wrong_format})) from error
