"""Reads a payment at CamPay and applies what the records say.

A record acts on the payment that the record itself names, whichever payment was read.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.read_lease import ReadLease
from chalicelib.domain.cause import Cause
from chalicelib.domain.check_schedule import UNANSWERED_AGAIN_MS
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import ProviderRecord
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.statement_search import search_statement
from chalicelib.runtime import log

LookUp = Callable[[Payment], Sequence[str]]
"""Returns CamPay's references of a payment, as its statement has them. Raises ProviderUnavailable."""


@dataclass(slots=True)
class Reading:
    """Why and how a payment is read.

    `by`: the name of the operator who asked for it. `named`: the provider reference to read instead of the payment's
    own. `lease`: the read lease that is still to be ended; None once it is, and where the reader has none.
    """

    cause: Cause
    note: str = ""
    by: str = ""
    named: str | None = None
    lease: ReadLease | None = None


@dataclass(frozen=True, slots=True)
class ReadPayment:
    """Reads CamPay's records of a payment, commits what they make of it, and ends the read lease."""

    campay: Campay
    ledger: Ledger
    commit: CommitPayment

    def __call__(self, stored: Stored, reading: Reading, look_up: LookUp | None = None) -> Payment:
        """Reads and applies, as `_read` does, and has each line meanwhile name the payment."""
        with log.context(reference=stored.payment.reference, order=stored.payment.order_id):
            return self._read(stored, reading, look_up)

    def _read(self, stored: Stored, reading: Reading, look_up: LookUp | None) -> Payment:
        """Returns the payment after what CamPay's records made of it. The read lease ends here, however it goes.

        `look_up`: asked where the payment's CamPay reference is not known; usually one search of the statement.

        Raises ProviderUnavailable, with nothing changed, and LedgerUnavailable.
        """
        try:
            records = list(self._records(stored.payment, reading.named, look_up or self._look_up))
        except ProviderUnavailable:
            if reading.lease is not None:
                self._release(reading.lease)
            raise
        payment = stored.payment
        for record in records:
            payment = self._observe(stored.with_payment(payment), record, reading)
        if payment == stored.payment and reading.named in (None, payment.provider_reference):
            payment, reading.lease = self.commit.and_end_read(
                stored, Payment.expired, Cause.WAITED_LONG_ENOUGH, reading.lease
            )
        if reading.lease is not None:
            self.ledger.end_read(reading.lease)
        return payment

    def _release(self, lease: ReadLease) -> None:
        """Ends a read that CamPay did not answer. A webhook's is made up for soon, as CamPay may not send it again."""
        again = self.commit.clock.now() + UNANSWERED_AGAIN_MS
        self.ledger.release_read(lease, check_at=again if lease.request.by_webhook else None)

    def _records(self, payment: Payment, named: str | None, look_up: LookUp) -> Iterable[ProviderRecord]:
        """Reads by CamPay's reference where one is known, else by those that the statement lists under our own."""
        known = named or payment.provider_reference
        references = [known] if known else look_up(payment)
        for provider_reference in references:
            record = self.campay.read(provider_reference)
            if record is not None:
                yield record

    def _look_up(self, payment: Payment) -> Sequence[str]:
        return search_statement(self.campay, [payment]).of(payment)

    def _observe(self, stored: Stored, record: ProviderRecord, reading: Reading) -> Payment:
        """Returns the payment after one record. A record that names another payment is applied to that one."""
        payment = stored.payment
        if record.external_reference == payment.reference:
            return self._apply(stored, record, reading)
        is_ours = record.provider_reference == payment.provider_reference
        if record.external_reference is not None:
            if is_ours:
                log.alarm("record-names-another-payment", reference=payment.reference)
            self._observe_elsewhere(record.external_reference, record, reading)
            return payment
        if not is_ours:
            log.warning("record-of-no-payment", provider_reference=record.provider_reference)
            return payment
        # It lacks our reference, but CamPay's answer to our own `/collect/` named this record: identity enough.
        after = self._apply(stored, record, reading)
        if after != payment:
            log.alarm("settled-without-our-reference", reference=payment.reference)
        return after

    def _observe_elsewhere(self, reference: str, record: ProviderRecord, reading: Reading) -> None:
        other = self.ledger.load(reference)
        if other is None:
            log.warning("record-of-no-payment", provider_reference=record.provider_reference)
            return
        self._apply(other, record, replace(reading, lease=None))

    def _apply(self, stored: Stored, record: ProviderRecord, reading: Reading) -> Payment:
        reference, provider_reference = stored.payment.reference, record.provider_reference
        if not stored.payment.agrees_with(record):
            log.warning("record-disagrees", reference=reference, provider_reference=provider_reference)
        payment, reading.lease = self.commit.and_end_read(
            stored,
            lambda payment, now: payment.observe(record, now),
            reading.cause,
            reading.lease,
            note=reading.note,
            by=reading.by,
            evidence=record.as_evidence(),
        )
        return payment
