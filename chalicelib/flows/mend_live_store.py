"""Puts right what Redis has missed while it was away, and what it had and lost when a replica took over."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.domain.contract import to_event
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.event_cursor import EventPosition
from chalicelib.domain.rollup import outcome_of
from chalicelib.runtime import deadline, log
from chalicelib.runtime.clock import Clock

_LOST_WITHIN_MS = 180_000
"""Age up to which an outcome is looked for. A replica takes over within a minute and the sweep comes each minute, so
that one may fail."""
_UNDER_WAY_MS = 2_000
"""Age from which it is: what is younger may not be delivered yet."""
_LONGEST_MS = 10_000
"""How long it may take. What it does not get to is looked for by the next sweep, while it is young enough."""


@dataclass(frozen=True, slots=True)
class MendLiveStore:
    """Gives Redis what the ledger has, Redis has lost, and no delivery will bring.

    `expires_after_ms`: how long a payment waits for its customer. `at_once`: how many payments are compared at a time.
    """

    ledger: Ledger
    live_store: LiveStore
    clock: Clock
    expires_after_ms: int
    at_once: int = 200

    def __call__(self) -> None:
        """Compares Redis with the ledger. Never raises: what is missing now is missing at the next sweep too."""
        now = self.clock.now()
        try:
            with deadline.until(now + _LONGEST_MS):
                self._publish_lost(now)
                self._note_ended(now)
        except (LiveStoreUnavailable, LedgerUnavailable) as error:
            log.info("live-store-not-mended", reason=type(error).__name__)
        except Exception:
            log.failure("live-store-not-mended")

    def _publish_lost(self, now: int) -> None:
        """Publishes again what has lately become of payments, where Redis has an older version.

        A replica that takes over may lack the last writes, and a node that was frozen takes some more before it learns
        that it was replaced. A screen that only listens would never be told.
        """
        begin, has_more = EventPosition(now - _LOST_WITHIN_MS), True
        while has_more and not deadline.is_over(self.clock.now()):
            places, begin, has_more = self.ledger.events.page(begin, now - _UNDER_WAY_MS, self.at_once)
            self._publish_lost_of(places, now)

    def _publish_lost_of(self, places: Sequence[EventPosition], now: int) -> None:
        newest: dict[str, int] = {}
        for it in places:
            newest[it.reference] = max(it.version, newest.get(it.reference, 0))
        kept = self.live_store.versions(newest)
        lost = [reference for reference, version in newest.items() if kept.get(reference, 0) < version]
        for stored in self.ledger.load_many(lost):
            payment = stored.payment
            # One that is not delivered is published by its delivery, after its order event.
            is_delivered = stored.delivered_version >= payment.version
            if is_delivered and self.live_store.publish_newer(to_event(payment, now)):
                log.info("lost-version-published", reference=payment.reference, version=payment.version)

    def _note_ended(self, now: int) -> None:
        """Notes in Redis which payments have ended whose end it missed: it was away when the operators were told.

        Only those are looked at that Redis has as waiting for longer than an expiry.
        """
        while not deadline.is_over(self.clock.now()):
            noted = self.live_store.noted_as_waiting(now - self.expires_after_ms, self.at_once)
            waiting = {it.payment.reference for it in self.ledger.load_many(noted) if outcome_of(it.payment) is None}
            ended = set(noted) - waiting
            if ended:
                self.live_store.note_ended(ended)
            if not ended or len(noted) < self.at_once:
                return
