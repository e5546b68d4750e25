"""Has order events sent to the shop again that it has had, or that were given up: under the same ids, in order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.event_cursor import EventPosition
from chalicelib.domain.order_event import FIRST, OrderEvent, Place, order_events_after
from chalicelib.flows.list_order_events import SETTLED_MS

_DAYS_BEFORE = 4
"""How many days before a window payments were claimed that are looked at: CamPay may change one for three days."""
_LISTED_A_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Replay:
    """What is sent again of a payment: the first order event that is wanted, and all after it."""

    reference: str
    events: list[OrderEvent]


@dataclass(frozen=True, slots=True)
class ReplayOrderEvents:
    """Finds the order events that a person names, and has the shop told them again. Each raises LedgerUnavailable."""

    ledger: Ledger

    def of_payment(self, reference: str) -> Iterator[Replay]:
        """Yields all order events of a payment; nothing where it is unknown or has none."""
        yield from self._from(reference, lambda _: True)

    def of_event(self, event_id: str) -> Iterator[Replay]:
        """Yields an order event, with those of its payment after it."""
        yield from self._from(event_id.partition(":")[0], lambda event: event.id == event_id)

    def of_window(self, since: int, until: int) -> Iterator[Replay]:
        """Yields the order events that came to be in a time, in milliseconds since the epoch, by payment."""
        # A row written by a release without the index `events` is not listed there; most are found by their claims.
        for reference in dict.fromkeys(chain(self._listed(since, until), self._claimed(since, until))):
            yield from self._from(reference, lambda event: since <= event.at <= until)

    def again(self, replay: Replay) -> None:
        """Has the shop told again, once a hint of the payment comes."""
        first = replay.events[0].place
        self.ledger.shop.tell_again(replay.reference, Place(first.version, first.part - 1))

    def _listed(self, since: int, until: int) -> Iterator[str]:
        """Yields the payments that the index has with order events of a time.

        It has them by the time of the write, which is not quite that of the event.
        """
        begin, has_more = EventPosition(since - SETTLED_MS), True
        while has_more:
            places, begin, has_more = self.ledger.events.page(begin, until + SETTLED_MS, _LISTED_A_PAGE)
            yield from (place.reference for place in places)

    def _claimed(self, since: int, until: int) -> Iterator[str]:
        """Yields the payments that were claimed up to some days before, and have changed since."""
        first, last = (datetime.fromtimestamp(it / 1000, UTC).date() for it in (since, until))
        for day in _days(first - timedelta(days=_DAYS_BEFORE), last):
            yield from (it.reference for it in self.ledger.claimed_on(day) if it.updated_at >= since)

    def _from(self, reference: str, is_wanted: Callable[[OrderEvent], bool]) -> Iterator[Replay]:
        versions = [version.payment for version in self.ledger.versions_of(reference)]
        events = order_events_after(FIRST, versions)
        wanted = next((number for number, event in enumerate(events) if is_wanted(event)), None)
        if wanted is not None:
            yield Replay(reference, events[wanted:])


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
