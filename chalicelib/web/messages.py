"""Reads the events with which Lambda hands over messages of SQS, and shapes the answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chalicelib.domain.hints import MalformedHint
from chalicelib.runtime import log

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Messages(Generic[T]):
    """The messages of an event that can be read, each at the same position of each list.

    `receipts`: by which SQS knows that a message was taken.
    """

    hints: Sequence[T]
    ids: Sequence[str]
    receipts: Sequence[str]

    def answer(self, again: Iterable[int]) -> Any:
        """Reports the positions of the messages that are to come again."""
        return {"batchItemFailures": [{"itemIdentifier": self.ids[position]} for position in again]}


def read(event: Mapping[str, Any], parse: Callable[[str], T]) -> Messages[T]:
    """Reads an event's messages. A malformed one is dropped: it would not be better the next time."""
    hints, records = [], []
    for record in event["Records"]:
        try:
            hints.append(parse(record["body"]))
        except MalformedHint as error:
            log.warning("message-malformed", reason=str(error))
        else:
            records.append(record)
    ids, receipts = ([record.get(name, "") for record in records] for name in ("messageId", "receiptHandle"))
    return Messages(hints, ids, receipts)


def handle(event: Mapping[str, Any], parse: Callable[[str], T], work: Callable[[Sequence[T]], Iterable[int]]) -> Any:
    """Has an event's messages worked off, and reports those that are to come again.

    `work`: returns the positions of the hints that it could not finish.
    """
    taken = read(event, parse)
    return taken.answer(work(taken.hints))
