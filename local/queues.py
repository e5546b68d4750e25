"""Makes moto's SQS take calls from several threads, and none of them cost more for a long queue than one look at it.

moto loses a message that arrives while another is deleted, and looks at all messages of a queue again for each that it
hands out.
"""

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from moto.core.utils import unix_time
from moto.sqs.models import Message, Queue, SQSBackend

R = TypeVar("R")

_one_call_at_a_time = threading.Lock()
_moto_waits = Queue.wait_for_messages


def alone(call: Callable[[], R]) -> R:
    """Makes one call at a time; one that waits for a message lets others pass. EventBridge puts into queues too."""
    with _one_call_at_a_time:
        return call()


def _wait_for_messages(queue: Queue, timeout: int) -> None:
    _one_call_at_a_time.release()
    try:
        _moto_waits(queue, timeout)
    finally:
        _one_call_at_a_time.acquire()


def _is_retained(backend: SQSBackend, queue_name: str, message: Message) -> bool:
    """Returns whether a message is young enough. moto counts the messages of the queue several times for this."""
    retention = int(cast(Any, backend.get_queue(queue_name)).message_retention_period)
    return retention + cast(int, message.sent_timestamp) / 1000 > unix_time()


@cache
def install() -> None:
    """Puts the functions of this module in the place of moto's own. From then on, each call must be `alone`."""
    queue, backend = cast(Any, Queue), cast(Any, SQSBackend)
    queue.wait_for_messages = _wait_for_messages
    backend.is_message_valid_based_on_retention_period = _is_retained
