"""Defines the read lease, which lets one process at a time read a payment at its provider. Does no I/O."""

from dataclasses import dataclass

from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.payment import PaymentStatus

READ_LEASE_MS = 15_000
"""Life of a lease. Longer than CamPay's time-outs, so that only a reader that died is replaced."""
WEBHOOK_GAP_MS = 2_000
"""Minimum interval between webhook-triggered reads of one payment. A captured signature is valid for
any payment for an hour; without this limit a replay could flood CamPay."""
CLOCK_SKEW_MS = 1_000
"""By how much the clocks of two machines may differ, and two threads that took the time and then raced to the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """A request for the lease, with the conditions under which it is granted where no other reader holds it.

    `named`: the provider reference that a webhook carries; refused where the payment is known to have another.
    `older_than_ms`: granted only if the provider's last answer is that old.
    """

    by_webhook: bool = False
    named: str | None = None
    older_than_ms: int | None = None

    def update(self, reference: str, lease_id: str, now: int) -> Update:
        """Builds the conditional update that takes the lease."""
        update = Update(f"payment#{reference}").count("readNumber")
        update.set(leaseId=lease_id, leaseUntil=now + READ_LEASE_MS)
        update.only_if("attribute_exists(pk)").only_if("payment.#status <> :final")
        update.only_if("attribute_not_exists(leaseId) OR leaseUntil <= :now OR leaseUntil > :longest")
        update.names["#status"] = "status"
        latest = now + CLOCK_SKEW_MS
        update.values |= {":final": PaymentStatus.SUCCESSFUL.value, ":now": now, ":longest": latest + READ_LEASE_MS}
        if self.by_webhook:
            update.only_if("attribute_not_exists(webhookReadAt) OR webhookReadAt <= :gap OR webhookReadAt > :latest")
            update.values |= {":gap": now - WEBHOOK_GAP_MS, ":latest": latest}
        if self.named is not None:
            known = "payment.provider_reference"
            update.only_if(f"attribute_not_exists({known}) OR {known} = :named").values[":named"] = self.named
        if self.older_than_ms is not None:
            update.only_if("readAt <= :old OR readAt > :latest")
            update.values |= {":old": now - self.older_than_ms, ":latest": latest}
        return update


@dataclass(frozen=True, slots=True)
class ReadLease:
    """The answer to a ReadRequest: the payment's row, and whether this caller holds the lease.

    Attributes of the row:

        readNumber      reads begun so far; a lease takes the next number
        leaseId         the reader that holds the lease; absent: nobody does
        leaseUntil      when others may take the lease of a reader that died
        readDone        the number of the last read that the provider answered
        readOf          the provider's reference that this read asked for; NULL: it asked the statement
        readAt          when the provider last answered about the payment itself
        webhookReadAt   when a webhook last made us read the payment itself

        state       row                                          what may happen
        free        no leaseId                                   anybody begins a read
        held        leaseUntil at most READ_LEASE_MS from now    its holder ends it, nobody else
        abandoned   leaseUntil past, or further away than that   anybody begins a read

    Reads are ordered by their numbers: the clocks of two machines may differ. A moment that is further in the future
    than this code ever writes, and by more than CLOCK_SKEW_MS, comes from a wrong clock and is ignored.
    """

    stored: Stored
    lease_id: str
    request: ReadRequest

    @property
    def granted(self) -> bool:
        """Whether the row has our lease id. It may after a refusal too, where the answer to our write was lost."""
        return self.stored.reads.lease_id == self.lease_id

    @property
    def is_proven(self) -> bool:
        """Whether the read asks for the payment's own reference, not for one that only a webhook connects with it."""
        return self.request.named in (None, self.stored.payment.provider_reference)

    def release(self, update: Update) -> Update:
        """Ends the lease, if this reader still holds it, without counting the read as answered."""
        update.only_if("leaseId = :lease").values[":lease"] = self.lease_id
        return update.remove("leaseId", "leaseUntil")

    def end(self, update: Update, now: int) -> Update:
        """Ends the lease, if this reader still holds it, and records that the provider has answered."""
        read_of = self.request.named or self.stored.payment.provider_reference
        self.release(update).set(readDone=self.stored.reads.number, readOf=read_of)
        if self.is_proven:
            update.set(readAt=now)
            if self.request.by_webhook:
                update.set(webhookReadAt=now)
        return update

    def wait_ms(self, now: int) -> int:
        """Returns how long a refused webhook waits before it requests the lease again."""
        reads = self.stored.reads
        until = reads.lease_until if reads.lease_id else reads.webhook_read_at + WEBHOOK_GAP_MS
        return min(max(until - now, 50), 400)
