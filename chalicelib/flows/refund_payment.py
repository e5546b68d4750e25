"""Pays a charge back to the customer, whole or in part: the claim is committed, then CamPay is asked, once."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Act, Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.cause import Cause
from chalicelib.domain.check_schedule import CheckSchedule
from chalicelib.domain.errors import (
    LedgerUnavailable,
    NotAllowed,
    NotFound,
    PaymentChanged,
    ProviderUnavailable,
    RefundNotCovered,
    RefundsOff,
)
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.money import Money
from chalicelib.domain.operator_actions import OperatorAction
from chalicelib.domain.payment import InvalidTransition, Payment
from chalicelib.domain.provider import (
    Accepted,
    NeverSent,
    OutcomeUnknown,
    PayerRecord,
    PayoutOutcome,
    RecordStatus,
    Refused,
)
from chalicelib.domain.recovery import REFUND_CLAIMED, refund_fields
from chalicelib.domain.refund import Refund, RefundRequest, RefundStatus
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_SECONDS = 24.0
"""The longest that all calls of CamPay take together: API Gateway answers for us after 29 s."""
_NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """Pays back. A `/withdraw/` is never repeated: what became of one that was not answered, CamPay's records tell."""

    campay: Campay
    ledger: Ledger
    commit: CommitPayment
    queue: WorkQueue
    schedule: CheckSchedule
    clock: Clock
    is_on: bool
    is_paused: bool
    new_reference: Callable[[], uuid.UUID] = uuid.uuid4

    def __call__(self, reference: str, request: RefundRequest, *, by: str) -> Payment:
        """Returns the payment with the refund, of which it may not be known yet whether CamPay took it.

        Raises NotFound, RefundsOff, PaymentChanged, NotAllowed, RefundTooHigh, RefundNotCovered, ProviderUnavailable
        and LedgerUnavailable: with each of them nothing was sent.
        """
        stored = self._begin(reference, request, by)
        with self.campay.within(_SECONDS):
            payer = self._payer(stored.payment, request.charge)
            refund = self._refund(stored.payment, payer, request)
            self._require_float(payer.record.operator or stored.payment.operator, refund, stored.payment)
            payment = self._claim(stored, refund, request, by)
            money = Money(refund.amount, payment.money.currency)
            outcome = self.campay.withdraw(refund.reference, payer.phone_number, money, f"Refund {payment.order_id}")
        return self._answered(stored.with_payment(payment), refund.reference, outcome)

    def _begin(self, reference: str, request: RefundRequest, by: str) -> Stored:
        if not self.is_on:
            raise RefundsOff(reference=reference)
        if self.is_paused:
            raise LedgerUnavailable("the ledger is being restored: it may lack what has gone back already")
        stored = self.ledger.load(reference)
        if stored is None:
            raise NotFound
        if stored.payment.version != request.version:
            raise PaymentChanged(reference=reference)
        self.ledger.note_act(reference, Act(OperatorAction.REFUND, by, self.clock.now(), note=request.reason))
        log.info("operator-action", action=OperatorAction.REFUND, reference=reference, by=by)
        return stored

    def _payer(self, payment: Payment, charge: str) -> PayerRecord:
        """Reads the charge's record now: money goes back only to who paid it."""
        if not payment.is_final or charge not in payment.charges:
            raise NotAllowed("the payment was not charged by this reference", reference=payment.reference)
        found = self.campay.read_payer(charge)
        if found is None or found.record.status is not RecordStatus.SUCCESSFUL or not found.record.is_incoming:
            raise NotAllowed("CamPay's record is of no successful charge", reference=payment.reference)
        if found.record.external_reference != payment.reference:
            raise NotAllowed("CamPay's record does not name this payment", reference=payment.reference)
        if not found.phone_number:
            raise NotAllowed("CamPay's record names no number", reference=payment.reference)
        return found

    def _refund(self, payment: Payment, payer: PayerRecord, request: RefundRequest) -> Refund:
        """Returns the refund that is claimed next. Raises RefundTooHigh."""
        record, claimed = payer.record, payment.money
        charged = record.money if record.amount_is_proof else claimed
        if charged is None or charged.currency != claimed.currency:
            raise NotAllowed("CamPay's record is of another currency", reference=payment.reference)
        now = self.clock.now()
        refund = Refund(
            reference=str(self.new_reference()),
            charge=request.charge,
            amount=request.amount,
            charged=charged.amount,
            at=now,
        )
        payment.refund_claimed(refund, now)
        return refund

    def _require_float(self, operator: str | None, refund: Refund, payment: Payment) -> None:
        available = self.campay.balances().get(operator or "")
        if available is None:
            raise ProviderUnavailable("CamPay names no balance of the customer's operator")
        if available.amount < refund.amount:
            raise RefundNotCovered(reference=payment.reference)

    def _claim(self, stored: Stored, refund: Refund, request: RefundRequest, by: str) -> Payment:
        """Commits the refund, and sends the hint for its first check, before CamPay is asked."""
        reference = stored.payment.reference

        def decide(payment: Payment, now: int) -> Payment:
            if payment.version != request.version:
                raise PaymentChanged(reference=reference)
            return payment.refund_claimed(refund, now)

        try:
            payment = self.commit(stored, decide, Cause.REFUND_REQUESTED, note=request.reason, by=by)
        except InvalidTransition as error:
            raise NotAllowed(str(error), reference=reference) from error
        log.info(REFUND_CLAIMED, **refund_fields(payment, payment.refunds[-1]))
        following = self.schedule.next_check(payment, self.clock.now())
        if following is not None:
            self.queue.check(CheckHint(reference), following)
        return payment

    def _answered(self, stored: Stored, refund_reference: str, outcome: PayoutOutcome) -> Payment:
        """Commits CamPay's answer. Without one, or without the ledger, the refund stays as it is: the checks tell."""
        if isinstance(outcome, OutcomeUnknown):
            log.warning("refund-unknown", reference=stored.payment.reference, refund=refund_reference)
            return stored.payment

        def decide(payment: Payment, now: int) -> Payment | None:
            refund = payment.open_refund(refund_reference)
            return payment.refund_changed(_after(refund, outcome), now) if refund else None

        try:
            return self.commit(stored, decide, Cause.REFUND_ANSWERED, note=_reason(outcome))
        except LedgerUnavailable:
            log.warning("refund-answer-not-written", reference=stored.payment.reference, refund=refund_reference)
            return stored.payment


def _after(refund: Refund, outcome: Accepted | NeverSent | Refused) -> Refund:
    if isinstance(outcome, Accepted):
        known = refund.provider_reference or outcome.provider_reference
        return replace(refund, status=RefundStatus.PENDING, provider_reference=known)
    return replace(refund, status=RefundStatus.FAILED, reason=_reason(outcome))


def _reason(outcome: Accepted | NeverSent | Refused) -> str:
    """Returns why nothing was paid, in words of our own; empty where CamPay took it."""
    if isinstance(outcome, NeverSent):
        return _NOT_SENT
    return outcome.reason if isinstance(outcome, Refused) else ""
