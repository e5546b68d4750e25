"""Stands for SQS and its Lambdas on the clock of a test: moto's delays pass in real time."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.bootstrap import Service
from chalicelib.domain.hints import CheckHint, DeliveryHint, ShopHint
from chalicelib.flows.batch import unfinished
from chalicelib.runtime.clock import Clock
from infra.functions import BATCH, HIDDEN_SECONDS
from tests.harness.fakes import HandClock

CHECKS, DELIVERIES, SHOP = "checks", "deliveries", "shop"
_SWEEP_EVERY_SECONDS = 60


@dataclass(frozen=True, order=True)
class Message:
    at: int
    number: int
    queue: str
    body: str


class HandQueues:
    """Stands for the client of SQS. A queue's name is the end of its URL. `lost`: says which bodies get lost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sent = 0
        self.waiting: list[Message] = []
        self.lost: Callable[[str], bool] = lambda _: False

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 boto3's
        for entry in Entries:
            at = self._clock.now() + entry["DelaySeconds"] * 1000
            if not self.lost(entry["MessageBody"]):
                self.put(at, QueueUrl.rpartition("/")[2], entry["MessageBody"])
        return {}

    def put(self, at: int, queue: str, body: str) -> None:
        with self._lock:
            self._sent += 1
            self.waiting.append(Message(at, self._sent, queue, body))

    def take(self) -> list[Message]:
        """Takes up to ten messages of one queue that are there now, the oldest first."""
        with self._lock:
            there = sorted(message for message in self.waiting if message.at <= self._clock.now())
            taken = [message for message in there if message.queue == there[0].queue][:BATCH]
            self.waiting = [message for message in self.waiting if message not in taken]
            return taken


def queues_of(service: Service) -> HandQueues:
    client: Any = service.work_queue._client()
    assert isinstance(client, HandQueues)
    return client


def work_off(service: Service) -> None:
    """Follows the hints that are in the queues now, and those that come of it at once."""
    queues = queues_of(service)
    while messages := queues.take():
        bodies = [message.body for message in messages]
        if messages[0].queue == SHOP:
            again = service.tell_shop.of_all([ShopHint.from_body(body) for body in bodies])
            for position, at in again.items():
                queues.put(at or service.clock.now() + HIDDEN_SECONDS * 1000, SHOP, bodies[position])
            continue
        if messages[0].queue == CHECKS:
            failed = unfinished([CheckHint.from_body(body) for body in bodies], service.check)
        else:
            failed = unfinished([DeliveryHint.from_body(body) for body in bodies], service.catch_up)
        for position in failed:
            message = messages[position]
            queues.put(service.clock.now() + HIDDEN_SECONDS * 1000, message.queue, message.body)


def sweep_once(service: Service) -> None:
    """Sweeps, and follows the hints that are for now."""
    service.sweep()
    work_off(service)


def run_for(service: Service, clock: HandClock, seconds: float) -> None:
    """Lets time pass as in AWS: the sweep once a minute, from now on, and hints followed as they come."""
    for second in range(int(seconds)):
        if second % _SWEEP_EVERY_SECONDS == 0:
            service.sweep()
        work_off(service)
        clock.forward(1)
    work_off(service)
