"""Starts a payment: claim, prompt, record the outcome. One order is never charged twice by it."""

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Order, Phone, Stored
from chalicelib.adapters.ledger.ledger import IDEMPOTENCY_KEY_LIFE_MS, Ledger, VersionConflict
from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.domain.cause import Cause
from chalicelib.domain.check_schedule import CheckSchedule
from chalicelib.domain.errors import (
    CurrencyNotSupported,
    IdempotencyKeyReused,
    InvalidRequest,
    LedgerUnavailable,
    LimitReached,
    OrderAlreadyPaid,
    PaymentError,
    PaymentInProgress,
    PaymentRefused,
    ProviderBusy,
    ProviderUnavailable,
)
from chalicelib.domain.payment import Payment
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.phone_number import mask_phone, operator_hint
from chalicelib.domain.provider import NeverSent, OutcomeUnknown, Prompted, PromptOutcome
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.deliver_payment import DeliverPayment
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock
from chalicelib.settings import Limits

KEYS_PER_ORDER = 50
"""In 72 h. More come from no customer, and a row of the ledger has an end."""
_ROUNDS = 7
"""With the pauses between them a second and a bit."""
WATCHED_MS = 72 * 3_600_000
_QUARTER_HOUR_MS, _DAY_MS = 15 * 60_000, 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Initiated:
    """`replayed`: it was there already; no prompt was sent by this call."""

    payment: Payment
    replayed: bool


@dataclass(frozen=True, slots=True)
class InitiatePayment:
    campay: Campay
    ledger: Ledger
    live_store: LiveStore
    deliver: DeliverPayment
    commit: CommitPayment
    settle: SettlePayment
    schedule: CheckSchedule
    clock: Clock
    limits: Limits
    phone_hash_keys: Sequence[str]
    expires_after_ms: int

    def __call__(self, request: PaymentRequest) -> Initiated:
        """Raises a PaymentError where nothing was started, or where the start is proven to have failed."""
        if request.money.currency not in self.campay.currencies:
            raise CurrencyNotSupported(
                fields={"currency": f"must be one of {', '.join(sorted(self.campay.currencies))}"}
            )
        hashes = self._phone_hashes(request.phone_number)
        for round_number in range(_ROUNDS):
            order, phone = self.ledger.order_and_phone(request.order_id, *hashes)
            try:
                stored = self._existing(order, request)
                if stored is None:
                    order = replace(order, attempts=self._reread_earlier(order))
                    self._check_phone(phone)
                    stored = self._claim(order, phone, request)
            except VersionConflict:
                self.ledger.pause(round_number)
                continue
            if stored.awaits_sender and not order.refuses_prompts:
                return self._prompt(stored, request)
            return Initiated(stored.payment, replayed=True)
        raise PaymentInProgress  # others have changed the order or the phone each time

    def refused_call(self, address: str) -> None:
        """Counts a call that was refused before it got here. Raises LimitReached for who does nothing else."""
        try:
            refusals = self.live_store.count_refusal(address)
        except LiveStoreUnavailable:
            return
        if refusals > self.limits.address_refusals_per_minute:
            raise LimitReached("address_limit", self.live_store.seconds_to_next_window())

    # ------------------------------------------------------------------ is it there already?

    def _existing(self, order: Order, request: PaymentRequest) -> Stored | None:
        """The payment that this call is about, if there is one; raises a Conflict where it stands in the
        way, VersionConflict where the order has changed under our eyes.
        """
        key = request.idempotency_key
        if key and key in order.keys:
            known = self._load(order.keys[key][0])
            if not self._asks_for(known.payment, request):
                raise IdempotencyKeyReused
            return known
        if order.paid:
            raise OrderAlreadyPaid(reference=order.paid)
        if order.under_review:
            raise PaymentInProgress
        if order.active:
            return self._active(order, order.active, request)
        if key and len(order.keys_since(self.clock.now() - IDEMPOTENCY_KEY_LIFE_MS)) >= KEYS_PER_ORDER:
            raise InvalidRequest(fields={"Idempotency-Key": "this order has had too many different keys"})
        return None

    def _active(self, order: Order, reference: str, request: PaymentRequest) -> Stored:
        stored = self._load(reference)
        active = stored.payment
        if self._has_ended(active):
            raise VersionConflict
        if active.is_under_review or not self._asks_for(active, request):
            raise PaymentInProgress
        key = request.idempotency_key
        if key and not self.ledger.remember_key(order.order_id, key, active.reference, KEYS_PER_ORDER):
            raise PaymentInProgress  # without its key kept, this call's repetition could start another attempt
        return stored

    def _has_ended(self, active: Payment) -> bool:
        """An active attempt whose time is over, only nobody has looked yet: now somebody has."""
        if active.is_waiting and self.clock.now() >= active.expires_at:
            active = self.settle.recheck(active.reference, Cause.FURTHER_ATTEMPT)
        return not active.is_active

    def _reread_earlier(self, order: Order) -> list[str]:
        """CamPay may know more of the earlier attempts than we do; those that it may still charge are given
        back. Unreadable: no prompt, ProviderUnavailable.
        """
        open_ones = []
        for reference in order.attempts:
            stored = self._load(reference)
            earlier = stored.payment
            if earlier.created_at < self.clock.now() - WATCHED_MS:
                continue
            if stored.was_never_sent or (not earlier.is_undecided and earlier.provider_reference is None):
                continue  # proven that no prompt went out
            earlier = self.settle.recheck(reference, Cause.FURTHER_ATTEMPT)
            if earlier.is_final:
                raise OrderAlreadyPaid(reference=earlier.reference)
            if earlier.is_under_review:
                raise PaymentInProgress
            open_ones.append(reference)
        return open_ones

    # ------------------------------------------------------------------ may it start?

    def _check_phone(self, phone: Phone) -> None:
        """Nobody's phone can be flooded through this service. Raises LimitReached, and VersionConflict where
        the prompt before has just ended.
        """
        now = self.clock.now()
        for reference in phone.all_live:
            active = self._load(reference).payment
            if self._has_ended(active):
                raise VersionConflict
            wait = max(active.expires_at - now, 0)
            raise LimitReached("prompt_in_flight", _seconds(wait), "This phone has a prompt to answer first.")
        limits, waits = self.limits, []
        for most, window in (
            (limits.phone_prompts_per_15_minutes, _QUARTER_HOUR_MS),
            (limits.phone_prompts_per_day, _DAY_MS),
        ):
            recent = [at for at in phone.all_prompts if at > now - window]
            if len(recent) >= most:
                waits.append(recent[-most] + window - now)
        if waits:
            raise LimitReached("phone_limit", _seconds(max(waits)), "This phone has had too many prompts.")

    def _check_address(self, address: str) -> None:
        """Raises LimitReached; lets everybody pass while Redis is away."""
        try:
            prompts, refusals = self.live_store.take_prompt(address)
        except LiveStoreUnavailable:
            return
        too_many = prompts > self.limits.address_prompts_per_minute
        if too_many or refusals > self.limits.address_refusals_per_minute:
            raise LimitReached("address_limit", self.live_store.seconds_to_next_window())

    def _claim(self, order: Order, phone: Phone, request: PaymentRequest) -> Stored:
        if request.address:
            self._check_address(request.address)
        now = self.clock.now()
        payment = Payment(
            reference=str(uuid.uuid4()),
            order_id=request.order_id,
            money=request.money,
            phone_mask=mask_phone(request.phone_number),
            phone_hash=phone.phone_hash,
            operator=operator_hint(request.phone_number),
            locale=request.locale,
            provider=self.campay.name,
            created_at=now,
            updated_at=now,
            expires_at=now + self.expires_after_ms,
        )
        due_at = self.schedule.next_check(payment, now)
        try:
            return self.ledger.claim(payment, order, phone, request.idempotency_key, due_at)
        except VersionConflict:
            if request.address:
                self._return_prompt(request.address)
            raise

    def _return_prompt(self, address: str) -> None:
        try:
            self.live_store.return_prompt(address)
        except LiveStoreUnavailable:
            log.info("limit-not-corrected")

    # ------------------------------------------------------------------ go

    def _prompt(self, claimed: Stored, request: PaymentRequest) -> Initiated:
        """Sends the prompt of a claim, this call's own or one whose call died before it could: at most one
        `/collect/` leaves for one claim.
        """
        payment = claimed.payment
        if not self.ledger.begin_prompt(payment.reference):
            return Initiated(self._load(payment.reference).payment, replayed=True)
        outcome = self.campay.collect(payment.reference, request.phone_number, payment.money, request.description)
        log.info("collect", reference=payment.reference, outcome=type(outcome).__name__)
        try:
            recorded = self._record(claimed, outcome)
        except LedgerUnavailable:
            # The prompt may be out and the ledger says INITIATING: webhook, statement and sweep go on from there.
            log.alarm("outcome-not-recorded", reference=payment.reference)
            return Initiated(payment, replayed=False)
        if error := _error_of(outcome, payment.reference):
            raise error
        return Initiated(recorded, replayed=False)

    def _record(self, claimed: Stored, outcome: PromptOutcome) -> Payment:
        if isinstance(outcome, OutcomeUnknown):
            self.deliver(claimed)
            return claimed.payment
        if isinstance(outcome, Prompted):
            prompt = (outcome.provider_reference, outcome.ussd_code, outcome.operator)
            return self.commit(claimed, lambda newest, now: newest.prompted(*prompt, now), Cause.PROMPTED)
        reason, cause = outcome.reason, Cause.NEVER_SENT if isinstance(outcome, NeverSent) else Cause.REFUSED
        return self.commit(claimed, lambda newest, now: newest.refused(reason, now), cause)

    def _load(self, reference: str) -> Stored:
        stored = self.ledger.load(reference)
        if stored is None:
            raise LedgerUnavailable("the ledger names a payment that it does not have")
        return stored

    def _asks_for(self, payment: Payment, request: PaymentRequest) -> bool:
        """Same order, amount and phone; a phone that was hashed with the key before is the same phone."""
        same_order = (payment.order_id, payment.money) == (request.order_id, request.money)
        return same_order and payment.phone_hash in self._phone_hashes(request.phone_number)

    def _phone_hashes(self, phone_number: str) -> list[str]:
        """By each valid key; the first one's is written."""
        number = phone_number.encode()
        return [hmac.new(key.encode(), number, hashlib.sha256).hexdigest() for key in self.phone_hash_keys]


def _error_of(outcome: PromptOutcome, reference: str) -> PaymentError | None:
    if isinstance(outcome, NeverSent):
        return ProviderUnavailable(outcome.reason, reference=reference)
    if isinstance(outcome, Prompted | OutcomeUnknown):
        return None
    if outcome.for_now:
        return ProviderBusy(outcome.reason, reference=reference)
    return PaymentRefused(outcome.reason, reference=reference)


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000) or 1
