"""Is SQS in memory: messages come after their delay, and again until they are deleted or were taken too often.

Its answers and refusals are those of SQS (tests/parts/test_simulated_queues.py compares them). How long a message is
kept has no part in it: all attempts of a hint are over before (tests/infra/templates/test_work_queues.py).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.work_queue import LONGEST_DELAY_SECONDS
from gauntlet.simulation.refusal import refusal

_MOST_ENTRIES = 10
_SEND, _RECEIVE, _DELETE = "SendMessageBatch", "ReceiveMessage", "DeleteMessage"


@dataclass(eq=False)
class Message:
    """Waits in a queue. `receipt`: by which who has taken it last deletes it."""

    body: str
    shown_at: int
    received: int = 0
    receipt: str = ""


@dataclass
class Queues:
    """The queues by their URLs. It takes the calls of boto3's client that the product makes, and Lambda in its place.

    `copies`: says how late each copy of a new message comes, in milliseconds; a message that has none is lost.
    `will_show`: is told when a message of a queue can be taken, each time that it will be.
    """

    now: Callable[[], int]
    urls: Iterable[str]
    hidden_ms: int
    most_received: int
    copies: Callable[[], Sequence[int]]
    will_show: Callable[[str, int], object]
    dead: list[tuple[str, str]] = field(default_factory=list)
    """The queues and the bodies of the messages that were taken too often."""

    def __post_init__(self) -> None:
        self.waiting: dict[str, list[Message]] = {url: [] for url in self.urls}
        self._taken = 0

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 boto3's
        queue = self._queue(_SEND, QueueUrl)
        _check_batch(Entries)
        answer: dict[str, list[Any]] = {"Successful": [], "Failed": []}
        for entry in Entries:
            if not 0 <= entry["DelaySeconds"] <= LONGEST_DELAY_SECONDS:
                failed = {"Id": entry["Id"], "SenderFault": True, "Code": "InvalidParameterValue"}
                answer["Failed"].append(failed)
                continue
            answer["Successful"].append({"Id": entry["Id"]})
            for late in self.copies():
                message = Message(entry["MessageBody"], self.now() + entry["DelaySeconds"] * 1000 + late)
                queue.append(message)
                self.will_show(QueueUrl, message.shown_at)
        return answer

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int = 1) -> dict[str, Any]:  # noqa: N803 boto3's
        """Takes messages, and hides them for a time."""
        queue = self._queue(_RECEIVE, QueueUrl)
        if not 1 <= MaxNumberOfMessages <= _MOST_ENTRIES:
            raise refusal(_RECEIVE, "InvalidParameterValue", "MaxNumberOfMessages is invalid")
        taken: list[Any] = []
        for message in [it for it in queue if it.shown_at <= self.now()]:
            if len(taken) == MaxNumberOfMessages:
                break
            if message.received == self.most_received:
                queue.remove(message)
                self.dead.append((QueueUrl, message.body))
                continue
            self._hide(QueueUrl, message)
            taken.append({"Body": message.body, "ReceiptHandle": message.receipt})
        return {"Messages": taken} if taken else {}

    def _hide(self, url: str, message: Message) -> None:
        self._taken += 1
        message.received, message.receipt = message.received + 1, str(self._taken)
        message.shown_at = self.now() + self.hidden_ms
        self.will_show(url, message.shown_at)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:  # noqa: N803 boto3's
        queue = self._queue(_DELETE, QueueUrl)
        queue[:] = [it for it in queue if it.receipt != ReceiptHandle]
        return {}

    def _queue(self, operation: str, url: str) -> list[Message]:
        if url not in self.waiting:
            raise refusal(operation, "QueueDoesNotExist", "The specified queue does not exist.")
        return self.waiting[url]


def _check_batch(entries: Sequence[Mapping[str, Any]]) -> None:
    """Refuses a batch that SQS refuses whole."""
    names = [entry["Id"] for entry in entries]
    if not entries:
        raise refusal(_SEND, "EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(set(names)) < len(names):
        raise refusal(_SEND, "BatchEntryIdsNotDistinct", "An Id is repeated.")
    if len(entries) > _MOST_ENTRIES:
        raise refusal(_SEND, "TooManyEntriesInBatchRequest", f"Maximum number of entries is {_MOST_ENTRIES}.")
