"""Publishes order events to EventBridge, at least once. The shop marks its order as paid by them."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.contract import FOR_A_PERSON, ORDER_EVENT_SOURCE, order_events
from chalicelib.domain.payment import Payment
from chalicelib.runtime import log

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef


class AnnouncementFailed(Exception):
    """Raised where the event bus did not accept an event; the payment stays marked undelivered and is tried again."""


class OrderEvents:
    """Publishes to one event bus. Without its name, in development, events are only logged.

    `connect`: makes the client of EventBridge. It is called with the first event: only a settled payment has one.
    """

    def __init__(self, connect: "Callable[[], EventBridgeClient]", event_bus: str) -> None:
        self._client = cache(connect)
        self._event_bus = event_bus

    def announce(self, payment: Payment, now: int) -> list[str]:
        """Publishes a version's order events. Returns the event bus's own ids of those that it has taken.

        Raises AnnouncementFailed when any of them was not accepted. All are then published again, under the same ids,
        by which a consumer drops repetitions.
        """
        events = order_events(payment, now)
        for kind, event in events:
            if kind in FOR_A_PERSON:
                log.alarm(kind, reference=payment.reference, order=payment.order_id)
            if not self._event_bus:
                log.info("order-event", type=kind, id=event["id"], order=payment.order_id)
        if not self._event_bus or not events:
            return []
        return _put(self._client(), [self._entry(kind, event) for kind, event in events])

    def _entry(self, kind: str, event: Mapping[str, Any]) -> "PutEventsRequestEntryTypeDef":
        return {
            "Source": ORDER_EVENT_SOURCE,
            "DetailType": kind,
            "Detail": json.dumps(event, ensure_ascii=False),
            "EventBusName": self._event_bus,
        }


def _put(client: "EventBridgeClient", entries: "Sequence[PutEventsRequestEntryTypeDef]") -> list[str]:
    try:
        answer = client.put_events(Entries=entries)
    except (BotoCoreError, ClientError) as error:
        raise AnnouncementFailed(type(error).__name__) from error
    if answer.get("FailedEntryCount"):
        codes = [entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry]
        raise AnnouncementFailed(", ".join(codes) or "refused")
    return [entry.get("EventId", "") for entry in answer["Entries"]]
