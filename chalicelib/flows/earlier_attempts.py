"""Says what an order's earlier attempts mean to a new call: it repeats one, may not start yet, or may start another."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.adapters.ledger.items import Order, Stored
from chalicelib.adapters.ledger.ledger import IDEMPOTENCY_KEY_LIFE_MS, Ledger, VersionConflict
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import (
    IdempotencyKeyReused,
    InvalidRequest,
    LedgerUnavailable,
    OrderAlreadyPaid,
    PaymentInProgress,
)
from chalicelib.domain.payment import Payment
from chalicelib.domain.payment_request import PaymentRequest, key_hash
from chalicelib.domain.phone_number import UNKNOWN_PHONE
from chalicelib.domain.recovery import JOINED
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

KEYS_PER_ORDER = 50
"""Maximum idempotency keys kept per order, for 72 h. No real customer reaches it; it bounds the order's row, which
DynamoDB limits to 400 KB."""
PROMPTS_PER_ORDER = 20
"""Maximum prompts of an order within `WATCHED_MS`. Without it, whoever has one order token could send prompts to phones
of strangers one after the other, by giving up each, and each further attempt reads all earlier ones at CamPay."""
WATCHED_MS = 72 * 3_600_000
"""How long CamPay is asked about a payment. An older attempt is not re-read."""


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """Reads the earlier attempts of an order. Each method raises LedgerUnavailable."""

    ledger: Ledger
    settle: SettlePayment
    clock: Clock

    def find(self, order: Order, request: PaymentRequest, phone_hashes: Sequence[str]) -> Stored | None:
        """Returns the payment that the call repeats or joins; None where the order is free for a new attempt.

        Raises a Conflict where an earlier attempt forbids a new one, VersionConflict where the order has changed
        meanwhile, InvalidRequest where the order has had too many idempotency keys.
        """
        key = request.idempotency_key
        if named := order.named_by(key):
            known = self.load(named)
            if not _asks_for(known.payment, request, phone_hashes):
                raise IdempotencyKeyReused
            return known
        if order.paid:
            raise OrderAlreadyPaid(reference=order.paid)
        if order.under_review:
            raise PaymentInProgress
        if order.active:
            return self._join(order.active, request, phone_hashes)
        if key and len(order.keys_since(self.clock.now() - IDEMPOTENCY_KEY_LIFE_MS)) >= KEYS_PER_ORDER:
            raise InvalidRequest(fields={"Idempotency-Key": "this order has had too many different keys"})
        return None

    def reread(self, order: Order) -> tuple[list[Payment], Payment | None]:
        """Re-reads at CamPay every earlier attempt that may still be charged.

        Returns those, and the latest attempt of all, as they are now; None where the order has had none.

        Raises OrderAlreadyPaid and PaymentInProgress by what CamPay says, ProviderUnavailable where it cannot be read:
        then no prompt may go out. Raises InvalidRequest, and reads nothing, where the order has had too many prompts.
        """
        attempts = [self.load(reference) for reference in order.attempts]
        if sum(map(self._may_be_charged, attempts)) >= PROMPTS_PER_ORDER:
            raise InvalidRequest(fields={"orderId": "this order has had too many prompts"})
        open_ones: list[Payment] = []
        earlier = None
        for stored in attempts:
            earlier = stored.payment
            if not self._may_be_charged(stored):
                continue
            earlier = self.settle.recheck(earlier.reference, Cause.FURTHER_ATTEMPT)
            if earlier.is_final:
                raise OrderAlreadyPaid(reference=earlier.reference)
            if earlier.is_under_review:
                raise PaymentInProgress
            open_ones.append(earlier)
        return open_ones, earlier

    def _may_be_charged(self, attempt: Stored) -> bool:
        """Whether a prompt of an earlier attempt may have gone out, not so long ago that CamPay has forgotten it."""
        payment = attempt.payment
        if payment.created_at < self.clock.now() - WATCHED_MS:
            return False
        return not attempt.was_never_sent and (payment.is_undecided or payment.provider_reference is not None)

    def has_ended(self, active: Payment) -> bool:
        """Whether an attempt that the ledger calls active has ended. One whose time is over is re-read first.

        Raises ProviderUnavailable.
        """
        if active.is_waiting and self.clock.now() >= active.expires_at:
            active = self.settle.recheck(active.reference, Cause.FURTHER_ATTEMPT)
        return not active.is_active

    def load(self, reference: str) -> Stored:
        """Returns a payment that another row of the ledger names."""
        stored = self.ledger.load(reference)
        if stored is None:
            raise LedgerUnavailable("the ledger names a payment that it does not have")
        return stored

    def _join(self, reference: str, request: PaymentRequest, phone_hashes: Sequence[str]) -> Stored:
        """Returns the order's active attempt, if the call asks for the same, and keeps the call's key with it."""
        stored = self.load(reference)
        active = stored.payment
        if self.has_ended(active):
            raise VersionConflict
        if active.is_under_review or not _asks_for(active, request, phone_hashes):
            raise PaymentInProgress
        key = request.idempotency_key
        if key and not self.ledger.add_key(request.order_id, key, active.reference, KEYS_PER_ORDER):
            raise PaymentInProgress  # without its key kept, this call's repetition could start another attempt
        if key:
            log.info(JOINED, reference=active.reference, order=active.order_id, key=key_hash(key))
        return stored


def _asks_for(payment: Payment, request: PaymentRequest, phone_hashes: Sequence[str]) -> bool:
    """Whether order, amount and phone are the same; a phone that was hashed with the key before is the same phone.

    A phone that the ledger has lost is taken for the same: no further prompt goes out.
    """
    same_order = (payment.order_id, payment.money) == (request.order_id, request.money)
    return same_order and payment.phone_hash in (*phone_hashes, UNKNOWN_PHONE)
