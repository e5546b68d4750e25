"""Sends hints to the two work queues in SQS: payments to check, and payments to deliver.

Nothing depends on a message: what is lost is found by the sweep, a minute later at most. So no method raises.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.hints import CheckHint, DeliveryHint
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

LONGEST_DELAY_SECONDS = 900
"""SQS's maximum."""
LONGEST_HIDDEN_SECONDS = 43_200 - 120
"""SQS's maximum, counted from when the message was taken, without the time that its batch may have run."""
_A_CALL = 10
"""The most messages that SQS takes in one call."""
_CALLS_AT_ONCE = 16
LOOK_EVERY_MS = 1_000
"""Shortest time between two hints of one process that something is undelivered."""


class WorkQueue:
    """Sends to the queues whose URLs it is given. Without them, in development, it sends nothing.

    `connect`: makes the client of SQS; it is called with the first message. One per process; threads may share it.
    """

    def __init__(
        self,
        connect: "Callable[[], SQSClient]",
        checks_url: str,
        deliveries_url: str,
        clock: Clock,
        *,
        shop_url: str = "",
    ) -> None:
        self._client = cache(connect)
        self._shop_url = shop_url
        self._checks_url = checks_url
        self._deliveries_url = deliveries_url
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = 0

    def check(self, hint: CheckHint, at: int = 0) -> None:
        """Has a payment checked at a time, never before it; a time in the past is now."""
        self.check_all([(hint, at)])

    def check_all(self, hints: Iterable[tuple[CheckHint, int]]) -> None:
        """Has payments checked, each at its time."""
        self._send(self._checks_url, [(hint.to_body(), self._delay(at)) for hint, at in hints])

    def deliver(self, reference: str, at: int) -> None:
        """Has a payment delivered at a time."""
        self._send(self._deliveries_url, [(DeliveryHint(reference).to_body(), self._delay(at))])

    def deliver_all(self, references: Iterable[str]) -> None:
        """Has payments delivered now."""
        self._send(self._deliveries_url, [(DeliveryHint(reference).to_body(), 0) for reference in references])

    def look_for_undelivered(self) -> None:
        """Has somebody look for all that is undelivered, in a second. Does nothing within a second of the last call."""
        now = self._clock.now()
        with self._lock:
            if abs(now - self._looked_at) < LOOK_EVERY_MS:
                return
            self._looked_at = now
        self._send(self._deliveries_url, [(DeliveryHint().to_body(), 1)])

    def put_off(self, receipts: Mapping[str, int]) -> None:
        """Has messages of the shop's queue come again, each at its time. `receipts`: receipt -> time.

        A message that cannot be put off comes again when SQS shows it by itself, after HIDDEN_SECONDS.
        """
        if not self._shop_url or not receipts:
            return
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef]
        entries = [
            {
                "Id": str(number),
                "ReceiptHandle": receipt,
                "VisibilityTimeout": self._seconds_until(at, LONGEST_HIDDEN_SECONDS),
            }
            for number, (receipt, at) in enumerate(receipts.items())
        ]
        try:
            self._client().change_message_visibility_batch(QueueUrl=self._shop_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            log.warning("not-put-off", count=len(entries), error=type(error).__name__)

    def _delay(self, at: int) -> int:
        return self._seconds_until(at, LONGEST_DELAY_SECONDS)

    def _seconds_until(self, at: int, most: int) -> int:
        seconds = -((self._clock.now() - at) // 1000)  # rounded up
        return min(max(seconds, 0), most)

    def _send(self, url: str, messages: Sequence[tuple[str, int]]) -> None:
        calls = [messages[start : start + _A_CALL] for start in range(0, len(messages), _A_CALL)]
        if not url or not calls:
            return
        if len(calls) == 1:
            self._call(url, calls[0])
            return
        with ThreadPoolExecutor(_CALLS_AT_ONCE) as senders:
            list(senders.map(partial(self._call, url), calls))

    def _call(self, url: str, messages: Sequence[tuple[str, int]]) -> None:
        entries: list[SendMessageBatchRequestEntryTypeDef]
        entries = [
            {"Id": str(number), "MessageBody": body, "DelaySeconds": delay}
            for number, (body, delay) in enumerate(messages)
        ]
        try:
            answer = self._client().send_message_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            log.warning("not-queued", count=len(entries), error=type(error).__name__)
            return
        if failed := answer.get("Failed"):
            log.warning("not-queued", count=len(failed), error=failed[0]["Code"])
