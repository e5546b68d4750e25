"""Starts a payment: claims the order and the phone, sends the prompt, records the outcome.

Of one order at most one attempt is active, and of one claim at most one prompt is sent.
"""

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Order, Phone, Stored
from chalicelib.adapters.ledger.ledger import Ledger, VersionConflict
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.cause import Cause
from chalicelib.domain.check_schedule import CheckSchedule
from chalicelib.domain.errors import (
    CurrencyNotSupported,
    LedgerUnavailable,
    LinkClosed,
    PaymentError,
    PaymentInProgress,
    PaymentRefused,
    ProviderBusy,
    ProviderUnavailable,
)
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.payment import Payment
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.phone_number import hash_phone, mask_phone, operator_hint
from chalicelib.domain.prompt_limits import UnwantedPrompts, check_phone_limits, prompt_in_flight, unwanted_prompts
from chalicelib.domain.provider import NeverSent, OutcomeUnknown, Prompted, PromptOutcome
from chalicelib.domain.recovery import CLAIMED, claim_fields
from chalicelib.domain.rollup import outcome_of
from chalicelib.flows.address_limits import AddressLimits
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.deliver_payment import DeliverPayment
from chalicelib.flows.earlier_attempts import EarlierAttempts
from chalicelib.runtime import log, metrics
from chalicelib.runtime.clock import Clock
from chalicelib.settings import Limits

_QUEUE_SECONDS = 1.0
_ROUNDS = 7
"""Attempts at a claim that others keep changing; with the pauses between them a little over a second."""


@dataclass(frozen=True, slots=True)
class Initiated:
    """The payment that a call is answered with. `replayed`: it existed already, no prompt was sent by this call."""

    payment: Payment
    replayed: bool


@dataclass(frozen=True, slots=True)
class InitiatePayment:
    """Starts the payment that a request asks for, or answers with the one that the request repeats."""

    campay: Campay
    ledger: Ledger
    deliver: DeliverPayment
    commit: CommitPayment
    queue: WorkQueue
    earlier: EarlierAttempts
    address_limits: AddressLimits
    schedule: CheckSchedule
    clock: Clock
    limits: Limits
    phone_hash_keys: Sequence[str]
    expires_after_ms: int
    prompts_paused: bool = False

    def __call__(self, request: PaymentRequest) -> Initiated:
        """Raises a PaymentError where nothing was started, or where the start is proven to have failed.

        Where prompts are paused, a call is still answered with the payment that it repeats.
        """
        if request.money.currency not in self.campay.currencies:
            raise CurrencyNotSupported(self.campay.currencies)
        hashes = hash_phone(request.phone_number, self.phone_hash_keys)
        for round_number in range(_ROUNDS):
            order, phone = self.ledger.order_and_phone(request.order_id, *hashes)
            try:
                stored = self.earlier.find(order, request, hashes) or self._start(order, phone, request, hashes)
            except VersionConflict:
                self.ledger.pause(round_number)
                continue
            if stored.awaits_sender and not order.refuses_prompts:
                return self._prompt(stored, request)
            return Initiated(stored.payment, replayed=True)
        raise PaymentInProgress  # others have changed the order or the phone each time

    # ------------------------------------------------------------------ claim

    def _start(self, order: Order, phone: Phone, request: PaymentRequest, hashes: Sequence[str]) -> Stored:
        """Claims the order and the phone for a new attempt, once nothing forbids it.

        Raises VersionConflict where either has changed meanwhile.
        """
        self._check_pause()
        self._check_link(order, request)
        open_ones, before = self.earlier.reread(order)
        order = order.rereading([attempt.reference for attempt in open_ones])
        self._check_phone(phone, unwanted_prompts(open_ones, hashes))
        if request.address:
            self.address_limits.take_prompt(request.address)
        payment = self._new_payment(request, phone.phone_hash, order.latest is not None, before)
        check_at = self.schedule.first_check(payment)
        try:
            return self.ledger.claim(payment, order, phone, request.idempotency_key, check_at)
        except VersionConflict:
            if request.address:
                self.address_limits.return_prompt(request.address)
            raise

    def _check_pause(self) -> None:
        """Raises LedgerUnavailable where no prompt may go out: a ledger that is being restored may lack the payment."""
        if self.prompts_paused:
            raise LedgerUnavailable("prompts are paused")

    def _check_link(self, order: Order, request: PaymentRequest) -> None:
        """Raises LinkClosed where the payment link that the customer has opened is cancelled or over.

        A link that is cancelled later changes the order's row, so that the claim is refused.
        """
        link = request.link
        if link and (order.link != link.link_id or self.clock.now() >= link.pay_until):
            raise LinkClosed

    def _check_phone(self, phone: Phone, unwanted: UnwantedPrompts) -> None:
        """Raises LimitReached, and VersionConflict where the phone's prompt before has just ended."""
        for reference in phone.all_live:
            active = self.earlier.load(reference).payment
            if self.earlier.has_ended(active):
                raise VersionConflict
            raise prompt_in_flight(active.expires_at, self.clock.now())
        check_phone_limits(
            phone.all_prompts,
            self.clock.now(),
            per_quarter_hour=self.limits.phone_prompts_per_15_minutes,
            per_day=self.limits.phone_prompts_per_day,
            unwanted=unwanted,
        )

    def _new_payment(
        self, request: PaymentRequest, phone_hash: str, further_attempt: bool, before: Payment | None
    ) -> Payment:
        now = self.clock.now()
        return Payment(
            reference=str(uuid.uuid4()),
            order_id=request.order_id,
            money=request.money,
            phone_mask=mask_phone(request.phone_number),
            phone_hash=phone_hash,
            operator=operator_hint(request.phone_number),
            locale=request.locale,
            provider=self.campay.name,
            created_at=now,
            updated_at=now,
            expires_at=now + self.expires_after_ms,
            further_attempt=further_attempt,
            attempt_before=outcome_of(before) if before else None,
        )

    # ------------------------------------------------------------------ prompt and record

    def _prompt(self, claimed: Stored, request: PaymentRequest) -> Initiated:
        """Sends the prompt of a claim: this call's own, or one whose call died before it could.

        `begin_prompt` lets one call send it, so that at most one `/collect/` leaves for one claim.
        """
        self._check_pause()
        payment = claimed.payment
        log.note(reference=payment.reference)
        if not self.ledger.begin_prompt(payment.reference):
            return Initiated(self.earlier.load(payment.reference).payment, replayed=True)
        # Before the prompt: whatever moves money can be made again from the log where the ledger is lost.
        log.info(CLAIMED, **claim_fields(payment, request.idempotency_key))
        metrics.count("PaymentsStarted", operator=payment.operator or "unknown")
        with self._first_check_sent(claimed):
            outcome = self.campay.collect(payment.reference, request.phone_number, payment.money, request.description)
        try:
            recorded = self._record(claimed, outcome)
        except LedgerUnavailable:
            # The prompt may be out and the ledger says INITIATING: webhook, statement and sweep go on from there.
            log.alarm("outcome-not-recorded", reference=payment.reference)
            return Initiated(payment, replayed=False)
        if error := _error_of(outcome, payment.reference):
            raise error
        return Initiated(recorded, replayed=False)

    @contextmanager
    def _first_check_sent(self, claimed: Stored) -> Iterator[None]:
        """Sends the hint for the first check while CamPay is called.

        A queue that does not answer costs the payment a second at most: the sweep finds it all the same.
        """
        work = (self.queue.check, CheckHint(claimed.payment.reference), claimed.check_at or 0)
        sender = threading.Thread(target=copy_context().run, args=work, daemon=True)
        sender.start()
        try:
            yield
        finally:
            sender.join(_QUEUE_SECONDS)

    def _record(self, claimed: Stored, outcome: PromptOutcome) -> Payment:
        if isinstance(outcome, OutcomeUnknown):
            self.deliver(claimed)
            return claimed.payment
        if isinstance(outcome, Prompted):
            prompt = (outcome.provider_reference, outcome.ussd_code, outcome.operator)
            return self.commit(claimed, lambda it, now: it.prompted(*prompt, now, outcome.retries), Cause.PROMPTED)
        reason, cause = outcome.reason, Cause.NEVER_SENT if isinstance(outcome, NeverSent) else Cause.REFUSED
        return self.commit(claimed, lambda it, now: it.refused(reason, now, outcome.retries), cause)


def _error_of(outcome: PromptOutcome, reference: str) -> PaymentError | None:
    if isinstance(outcome, NeverSent):
        return ProviderUnavailable(outcome.reason, reference=reference)
    if isinstance(outcome, Prompted | OutcomeUnknown):
        return None
    if outcome.for_now:
        return ProviderBusy(outcome.reason, reference=reference)
    return PaymentRefused(outcome.reason, reference=reference)
