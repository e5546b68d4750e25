"""Counts in Redis what has become of the webhooks of each day, and keeps how they came last.

    payments:webhooks          told, missing: when
    payments:webhooks:{day}    since: when the counting began; of each outcome <outcome>: how many,
                               <outcome>:first and <outcome>:last: when

What a webhook has changed is counted along with the change, from the ledger's stream, so that a webhook that settles a
payment needs no round trip for it. Any other is one that no customer waits for. Its process tells Redis of it at once,
and then at most once in SEND_EVERY_MS, so that a flood of forged ones costs one round trip a second; the words that are
counted are WebhookOutcome's own. Nothing depends on it: without Redis nothing is known.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from chalicelib.domain.redis_names import (
    WEBHOOK_COUNTS_TTL_SECONDS,
    WEBHOOKS_TTL_SECONDS,
    webhook_counts_key,
    webhooks_key,
)
from chalicelib.domain.rollup import day_of
from chalicelib.domain.webhooks import Arrivals, Arrived, WebhookNews, WebhookOutcome
from chalicelib.runtime.clock import Clock

SEND_EVERY_MS = 1_000
_SINCE, _FIRST, _LAST = "since", ":first", ":last"
_Counts = dict[tuple[date, WebhookOutcome], Arrived]


class WebhookCounts:
    """The counts, and what this process has not told Redis yet. One per process; threads share it.

    `run`: runs a command on redis-py's client; returns None where Redis is away.
    """

    def __init__(self, run: Callable[[Callable[[Any], Any]], Any], clock: Clock) -> None:
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._untold: _Counts = {}
        self._next_at = 0

    def note_changes(self, news: WebhookNews, told: int, pipeline: Any) -> None:
        """Sends along with other commands when webhooks came last, and how many more have told of a change.

        A later time stays.
        """
        now = self._clock.now()
        times = {"told": news.told_at, "missing": news.missing_at}
        known = {name: at for name, at in times.items() if at is not None}
        if known:
            pipeline.zadd(webhooks_key(), known, gt=True)
            pipeline.expire(webhooks_key(), WEBHOOKS_TTL_SECONDS)
        _begin_day(pipeline, day_of(now), now)
        if told:
            _add(pipeline, day_of(now), WebhookOutcome.TOLD, _arrived(told, news.told_at or now))

    def note(self, outcome: WebhookOutcome) -> None:
        """Counts a webhook that has changed nothing. Never raises."""
        now = self._clock.now()
        with self._lock:
            key = day_of(now), outcome
            self._untold = _summed(self._untold, {key: _arrived(1, now)})
            if now < self._next_at:
                return
            self._next_at = now + SEND_EVERY_MS
        self._run(self._tell)

    def read(self) -> WebhookNews:
        """Returns how webhooks come, and what is counted of today; nothing is known while Redis is away."""
        told = self._run(self._tell_and_read)
        if told is None:
            return WebhookNews()
        times, counts = ({name.decode(): int(score) for name, score in members} for members in told)
        return WebhookNews(times.get("told"), times.get("missing"), _arrivals(counts))

    def _tell(self, redis: Any, queue: Callable[[Any], object] = lambda _: None) -> list[Any]:
        """Tells Redis what it has not been told, together with other commands; returns all replies."""
        with self._lock:
            untold, self._untold = self._untold, {}
        pipeline = redis.pipeline(transaction=False)
        for (day, outcome), arrived in untold.items():
            _begin_day(pipeline, day, arrived.last_at)
            _add(pipeline, day, outcome, arrived)
        queue(pipeline)
        try:
            replies: list[Any] = pipeline.execute()
        except Exception:
            with self._lock:
                self._untold = _summed(untold, self._untold)
            raise
        return replies

    def _tell_and_read(self, redis: Any) -> list[Any]:
        def read(pipeline: Any) -> None:
            for key in webhooks_key(), webhook_counts_key(day_of(self._clock.now()).isoformat()):
                pipeline.zrange(key, 0, -1, withscores=True)

        return self._tell(redis, read)[-2:]


def _begin_day(pipeline: Any, day: date, now: int) -> None:
    key = webhook_counts_key(day.isoformat())
    pipeline.zadd(key, {_SINCE: now}, nx=True)
    pipeline.expire(key, WEBHOOK_COUNTS_TTL_SECONDS)


def _add(pipeline: Any, day: date, outcome: WebhookOutcome, arrived: Arrived) -> None:
    key = webhook_counts_key(day.isoformat())
    pipeline.zincrby(key, arrived.count, outcome.value)
    pipeline.zadd(key, {f"{outcome.value}{_FIRST}": arrived.first_at}, lt=True)
    pipeline.zadd(key, {f"{outcome.value}{_LAST}": arrived.last_at}, gt=True)


def _arrived(count: int, at: int) -> Arrived:
    return Arrived(count, first_at=at, last_at=at)


def _summed(one: _Counts, other: _Counts) -> _Counts:
    """Adds counts, of two days at most: those of earlier ones are in no answer any more."""
    days = sorted({day for day, _ in one.keys() | other.keys()})[-2:]
    summed = dict(one)
    for key, more in other.items():
        known = one.get(key, more)
        count = more.count + (known.count if key in one else 0)
        summed[key] = Arrived(count, min(known.first_at, more.first_at), max(known.last_at, more.last_at))
    return {key: arrived for key, arrived in summed.items() if key[0] in days}


def _arrivals(counts: Mapping[str, int]) -> Arrivals | None:
    """Returns what a day's key has; None where nothing has begun to count: it is new, or Redis has lost it."""
    if _SINCE not in counts:
        return None
    return Arrivals(counts[_SINCE], {it: _counted(counts, it) for it in WebhookOutcome if it in counts})


def _counted(counts: Mapping[str, int], outcome: WebhookOutcome) -> Arrived:
    last_at = counts.get(f"{outcome}{_LAST}", 0)
    return Arrived(counts[outcome], counts.get(f"{outcome}{_FIRST}", last_at), last_at)
