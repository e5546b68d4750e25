"""Bounds what waits for slow browsers, in bytes and in time."""

import asyncio
import time
from collections.abc import Callable

from socket_gateway.session import Session
from socket_gateway.settings import Bounds

Abort = Callable[[Session, str], None]
"""`abort(session, reason)` closes a session without waiting for its output."""


class _Progress:
    """Notes how many bytes the kernel had taken of a session's output, and the monotonic time when that last grew."""

    __slots__ = ("at", "sent")

    def __init__(self, sent: int) -> None:
        self.sent = sent
        self.at = time.monotonic()


class OutputMonitor:
    """Compacts outputs that grow too large, and closes sessions whose output stays too large or makes no progress."""

    def __init__(self, bounds: Bounds, abort: Abort) -> None:
        self._bounds = bounds
        self._abort = abort
        self._waiting: dict[Session, _Progress] = {}

    def waits(self, session: Session) -> None:
        """Applies the bounds to a session for which something waits now."""
        waiting = session.waiting_bytes
        if session not in self._waiting:
            self._waiting[session] = _Progress(session.total_bytes - waiting)
        if waiting > self._bounds.output_compact_bytes:
            session.compact()
            if session.waiting_bytes > self._bounds.output_close_bytes:
                self._drop(session, "output_full")

    def forget(self, session: Session) -> None:
        """Applies the bounds to a session no more."""
        self._waiting.pop(session, None)

    async def run(self) -> None:
        """Closes sessions that made no progress within `output_stall_seconds`, until it is cancelled."""
        while True:
            await asyncio.sleep(min(1.0, self._bounds.output_stall_seconds / 4))
            now = time.monotonic()
            for session, progress in tuple(self._waiting.items()):
                self._check(session, progress, now)

    def _check(self, session: Session, progress: _Progress, now: float) -> None:
        waiting = session.waiting_bytes
        sent = session.total_bytes - waiting
        if waiting == 0:
            self.forget(session)
        elif sent > progress.sent:
            progress.sent, progress.at = sent, now
        elif now - progress.at > self._bounds.output_stall_seconds:
            self._drop(session, "output_stalled")

    def _drop(self, session: Session, reason: str) -> None:
        self.forget(session)
        self._abort(session, reason)
