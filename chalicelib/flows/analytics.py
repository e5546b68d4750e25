"""Shows how payments are going, from the rollups."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore
from chalicelib.domain.analytics import analytics_of
from chalicelib.domain.contract import iso_or_none, to_iso
from chalicelib.domain.webhooks import Arrivals
from chalicelib.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Analytics:
    """Reads the rollups' rows, a query for each month, and from Redis how webhooks come. They are seconds old."""

    ledger: Ledger
    live_store: LiveStore
    clock: Clock

    def __call__(self, first: date, last: date) -> dict[str, Any]:
        """Returns the figures of the payments claimed from `first` to `last`, in Cameroon's time.

        Raises LedgerUnavailable.
        """
        rollup = self.ledger.rollups.between(first, last)
        webhooks = webhooks_shown(self.live_store)
        return {**analytics_of(rollup, first, last), "webhooks": webhooks, "timestamp": to_iso(self.clock.now())}


def webhooks_shown(live_store: LiveStore) -> dict[str, Any]:
    """Returns when a webhook last told of a change, when a payment was last settled without one, and today's arrivals.

    None is what is not known, such as while Redis is away.
    """
    news = live_store.webhooks.read()
    return {
        "toldAt": iso_or_none(news.told_at),
        "missingAt": iso_or_none(news.missing_at),
        "arrivals": _arrivals(news.arrivals) if news.arrivals else None,
    }


def _arrivals(arrivals: Arrivals) -> dict[str, Any]:
    outcomes = [
        {
            "outcome": outcome.value,
            "count": it.count,
            "firstAt": to_iso(it.first_at),
            "lastAt": to_iso(it.last_at),
        }
        for outcome, it in arrivals.outcomes.items()
    ]
    return {"since": to_iso(arrivals.since), "outcomes": outcomes}
