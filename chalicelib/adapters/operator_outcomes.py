"""Keeps the last outcomes of each operator's payments in Redis, and says which operators are in trouble by them.

    outcomes:{MTN}    <reference>:technical or <reference>:other, by the time of the claim

Nothing depends on it: without Redis nobody is warned.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from chalicelib.domain.contract import OUTCOMES_TTL_SECONDS, outcomes_key
from chalicelib.domain.operator_trouble import LATEST, TROUBLE_WINDOW_MS, Outcome, is_in_trouble
from chalicelib.domain.phone_number import OPERATORS
from chalicelib.runtime.clock import Clock

_BELIEVED_MS = 5_000
"""How long a process does not ask again."""
_TECHNICAL, _OTHER = ":technical", ":other"


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
            key = outcomes_key(it.operator)
            pipeline.zadd(key, {f"{it.reference}{_TECHNICAL if it.is_technical else _OTHER}": it.claimed_at})
            pipeline.zremrangebyrank(key, 0, -LATEST - 1)
            pipeline.expire(key, OUTCOMES_TTL_SECONDS)

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

    def _read(self, redis: Any) -> Any:
        pipeline = redis.pipeline(transaction=False)
        self.ask(pipeline)
        return pipeline.execute()


def _is_technical(member: bytes) -> bool:
    return member.endswith(_TECHNICAL.encode())
