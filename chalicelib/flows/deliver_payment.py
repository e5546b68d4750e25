"""Delivers the versions of a payment to the screens (live store) and to the shop (order events).

Each version is delivered at least once, in rising order.
"""

from dataclasses import dataclass

from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.adapters.order_events import AnnouncementFailed, OrderEvents
from chalicelib.domain.contract import to_event
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.payment import Payment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class DeliverPayment:
    """Publishes and announces what the ledger has marked as undelivered."""

    ledger: Ledger
    live_store: LiveStore
    order_events: OrderEvents
    clock: Clock

    def __call__(self, stored: Stored) -> bool:
        """Delivers every version that is missing, and what is committed meanwhile.

        Returns False where something has to wait: it stays marked in the ledger, and the sweep tries again.
        """
        reference = stored.payment.reference
        try:
            for _ in range(_ROUNDS):
                if self._deliver(stored):
                    return True
                newer = self.ledger.load(reference)
                if newer is None:
                    return True
                stored = newer
        except (LiveStoreUnavailable, AnnouncementFailed, LedgerUnavailable) as error:
            log.info("delivery-waits", reference=reference, reason=type(error).__name__)
        except Exception:
            # The change is committed: its caller must get the answer, whatever is wrong with the delivery.
            log.failure("delivery-failed", reference=reference)
        return False

    def undelivered(self, reference: str) -> bool:
        """Delivers what the ledger has marked of a payment. Raises LedgerUnavailable."""
        stored = self.ledger.load(reference)
        return stored is None or self(stored)

    def _deliver(self, stored: Stored) -> bool:
        """Announces, then publishes: order events never wait for Redis. Returns whether nothing newer has come."""
        payment, now = stored.payment, self.clock.now()
        for version in self._unannounced(stored):
            self.order_events.announce(version, now)
        try:
            self.live_store.publish_newer(to_event(payment, now))
        except LiveStoreUnavailable:
            if stored.announced_version < payment.version:
                self.ledger.announced(payment.reference, payment.version)
            raise
        waited = self.clock.now() - payment.updated_at
        log.info("payment-delivered", reference=payment.reference, version=payment.version, ms=waited)
        return stored.delivered_version >= payment.version or self.ledger.delivered(payment.reference, payment.version)

    def _unannounced(self, stored: Stored) -> list[Payment]:
        payment, announced = stored.payment, stored.announced_version
        # A payment's first version is INITIATING, which settles nothing: it need not be read.
        if payment.version - max(announced, 1) <= 1:
            return [payment] if payment.version > announced else []
        return self.ledger.versions(payment.reference, announced, payment.version)
