"""Defines a payment and what may become of it. Pure: no I/O, no clock; time comes in as `now`.

All times are whole milliseconds since the Unix epoch, all amounts whole minor units.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chalicelib.domain.errors import RefundTooHigh
from chalicelib.domain.money import Money
from chalicelib.domain.provider import ProviderRecord, RecordStatus
from chalicelib.domain.refund import Refund, RefundStatus, paid_back, whole_charges


class PaymentStatus(StrEnum):
    """What is known of a payment."""

    INITIATING = "INITIATING"
    """Claimed; whether a prompt went out is not known yet."""
    PENDING = "PENDING"
    """The prompt is on the phone."""
    EXPIRED = "EXPIRED"
    """The wait is over: its time is up, or the customer ended it. CamPay may still say otherwise."""
    FAILED = "FAILED"
    """Refused, declined, or proven never sent."""
    CONFLICTED = "CONFLICTED"
    """CamPay's record disagrees with the claim: an operator decides, nobody else."""
    SUCCESSFUL = "SUCCESSFUL"
    """The money was paid, by CamPay's record or by an operator's decision. Final."""


_S = PaymentStatus
TRANSITIONS: Mapping[PaymentStatus, frozenset[PaymentStatus]] = {
    _S.INITIATING: frozenset({_S.PENDING, _S.SUCCESSFUL, _S.FAILED, _S.EXPIRED, _S.CONFLICTED}),
    _S.PENDING: frozenset({_S.SUCCESSFUL, _S.FAILED, _S.EXPIRED, _S.CONFLICTED}),
    _S.EXPIRED: frozenset({_S.SUCCESSFUL, _S.FAILED, _S.CONFLICTED}),
    _S.FAILED: frozenset({_S.SUCCESSFUL, _S.CONFLICTED}),
    _S.CONFLICTED: frozenset({_S.SUCCESSFUL, _S.FAILED}),
    _S.SUCCESSFUL: frozenset(),
}
"""The one table of what may become what. Every predicate below is derived from it."""

FINAL = frozenset(s for s, after in TRANSITIONS.items() if not after)
WAITING = frozenset(s for s, after in TRANSITIONS.items() if _S.EXPIRED in after)
"""The customer may be about to type the PIN: a screen counts down."""
UNDECIDED = frozenset(s for s, after in TRANSITIONS.items() if {_S.FAILED, _S.CONFLICTED} <= after)
"""It is not known yet whether money moved."""
UNDER_REVIEW = frozenset(s for s, after in TRANSITIONS.items() if after == {_S.SUCCESSFUL, _S.FAILED})
ACTIVE = WAITING | UNDER_REVIEW
"""Holds its order: no other attempt of it may start. One that waits holds its phone too, one under review does not."""


GIVEN_UP = "given_up"
"""The reason of an EXPIRED payment whose customer ended the wait."""


class InvalidTransition(Exception):
    """Raised for a change that the table forbids: a fault in our own code, never of the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt to have one order paid.

    `charges`: the provider's references of every SUCCESSFUL record of this payment, in the order they
    were seen; more than one is a duplicate. `disputed`: those of records that disagree with the
    claim; an operator's decision covers them for good. `order_paid_by`: another attempt of the
    order has paid it while this one is active. `paid_version`: the version that paid the order; None
    where another attempt did, or nobody. `further_attempt`: the order had another attempt before this one;
    `attempt_before`: what had become of that one by then, as a figure of the rollups. `prompt_retries`: how often
    `/collect/` was tried again by itself.
    `acknowledged`: a person has dealt with the duplicate, such as by paying the second charge back.
    `refunds`: what went back of the charges, or may have, in the order of the claims.
    `webhook_missing_at`: when it was settled before a webhook told so; None otherwise: `noting_webhook` (rollup.py).
    """

    reference: str
    order_id: str
    money: Money
    phone_mask: str
    phone_hash: str
    locale: str
    provider: str
    created_at: int
    updated_at: int
    expires_at: int
    status: PaymentStatus = PaymentStatus.INITIATING
    version: int = 1
    operator: str | None = None
    provider_reference: str | None = None
    ussd_code: str | None = None
    operator_reference: str | None = None
    reason: str | None = None
    late: bool = False
    duplicate: bool = False
    charges: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()
    order_paid_by: str | None = None
    paid_version: int | None = None
    further_attempt: bool = False
    attempt_before: str | None = None
    prompt_retries: int = 0
    acknowledged: bool = False
    refunds: tuple[Refund, ...] = ()
    webhook_missing_at: int | None = None

    @property
    def pays_order(self) -> bool:
        """Whether this version is the one that paid the order."""
        return self.version == self.paid_version

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_waiting(self) -> bool:
        return self.status in WAITING

    @property
    def is_under_review(self) -> bool:
        return self.status in UNDER_REVIEW

    @property
    def is_undecided(self) -> bool:
        return self.status in UNDECIDED

    @property
    def was_given_up(self) -> bool:
        return self.status is _S.EXPIRED and self.reason == GIVEN_UP

    def prompted(
        self, provider_reference: str, ussd_code: str | None, operator: str | None, now: int, retries: int = 0
    ) -> "Payment | None":
        """Records that `/collect/` was accepted. Where a webhook was faster, only what is missing is added."""
        status = _S.PENDING if self.status is _S.INITIATING else self.status
        return self._changed(
            now,
            status=status,
            provider_reference=self.provider_reference or provider_reference,
            ussd_code=(ussd_code or self.ussd_code) if status in WAITING else self.ussd_code,
            operator=operator or self.operator,
            prompt_retries=retries,
        )

    def refused(self, reason: str, now: int, retries: int = 0) -> "Payment | None":
        """Records that `/collect/` was refused, or proven never sent. What CamPay's record said since is stronger."""
        if not self.is_undecided or self.provider_reference is not None:
            return None
        return self._changed(now, status=_S.FAILED, reason=reason, prompt_retries=retries)

    def agrees_with(self, record: ProviderRecord) -> bool:
        """Whether amount, currency and direction are those of the claim: only then a record may settle the payment."""
        return record.is_incoming and record.may_be_of(self.money)

    def observe(self, record: ProviderRecord, now: int) -> "Payment | None":
        """Returns what a record of CamPay makes of this payment; None where it changes nothing.

        A record under another provider reference than ours proves nothing against this payment, only
        for it: money that came under our reference came.
        """
        ours = self.provider_reference in (None, record.provider_reference)
        if not self.agrees_with(record):
            return self._disputed(record, now) if ours else None
        if record.status is RecordStatus.SUCCESSFUL:
            return self._charged(record, now)
        if not ours or self.is_under_review:
            return None
        if record.status is RecordStatus.FAILED and self._may_become(_S.FAILED):
            return self._recorded(record, now, status=_S.FAILED)
        if record.status is RecordStatus.PENDING and self._may_become(_S.PENDING):
            return self._recorded(record, now, status=_S.PENDING)
        if self.provider_reference is None and self.is_undecided:
            return self._recorded(record, now)
        return None

    def expired(self, now: int) -> "Payment | None":
        """Ends the wait once its time is over; None before, and where nobody waits any more."""
        if now < self.expires_at or not self._may_become(_S.EXPIRED):
            return None
        return self._changed(now, status=_S.EXPIRED)

    def given_up(self, now: int) -> "Payment | None":
        """Ends the wait for the customer, before its time is over; None where nobody waits any more."""
        if not self._may_become(_S.EXPIRED):
            return None
        return self._changed(now, status=_S.EXPIRED, reason=GIVEN_UP)

    def resolutions(self, now: int) -> frozenset[PaymentStatus]:
        """Returns as what an operator may resolve this payment, if it is CONFLICTED, or a refund that needs a person.

        FAILED is not among them where a record that agrees with the claim was noted.
        """
        if self._refund_to_resolve(now):
            return frozenset({_S.SUCCESSFUL, _S.FAILED})
        if not self.is_under_review:
            return frozenset()
        return frozenset({_S.SUCCESSFUL}) if self.charges else TRANSITIONS[self.status]

    def resolved(self, status: PaymentStatus, now: int) -> "Payment":
        """Applies an operator's decision. Raises InvalidTransition for none of `resolutions`.

        Of a CONFLICTED payment SUCCESSFUL takes what was disputed for the charge. Of a SUCCESSFUL one it is the oldest
        refund that is decided: made, or FAILED.
        """
        refund = self._refund_to_resolve(now)
        if refund and status in self.resolutions(now):
            return self.refund_changed(replace(refund, status=RefundStatus(status)), now) or self
        if status not in self.resolutions(now):
            charged = f": it was charged by {', '.join(self.charges)}" if self.is_under_review and self.charges else ""
            raise InvalidTransition(f"{self.status} may not be resolved as {status}{charged}")
        charges = tuple(dict.fromkeys((*self.charges, *self.disputed))) if status is _S.SUCCESSFUL else self.charges
        duplicate = self.duplicate or len(charges) > 1
        return self._next(replace(self, status=status, charges=charges, duplicate=duplicate), now)

    @property
    def may_be_acknowledged(self) -> bool:
        """Whether it is a duplicate that nobody has dealt with. One under review is to be resolved first."""
        return self.duplicate and not self.acknowledged and not self.is_under_review

    def acknowledge(self, now: int) -> "Payment":
        """Records that a person has dealt with the duplicate. A further charge has to be dealt with again.

        Raises InvalidTransition where there is none to deal with.
        """
        if not self.may_be_acknowledged:
            raise InvalidTransition(f"{self.status} has no duplicate to acknowledge")
        return self._next(replace(self, acknowledged=True), now)

    @property
    def may_be_refunded(self) -> bool:
        """Whether something may be left of a charge. What was charged, only the provider's record of it tells."""
        whole = {it.charge for it in self.refunds if paid_back(self.refunds, it.charge) >= it.charged}
        return self.is_final and not set(self.charges) <= whole

    @property
    def refund_of_version(self) -> Refund | None:
        """Returns the refund that this version has changed, and nothing else; None where it is no refund's."""
        return next((it for it in self.refunds if it.version == self.version), None)

    def _refund_to_resolve(self, now: int) -> Refund | None:
        return next((it for it in self.refunds if self.is_final and it.needs_person(now)), None)

    @property
    def open_refunds(self) -> tuple[Refund, ...]:
        return tuple(it for it in self.refunds if it.is_open)

    def open_refund(self, reference: str) -> Refund | None:
        """Returns a refund that is open; None where it has ended, or a release that knows no refunds has dropped it."""
        return next((it for it in self.open_refunds if it.reference == reference), None)

    def refund_claimed(self, refund: Refund, now: int) -> "Payment":
        """Adds a refund, before the provider is asked for it.

        Raises RefundTooHigh, and InvalidTransition where this payment has no such charge.
        """
        if not self.is_final or refund.charge not in self.charges:
            raise InvalidTransition(f"{self.status} was not charged by {refund.charge}")
        if not 0 < refund.amount <= refund.charged - paid_back(self.refunds, refund.charge):
            raise RefundTooHigh(reference=self.reference)
        return self._next(replace(self, refunds=(*self.refunds, replace(refund, version=self.version + 1))), now)

    def refund_changed(self, refund: Refund, now: int) -> "Payment | None":
        """Takes over what a refund has become; None where nothing is different, or another writer knew more.

        Extra charges that have gone back whole deal with the duplicate.
        """
        before = self.open_refund(refund.reference)
        if (
            before is None
            or refund == before
            or not (before.may_become(refund.status) or refund.status is before.status)
        ):
            return None
        changed = replace(refund, version=self.version + 1)
        refunds = tuple(changed if it is before else it for it in self.refunds)
        extra = len(self.charges) - (self.paid_version is not None)
        acknowledged = self.acknowledged or (self.duplicate and len(whole_charges(refunds)) >= extra)
        return self._next(replace(self, refunds=refunds, acknowledged=acknowledged), now)

    def order_paid_elsewhere(self, paid_by: str, now: int) -> "Payment | None":
        """Records that another attempt paid the order: the customer of this one should decline its prompt."""
        return self._changed(now, order_paid_by=paid_by) if self.is_active else None

    def recovered(self, version: int, provider_reference: str | None, refunds: Iterable[Refund], now: int) -> "Payment":
        """Returns a version above all that anybody was shown of the payment, which a restored ledger does not have.

        Nothing but claims of refunds is taken over from the lost ones: CamPay decides again. Where the customer is
        waited for, the wait begins anew, so that nobody is told of its end before CamPay could say more.
        """
        expires_at = now + self.expires_at - self.created_at if self.is_waiting else self.expires_at
        known = self.provider_reference or provider_reference
        updated_at = max(now, self.updated_at)
        return replace(
            self,
            version=version,
            provider_reference=known,
            refunds=(*self.refunds, *refunds),
            expires_at=expires_at,
            updated_at=updated_at,
        )

    def as_duplicate(self) -> "Payment":
        """Returns the same version, of an order that another attempt has paid already."""
        return replace(self, duplicate=True, paid_version=None)

    def _disputed(self, record: ProviderRecord, now: int) -> "Payment | None":
        settles = record.status in (RecordStatus.SUCCESSFUL, RecordStatus.FAILED)
        if not settles or record.provider_reference in self.disputed or not self._may_become(_S.CONFLICTED):
            return None
        disputed = (*self.disputed, record.provider_reference)
        return self._recorded(record, now, status=_S.CONFLICTED, disputed=disputed)

    def _charged(self, record: ProviderRecord, now: int) -> "Payment | None":
        if record.provider_reference in self.charges:
            return None
        charges = (*self.charges, record.provider_reference)
        if self.charges:
            return self._changed(now, charges=charges, duplicate=True, acknowledged=False)
        if self.is_under_review:  # noted, and left to the operator
            return self._changed(now, charges=charges)
        late = not self.is_waiting
        return self._recorded(record, now, status=_S.SUCCESSFUL, late=late, charges=charges, reason=None)

    def _recorded(self, record: ProviderRecord, now: int, **fields: Any) -> "Payment | None":
        known = {
            "provider_reference": record.provider_reference,
            "operator": record.operator or self.operator,
            "operator_reference": record.operator_reference or self.operator_reference,
            "reason": record.reason,
        }
        return self._changed(now, **(known | fields))

    def _may_become(self, status: PaymentStatus) -> bool:
        return status in TRANSITIONS[self.status]

    def _changed(self, now: int, **fields: Any) -> "Payment | None":
        """Returns the next version, or None where nothing is different."""
        candidate = replace(self, **fields)
        if candidate == self:
            return None
        return self._next(candidate, now)

    def _next(self, candidate: "Payment", now: int) -> "Payment":
        """Returns the candidate with the next version number: the only place but `recovered` where `version` rises."""
        if candidate.status is not self.status and not self._may_become(candidate.status):
            raise InvalidTransition(f"{self.status} may not become {candidate.status}")
        version = self.version + 1
        paid_version = version if candidate.is_final and not self.is_final else self.paid_version
        updated_at = max(now, self.updated_at)
        return replace(candidate, version=version, paid_version=paid_version, updated_at=updated_at)
