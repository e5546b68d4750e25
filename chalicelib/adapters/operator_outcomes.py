"""Keeps the last outcomes of each operator's payments in Redis, and says which operators are in trouble by them.

    outcomes:{MTN}        <reference>:paid, :technical or :failed, by the time of the claim
    payments:last-paid    operators, by the claim of the latest payment that was paid

Nothing depends on it: without Redis nobody is warned.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.operator_trouble import LATEST, TROUBLE_WINDOW_MS, Outcome, is_in_trouble
from chalicelib.domain.phone_number import OPERATORS
from chalicelib.domain.redis_names import LAST_PAID_TTL_SECONDS, OUTCOMES_TTL_SECONDS, last_paid_key, outcomes_key
from chalicelib.runtime.clock import Clock

_BELIEVED_MS = 5_000
"""How long a process does not ask again."""
_PAID, _TECHNICAL, _FAILED = "paid", "technical", "failed"


@dataclass(frozen=True, slots=True)
class Latest:
    """What is kept by operator: the last outcomes, newest first, and the claim of the last payment that was paid."""

    outcomes: Mapping[str, Sequence[Outcome]]
    paid_at: Mapping[str, int]


class OperatorOutcomes:
    """The outcomes as this process has read them last. One per process; threads share it.

    `run`: runs a command on redis-py's client; returns None where Redis is away.
    """

    def __init__(self, run: Callable[[Callable[[Any], Any]], Any], clock: Clock) -> None:
        self._run = run
        self._clock = clock
        self._in_trouble: Sequence[str] = ()
        self._believed_until = 0

    def note(self, outcomes: Iterable[Outcome], pipeline: Any) -> None:
        """Sends outcomes along with other commands. One that is noted again counts once."""
        for it in outcomes:
            key, word = outcomes_key(it.operator), _word_of(it)
            pipeline.zrem(key, *(f"{it.reference}:{other}" for other in {_PAID, _TECHNICAL, _FAILED} - {word}))
            pipeline.zadd(key, {f"{it.reference}:{word}": it.claimed_at})
            pipeline.zremrangebyrank(key, 0, -LATEST - 1)
            pipeline.expire(key, OUTCOMES_TTL_SECONDS)
            if it.is_paid:
                pipeline.zadd(last_paid_key(), {it.operator: it.claimed_at}, gt=True)
                pipeline.expire(last_paid_key(), LAST_PAID_TTL_SECONDS)

    def ask(self, pipeline: Any) -> None:
        """Asks for the outcomes along with other commands. `heard` takes the replies, one for each operator."""
        since = self._clock.now() - TROUBLE_WINDOW_MS
        for operator in OPERATORS:
            pipeline.zrangebyscore(outcomes_key(operator), f"({since}", "+inf")

    def heard(self, replies: Iterable[Iterable[bytes]]) -> None:
        told = zip(OPERATORS, replies, strict=False)
        self._in_trouble = [name for name, members in told if is_in_trouble(map(_is_technical, members))]
        self._believed_until = self._clock.now() + _BELIEVED_MS

    def in_trouble(self) -> Sequence[str]:
        """Returns the operators whose payments fail for technical reasons now; asks Redis where it has not lately."""
        if self._clock.now() >= self._believed_until:
            self.heard(self._run(self._read) or ())
        return self._in_trouble

    def latest(self) -> "Latest | None":
        """Returns each operator's last outcomes; None while Redis is away."""
        replies = self._run(self._read_latest)
        if replies is None:
            return None
        *outcomes, paid = replies
        told = zip(OPERATORS, outcomes, strict=True)
        return Latest(
            {name: [_outcome(name, *member) for member in members] for name, members in told},
            {name.decode(): int(at) for name, at in paid},
        )

    def _read_latest(self, redis: Any) -> Any:
        pipeline = redis.pipeline(transaction=False)
        for operator in OPERATORS:
            pipeline.zrevrange(outcomes_key(operator), 0, LATEST - 1, withscores=True)
        pipeline.zrange(last_paid_key(), 0, -1, withscores=True)
        return pipeline.execute()

    def _read(self, redis: Any) -> Any:
        pipeline = redis.pipeline(transaction=False)
        self.ask(pipeline)
        return pipeline.execute()


def _word_of(outcome: Outcome) -> str:
    if outcome.is_paid:
        return _PAID
    return _TECHNICAL if outcome.is_technical else _FAILED


def _is_technical(member: bytes) -> bool:
    return member.endswith(f":{_TECHNICAL}".encode())


def _outcome(operator: str, member: bytes, claimed_at: float) -> Outcome:
    """Reads an outcome. One of another word, as an earlier release wrote it, may have been paid, and ends a run."""
    reference, _, word = member.decode().partition(":")
    return Outcome(operator, reference, word == _TECHNICAL, int(claimed_at), word not in (_TECHNICAL, _FAILED))
