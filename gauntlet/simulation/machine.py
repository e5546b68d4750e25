"""Puts the simulation's own in place of what the product takes from its machine: threads, random numbers, UUIDs.

Nothing of the product knows of it. What it starts on a thread becomes an actor; a pool does its work in order.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Self

from chalicelib.adapters import work_queue
from chalicelib.adapters.ledger import shards, table_client
from chalicelib.flows import initiate_payment
from gauntlet.simulation.scheduler import Actor, Scheduler


class InOrder:
    """Is a pool of threads that does each work when it is given it."""

    def __init__(self, _: int) -> None:
        """Takes the number of threads, and has none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Has nothing to wait for."""

    def submit(self, work: Callable[..., Any], *arguments: Any) -> SimpleNamespace:
        result = work(*arguments)
        return SimpleNamespace(result=lambda: result)

    def map(self, work: Callable[..., Any], items: Sequence[Any]) -> Iterator[Any]:
        return iter([work(item) for item in items])


class _Thread:
    """Is a thread that runs as an actor of the same invocation as who has started it."""

    def __init__(self, scheduler: Scheduler, target: Callable[..., object], args: Sequence[Any], **_: Any) -> None:
        self._scheduler = scheduler
        self._work = lambda: target(*args)
        self._actor: Actor | None = None

    def start(self) -> None:
        self._actor = self._scheduler.spawn("thread", self._work)
        self._actor.invocation = self._scheduler.current().invocation

    def join(self, seconds: float) -> None:
        if self._actor is not None:
            self._scheduler.join(self._actor, seconds * 1000)


class Unexpected(logging.Handler):
    """Keeps what the product logs as an unexpected exception, and nothing else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.seen.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


@contextmanager
def simulated_machine(scheduler: Scheduler) -> Iterator[Unexpected]:
    """Replaces the machine for the code inside. Yields what the product logs as unexpected."""

    def uuid4() -> uuid.UUID:
        return uuid.UUID(int=scheduler.current().chance.getrandbits(128), version=4)

    def uniform(least: float, most: float) -> float:
        return scheduler.current().chance.uniform(least, most)

    def thread(**options: Any) -> _Thread:
        return _Thread(scheduler, **options)

    replaced: list[tuple[Any, str, object]] = [
        (uuid, "uuid4", uuid4),
        (table_client, "random", SimpleNamespace(uniform=uniform)),
        (initiate_payment, "threading", SimpleNamespace(Thread=thread)),
        (shards, "ThreadPoolExecutor", InOrder),
        (work_queue, "ThreadPoolExecutor", InOrder),
    ]
    before = [(where, name, getattr(where, name)) for where, name, _ in replaced]
    unexpected, logs = Unexpected(), [logging.getLogger(name) for name in ("payments", "local.simulator")]
    levels = [(log.level, log.propagate) for log in logs]
    try:
        for where, name, new in replaced:
            setattr(where, name, new)
        for log in logs:
            log.propagate = False
            log.setLevel(logging.ERROR)
            log.addHandler(unexpected)
        yield unexpected
    finally:
        for where, name, old in before:
            setattr(where, name, old)
        for log, (level, propagates) in zip(logs, levels, strict=True):
            log.removeHandler(unexpected)
            log.setLevel(level)
            log.propagate = propagates
