"""Knows the mobile numbers of Cameroon."""

import hashlib
import hmac
import re
from collections.abc import Sequence

OPERATORS = ("MTN", "Orange")
FORGOTTEN_MASK = "2376********"
"""What stands in place of a mask where a phone was forgotten, or lost with the ledger."""
UNKNOWN_PHONE = "unknown"
"""What stands in place of a phone's hash where the ledger has lost it: no log has it."""
_PHONE = re.compile(r"2376[0-9]{8}")
_MTN = re.compile(r"237(67|65[0-4]|68[0-3])")
_ORANGE = re.compile(r"237(69|65[5-9]|640|68[5-9])")
_IN_TEXT = re.compile(r"(?<![0-9])(?:\+?237[ .-]?)?6(?:[ .-]?[0-9]){8}(?![0-9])")


def is_phone_number(text: str) -> bool:
    """Whether the text is a mobile number of Cameroon: 237, then 6, then eight digits."""
    return _PHONE.fullmatch(text) is not None


def operator_hint(phone_number: str) -> str | None:
    """Returns the operator that the prefix suggests. Numbers are ported between operators, so CamPay decides."""
    if _MTN.match(phone_number):
        return "MTN"
    return "Orange" if _ORANGE.match(phone_number) else None


def hash_phone(phone_number: str, keys: Sequence[str]) -> list[str]:
    """Returns the number's keyed hash (HMAC-SHA256, hex) by each valid key. The first one is written, all are known."""
    number = phone_number.encode()
    return [hmac.new(key.encode(), number, hashlib.sha256).hexdigest() for key in keys]


def mask_phone(phone_number: str) -> str:
    """Writes 237677777777 as `2376******77`, which is all that is kept in readable form."""
    return f"{phone_number[:4]}******{phone_number[-2:]}"


def without_phone_numbers(text: str) -> str:
    """Replaces each mobile number in a person's words, with or without 237 and with gaps, by `[number]`."""
    return _IN_TEXT.sub("[number]", text)
