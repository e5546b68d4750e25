"""Defines the order events that the shop is sent, in their order, and the attempts to send them. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.domain import contract
from chalicelib.domain.payment import Payment


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an order event stands among those of its payment.

    `version`: the payment's. `part`: its number among the version's events, from 1. FIRST is before all.
    """

    version: int = 0
    part: int = 0


FIRST = Place()


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An order event. Its body is the same however often, and whenever, it is sent.

    `at`: when it came to be, in milliseconds since the epoch.
    """

    id: str
    kind: str
    place: Place
    at: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to send an order event. Times are in milliseconds; `at` since the epoch.

    `status`: of the shop's answer; None where there was none, and then `reason` says why.
    """

    event_id: str
    at: int
    ms: int
    status: int | None
    reason: str = ""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def order_events_after(place: Place, versions: Iterable[Payment]) -> list[OrderEvent]:
    """Returns the order events of a payment's versions that stand after a place, in order."""
    events = [event for version in versions for event in _of_version(version)]
    return [event for event in events if event.place > place]


def _of_version(payment: Payment) -> list[OrderEvent]:
    at = payment.updated_at
    return [
        OrderEvent(data["id"], kind, Place(payment.version, part), at, _body(kind, at, data))
        for part, (kind, data) in enumerate(contract.order_events(payment, at), 1)
    ]


def _body(kind: str, at: int, data: object) -> bytes:
    content = {"type": kind, "timestamp": contract.to_iso(at), "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
