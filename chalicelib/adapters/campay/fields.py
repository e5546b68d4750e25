"""CamPay's vocabulary, read field by field into ours. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.money import Money
from chalicelib.domain.provider import RecordStatus

_LONG_NUMBER = re.compile(r"\+?[0-9]{8,}")


def text_of(value: object) -> str | None:
    """None for each of the four forms of absent: no key, null, an empty string, the word None."""
    if not isinstance(value, str):
        return None
    text = value.encode("utf-8", "replace").decode().strip()  # a lone surrogate could not be written anywhere
    return text if text not in ("", "None") else None


def reason_of(value: object) -> str | None:
    """Free text for support; a number long enough to be a phone's is struck out."""
    text = text_of(value)
    return _LONG_NUMBER.sub("[number]", text)[:200] if text else None


def status_of(value: object) -> RecordStatus:
    try:
        return RecordStatus((text_of(value) or "").upper())
    except ValueError:
        return RecordStatus.UNKNOWN


def operator_of(value: object) -> str | None:
    """`MTN`, `mtn`, `ORANGE_CM` -> `MTN`, `Orange`; the documentation's "mtn or orange" is neither."""
    text = (text_of(value) or "").lower()
    found = [name for name in ("MTN", "Orange") if name.lower() in text]
    return found[0] if len(found) == 1 else None


def money_of(fields: Mapping[str, Any], currency: str) -> Money | None:
    return Money.from_decimal(text_of(fields.get("amount")) or "", currency)
