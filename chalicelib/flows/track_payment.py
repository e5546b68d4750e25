"""Shows what a payment or an order looks like now: to the screen, to the gateway and to the shop."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.gateway_registry import ConnectionsPage
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.domain.contract import PaymentEvent, to_event, to_iso
from chalicelib.domain.errors import LedgerUnavailable, NotFound
from chalicelib.domain.payment import FINAL, Payment
from chalicelib.flows.analytics import webhooks_shown
from chalicelib.flows.settle_payment import FRESH_MS, SettlePayment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class TrackPayment:
    """Reads the live store where that is enough, else the ledger, and re-reads at CamPay what is due."""

    ledger: Ledger
    live_store: LiveStore
    settle: SettlePayment
    clock: Clock

    def payment(self, reference: str) -> PaymentEvent:
        """Returns a payment from Redis while that is enough: it is final, or it has just changed.

        Else it comes from the ledger, re-read at CamPay when due, and Redis gets the version that it lacks.

        Raises NotFound, LedgerUnavailable.
        """
        return self._newest(reference, self._kept(reference))

    def order(self, order_id: str) -> PaymentEvent:
        """Returns the attempt that paid the order, else the latest; which that is, the ledger says.

        The attempt comes from where `payment` has it from, unless the copy in Redis does not know yet that it has paid.

        Raises NotFound, LedgerUnavailable.
        """
        order = self.ledger.order(order_id)
        reference = order.paid or order.latest
        if reference is None:
            raise NotFound
        log.note(reference=reference)
        kept = self._kept(reference)
        lags_behind = kept is not None and order.paid is not None and kept["status"] not in FINAL
        return self._newest(reference, None if lags_behind else kept)

    def current(self, order_id: str) -> Payment | None:
        """Returns the attempt that has paid the order or may still do so by itself, as the ledger has it.

        None where the order has no such attempt: its customer may start one.

        Raises LedgerUnavailable.
        """
        order = self.ledger.order(order_id)
        reference = order.paid or order.active or next(iter(order.under_review), None)
        if reference is None:
            return None
        log.note(reference=reference)
        stored = self.ledger.load(reference)
        return stored.payment if stored else None

    def connections(self, cursor: str, limit: int) -> dict[str, Any]:
        """Returns a page of the connected clients and what they track; an empty one while Redis is away.

        `cursor`: that of the page before, "" for the first. `limit`: clients at most.
        """
        storage = self.live_store.storage()
        try:
            page = self.live_store.connections(cursor, limit)
            statuses = self._statuses({reference for row in page.clients for reference in row["payments"]})
        except LiveStoreUnavailable:
            page, statuses = ConnectionsPage((), (), ""), {}
        clients = [
            row | {"payments": [{"reference": it, "status": statuses.get(it)} for it in row["payments"]]}
            for row in page.clients
        ]
        return {
            "storage": storage,
            "webhooks": webhooks_shown(self.live_store),
            "gateways": page.gateways,
            "clients": clients,
            "cursor": page.cursor or None,
        }

    def _statuses(self, references: Set[str]) -> dict[str, str]:
        """Returns statuses by reference, from Redis and, where that has none, from the ledger.

        A payment that neither can tell is left out.

        Raises LiveStoreUnavailable.
        """
        kept = self.live_store.statuses(references)
        try:
            forgotten = self.ledger.load_many(references - kept.keys())
        except LedgerUnavailable:
            return kept
        return kept | {stored.payment.reference: stored.payment.status for stored in forgotten}

    def _newest(self, reference: str, kept: PaymentEvent | None) -> PaymentEvent:
        """Returns Redis' copy while that is enough, else what the ledger and CamPay say."""
        now = self.clock.now()
        # A moment that is still to come is of a wrong clock, which would let a copy look new for too long.
        if kept and (kept["status"] in FINAL or to_iso(now - FRESH_MS) < kept["updatedAt"] <= to_iso(now)):
            return kept
        try:
            payment = self.settle.refresh(reference)
        except LedgerUnavailable:
            if kept:
                return kept
            raise
        event = to_event(payment, self.clock.now())
        if kept is None or kept["version"] < payment.version:
            self._refill(event)
        return event

    def _kept(self, reference: str) -> PaymentEvent | None:
        try:
            return self.live_store.read(reference)
        except LiveStoreUnavailable:
            return None

    def _refill(self, event: PaymentEvent) -> None:
        try:
            self.live_store.publish_newer(event)
        except LiveStoreUnavailable:
            log.info("not-refilled", reference=event["reference"])
