"""Is a session that python-engineio carries: by long-polling, or by a WebSocket of uvicorn."""

import asyncio
from collections.abc import Callable, Sequence

import engineio.packet

from socket_gateway.packets import TokenBucket
from socket_gateway.session import Session
from socket_gateway.stock.library import Outbox, VersionPacket
from socket_gateway.versions import Version


class StockSession(Session):
    """Sends by the queue of python-engineio, or past it where it has a WebSocket on which nothing waits."""

    __slots__ = ("_outbox", "_start_close", "held_seconds", "is_polling", "is_upgrading", "transport")

    def __init__(
        self, session_id: str, address: str, locale: str, bucket: TokenBucket, outbox: Outbox, close: Callable[[], None]
    ) -> None:
        super().__init__(session_id, address, locale, bucket)
        self._outbox = outbox
        self._start_close = close
        self.held_seconds = 0.0
        """How long the driver must wait before it reads on."""
        self.is_polling = False
        """Whether a poll waits."""
        self.is_upgrading = False
        self.transport: asyncio.Transport | None = None
        """The TCP transport of the WebSocket; None while the browser polls."""

    def websocket_opened(self, transport: asyncio.Transport | None) -> None:
        """Notes the transport of a WebSocket, which may have an upgrade to go through before anything is sent on it."""
        self.transport = transport

    def websocket_takes_over(self) -> None:
        """Sends by the WebSocket from now on."""
        self._outbox.use(self.transport)

    @property
    def may_upgrade(self) -> bool:
        """Says whether the browser polls, and has not begun to do otherwise."""
        return self.transport is None and not self.is_upgrading

    def take_all(self) -> list[str]:
        """Takes the Engine.IO packets that wait for the browser."""
        return self._outbox.take_all()

    def finish(self) -> None:
        """Sends what waits and no more: a poll that waits is answered, which python-engineio would not do."""
        self._outbox.finish()

    def send(self, versions: Sequence[Version], frames: bytes) -> None:
        if self._outbox.is_idle:
            self._outbox.write(frames)
            return
        for version in versions:
            for packet in version.packets():
                self._outbox.put_nowait(VersionPacket(version.reference, version.number, packet))

    def send_packet(self, packet: str) -> None:
        self._outbox.put_nowait(engineio.packet.Packet(engineio.packet.MESSAGE, packet))

    def join_output(self, *, begins: bool) -> None:
        """Does nothing: python-engineio writes each packet by itself."""

    def hold(self, seconds: float) -> None:
        self.held_seconds = seconds

    def close(self) -> None:
        self._start_close()

    def drop_output(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    @property
    def waiting_bytes(self) -> int:
        buffered = self.transport.get_write_buffer_size() if self.transport is not None else 0
        return self._outbox.waiting_bytes + buffered

    @property
    def total_bytes(self) -> int:
        return self._outbox.total_bytes

    def compact(self) -> None:
        self._outbox.compact()
