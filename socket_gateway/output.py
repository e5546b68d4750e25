"""What waits for slow browsers: little of it, and not for ever."""

import asyncio
import time
from collections.abc import Callable

from socket_gateway.settings import Bounds
from socket_gateway.wire import Outbox


class Output:
    """One browser's outbox and what its TCP transport holds back. `transport` is None while it polls."""

    __slots__ = ("eio_sid", "outbox", "progressed_at", "sent", "transport")

    def __init__(self, eio_sid: str, outbox: Outbox, transport: asyncio.Transport | None) -> None:
        self.eio_sid = eio_sid
        self.outbox = outbox
        self.transport = transport
        self.sent = 0
        self.progressed_at = 0.0

    @property
    def waiting_bytes(self) -> int:
        buffered = self.transport.get_write_buffer_size() if self.transport is not None else 0
        return self.outbox.waiting_bytes + buffered


class OutputWatch:
    def __init__(self, bounds: Bounds, close: Callable[[str, str], None]) -> None:
        """`close(eio_sid, reason)` must end the connection without waiting for its output."""
        self._bounds = bounds
        self._close = close
        self._waiting: set[Output] = set()

    def add(self, output: Output) -> None:
        output.outbox.on_put = lambda: self._put(output)

    def remove(self, output: Output) -> None:
        output.outbox.on_put = None
        self._waiting.discard(output)

    async def run(self) -> None:
        """For ever: closes whoever has taken nothing of what waits for too long."""
        while True:
            await asyncio.sleep(min(1.0, self._bounds.output_stall_seconds / 4))
            now = time.monotonic()
            for output in tuple(self._waiting):
                self._check(output, now)

    def _put(self, output: Output) -> None:
        if output not in self._waiting:
            self._waiting.add(output)
            output.progressed_at = time.monotonic()
        if output.waiting_bytes > self._bounds.output_compact_bytes:
            output.outbox.compact()
            if output.waiting_bytes > self._bounds.output_close_bytes:
                self._waiting.discard(output)
                self._close(output.eio_sid, "output_full")

    def _check(self, output: Output, now: float) -> None:
        waiting = output.waiting_bytes
        sent = output.outbox.total_bytes - waiting
        if waiting == 0:
            self._waiting.discard(output)
        elif sent > output.sent:
            output.progressed_at = now
        elif now - output.progressed_at > self._bounds.output_stall_seconds:
            self._waiting.discard(output)
            self._close(output.eio_sid, "output_stalled")
        output.sent = max(sent, output.sent)
