"""Implements a circuit breaker: while a service does not answer, calls to it fail at once instead of timing out.

    state    what happens
    closed   every call is made; one that fails opens the breaker
    open     every call is refused at once, until the next try is due
    probing  one call is made, all others are refused; its outcome closes the breaker or opens it again

The next try is due 0.2 s after a call that failed at once, such as a refused connection, and 2 s after a call that
timed out: a probe that times out makes its caller wait, one that fails at once does not.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

PROBE_AFTER_MS = 200
PROBE_AFTER_TIMEOUT_MS = 2_000
_QUICK_MS = 100


class BreakerOpen(Exception):
    """Raised in place of a call: the breaker is open, and nothing was sent."""


class Breaker:
    """Guards the calls of one service. One per process; threads share it.

    `failures`: the exceptions that mean that the service does not answer.
    """

    def __init__(self, service: str, clock: Clock, failures: tuple[type[Exception], ...]) -> None:
        self._service = service
        self._clock = clock
        self._failures = failures
        self._lock = threading.Lock()
        self._away_until: int | None = None
        self._is_probing = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """Guards the call made inside. Raises BreakerOpen where it must not be made; passes on what the call raises."""
        began_at, is_probe = self._admit()
        try:
            yield
        except self._failures as error:
            self._open(began_at, error)
            raise
        else:
            self.close()
        finally:
            if is_probe:
                self._is_probing = False

    def close(self) -> None:
        """Closes the breaker. Call it when the service has answered, also outside `call`."""
        with self._lock:
            if self._away_until is not None:
                log.info(f"{self._service}-back")
            self._away_until = None

    def _admit(self) -> tuple[int, bool]:
        with self._lock:
            now = self._clock.now()
            if self._away_until is None:
                return now, False
            if self._is_probing or now < self._away_until:
                raise BreakerOpen(f"{self._service} is away")
            self._is_probing = True
            return now, True

    def _open(self, began_at: int, error: Exception) -> None:
        with self._lock:
            if self._away_until is None:
                log.warning(f"{self._service}-lost", error=type(error).__name__)
            failed_at = self._clock.now()
            was_quick = failed_at - began_at < _QUICK_MS
            self._away_until = failed_at + (PROBE_AFTER_MS if was_quick else PROBE_AFTER_TIMEOUT_MS)
