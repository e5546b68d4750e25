"""Tells the shop of a payment: sends the order events that it has not taken yet, in their order, signed.

The ledger says what is missing, and nothing else does: the events are those of the payment's versions, and a row says
which of them the shop has answered with a 2xx. So a hint that comes twice, late or for nothing changes nothing, and a
process that dies after the shop's answer leads to the same event again, under the same id.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.shop_rows import Turn
from chalicelib.adapters.shop import Shop
from chalicelib.domain.hints import ShopHint
from chalicelib.domain.order_event import Attempt, OrderEvent, order_events_after
from chalicelib.domain.order_event_schedule import next_attempt
from chalicelib.domain.payment import Payment
from chalicelib.flows.batch import results
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_BUSY_MS = 5_000
"""How soon a payment is looked at again of which another process tells the shop just now."""
AT_ONCE = 4
"""Order events of one payment that are sent in a turn at most: each may take ten seconds."""


@dataclass(frozen=True, slots=True)
class TellShop:
    """Sends order events. `shop`: None where the shop has no address, and then nothing is sent."""

    ledger: Ledger
    shop: Shop | None
    clock: Clock

    def __call__(self, reference: str) -> int | None:
        """Sends what is missing, up to the first that the shop does not take: the order is kept.

        Returns when to call again, in milliseconds since the epoch; None where there is nothing left to do. Raises
        LedgerUnavailable.
        """
        stored = self.ledger.load(reference)
        if self.shop is None or stored is None:
            return None
        payment, turn = stored.payment, self.ledger.shop.take_turn(stored.payment)
        if not turn.is_granted:
            return self._later(turn, payment)
        # A version that is written from here on has a hint of its own, which waits for the end of this turn.
        missing = self._missing(turn, payment)
        sent = missing[:AT_ONCE]
        for event in sent:
            attempt = self.shop.send(event)
            self.ledger.shop.note(payment, attempt)
            if not attempt.is_taken:
                return self._refused(turn if event is sent[0] else turn.anew(), payment, event, attempt)
            log.info("order-event-taken", id=event.id, type=event.kind, status=attempt.status, ms=attempt.ms)
            if not self.ledger.shop.taken(turn, event.place, ends=event is sent[-1]):
                return self.clock.now() + _BUSY_MS
        if not sent:
            self.ledger.shop.end_turn(turn)
        return self.clock.now() if len(missing) > AT_ONCE else None

    def of_all(self, hints: Sequence[ShopHint]) -> dict[int, int | None]:
        """Tells the shop of several payments, all at once.

        Returns the positions of those that come again, and when; None where it failed unexpectedly.
        """
        done = results([hint.reference for hint in hints], self)
        again = {position: done.get(hint.reference) for position, hint in enumerate(hints)}
        return {it: at for it, at in again.items() if at is not None or hints[it].reference not in done}

    def _missing(self, turn: Turn, payment: Payment) -> list[OrderEvent]:
        told = turn.telling.told
        after = max(told.version - 1, 0)  # a version may have several events, of which some are told
        return order_events_after(told, self.ledger.versions(payment.reference, after, payment.version))

    def _later(self, turn: Turn, payment: Payment) -> int | None:
        """Returns when a payment comes again whose turn was refused."""
        telling, now = turn.telling, self.clock.now()
        if telling.given_up >= payment.version:
            return None
        return telling.next_at if telling.next_at > now else now + _BUSY_MS

    def _refused(self, turn: Turn, payment: Payment, event: OrderEvent, attempt: Attempt) -> int | None:
        now, failures = self.clock.now(), turn.telling.failures + 1
        since = turn.telling.failing_since or attempt.at
        answer = {"status": attempt.status} if attempt.status else {"reason": attempt.reason}
        waited = {"waited_seconds": (now - since) // 1000, "failures": failures}
        log.warning("order-event-refused", id=event.id, ms=attempt.ms, **answer, **waited)
        next_at = next_attempt(payment.reference, failures, since, now)
        if next_at is None:
            log.alarm("order-event-given-up", id=event.id, order=payment.order_id)
            self.ledger.shop.give_up(turn, payment)
        else:
            self.ledger.shop.refused(turn, failures, since, next_at)
        return next_at
