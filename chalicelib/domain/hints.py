"""Defines the messages of the work queues. Pure.

A message is a hint: it says where to look, and decides nothing. The ledger's rows say whether there is anything to do,
so that a message that is lost, late, doubled or forged changes nothing but the time of a check.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

_REFERENCE = re.compile(r"[0-9a-f-]{36}")
_PROVIDER_REFERENCE = re.compile(r"[\w-]{1,64}", re.ASCII)


class MalformedHint(ValueError):
    """Raised for a message that is none of ours."""


@dataclass(frozen=True, slots=True)
class CheckHint:
    """A payment may be due for a check.

    `provider_reference`: CamPay's statement connects it with the payment, which may not have noted it.
    """

    reference: str
    provider_reference: str | None = None

    def to_body(self) -> str:
        named = {"providerReference": self.provider_reference} if self.provider_reference else {}
        return json.dumps({"reference": self.reference, **named})

    @classmethod
    def from_body(cls, body: str) -> "CheckHint":
        """Raises MalformedHint."""
        fields = _fields(body, {"reference", "providerReference"})
        return cls(_text(fields, "reference", _REFERENCE), _optional(fields, "providerReference", _PROVIDER_REFERENCE))


@dataclass(frozen=True, slots=True)
class DeliveryHint:
    """A payment may be undelivered. Without a reference: any number of them may be, and nobody has listed them."""

    reference: str | None = None

    def to_body(self) -> str:
        return json.dumps({"reference": self.reference} if self.reference else {})

    @classmethod
    def from_body(cls, body: str) -> "DeliveryHint":
        """Raises MalformedHint."""
        return cls(_optional(_fields(body, {"reference"}), "reference", _REFERENCE))


@dataclass(frozen=True, slots=True)
class ShopHint:
    """A payment may have an order event that the shop has not been told. EventBridge makes it of each order event."""

    OF_ORDER_EVENT: ClassVar[Mapping[str, str]] = {"reference": "$.detail.reference"}
    """The path in an event of EventBridge of each field."""

    reference: str

    def to_body(self) -> str:
        return json.dumps({"reference": self.reference})

    @classmethod
    def from_body(cls, body: str) -> "ShopHint":
        """Raises MalformedHint."""
        return cls(_text(_fields(body, {"reference"}), "reference", _REFERENCE))


def _fields(body: str, known: set[str]) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedHint("not JSON") from error
    if not isinstance(fields, dict) or not fields.keys() <= known:
        raise MalformedHint("not an object of known fields")
    return fields


def _optional(fields: dict[str, Any], name: str, form: re.Pattern[str]) -> str | None:
    return _text(fields, name, form) if name in fields else None


def _text(fields: dict[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise MalformedHint(f"{name} is missing or wrong")
    return value
