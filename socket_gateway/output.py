"""What waits for slow browsers: little of it, and not for ever."""

import asyncio
import time
from collections.abc import Callable

from socket_gateway.settings import Bounds
from socket_gateway.wire import Outbox

Abort = Callable[[str, str], None]
"""`abort(eio_sid, reason)` ends a connection without waiting for its output."""


class Output:
    """One browser's outbox and what its TCP transport holds back. `transport` is None while it polls."""

    __slots__ = ("_abort", "eio_sid", "outbox", "progressed_at", "sent", "transport")

    def __init__(self, eio_sid: str, outbox: Outbox, transport: asyncio.Transport | None, abort: Abort) -> None:
        self.eio_sid = eio_sid
        self.outbox = outbox
        self.transport = transport
        self._abort = abort
        self.sent = 0
        self.progressed_at = 0.0

    @property
    def waiting_bytes(self) -> int:
        buffered = self.transport.get_write_buffer_size() if self.transport is not None else 0
        return self.outbox.waiting_bytes + buffered

    def upgrade(self, transport: asyncio.Transport | None) -> None:
        """Counts what this transport holds back, from now on: the browser polled and upgrades to a WebSocket."""
        self.transport = transport

    def abort(self, reason: str) -> None:
        self._abort(self.eio_sid, reason)


class OutputMonitor:
    """Compacts the outboxes that grow too large, and ends the connections that take too little."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._outputs: dict[Outbox, Output] = {}
        self._waiting: set[Output] = set()

    def add(self, output: Output) -> None:
        self._outputs[output.outbox] = output

    def remove(self, output: Output) -> None:
        del self._outputs[output.outbox]
        self._waiting.discard(output)

    def put(self, outbox: Outbox) -> None:
        """Notices that something was put into an outbox. Nothing happens before `add` and after `remove`."""
        output = self._outputs.get(outbox)
        if output is None:
            return
        if output not in self._waiting:
            self._waiting.add(output)
            output.progressed_at = time.monotonic()
        if output.waiting_bytes > self._bounds.output_compact_bytes:
            outbox.compact()
            if output.waiting_bytes > self._bounds.output_close_bytes:
                self._waiting.discard(output)
                output.abort("output_full")

    async def run(self) -> None:
        """Until cancelled, closes the connections that made no progress within `output_stall_seconds`."""
        while True:
            await asyncio.sleep(min(1.0, self._bounds.output_stall_seconds / 4))
            now = time.monotonic()
            for output in tuple(self._waiting):
                self._check(output, now)

    def _check(self, output: Output, now: float) -> None:
        waiting = output.waiting_bytes
        sent = output.outbox.total_bytes - waiting
        if waiting == 0:
            self._waiting.discard(output)
        elif sent > output.sent:
            output.progressed_at = now
        elif now - output.progressed_at > self._bounds.output_stall_seconds:
            self._waiting.discard(output)
            output.abort("output_stalled")
        output.sent = max(sent, output.sent)
