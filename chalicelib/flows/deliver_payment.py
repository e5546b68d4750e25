"""Delivers the versions of a payment to the screens (live store) and to the shop (order events).

Each version is delivered at least once, in rising order.
"""

from dataclasses import dataclass

from chalicelib.adapters.ledger.items import HandedOver, Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.adapters.order_events import AnnouncementFailed, OrderEvents
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.contract import to_event
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.payment import Payment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_ROUNDS = 5
_SOONEST_MS, _LATEST_MS = 2_000, 60_000


@dataclass(frozen=True, slots=True)
class DeliverPayment:
    """Publishes and announces what the ledger has marked as undelivered."""

    ledger: Ledger
    live_store: LiveStore
    order_events: OrderEvents
    queue: WorkQueue
    clock: Clock

    def __call__(self, stored: Stored) -> None:
        """Delivers every version that is missing, and what is committed meanwhile.

        What has to wait stays marked in the ledger, and is tried again: without Redis as soon as it is back, without
        the event bus after two seconds and more.
        """
        reference = stored.payment.reference
        try:
            for _ in range(_ROUNDS):
                if self._deliver(stored):
                    return
                stored = self.ledger.load(reference) or stored
        except LiveStoreUnavailable:
            log.info("delivery-waits", reference=reference, reason="LiveStoreUnavailable")
            self.queue.look_for_undelivered()
        except (AnnouncementFailed, LedgerUnavailable) as error:
            log.info("delivery-waits", reference=reference, reason=type(error).__name__)
            self.queue.deliver(reference, self._next_try(stored.payment))
        except Exception:
            # The change is committed: its caller must get the answer, whatever is wrong with the delivery.
            log.failure("delivery-failed", reference=reference)

    def _next_try(self, payment: Payment) -> int:
        """Returns when a payment is tried again: the longer it waits, the later."""
        now = self.clock.now()
        return now + min(max(now - payment.updated_at, _SOONEST_MS), _LATEST_MS)

    def _deliver(self, stored: Stored) -> bool:
        """Announces, then publishes: order events never wait for Redis. Returns whether nothing newer has come."""
        payment, now = stored.payment, self.clock.now()
        handed = {}
        for version in self._unannounced(stored):
            if bus_ids := self.order_events.announce(version, now):
                handed[version.version] = HandedOver(self.clock.now(), bus_ids)
        try:
            self.live_store.publish_newer(to_event(payment, now))
        except LiveStoreUnavailable:
            if stored.announced_version < payment.version:
                self.ledger.announced(payment.reference, payment.version, handed)
            raise
        waited = self.clock.now() - payment.updated_at
        log.info("payment-delivered", reference=payment.reference, version=payment.version, ms=waited)
        if stored.delivered_version >= payment.version:
            return True
        return self.ledger.delivered(payment.reference, payment.version, handed)

    def _unannounced(self, stored: Stored) -> list[Payment]:
        payment, announced = stored.payment, stored.announced_version
        # A payment's first version is INITIATING, which settles nothing: it need not be read.
        if payment.version - max(announced, 1) <= 1:
            return [payment] if payment.version > announced else []
        return self.ledger.versions(payment.reference, announced, payment.version)
