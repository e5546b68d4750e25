"""Bounds what waits for slow browsers, in bytes and in time."""

import asyncio
import time
from collections.abc import Callable

from socket_gateway.settings import Bounds
from socket_gateway.wire import Outbox

Abort = Callable[[str, str], None]
"""`abort(eio_sid, reason)` ends a connection without waiting for its output."""


class Output:
    """Counts what waits for one browser: in its outbox, and in the write buffer of its TCP transport.

    `transport` is None while the browser polls. `sent` is the number of bytes that it had taken, and `progressed_at`
    the monotonic time when that number last grew.
    """

    __slots__ = ("_abort", "eio_sid", "outbox", "progressed_at", "sent", "transport")

    def __init__(self, eio_sid: str, outbox: Outbox, transport: asyncio.Transport | None, abort: Abort) -> None:
        self.eio_sid = eio_sid
        self.outbox = outbox
        self.transport = transport
        outbox.use(transport)
        self._abort = abort
        self.sent = 0
        self.progressed_at = 0.0

    @property
    def waiting_bytes(self) -> int:
        """Returns how many bytes wait in this process; what the kernel has is not counted."""
        buffered = self.transport.get_write_buffer_size() if self.transport is not None else 0
        return self.outbox.waiting_bytes + buffered

    def upgrade(self, transport: asyncio.Transport | None) -> None:
        """Counts this transport's write buffer from now on: a polling browser upgrades to a WebSocket."""
        self.transport = transport
        self.outbox.use(transport)

    def abort(self, reason: str) -> None:
        """Closes the browser's session and drops what waits."""
        self._abort(self.eio_sid, reason)


class OutputMonitor:
    """Compacts outboxes that grow too large, and closes sessions that stay too large or make no progress."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._outputs: dict[Outbox, Output] = {}
        self._waiting: set[Output] = set()

    def add(self, output: Output) -> None:
        """Applies the bounds to an output from now on."""
        self._outputs[output.outbox] = output

    def remove(self, output: Output) -> None:
        """Forgets an output that was added."""
        del self._outputs[output.outbox]
        self._waiting.discard(output)

    def put(self, outbox: Outbox) -> None:
        """Applies the bounds after an item was put into an outbox. Ignores outboxes that were not added."""
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
        """Closes sessions that made no progress within `output_stall_seconds`, until it is cancelled."""
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
