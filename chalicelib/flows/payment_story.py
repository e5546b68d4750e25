"""Tells an operator one payment's story: its versions, acts and deliveries, and all attempts of its order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chalicelib.adapters.ledger.items import Act, Order, Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.cause import split_note
from chalicelib.domain.contract import iso_or_none, order_events, to_event, to_iso
from chalicelib.domain.errors import NotFound
from chalicelib.domain.operator_actions import allowed_actions
from chalicelib.domain.order_event import Attempt
from chalicelib.domain.payment import Payment
from chalicelib.domain.phone_number import without_phone_numbers
from chalicelib.domain.version import Version
from chalicelib.runtime.clock import Clock

MOST_ATTEMPTS = 50
"""Attempts of an order that a story shows. They are read in one call, which takes up to a hundred."""
_IN_EVERY_VERSION = {"version", "updatedAt", "timestamp", "message", "campayReference"}
"""Fields of the payload that differ between any two versions, or that follow from others."""


@dataclass(frozen=True, slots=True)
class PaymentStory:
    """Reads a payment's story from the ledger, in three calls at most. It asks CamPay nothing and changes nothing."""

    ledger: Ledger
    clock: Clock
    refunds: bool = False

    def __call__(self, reference: str) -> dict[str, Any]:
        """Returns the story as docs/openapi.yaml has it. Raises NotFound, LedgerUnavailable."""
        found = self.ledger.load_with_history(reference)
        if found is None:
            raise NotFound
        stored, versions, acts, attempts = found
        payment, now = stored.payment, self.clock.now()
        order = self.ledger.order(payment.order_id)
        return {
            "payment": to_event(payment, now),
            "versions": [_told(*pair, stored, attempts) for pair in zip((None, *versions), versions, strict=False)],
            "acts": [_act(act) for act in acts],
            "delivery": {
                "deliveredVersion": stored.delivered_version,
                "announcedVersion": stored.announced_version,
                "undeliveredSince": iso_or_none(stored.undelivered_since),
            },
            "nextCheckAt": iso_or_none(stored.check_at),
            "actions": allowed_actions(payment, now, refunds=self.refunds),
            "resolutions": sorted(payment.resolutions(now)),
            "order": _order(order, self._attempts(order, payment), now),
        }

    def _attempts(self, order: Order, payment: Payment) -> list[Payment]:
        """Returns the order's attempts, newest first: those that matter now, and the newest others."""
        telling = [order.paid, order.active, *sorted(order.under_review), *reversed(order.all_attempts)]
        others = dict.fromkeys(each for each in telling if each and each != payment.reference)
        loaded = self.ledger.load_many(islice(others, MOST_ATTEMPTS - 1))
        attempts = [payment, *(stored.payment for stored in loaded)]
        return sorted(attempts, key=lambda attempt: attempt.created_at, reverse=True)


def _told(before: Version | None, version: Version, stored: Stored, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Returns what led to a version, when it came, what it changed, and who has been told of it."""
    payment = version.payment
    cause, note = split_note(version.cause)
    return {
        "version": payment.version,
        "status": payment.status.value,
        "cause": cause,
        "by": version.by or None,
        "note": without_phone_numbers(note) or None,
        "at": to_iso(version.at),
        "msSinceClaim": version.at - payment.created_at,
        "msSincePrevious": version.at - before.at if before else None,
        "evidence": {"fee": None, **version.evidence} if version.evidence else None,
        "changes": list(_changes(before.payment, payment)) if before else [],
        "delivered": payment.version <= stored.delivered_version,
        "announced": payment.version <= stored.announced_version,
        "orderEvents": _order_events(version, stored, attempts),
    }


def _order_events(version: Version, stored: Stored, attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Returns what the shop is told of a version.

    With each stands when the event bus took it and its id there, where noted, and the attempts to send it to the shop.
    """
    payment, handed = version.payment, stored.handed.get(version.payment.version)
    return [
        {
            "type": kind,
            "id": event["id"],
            "takenAt": to_iso(handed.at) if handed else None,
            "busId": handed.bus_ids[place] if handed and place < len(handed.bus_ids) else None,
            "attempts": [_attempt(attempt) for attempt in attempts if attempt.event_id == event["id"]],
        }
        for place, (kind, event) in enumerate(order_events(payment, version.at))
    ]


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {"at": to_iso(attempt.at), "ms": attempt.ms, "status": attempt.status, "reason": attempt.reason or None}


def _act(act: Act) -> dict[str, Any]:
    return {
        "action": act.action,
        "by": act.by,
        "at": to_iso(act.at),
        "status": act.status or None,
        "note": without_phone_numbers(act.note) or None,
    }


def _changes(before: Payment, after: Payment) -> Iterator[dict[str, Any]]:
    earlier, later = _facts(before), _facts(after)
    for name, value in later.items():
        if value != earlier[name]:
            yield {"field": name, "before": earlier[name], "after": value}


def _facts(payment: Payment) -> dict[str, Any]:
    payload = to_event(payment, payment.updated_at)
    told = {name: value for name, value in payload.items() if name not in _IN_EVERY_VERSION}
    return told | _charged(payment) | {"acknowledged": payment.acknowledged}


def _charged(payment: Payment) -> dict[str, list[str]]:
    """Returns the provider's references of all charges, and of the records that disagree with the claim."""
    return {"charges": list(payment.charges), "disputed": list(payment.disputed)}


def _order(order: Order, attempts: Sequence[Payment], now: int) -> dict[str, Any]:
    return {
        "orderId": order.order_id,
        "attemptCount": len(order.all_attempts),
        "chargeCount": sum(len(attempt.charges) for attempt in attempts),
        "attempts": [
            {
                "payment": to_event(attempt, now),
                "active": attempt.reference == order.active,
                "paysOrder": attempt.reference == order.paid,
                "acknowledged": attempt.acknowledged,
                **_charged(attempt),
            }
            for attempt in attempts
        ],
    }
