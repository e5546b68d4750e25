"""Settles a payment's open refunds from CamPay's own records, whoever asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Stored
from chalicelib.domain.cause import Cause
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import ProviderRecord, RecordStatus
from chalicelib.domain.refund import Refund
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.statement_search import search_statement
from chalicelib.runtime import log

_WEIGHTS = (RecordStatus.SUCCESSFUL, RecordStatus.PENDING, RecordStatus.UNKNOWN, RecordStatus.FAILED)


@dataclass(frozen=True, slots=True)
class SettleRefunds:
    """Reads each open refund's record, and commits what it says. What CamPay does not say changes nothing."""

    campay: Campay
    commit: CommitPayment

    def __call__(self, stored: Stored, cause: Cause, *, by: str = "") -> Payment:
        """Returns the payment after what the records made of it. Raises ProviderUnavailable, LedgerUnavailable."""
        payment = stored.payment
        for refund in payment.open_refunds:
            records = sorted(filter(None, map(self.campay.read, self._references(refund))), key=_by_weight)
            for record in records:
                payment = self._apply(stored.with_payment(payment), refund, record, cause, by)
            if [it.status for it in records].count(RecordStatus.SUCCESSFUL) > 1:
                log.alarm("refund-made-twice", reference=payment.reference, refund=refund.reference)
        return payment

    def _references(self, refund: Refund) -> Sequence[str]:
        """Returns CamPay's reference, or those of the statement's rows that carry ours."""
        known = refund.provider_reference
        return [known] if known else search_statement(self.campay, [refund]).of(refund)

    def _apply(self, stored: Stored, refund: Refund, record: ProviderRecord, cause: Cause, by: str) -> Payment:
        if not refund.agrees_with(record, stored.payment.money.currency):
            reference = stored.payment.reference
            log.alarm("refund-record-disagrees", reference=reference, provider_reference=record.provider_reference)
            return stored.payment
        evidence, decide = record.as_evidence(), partial(_observe, reference=refund.reference, record=record)
        return self.commit.and_end_read(stored, decide, cause, None, by=by, evidence=evidence)[0]


def _by_weight(record: ProviderRecord) -> int:
    """Puts the records of one refund in order: that money went back counts, and FAILED only where nothing else is."""
    return _WEIGHTS.index(record.status)


def _observe(payment: Payment, now: int, *, reference: str, record: ProviderRecord) -> Payment | None:
    refund = payment.open_refund(reference)
    return payment.refund_changed(refund.observed(record), now) if refund else None
