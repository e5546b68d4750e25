"""Reads from the log what a restored ledger may have lost: payments, versions, refunds, what operators decided. Pure.

The lines are those of `initiate_payment.py`, `earlier_attempts.py`, `commit_payment.py`, `deliver_payment.py`,
`operate_payment.py` and `refund_payment.py`. They name no phone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.money import Money
from chalicelib.domain.operator_actions import OperatorAction
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import key_hash
from chalicelib.domain.phone_number import FORGOTTEN_MASK, UNKNOWN_PHONE
from chalicelib.domain.refund import Refund
from chalicelib.domain.version import Version

CLAIMED, JOINED, CHANGED = "payment-claimed", "payment-joined", "payment-changed"
DELIVERED, ACTED, REFUND_CLAIMED = "payment-delivered", "operator-action", "refund-claimed"
EVENTS = (CLAIMED, JOINED, CHANGED, DELIVERED, ACTED, REFUND_CLAIMED)
"""The lines that are read; all others are left out."""
_DECISIONS = (OperatorAction.RESOLVE, OperatorAction.ACKNOWLEDGE)
_REDACTED = "[private]"


def claim_fields(payment: Payment, key: str | None) -> dict[str, object]:
    """Returns what the log says of a payment whose prompt is about to leave: what `_claimed` makes it again from."""
    return {
        "reference": payment.reference,
        "order": payment.order_id,
        "amount": payment.money.amount,
        "currency": payment.money.currency,
        "provider": payment.provider,
        "operator": payment.operator,
        "locale": payment.locale,
        "claimed_at": payment.created_at,
        "expires_at": payment.expires_at,
        **({"key": key_hash(key)} if key else {}),
    }


def refund_fields(payment: Payment, refund: Refund) -> dict[str, object]:
    """Returns what the log says of a refund before CamPay is asked for it: what `_refund` makes it again from."""
    return {
        "reference": payment.reference,
        "order": payment.order_id,
        "refund": refund.reference,
        "charge": refund.charge,
        "amount": refund.amount,
        "charged": refund.charged,
        "claimed_at": refund.at,
        "version": refund.version,
    }


@dataclass(frozen=True, slots=True)
class Decision:
    """What an operator decided about a payment. `at`: in milliseconds; `status`: empty where a duplicate was closed."""

    at: int
    by: str
    action: str
    status: str


@dataclass(frozen=True, slots=True)
class LoggedVersion:
    """A version as a line tells it. `ms`: since the claim; of one that was only delivered, it and `status` are None."""

    version: int
    status: PaymentStatus | None = None
    ms: int | None = None

    def is_of(self, history: Sequence[Version]) -> bool:
        """Whether the ledger has this version, and not another one under its number."""
        return any(self._is(it.payment) for it in history)

    def _is(self, payment: Payment) -> bool:
        if payment.version != self.version:
            return False
        told = (payment.status, payment.updated_at - payment.created_at)
        return self.status is None or (self.status, self.ms) == told


@dataclass(slots=True)
class Logged:
    """All that the log says of one payment. `claimed`: as it was before its prompt left; None where no line tells it.

    `keys`: hash of an idempotency key -> when it was given, in milliseconds.
    """

    reference: str
    order_id: str = ""
    claimed: Payment | None = None
    versions: set[LoggedVersion] = field(default_factory=set)
    provider_reference: str | None = None
    keys: dict[str, int] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        return max((it.version for it in self.versions), default=1)

    def lost_of(self, history: Sequence[Version]) -> list[LoggedVersion]:
        """Lists the versions that the ledger does not have."""
        return [it for it in self.versions if not it.is_of(history)]

    def lost_refunds_of(self, payment: Payment) -> list[Refund]:
        """Lists the refunds that the payment does not have, in the order of their claims."""
        lost = self.refunds.keys() - {it.reference for it in payment.refunds}
        return sorted((self.refunds[it] for it in lost), key=lambda it: it.at)

    def take(self, line: Mapping[str, Any]) -> None:
        """Adds what a line says."""
        event, at = line["event"], int(datetime.fromisoformat(line["time"]).timestamp() * 1000)
        self.order_id = self.order_id or str(line.get("order") or "")
        self.provider_reference = line.get("provider_reference") or self.provider_reference
        if event == CLAIMED:
            self.claimed = _claimed(line)
        if event in (CLAIMED, JOINED) and line.get("key"):
            self.keys.setdefault(line["key"], at)
        if event == CHANGED:
            self.versions.add(LoggedVersion(line["version"], PaymentStatus(line["status"]), line["ms"]))
        if event == DELIVERED:
            self.versions.add(LoggedVersion(line["version"]))
        if event == ACTED and line["action"] in _DECISIONS:
            self.decisions.append(Decision(at, line["by"], line["action"], line.get("status", "")))
        if event == REFUND_CLAIMED:
            self.refunds[line["refund"]] = _refund(line)


def read_log(lines: Iterable[Mapping[str, Any]]) -> list[Logged]:
    """Returns what lines of the log say, in any order, by payment; the payments in the order of their claims."""
    found: dict[str, Logged] = {}
    for line in lines:
        if line.get("event") in EVENTS and line.get("reference"):
            found.setdefault(line["reference"], Logged(line["reference"])).take(line)
    return sorted(found.values(), key=lambda it: it.claimed.created_at if it.claimed else 0)


def _refund(line: Mapping[str, Any]) -> Refund:
    """Makes a refund again, as it was claimed: whether CamPay took it, its statement tells."""
    return Refund(
        reference=line["refund"],
        charge=line["charge"],
        amount=line["amount"],
        charged=line["charged"],
        at=line["claimed_at"],
        version=line["version"],
    )


def _claimed(line: Mapping[str, Any]) -> Payment | None:
    """Makes a payment again, as it was claimed; None where the log has struck out a part of its order."""
    if _REDACTED in line["order"]:
        return None
    return Payment(
        reference=line["reference"],
        order_id=line["order"],
        money=Money(line["amount"], line["currency"]),
        phone_mask=FORGOTTEN_MASK,
        phone_hash=UNKNOWN_PHONE,
        locale=line["locale"],
        provider=line["provider"],
        operator=line["operator"],
        created_at=line["claimed_at"],
        updated_at=line["claimed_at"],
        expires_at=line["expires_at"],
    )
