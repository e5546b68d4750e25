"""Shows how payments are going, from the rollups."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.analytics import analytics_of
from chalicelib.domain.contract import to_iso
from chalicelib.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Analytics:
    """Reads the rollups' rows, a query for each month. They are a minute old at most."""

    ledger: Ledger
    clock: Clock

    def __call__(self, first: date, last: date) -> dict[str, Any]:
        """Returns the figures of the payments claimed from `first` to `last`, in Cameroon's time.

        Raises LedgerUnavailable.
        """
        rollup = self.ledger.rollups.between(first, last)
        return {**analytics_of(rollup, first, last), "timestamp": to_iso(self.clock.now())}
