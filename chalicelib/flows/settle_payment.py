"""Settles a payment from CamPay's own record, whoever asks for it.

Every trigger (webhook, status call, check, operator) takes the same path: read the record, apply it, commit, deliver.
Nothing that a caller says of a payment is believed.
"""

from dataclasses import dataclass

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.read_lease import ReadLease, ReadRequest
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import NotFound, ProviderBusy, ProviderUnavailable
from chalicelib.domain.payment import Payment
from chalicelib.domain.webhooks import WebhookOutcome
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.read_payment import Reading, ReadPayment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

LOOK_SECONDS = 2.0
"""The longest that a webhook or somebody who looks at a payment waits for CamPay."""
FRESH_MS = 5_000
"""A payment read within this time is not read again because somebody looks at it."""
UNPROVEN_READS_OF_A_PAYMENT_A_MINUTE = 3
"""Maximum reads of provider references that nothing but a webhook connects with the payment."""
UNPROVEN_READS_A_MINUTE = 60
"""The same over all payments: a captured signature is valid for any of them for an hour, and could be replayed."""
_MINUTE_MS = 60_000
_LONGEST_WAIT_MS = 6_000
"""How long a webhook waits for another reader before it reads without the lease."""


@dataclass(frozen=True, slots=True)
class SettlePayment:
    """Decides who may read a payment at CamPay now. What the records make of the payment is ReadPayment's."""

    campay: Campay
    ledger: Ledger
    read: ReadPayment
    commit: CommitPayment
    clock: Clock
    unproven_reads_a_minute: int = UNPROVEN_READS_A_MINUTE

    def handle_webhook(self, reference: str, provider_reference: str | None) -> WebhookOutcome:
        """Settles the payment that a webhook names; of its body only the two references count.

        Returns whether it has told of a change, or what was known, or of no payment of ours.

        A webhook waits while another reader is at work and then reads once more, unless a read of the same
        reference that began meanwhile has been answered. A reference that is not the payment's own does not
        wait, and leaves the payment's reads as they are.

        Raises ProviderUnavailable, ProviderBusy, LedgerUnavailable.
        """
        lease = self._lease_for_webhook(reference, ReadRequest(by_webhook=True, named=provider_reference))
        if isinstance(lease, WebhookOutcome):
            return lease
        after = self._read_for_webhook(lease)
        return WebhookOutcome.TOLD if after.version > lease.stored.payment.version else WebhookOutcome.UNCHANGED

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
                return self.read(lease.stored, Reading(Cause.STATUS, lease=lease))
        except ProviderUnavailable:
            return self.commit(lease.stored, Payment.expired, Cause.WAITED_LONG_ENOUGH)

    def recheck(
        self, reference: str, cause: Cause, *, note: str = "", by: str = "", named: str | None = None
    ) -> Payment:
        """Re-reads a payment now, whoever else reads.

        `by`: the name of the operator who asks. `named`: a provider reference that CamPay itself connects with the
        payment.

        Raises NotFound, ProviderUnavailable, LedgerUnavailable.
        """
        stored = self.ledger.load(reference)
        if stored is None:
            raise NotFound
        return self.read(stored, Reading(cause, note, by, named))

    # ------------------------------------------------------------------ what a webhook may read

    def _lease_for_webhook(self, reference: str, request: ReadRequest) -> ReadLease | WebhookOutcome:
        """Waits for the read lease.

        Returns it, also where it was refused and the webhook must read without it. Where nothing is to be read, it
        returns what has become of the webhook.
        """
        gives_up_at = self.clock.now() + _LONGEST_WAIT_MS
        came_during: int | None = None
        while True:
            lease = self.ledger.begin_read(reference, request)
            if lease is None:
                log.info("webhook-unknown", reference=reference)
                return WebhookOutcome.UNKNOWN_PAYMENT
            payment, reads = lease.stored.payment, lease.stored.reads
            if payment.is_final and request.named in (None, *payment.charges):
                return WebhookOutcome.UNCHANGED
            is_foreign = payment.provider_reference is not None and not lease.is_proven
            if lease.granted or payment.is_final or is_foreign or self.clock.now() > gives_up_at:
                return lease
            came_during = reads.number if came_during is None else came_during
            if reads.has_seen(came_during, request.named or payment.provider_reference):
                return WebhookOutcome.UNCHANGED
            self.clock.sleep(lease.wait_ms(self.clock.now()) / 1000)

    def _read_for_webhook(self, lease: ReadLease) -> Payment:
        """Reads with the lease or, within a small budget, without it.

        It reads without for a foreign reference, and where a reader has held the lease for too long. Copies of one
        webhook wait for one answer, and so count once.
        """
        held = lease if lease.granted else None
        if not (held and lease.is_proven) and not self._may_read_unproven(lease.stored.payment.reference):
            if held:
                self.ledger.release_read(held)
            raise ProviderBusy("too many reads of references that are not known to be this payment's")
        with self.campay.within(LOOK_SECONDS):
            return self.read(lease.stored, Reading(Cause.WEBHOOK, named=lease.request.named, lease=held))

    def _may_read_unproven(self, reference: str) -> bool:
        return self.ledger.spend(
            f"reads#{reference}", UNPROVEN_READS_OF_A_PAYMENT_A_MINUTE, _MINUTE_MS
        ) and self.ledger.spend("reads", self.unproven_reads_a_minute, _MINUTE_MS)
