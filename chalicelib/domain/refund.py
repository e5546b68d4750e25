"""Defines a refund: money of one charge that goes back to the customer. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.domain.money import Money
from chalicelib.domain.provider import ProviderRecord, RecordStatus


class RefundStatus(StrEnum):
    """What is known of a refund."""

    SENDING = "SENDING"
    """Claimed; whether the provider took it is not known yet."""
    PENDING = "PENDING"
    """The provider took it."""
    SUCCESSFUL = "SUCCESSFUL"
    """The customer has the money, by the provider's record."""
    FAILED = "FAILED"
    """Refused, proven never sent, or failed by the provider's record: the money has not left."""


WATCHED_MS = (72 + 1) * 3_600_000
"""Age from which CamPay is not asked about an open refund any more: its last check comes after 72 hours, up to half an
hour late."""
_S = RefundStatus
REFUND_TRANSITIONS: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    _S.SENDING: frozenset({_S.PENDING, _S.SUCCESSFUL, _S.FAILED}),
    _S.PENDING: frozenset({_S.SUCCESSFUL, _S.FAILED}),
    _S.SUCCESSFUL: frozenset(),
    _S.FAILED: frozenset(),
}
_STATUS_OF_RECORD: Mapping[RecordStatus, RefundStatus] = {
    RecordStatus.PENDING: _S.PENDING,
    RecordStatus.SUCCESSFUL: _S.SUCCESSFUL,
    RecordStatus.FAILED: _S.FAILED,
}


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What an operator asks for.

    `charge`: the provider's reference of it. `amount`: in minor units. `version`: the payment's, that the operator saw.
    """

    charge: str
    amount: int
    reason: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money of one charge that goes back, whole or in part.

    `reference`: ours, which the provider is given. `charge`: the provider's reference of the charge, `charged` what it
    took. Amounts are in minor units of the payment's currency. `at`: when it was claimed, in milliseconds. `version`:
    the payment's version that changed it last. `provider_reference`: the provider's, of this refund.
    """

    reference: str
    charge: str
    amount: int
    charged: int
    at: int
    version: int = 0
    status: RefundStatus = RefundStatus.SENDING
    provider_reference: str | None = None
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not known yet what has become of the money."""
        return bool(REFUND_TRANSITIONS[self.status])

    def needs_person(self, now: int) -> bool:
        """Whether CamPay is asked no more, and has not said what became of the money."""
        return self.is_open and now >= self.at + WATCHED_MS

    def may_become(self, status: RefundStatus) -> bool:
        return status in REFUND_TRANSITIONS[self.status]

    def agrees_with(self, record: ProviderRecord, currency: str) -> bool:
        """Whether a record is of this refund, in direction, reference, amount and currency."""
        known = self.provider_reference in (None, record.provider_reference)
        ours = known and not record.is_incoming and record.external_reference == self.reference
        return ours and record.may_be_of(Money(self.amount, currency))

    def observed(self, record: ProviderRecord) -> "Refund":
        """Returns what a record that agrees makes of it: the same where it proves nothing new."""
        status = _STATUS_OF_RECORD.get(record.status, self.status)
        if not self.may_become(status):
            return self if self.provider_reference else replace(self, provider_reference=record.provider_reference)
        return replace(self, status=status, provider_reference=record.provider_reference, reason=record.reason)


def paid_back(refunds: Iterable[Refund], charge: str) -> int:
    """Returns how much of a charge has gone back, or may have."""
    return sum(it.amount for it in refunds if it.charge == charge and it.status is not _S.FAILED)


def refunded_amount(refunds: Iterable[Refund]) -> int:
    """Returns how much has gone back by the provider's records."""
    return sum(it.amount for it in refunds if it.status is _S.SUCCESSFUL)


def whole_charges(refunds: Iterable[Refund]) -> set[str]:
    """Returns the charges that have gone back whole, by the provider's records."""
    done = [it for it in refunds if it.status is _S.SUCCESSFUL]
    return {
        it.charge for it in done if refunded_amount(each for each in done if each.charge == it.charge) >= it.charged
    }
