"""Commits a change of a payment. Every new version but the first takes this path: decide, write, log, deliver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.ledger.change import Change
from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.ledger import Ledger, VersionConflict
from chalicelib.adapters.ledger.read_lease import ReadLease
from chalicelib.domain.cause import Cause
from chalicelib.domain.check_schedule import CheckSchedule
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.rollup import noting_webhook
from chalicelib.flows.deliver_payment import DeliverPayment
from chalicelib.runtime import log, metrics
from chalicelib.runtime.clock import Clock

_CONFLICT_ROUNDS = 8

Decide = Callable[[Payment, int], Payment | None]
"""Returns the next version of a payment, given its newest one and the time in milliseconds; None changes nothing."""


@dataclass(frozen=True, slots=True)
class CommitPayment:
    """Writes what a decision makes of a payment, and delivers it.

    A writer that comes first only means that `decide` is asked again, about the newer version.
    """

    ledger: Ledger
    deliver: DeliverPayment
    schedule: CheckSchedule
    clock: Clock

    def __call__(self, stored: Stored, decide: Decide, cause: Cause, *, note: str = "", by: str = "") -> Payment:
        """Returns the payment after the change. Raises LedgerUnavailable and whatever `decide` raises."""
        return self.and_end_read(stored, decide, cause, None, note=note, by=by)[0]

    def and_end_read(
        self,
        stored: Stored,
        decide: Decide,
        cause: Cause,
        lease: ReadLease | None,
        *,
        note: str = "",
        by: str = "",
        evidence: Mapping[str, Any] | None = None,
    ) -> tuple[Payment, ReadLease | None]:
        """Ends the read lease in the same write. The version keeps `by`, the operator, and `evidence`, CamPay's record.

        Returns the payment after the change and, where nothing was written, the lease that is still to be ended.
        """
        for _ in range(_CONFLICT_ROUNDS):
            before, now = stored.payment, self.clock.now()
            after = decide(before, now)
            if after is None:
                return before, lease
            after = noting_webhook(before, after, cause, now)
            change = Change(before, after, cause, self._next_check(before, after, now), evidence, note, by)
            try:
                committed = self.ledger.commit(change, lease)
            except VersionConflict:
                stored = self.ledger.load(before.reference) or stored
                if lease is not None and stored.reads.lease_id != lease.lease_id:
                    lease = None  # it ran out and another reader has it: what CamPay said counts all the same
                continue
            self._announce(before, stored.with_payment(committed.payment), cause)
            if committed.other_active:
                self.mark_order_paid(committed.other_active, before.reference)
            return committed.payment, None
        raise LedgerUnavailable("too many conflicts")

    def _next_check(self, before: Payment, after: Payment, now: int) -> int | None:
        """Returns when the payment is checked next: at once where it becomes final and has recovered refunds."""
        is_recovered = after.is_final and not before.is_final and bool(after.open_refunds)
        return now if is_recovered else self.schedule.next_check(after, now)

    def mark_order_paid(self, other_active: str, paid_by: str) -> None:
        """Marks an active attempt whose order the attempt `paid_by` has paid, so that its customer declines the prompt.

        A ledger that does not answer is only logged: the payment that paid is committed, and the sweep marks later.
        """
        try:
            stored = self.ledger.load(other_active)
            if stored is not None:
                self(stored, lambda payment, now: payment.order_paid_elsewhere(paid_by, now), Cause.ORDER_PAID)
        except LedgerUnavailable:
            log.warning("order-paid-elsewhere-not-marked", reference=other_active)

    def _announce(self, before: Payment, stored: Stored, cause: Cause) -> None:
        payment = stored.payment
        if payment.is_final and before.status is PaymentStatus.FAILED:
            log.alarm("paid-after-failure", reference=payment.reference)
        _log_change(before, payment, cause)
        self.deliver(stored)


def _log_change(before: Payment, payment: Payment, cause: Cause) -> None:
    """Logs a version, with the milliseconds since the claim, and counts it where it ended the wait.

    The line tells a restored ledger of a version that it has lost: domain/recovery.py.
    """
    log.info(
        "payment-changed",
        reference=payment.reference,
        order=payment.order_id,
        status=payment.status,
        version=payment.version,
        cause=cause.value,
        operator=payment.operator,
        ms=payment.updated_at - payment.created_at,
        **({"provider_reference": payment.provider_reference} if payment.provider_reference else {}),
        **({"reason": payment.reason} if payment.reason else {}),
    )
    if payment.status is not before.status and not payment.is_waiting:
        operator = payment.operator or "unknown"
        metrics.count("PaymentsEnded", operator=operator, status=payment.status.value)
        metrics.count("PaymentsSucceeded", int(payment.is_final), operator=operator)  # its average is a ratio
