"""Translates the fields of CamPay's records into the domain's types. Does no I/O."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.money import Money
from chalicelib.domain.provider import RecordStatus

_LONG_NUMBER = re.compile(r"\+?[0-9]{8,}")


def text_of(value: object) -> str | None:
    """Returns a field's text; None where it is absent, null, empty or the word "None", which CamPay sends for null."""
    if not isinstance(value, str):
        return None
    text = value.encode("utf-8", "replace").decode().strip()  # a lone surrogate cannot be encoded as UTF-8
    return text if text not in ("", "None") else None


def reason_of(value: object) -> str | None:
    """Returns free text for support, with every number that is long enough for a phone number redacted."""
    text = text_of(value)
    return _LONG_NUMBER.sub("[number]", text)[:200] if text else None


def status_of(value: object) -> RecordStatus:
    try:
        return RecordStatus((text_of(value) or "").upper())
    except ValueError:
        return RecordStatus.UNKNOWN


def operator_of(value: object) -> str | None:
    """Returns `MTN` or `Orange` for any spelling such as `mtn` or `ORANGE_CM`; None where it names neither or both."""
    text = (text_of(value) or "").lower()
    found = [name for name in ("MTN", "Orange") if name.lower() in text]
    return found[0] if len(found) == 1 else None


def money_of(fields: Mapping[str, Any], currency: str, name: str = "amount") -> Money | None:
    return Money.from_decimal(text_of(fields.get(name)) or "", currency)


def fee_in_record(fields: Mapping[str, Any], money: Money) -> int | None:
    """Returns what CamPay keeps of a payment: its amount less `app_amount`, which the app gets."""
    net = money_of(fields, money.currency, "app_amount")
    return money.amount - net.amount if net and net.amount <= money.amount else None


def fee_in_statement(fields: Mapping[str, Any], money: Money) -> int | None:
    """Returns the fee that a row of the statement lists."""
    fee = money_of(fields, money.currency, "charge_amount")
    return fee.amount if fee and fee.amount <= money.amount else None
