"""Delivers what could not be delivered at once, as soon as Redis and the event bus are back."""

from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore
from chalicelib.adapters.work_queue import LOOK_EVERY_MS, WorkQueue
from chalicelib.domain.hints import DeliveryHint
from chalicelib.flows.deliver_payment import DeliverPayment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

UNDELIVERED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class CatchUpDeliveries:
    """Follows a hint that one payment may be undelivered, or any number of them."""

    ledger: Ledger
    live_store: LiveStore
    deliver: DeliverPayment
    queue: WorkQueue
    clock: Clock

    def __call__(self, hint: DeliveryHint) -> None:
        """Delivers the payment, or has all delivered that are undelivered. Raises LedgerUnavailable."""
        if hint.reference is None:
            self._look()
            return
        log.note(reference=hint.reference)
        stored = self.ledger.load(hint.reference)
        if stored is not None and stored.delivered_version < stored.payment.version:
            self.deliver(stored)

    def _look(self) -> None:
        """Sends a hint for each undelivered payment once Redis answers; until then it comes back every second.

        Of all hints of a second one comes back: each process that cannot deliver sends some, SQS hands some over twice,
        and they would become more for as long as Redis is away.
        """
        if self.live_store.storage() == "degraded":
            if self.ledger.spend("looks-for-undelivered", 1, LOOK_EVERY_MS):
                self.queue.look_for_undelivered()
            return
        # However young: whoever has failed within the last second has not said so again.
        self.queue.deliver_all(self.ledger.undelivered(self.clock.now(), UNDELIVERED_AT_ONCE))
