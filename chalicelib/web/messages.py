"""Reads the events with which Lambda hands over messages of SQS, and shapes the answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from chalicelib.domain.hints import MalformedHint
from chalicelib.runtime import log

T = TypeVar("T")


def handle(event: Mapping[str, Any], parse: Callable[[str], T], work: Callable[[Sequence[T]], Sequence[int]]) -> Any:
    """Has an event's messages worked off, and reports those that are to come again.

    `work`: returns the positions of the hints that it could not finish. A malformed message is dropped: it would not be
    better the next time.
    """
    hints, message_ids = [], []
    for record in event["Records"]:
        try:
            hints.append(parse(record["body"]))
        except MalformedHint as error:
            log.warning("message-malformed", reason=str(error))
        else:
            message_ids.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_ids[position]} for position in work(hints)]}
