"""Implements a circuit breaker: while a service does not answer, calls to it fail at once instead of timing out.

    state    what happens
    closed   every call is made; one that fails opens the breaker
    open     every call is refused at once, until the next try is due
    probing  one call is made, all others are refused; its outcome closes the breaker or opens it again

The next try is due 0.2 s after a call that failed at once, such as a refused connection, and 2 s after a call that
timed out: a probe that times out makes its caller wait, one that fails at once does not.

A breaker may share its state with those of other processes: one that is found open there is open here too, and of all
processes one probes at a time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.adapters.shared_breaker import SharedBreaker
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

PROBE_AFTER_MS = 200
PROBE_AFTER_TIMEOUT_MS = 2_000
_QUICK_MS = 100


class BreakerOpen(Exception):
    """Raised in place of a call: the breaker is open, and nothing was sent."""


class Breaker:
    """Guards the calls of one service. One per process; threads share it.

    `failures`: the exceptions that mean that the service does not answer. `shared`: the state among processes; None
    for a breaker that each process has for itself. `probe_after_timeout_ms`: from a call that timed out to the next
    probe, less than `LEASE_MS`.
    """

    def __init__(
        self,
        service: str,
        clock: Clock,
        failures: tuple[type[Exception], ...],
        shared: SharedBreaker | None = None,
        probe_after_timeout_ms: int = PROBE_AFTER_TIMEOUT_MS,
    ) -> None:
        self._service = service
        self._clock = clock
        self._failures = failures
        self._shared = shared
        self._probe_after_timeout_ms = probe_after_timeout_ms
        self._lock = threading.Lock()
        self._away_until: int | None = None
        self._is_probing = False

    def is_open(self) -> bool:
        """Returns whether the service was found gone, here or in another process, and has not answered since."""
        return self._away_until is not None or (self._shared is not None and self._shared.is_open())

    @contextmanager
    def call(self, *, even_if_open: bool = False) -> Iterator[None]:
        """Guards the call made inside. Raises BreakerOpen where it must not be made; passes on what the call raises.

        `even_if_open`: whether the call is made in any case. What comes of it counts all the same.
        """
        is_probe = not even_if_open and self._admit()
        began_at = self._clock.now()
        try:
            yield
        except self._failures as error:
            self._open(began_at, error)
            raise
        else:
            self.close()
        finally:
            if is_probe:
                self._end_probe()

    def close(self) -> None:
        """Closes the breaker. Call it when the service has answered, also outside `call`."""
        with self._lock:
            if self._away_until is not None:
                log.info(f"{self._service}-back")
            self._away_until = None
        if self._shared is not None:
            self._shared.close()

    def _admit(self) -> bool:
        """Returns whether the call is a probe. Raises BreakerOpen."""
        is_probe = self._admit_here()
        if self._shared is None or not self._shared.is_open():
            return is_probe
        may_probe = self._shared.take_probe()
        with self._lock:
            if may_probe or is_probe:
                self._is_probing = may_probe
            if not may_probe:
                self._stay_away(self._clock.now() + PROBE_AFTER_MS, found_by="another process")
                raise BreakerOpen(f"{self._service} is away")
        return True

    def _admit_here(self) -> bool:
        with self._lock:
            if self._away_until is None:
                return False
            if self._is_probing or self._clock.now() < self._away_until:
                raise BreakerOpen(f"{self._service} is away")
            self._is_probing = True
            return True

    def _end_probe(self) -> None:
        self._is_probing = False
        if self._shared is not None:
            self._shared.end_probe()

    def _open(self, began_at: int, error: Exception) -> None:
        failed_at = self._clock.now()
        was_quick = failed_at - began_at < _QUICK_MS
        until = failed_at + (PROBE_AFTER_MS if was_quick else self._probe_after_timeout_ms)
        with self._lock:
            self._stay_away(until, error=type(error).__name__)
        if self._shared is not None:
            self._shared.open_until(until)

    def _stay_away(self, until: int, **why: str) -> None:
        if self._away_until is None:
            log.warning(f"{self._service}-lost", **why)
        self._away_until = until
