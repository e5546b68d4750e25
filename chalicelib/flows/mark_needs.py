"""Marks the payments that an earlier release wrote, and that need a person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.attention import need_of


@dataclass(frozen=True, slots=True)
class MarkNeeds:
    """Marks payments of days, in the form in which each commit marks its own. It can be repeated at any time."""

    ledger: Ledger

    def __call__(self, days: Iterable[date]) -> int:
        """Returns how many payments claimed on those days (UTC) were marked. Raises LedgerUnavailable."""
        needing = (payment for day in days for payment in self.ledger.claimed_on(day) if need_of(payment))
        return sum(map(self.ledger.mark_earlier_need, needing))
