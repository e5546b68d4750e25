"""Whoever rings, the same happens: re-read CamPay, observe, commit, deliver.

Nothing that a caller says of a payment is believed; CamPay's own record decides.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib import log
from chalicelib.campay import Campay, StatementRow
from chalicelib.check_schedule import CheckSchedule
from chalicelib.clock import Clock
from chalicelib.deliver_payment import DeliverPayment
from chalicelib.errors import LedgerUnavailable, NotFound, ProviderUnavailable
from chalicelib.ledger import Ledger, VersionConflict
from chalicelib.ledger_items import Stored
from chalicelib.ledger_update import Change
from chalicelib.payment import CollectRecord, Payment, PaymentStatus

FRESH_MS = 5_000
"""A payment read within this time is not read again because somebody looks at it."""
_WEBHOOK = "webhook"
_WEBHOOK_GAP_MS = 2_000
"""So long nobody reads after a webhook's read: its signature opens every payment and can be replayed for an hour."""
_LONGEST_WAIT_MS = 6_000
_RETRY_READ_MS = 30_000
_CONFLICT_ROUNDS = 8

Decide = Callable[[Payment, int], Payment | None]
Statement = Callable[[date, date], Sequence[StatementRow]]


@dataclass(frozen=True, slots=True)
class SettlePayment:
    campay: Campay
    ledger: Ledger
    deliver: DeliverPayment
    schedule: CheckSchedule
    clock: Clock

    def ring(self, reference: str, campay_reference: str | None) -> None:
        """CamPay's webhook, a doorbell: of its body only the two references count.

        Raises ProviderUnavailable, LedgerUnavailable.
        """
        rang_at = self.clock.now()
        while True:
            now = self.clock.now()
            lease = self.ledger.begin_read(reference, now, unread_since=now)
            if lease is None:
                log.info("webhook-unknown", reference=reference)
                return
            payment = lease.stored.payment
            if payment.is_final and campay_reference in (None, *payment.charges):
                return
            another = campay_reference not in (None, payment.campay_reference)
            if lease.granted or payment.is_final or another or now - rang_at > _LONGEST_WAIT_MS:
                break
            if lease.stored.read_at > rang_at:
                return  # a read that began after the bell rang has seen all that the bell meant
            self.clock.sleep(min(max(lease.stored.read_until - now, 50), 400) / 1000)
        self._read(lease.stored, _WEBHOOK, named=campay_reference)

    def refresh(self, reference: str) -> Payment:
        """For whoever looks at the payment: re-read when the last read is old and nobody else reads.

        What CamPay does not answer changes nothing. Raises NotFound, LedgerUnavailable.
        """
        now = self.clock.now()
        lease = self.ledger.begin_read(reference, now, unread_since=now - FRESH_MS)
        if lease is None:
            raise NotFound
        if not lease.granted:
            return lease.stored.payment
        try:
            return self._read(lease.stored, "status")
        except ProviderUnavailable:
            return self._expire(lease.stored)

    def recheck(self, reference: str, cause: str = "recheck") -> Payment:
        """Re-read now, whoever else reads. Raises NotFound, ProviderUnavailable, LedgerUnavailable."""
        stored = self.ledger.load(reference)
        if stored is None:
            raise NotFound
        return self._read(stored, cause)

    def check_due(self, reference: str, statement: Statement) -> None:
        """The sweep's: only if it is still due. An unreadable CamPay leaves it due again soon."""
        now = self.clock.now()
        lease = self.ledger.begin_read(reference, now, unread_since=now, due_before=now)
        if lease is None or not lease.granted:
            return
        try:
            payment = self._read(lease.stored, "sweep", statement=statement)
        except ProviderUnavailable:
            payment = self._expire(lease.stored)
        if payment.is_live and payment.order_paid_by is None:
            # Whoever paid the order has told this attempt, unless it was interrupted right then.
            paid = self.ledger.order(payment.order_id).paid
            if paid is not None:
                self._overtake(payment.reference, paid)

    def _read(
        self, stored: Stored, cause: str, *, named: str | None = None, statement: Statement | None = None
    ) -> Payment:
        """The payment after what CamPay's records made of it. The read lease ends here, however it goes."""
        reference = stored.payment.reference
        try:
            records = list(self._records(stored.payment, named, statement or self.campay.statement))
        except ProviderUnavailable:
            now = self.clock.now()
            retry_at = now + _RETRY_READ_MS
            due_at = min(self.schedule.next_check(stored.payment, now) or retry_at, retry_at)
            self.ledger.end_read(reference, due_at=due_at, failed=True)
            raise
        payment = stored.payment
        for record in records:
            if record.external_reference == reference:
                payment = self._observe(stored.with_payment(payment), record, cause)
            elif record.external_reference:
                self._observe_elsewhere(record, cause)
        if payment == stored.payment:
            payment = self._expire(stored)
        if payment == stored.payment:
            next_check = self.schedule.next_check(payment, self.clock.now())
            self.ledger.end_read(reference, due_at=next_check, gap_ms=_gap_after(cause))
        return payment

    def _records(self, payment: Payment, named: str | None, statement: Statement) -> Iterable[CollectRecord]:
        """By CamPay's reference where one is known; else the statement tells, by our own."""
        known = named or payment.campay_reference
        references = [known] if known else _references_in(statement, payment)
        for campay_reference in references:
            record = self.campay.read(campay_reference)
            if record is not None:
                yield record

    def _observe(self, stored: Stored, record: CollectRecord, cause: str) -> Payment:
        if not stored.payment.agrees_with(record):
            log.warning(
                "record-disagrees", reference=stored.payment.reference, campay_reference=record.campay_reference
            )
        evidence = _evidence(record)
        return self.change(stored, lambda payment, now: payment.observe(record, now), cause, evidence, has_read=True)

    def _observe_elsewhere(self, record: CollectRecord, cause: str) -> None:
        """A bell that named one payment and another's record: the record's own reference is believed."""
        other = self.ledger.load(record.external_reference or "")
        if other is None:
            log.warning("record-of-no-payment", campay_reference=record.campay_reference)
            return
        self._observe(other, record, cause)

    def _expire(self, stored: Stored) -> Payment:
        return self.change(stored, lambda payment, now: payment.expired(now), "waited long enough", has_read=True)

    def change(
        self,
        stored: Stored,
        decide: Decide,
        cause: str,
        evidence: Mapping[str, Any] | None = None,
        *,
        has_read: bool = False,
    ) -> Payment:
        """Commits and delivers what `decide` makes of the newest version, however often that changes
        meanwhile; None changes nothing. `has_read` ends the caller's read lease.

        Raises LedgerUnavailable and whatever `decide` raises.
        """
        for _ in range(_CONFLICT_ROUNDS):
            before, now = stored.payment, self.clock.now()
            after = decide(before, now)
            if after is None:
                return before
            read_until = now + _gap_after(cause) if has_read else None
            change = Change(before, after, cause, self.schedule.next_check(after, now), evidence, read_until)
            try:
                committed = self.ledger.commit(change)
            except VersionConflict:
                stored = self.ledger.load(before.reference) or stored
                continue
            self._tell(before, stored.with_payment(committed.payment), cause)
            if committed.displaced:
                self._overtake(committed.displaced, before.reference)
            return committed.payment
        raise LedgerUnavailable("too many conflicts")

    def _tell(self, before: Payment, stored: Stored, cause: str) -> None:
        payment = stored.payment
        if payment.is_final and before.status is PaymentStatus.FAILED:
            log.alarm("paid-after-failure", reference=payment.reference)
        changed = {"reference": payment.reference, "status": payment.status, "version": payment.version}
        log.info("payment-changed", **changed, cause=cause.partition(":")[0])
        self.deliver(stored)

    def _overtake(self, displaced: str, paid_by: str) -> None:
        try:
            stored = self.ledger.load(displaced)
            if stored is not None:
                self.change(stored, lambda payment, now: payment.overtaken(paid_by, now), "order paid")
        except LedgerUnavailable:
            log.warning("overtaken-not-told", reference=displaced)


def _gap_after(cause: str) -> int:
    return _WEBHOOK_GAP_MS if cause == _WEBHOOK else 0


def _references_in(statement: Statement, payment: Payment) -> list[str]:
    """Yesterday to tomorrow, since the statement's rows have no zone."""
    day = datetime.fromtimestamp(payment.created_at / 1000, UTC).date()
    rows = statement(day - timedelta(days=1), day + timedelta(days=1))
    return [row.campay_reference for row in rows if row.external_user == payment.reference]


def _evidence(record: CollectRecord) -> dict[str, Any]:
    """CamPay's record as it was seen, for the ledger; no phone number is in it."""
    money = record.money
    return {
        "campayReference": record.campay_reference,
        "status": record.status.value,
        "amount": money.amount if money else None,
        "currency": money.currency if money else None,
        "direction": record.direction,
        "operator": record.operator,
        "operatorReference": record.operator_reference,
        "reason": record.reason,
    }
