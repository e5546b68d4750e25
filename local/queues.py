"""Makes moto's SQS take calls from several threads, and long queues.

moto loses a message that arrives while another is deleted. It counts all messages of a queue again for each that is
sent or handed out, and reckons with dates for each of them: with a thousand in the queue, 33 ms to send one.
"""

import time
from functools import cache
from typing import Any, cast

from moto.sqs.models import Message, Queue, SQSBackend

from local.one_at_a_time import OneAtATime

_LONGEST_WAIT_SECONDS = 1.0
"""As long as the product waits for SQS."""
alone = OneAtATime(_LONGEST_WAIT_SECONDS)
"""Makes a call of SQS, or of EventBridge, which puts into queues too."""
_moto_waits = Queue.wait_for_messages


def _wait_for_messages(queue: Queue, timeout: int) -> None:
    with alone.others_pass():
        _moto_waits(queue, timeout)


def _now_ms() -> float:
    return time.time() * 1000


def _all(queue: Any) -> list[Any]:
    return cast(list[Any], queue._messages)  # noqa: SLF001 - moto shows only those that are visible


def _messages(queue: Any) -> list[Message]:
    now = _now_ms()
    return [message for message in _all(queue) if message.delayed_until <= now and message.visible_at < now]


def _number_not_visible(queue: Any) -> int:
    now = _now_ms()
    return sum(message.visible_at >= now for message in _all(queue))


def _number_delayed(queue: Any) -> int:
    now = _now_ms()
    return sum(message.delayed_until > now for message in _all(queue))


def _had_receipt_handle(message: Any, receipt_handle: str) -> bool:
    earlier = message._old_receipt_handles  # noqa: SLF001 - moto builds a list of all handles for each message
    return receipt_handle == message.receipt_handle or receipt_handle in earlier


def _is_retained(backend: SQSBackend, queue_name: str, message: Any) -> bool:
    """Returns whether a message is young enough. moto collects all attributes of the queue for this."""
    retention: Any = cast(Any, backend.get_queue(queue_name)).message_retention_period
    return bool(message.sent_timestamp + retention * 1000 > _now_ms())


@cache
def install() -> None:
    """Puts the functions of this module in the place of moto's own. From then on, each call must be `alone`."""
    queue, backend = cast(Any, Queue), cast(Any, SQSBackend)
    queue.wait_for_messages = _wait_for_messages
    queue.messages = property(_messages)
    queue.approximate_number_of_messages_not_visible = property(_number_not_visible)
    queue.approximate_number_of_messages_delayed = property(_number_delayed)
    cast(Any, Message).had_receipt_handle = _had_receipt_handle
    backend.is_message_valid_based_on_retention_period = _is_retained
