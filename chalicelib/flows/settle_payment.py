"""Settles a payment. Every trigger (webhook, status call, sweep, operator) takes the same path: read CamPay's
record, apply it, commit, deliver.

Nothing that a caller says of a payment is believed; CamPay's own record decides.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.read_lease import ReadLease, ReadRequest
from chalicelib.domain.check_schedule import CheckSchedule
from chalicelib.domain.errors import NotFound, ProviderBusy, ProviderUnavailable
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import ProviderRecord
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.statement_search import search_statement
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

LOOK_SECONDS = 2.0
"""The longest that a webhook or somebody who looks at a payment waits for CamPay."""
FRESH_MS = 5_000
"""A payment read within this time is not read again because somebody looks at it."""
WEBHOOK = "webhook"
UNPROVEN_READS_OF_A_PAYMENT_A_MINUTE = 3
"""Reads of provider references that nothing but a webhook connects with the payment."""
UNPROVEN_READS_A_MINUTE = 60
"""The same over all payments: a captured signature is valid for every payment for an hour."""
_MINUTE_MS = 60_000
_LONGEST_WAIT_MS = 6_000
_RETRY_READ_MS = 30_000

LookUp = Callable[[Payment], Sequence[str]]
"""CamPay's references of a payment, as its statement has them. Raises ProviderUnavailable."""


@dataclass(frozen=True, slots=True)
class SettlePayment:
    campay: Campay
    ledger: Ledger
    commit: CommitPayment
    schedule: CheckSchedule
    clock: Clock
    unproven_reads_a_minute: int = UNPROVEN_READS_A_MINUTE

    def handle_webhook(self, reference: str, provider_reference: str | None) -> None:
        """Settles the payment that a webhook names; of its body only the two references count.

        A webhook waits while another reader is at work and then reads once more, unless a read of the same
        reference that began meanwhile has been answered. A reference that is not the payment's own does not
        wait, and leaves the payment's reads as they are.

        Raises ProviderUnavailable, ProviderBusy, LedgerUnavailable.
        """
        request = ReadRequest(by_webhook=True, named=provider_reference)
        gives_up_at = self.clock.now() + _LONGEST_WAIT_MS
        came_during: int | None = None
        while True:
            lease = self.ledger.begin_read(reference, request)
            if lease is None:
                log.info("webhook-unknown", reference=reference)
                return
            payment, reads = lease.stored.payment, lease.stored.reads
            if payment.is_final and provider_reference in (None, *payment.charges):
                return
            is_foreign = payment.provider_reference is not None and not lease.is_proven
            if lease.granted or payment.is_final or is_foreign or self.clock.now() > gives_up_at:
                break
            came_during = reads.number if came_during is None else came_during
            if reads.has_seen(came_during, provider_reference or payment.provider_reference):
                return
            self.clock.sleep(reads.wait_ms(self.clock.now()) / 1000)
        self._read_for_webhook(lease)

    def refresh(self, reference: str) -> Payment:
        """Re-reads a payment that somebody looks at, when the last answer is old and nobody else reads.

        What CamPay does not answer changes nothing. Raises NotFound, LedgerUnavailable.
        """
        lease = self.ledger.begin_read(reference, ReadRequest(older_than_ms=FRESH_MS))
        if lease is None:
            raise NotFound
        if not lease.granted:
            return lease.stored.payment
        try:
            with self.campay.within(LOOK_SECONDS):
                return self._read(lease.stored, "status", lease=lease)
        except ProviderUnavailable:
            return self._expire(lease.stored, None)[0]

    def recheck(self, reference: str, cause: str = "recheck", *, named: str | None = None) -> Payment:
        """Re-reads a payment now, whoever else reads. `named`: a provider reference that CamPay itself connects
        with the payment. Raises NotFound, ProviderUnavailable, LedgerUnavailable.
        """
        stored = self.ledger.load(reference)
        if stored is None:
            raise NotFound
        return self._read(stored, cause, named=named)

    def check_due(self, reference: str, look_up: LookUp) -> None:
        """Checks a payment for the sweep, if it is still due. An unreadable CamPay leaves it due again soon.

        `look_up`: asked where the payment's CamPay reference is not known.
        """
        lease = self.ledger.begin_read(reference, ReadRequest(due=True))
        if lease is None or not lease.granted:
            return
        try:
            payment = self._read(lease.stored, "sweep", lease=lease, look_up=look_up)
        except ProviderUnavailable:
            payment, _ = self._expire(lease.stored, None)
        if payment.is_active and payment.order_paid_by is None:
            # The commit that paid the order normally marks this attempt too. If that process died in between, the
            # sweep does it here.
            paid = self.ledger.order(payment.order_id).paid
            if paid is not None:
                self.commit.mark_order_paid(payment.reference, paid)

    def _read_for_webhook(self, lease: ReadLease) -> None:
        """Reads with the lease or, within a small budget, without it: for a foreign reference, and where a reader
        has held the lease for too long. Copies of one webhook wait for one answer, and so count once.
        """
        held = lease if lease.granted else None
        if not (held and lease.is_proven) and not self._may_read_unproven(lease.stored.payment.reference):
            if held:
                self.ledger.release_read(held, due_at=None)
            raise ProviderBusy("too many reads of references that are not known to be this payment's")
        with self.campay.within(LOOK_SECONDS):
            self._read(lease.stored, WEBHOOK, lease=held, named=lease.request.named)

    def _may_read_unproven(self, reference: str) -> bool:
        return self.ledger.spend(
            f"reads#{reference}", UNPROVEN_READS_OF_A_PAYMENT_A_MINUTE, _MINUTE_MS
        ) and self.ledger.spend("reads", self.unproven_reads_a_minute, _MINUTE_MS)

    def _read(
        self,
        stored: Stored,
        cause: str,
        *,
        lease: ReadLease | None = None,
        named: str | None = None,
        look_up: LookUp | None = None,
    ) -> Payment:
        """The payment after what CamPay's records made of it. The read lease ends here, however it goes."""
        try:
            records = list(self._records(stored.payment, named, look_up or self._look_up))
        except ProviderUnavailable:
            if lease is not None:
                self.ledger.release_read(lease, self._retry_at(stored.payment))
            raise
        payment = stored.payment
        for record in records:
            payment, lease = self._observe(stored.with_payment(payment), record, cause, lease)
        if payment == stored.payment and named in (None, payment.provider_reference):
            payment, lease = self._expire(stored, lease)
        if lease is not None:
            self.ledger.end_read(lease, self.schedule.next_check(payment, self.clock.now()))
        return payment

    def _retry_at(self, payment: Payment) -> int:
        now = self.clock.now()
        retry_at = now + _RETRY_READ_MS
        return min(self.schedule.next_check(payment, now) or retry_at, retry_at)

    def _records(self, payment: Payment, named: str | None, look_up: LookUp) -> Iterable[ProviderRecord]:
        """By CamPay's reference where one is known; else the statement tells, by our own."""
        known = named or payment.provider_reference
        references = [known] if known else look_up(payment)
        for provider_reference in references:
            record = self.campay.read(provider_reference)
            if record is not None:
                yield record

    def _look_up(self, payment: Payment) -> Sequence[str]:
        return search_statement(self.campay, [payment]).of(payment)

    def _observe(
        self, stored: Stored, record: ProviderRecord, cause: str, lease: ReadLease | None
    ) -> tuple[Payment, ReadLease | None]:
        """The payment after one record, and the lease where it is still to be ended."""
        payment = stored.payment
        if record.external_reference == payment.reference:
            return self._apply(stored, record, cause, lease)
        is_ours = record.provider_reference == payment.provider_reference
        if record.external_reference is not None:
            if is_ours:
                log.alarm("record-names-another-payment", reference=payment.reference)
            self._observe_elsewhere(record, cause)
            return payment, lease
        if not is_ours:
            log.warning("record-of-no-payment", provider_reference=record.provider_reference)
            return payment, lease
        # It lacks our reference, but CamPay's answer to our own `/collect/` named this record: identity enough.
        after, left = self._apply(stored, record, cause, lease)
        if after != payment:
            log.alarm("settled-without-our-reference", reference=payment.reference)
        return after, left

    def _observe_elsewhere(self, record: ProviderRecord, cause: str) -> None:
        """Applies a record to the payment that the record names, which is not the one it was read for."""
        other = self.ledger.load(record.external_reference or "")
        if other is None:
            log.warning("record-of-no-payment", provider_reference=record.provider_reference)
            return
        self._apply(other, record, cause, None)

    def _apply(
        self, stored: Stored, record: ProviderRecord, cause: str, lease: ReadLease | None
    ) -> tuple[Payment, ReadLease | None]:
        if not stored.payment.agrees_with(record):
            log.warning(
                "record-disagrees", reference=stored.payment.reference, provider_reference=record.provider_reference
            )
        evidence = _evidence(record)
        return self.commit.and_end_read(
            stored, lambda payment, now: payment.observe(record, now), cause, evidence, lease
        )

    def _expire(self, stored: Stored, lease: ReadLease | None) -> tuple[Payment, ReadLease | None]:
        return self.commit.and_end_read(
            stored, lambda payment, now: payment.expired(now), "waited long enough", None, lease
        )


def _evidence(record: ProviderRecord) -> dict[str, Any]:
    """CamPay's record as it was seen, for the ledger; no phone number is in it."""
    money = record.money
    return {
        "providerReference": record.provider_reference,
        "status": record.status.value,
        "amount": money.amount if money else None,
        "currency": money.currency if money else None,
        "isIncoming": record.is_incoming,
        "operator": record.operator,
        "operatorReference": record.operator_reference,
        "reason": record.reason,
    }
