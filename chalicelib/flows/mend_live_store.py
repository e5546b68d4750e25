"""Puts right what Redis has missed while it was away, and what it had and lost when a replica took over."""

from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.domain.contract import to_event
from chalicelib.domain.event_cursor import EventPosition
from chalicelib.domain.rollup import outcome_of
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_LOST_WITHIN_MS = 180_000
"""How old what Redis may lack is at most: it is found a minute after a replica took over, which takes up to another."""
_UNDER_WAY_MS = 2_000
"""What is younger may not be delivered yet."""
_AT_ONCE = 1_000
_LOOKED_AT = 10_000


@dataclass(frozen=True, slots=True)
class MendLiveStore:
    """Compares Redis with the ledger, as far as no other flow would notice a difference."""

    ledger: Ledger
    live_store: LiveStore
    clock: Clock
    expires_after_ms: int

    def __call__(self) -> None:
        """Compares them once; without Redis it does nothing. Raises LedgerUnavailable."""
        now = self.clock.now()
        try:
            self._publish_lost(now)
            self._note_ended(now)
        except LiveStoreUnavailable:
            log.info("live-store-not-mended", reason="LiveStoreUnavailable")

    def _publish_lost(self, now: int) -> None:
        """Publishes again what has lately become of payments, where Redis has an older version.

        Redis has taken each of them, and they count as delivered. But a replica that takes over may lack the last
        writes, and a node that was frozen takes some more before it learns that it was replaced. A screen that only
        listens would never be told.
        """
        places, _, _ = self.ledger.events.page(EventPosition(now - _LOST_WITHIN_MS), now - _UNDER_WAY_MS, _LOOKED_AT)
        newest: dict[str, int] = {}
        for it in places:
            newest[it.reference] = max(it.version, newest.get(it.reference, 0))
        kept = self.live_store.versions(newest)
        lost = [reference for reference, version in newest.items() if kept.get(reference, 0) < version]
        for stored in self.ledger.load_many(lost):
            self.live_store.publish_newer(to_event(stored.payment, now))
            log.info("lost-version-published", reference=stored.payment.reference, version=stored.payment.version)

    def _note_ended(self, now: int) -> None:
        """Notes in Redis which payments have ended whose end it missed: it was away when the operators were told.

        Without faults none that Redis has as waiting is older than an expiry, and the ledger is not asked.
        """
        noted = self.live_store.noted_as_waiting(now - self.expires_after_ms, _AT_ONCE)
        waiting = {it.payment.reference for it in self.ledger.load_many(noted) if outcome_of(it.payment) is None}
        if ended := set(noted) - waiting:
            self.live_store.note_ended(ended)
