"""Order events out: this is how the shop's order becomes paid. At least once, through EventBridge."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import log
from chalicelib.contract import ORDER_EVENT_SOURCE, order_event, order_event_type
from chalicelib.payment import Payment


class AnnouncementFailed(Exception):
    """The event bus did not take it; the delivery stays marked and comes again."""


class Orders:
    """`client` is boto3's for EventBridge; without one, as on a developer's machine, events are logged."""

    def __init__(self, client: Any | None, event_bus: str) -> None:
        self._client = client
        self._event_bus = event_bus

    def announce(self, payment: Payment, now: int) -> None:
        """One event for a settled version, none for any other. Raises AnnouncementFailed."""
        kind = order_event_type(payment)
        if kind is None:
            return
        if payment.duplicate or payment.is_under_review:
            log.alarm(kind, reference=payment.reference, order=payment.order_id)
        event = order_event(payment, now)
        if self._client is None:
            log.info("order-event", type=kind, id=event["id"], order=payment.order_id)
            return
        entry = {
            "Source": ORDER_EVENT_SOURCE,
            "DetailType": kind,
            "Detail": json.dumps(event, ensure_ascii=False),
            "EventBusName": self._event_bus,
        }
        try:
            answer = self._client.put_events(Entries=[entry])
        except (BotoCoreError, ClientError) as error:
            raise AnnouncementFailed(type(error).__name__) from error
        if answer.get("FailedEntryCount"):
            raise AnnouncementFailed(answer["Entries"][0].get("ErrorCode", "refused"))
