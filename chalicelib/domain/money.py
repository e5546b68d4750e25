"""Counts money in whole minor units of its currency."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Self

from chalicelib.domain.currencies import EXPONENT_OF

_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of its currency. XAF has no smaller unit: 5000 is 5,000 francs."""

    amount: int
    currency: str

    @staticmethod
    def knows(currency: str) -> bool:
        """Whether it is a currency of ISO 4217. Which ones can be paid is the provider's to say."""
        return currency in EXPONENT_OF

    @classmethod
    @lru_cache(maxsize=1_000)
    def from_decimal(cls, text: str, currency: str) -> Self | None:
        """Reads `"5000.00"`, `"XAF"` as 5000 XAF. Returns None where the text is no exact amount of that currency."""
        if currency not in EXPONENT_OF or not _DECIMAL.fullmatch(text):
            return None
        minor = Decimal(text).scaleb(EXPONENT_OF[currency])
        return cls(int(minor), currency) if minor == minor.to_integral_value() else None

    def to_decimal(self) -> str:
        """Writes 5000 XAF as `5000`, 1999 EUR as `19.99`."""
        return str(Decimal(self.amount).scaleb(-EXPONENT_OF[self.currency]))
