"""Lists the order events for a shop that was down, or that asks for them rather than being called."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.event_cursor import EventPosition
from chalicelib.domain.order_event import FIRST, OrderEvent, order_events_after
from chalicelib.runtime.clock import Clock

SETTLED_MS = 60_000
"""How old an order event is before it is listed: none that is older may still come.

The time stands in what is written, and the write may take three attempts of six seconds (runtime/aws.py); the clocks of
two processes may be two seconds apart, and the index follows in less than a second.
"""


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of the list, oldest first. `following`: where the next page begins, also where there is none yet.

    `has_more`: whether the next page may have order events already.
    """

    events: Sequence[OrderEvent]
    following: EventPosition
    has_more: bool


@dataclass(frozen=True, slots=True)
class ListOrderEvents:
    """Lists the order events of all payments, by when they were written."""

    ledger: Ledger
    clock: Clock

    def __call__(self, begin: EventPosition, limit: int) -> EventPage:
        """Returns a page of `limit` order events, or one more, since those of one version are not parted.

        It may have fewer, or none, and be followed by others all the same. Raises LedgerUnavailable.
        """
        places, following, has_more = self.ledger.events.page(begin, self.clock.now() - SETTLED_MS, limit)
        events: list[OrderEvent] = []
        end = begin
        for place, version in self.ledger.events.versions(places):
            if len(events) >= limit:
                return EventPage(events, end, has_more=True)
            events += order_events_after(FIRST, [version])
            end = place
        return EventPage(events, following, has_more)
