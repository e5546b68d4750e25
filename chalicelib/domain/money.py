"""Counts money in whole minor units of its currency."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

_EXPONENT = {"XAF": 0, "XOF": 0, "EUR": 2, "USD": 2}
"""ISO 4217: digits after the decimal point, per currency that we can count in."""
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` in minor units of `currency` (XAF has none: 5000 is 5,000 francs)."""

    amount: int
    currency: str

    @staticmethod
    def knows(currency: str) -> bool:
        return currency in _EXPONENT

    @classmethod
    def from_decimal(cls, text: str, currency: str) -> Self | None:
        """`"5000.00"`, `"XAF"` -> 5000 XAF. None where it is no exact amount of that currency."""
        if currency not in _EXPONENT or not _DECIMAL.fullmatch(text):
            return None
        minor = Decimal(text).scaleb(_EXPONENT[currency])
        return cls(int(minor), currency) if minor == minor.to_integral_value() else None

    def to_decimal(self) -> str:
        """`5000` for 5000 XAF, `19.99` for 1999 EUR."""
        return str(Decimal(self.amount).scaleb(-_EXPONENT[self.currency]))
