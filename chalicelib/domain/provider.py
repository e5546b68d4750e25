"""Defines what a payment provider answers. Its adapter translates; nothing here knows whose API it was. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib.domain.money import Money


class RecordStatus(StrEnum):
    """What a provider's record says of a transaction."""

    PENDING = "PENDING"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    """A status that is not known here: it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A transaction as the provider's statement lists it.

    `provider_reference` is the provider's, `external_reference` ours, None where the provider has none. `money` is
    None where amount or currency cannot be read. `is_incoming`: the customer pays us, it is no payout.
    `amount_is_proof`: False where the provider shows another amount than was paid, as on a demo system. `fee`: what the
    provider keeps of a payment, in minor units of the currency of `money`; None where that is not told.
    """

    provider_reference: str
    external_reference: str | None
    status: RecordStatus
    money: Money | None
    is_incoming: bool
    amount_is_proof: bool = True
    fee: int | None = None
    operator: str | None = None
    operator_reference: str | None = None

    def may_be_of(self, money: Money) -> bool:
        """Whether the amount agrees with `money`, or proves nothing either way."""
        return self.money == money or not self.amount_is_proof


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRecord(StatementRow):
    """The provider's own record of a transaction, as it answers a read by its reference.

    It decides what a payment is, where a row of the statement only points at it.
    """

    reason: str | None = None

    def as_evidence(self) -> dict[str, Any]:
        """Returns the record as it was seen, for the ledger. It holds no phone number."""
        return {
            "providerReference": self.provider_reference,
            "status": self.status.value,
            "amount": self.money.amount if self.money else None,
            "currency": self.money.currency if self.money else None,
            "fee": self.fee,
            "isIncoming": self.is_incoming,
            "operator": self.operator,
            "operatorReference": self.operator_reference,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class PayerRecord:
    """A record, and the number of who was charged, which is to be kept nowhere."""

    record: ProviderRecord
    phone_number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider accepted to pay out."""

    provider_reference: str


@dataclass(frozen=True, slots=True)
class Prompted:
    """The provider accepted the request: the prompt is on its way to the phone.

    `retries`: tries before this one, of which each provably left nothing at the provider.
    """

    provider_reference: str
    ussd_code: str | None
    operator: str | None
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider proved that no prompt went out. `for_now`: the same call may be accepted in a while."""

    reason: str
    for_now: bool = False
    retries: int = 0


@dataclass(frozen=True, slots=True)
class NeverSent:
    """The request did not leave this machine, and that is proven."""

    reason: str
    retries: int = 0


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """The request was sent, without an answer that can be trusted: the prompt may be on the phone."""

    reason: str
    retries: int = 0


PromptOutcome = Prompted | Refused | NeverSent | OutcomeUnknown
PayoutOutcome = Accepted | Refused | NeverSent | OutcomeUnknown
