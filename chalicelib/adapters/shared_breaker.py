"""Shares a circuit breaker's state among all processes, through one key of Redis.

    key                           state
    absent                        closed, or Redis does not know
    a moment that is to come      open: no process calls before it
    a moment that has passed      open: who replaces it by a later one makes the probe

Moments are milliseconds since the epoch, by the clocks of the processes. A clock that is wrong delays a probe by
`LEASE_MS` at most. Without Redis each process is left to its own breaker.
"""

from collections.abc import Callable
from typing import Any

from chalicelib.runtime.clock import Clock

LEASE_MS = 30_000
"""Time after which another process may probe, if the one that probes has died. Only a statement may take as long."""
_TTL_SECONDS = 60
_BELIEVED_MS = 1_000
"""How long a process does not ask again after it has read that the breaker is closed."""


class SharedBreaker:
    """One breaker's state in Redis. One per process; threads share it.

    `run`: runs a command on redis-py's client; returns None where Redis is away.
    """

    def __init__(self, key: str, run: Callable[[Callable[[Any], Any]], Any], clock: Clock) -> None:
        self.key = key
        self._run = run
        self._clock = clock
        self._probe_at: int | None = None
        self._believed_until = 0
        self._is_probing = False

    def is_open(self) -> bool:
        """Returns whether some process has found the service gone, and none has found it back since."""
        if self._clock.now() >= self._believed_until:
            self.heard(self._run(lambda redis: redis.get(self.key)))
        return self._probe_at is not None

    def heard(self, value: bytes | None) -> None:
        """Takes the value of the key, also where it was read along with another one."""
        self._probe_at = int(value) if value is not None and value.isdigit() else None
        self._believed_until = self._clock.now() + _BELIEVED_MS if self._probe_at is None else 0

    def take_probe(self) -> bool:
        """Returns whether this process may call now. Of several that ask at a time, one may. Call it while open."""
        now = self._clock.now()
        if not _is_due(self._probe_at, now):
            return False
        lease = now + LEASE_MS
        self.heard(self._run(lambda redis: redis.set(self.key, lease, xx=True, get=True, ex=_TTL_SECONDS)))
        self._is_probing = _is_due(self._probe_at, now)
        return self._is_probing

    def end_probe(self) -> None:
        """Lets another process probe at once, where this one's probe has told nothing."""
        if self._is_probing:
            self.open_until(self._clock.now())

    def open_until(self, moment: int) -> None:
        """Tells all that the service is gone, and when the next probe is due."""
        self._probe_at, self._believed_until, self._is_probing = moment, 0, False
        self._run(lambda redis: redis.set(self.key, moment, ex=_TTL_SECONDS))

    def close(self) -> None:
        """Tells all that the service has answered. Sends nothing unless the breaker was known to be open."""
        if self._probe_at is not None:
            self.heard(None)
            self._is_probing = False
            self._run(lambda redis: redis.delete(self.key))


def _is_due(probe_at: int | None, now: int) -> bool:
    return probe_at is None or not now < probe_at <= now + LEASE_MS
