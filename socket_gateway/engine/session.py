"""Speaks Engine.IO 4 and Socket.IO 5 with one browser, in the text messages of its WebSocket."""

import asyncio
import json

from socket_gateway.engine.context import Context
from socket_gateway.engine.websocket import WebSocketSession
from socket_gateway.packets import CONNECT, TokenBucket, new_id, write_packet

OPEN, CLOSE, PING, PONG, MESSAGE = "0", "1", "2", "3", "4"
"""The types of Engine.IO's packets: the first character of each message."""
UPGRADE = "5"
PROBE, PROBED = "2probe", "3probe"
_STRAY = frozenset({UPGRADE, PROBE, PROBED})
"""Steps of an upgrade where there is nothing to upgrade. They are ignored."""


class EngineSession(WebSocketSession):
    """Is one browser: its WebSocket, its Engine.IO session and, once that is connected, its Socket.IO client."""

    __slots__ = ("_context",)

    def __init__(
        self,
        context: Context,
        session_id: str,
        address: str,
        locale: str,
        bucket: TokenBucket,
        transport: asyncio.Transport,
    ) -> None:
        super().__init__(session_id, address, locale, bucket, transport)
        self._context = context

    @property
    def most_bytes(self) -> int:
        return self._context.most_bytes

    def data_received(self, data: bytes) -> None:
        if not self._context.turns.do(self._read, data):
            self.transport.pause_reading()  # what comes meanwhile waits in the kernel

    def open(self) -> None:
        """Sends the first packet of a new session."""
        heartbeat = self._context.heartbeat
        content = {
            "sid": self.id,
            "upgrades": [],
            "pingTimeout": int(heartbeat.timeout * 1000),
            "pingInterval": int(heartbeat.interval * 1000),
            "maxPayload": self.most_bytes,
        }
        self.send_text(OPEN + json.dumps(content, separators=(",", ":")))

    def ping(self) -> None:
        """Asks whether the browser is still there."""
        self.send_text(PING)

    def give_up(self) -> None:
        """Ends the session of a browser that has not answered a ping."""
        self._context.ended(self, "ping timeout")
        super().close()

    def send_packet(self, packet: str) -> None:
        self.send_text(MESSAGE + packet)

    def close(self) -> None:
        self._context.ended(self, "server disconnect")
        super().close()

    def received(self, text: str) -> None:
        if text.startswith(MESSAGE):
            self._received_packet(text[1:])
        elif text == PONG:
            self._context.heartbeat.answered(self)
            self.count_packet()
        elif text == CLOSE:
            self._context.ended(self, "client disconnect")
            super().close()
        elif text in _STRAY:
            self.count_packet()
        else:
            self.received_malformed()

    def received_malformed(self) -> None:
        self._context.connections.malformed(self)

    def count_packet(self) -> None:
        if not self.bucket.take():
            self.hold(self._context.pause_seconds)

    def left(self) -> None:
        self._context.ended(self, "transport close")

    def output_waits(self) -> None:
        self._context.connections.outputs.waits(self)

    def lost(self) -> None:
        self._context.turns.do(self._context.lost, self)

    def _read(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except Exception:
            self.transport.abort()
            raise
        if not self.is_held and not self.transport.is_closing():
            self.transport.resume_reading()

    def _received_packet(self, text: str) -> None:
        packet = self._context.inbox.take(self, text)
        if packet is None:
            return
        if packet.type == CONNECT:
            sid = new_id()
            self.send_packet(write_packet(CONNECT, {"sid": sid}))
            self._context.sockets.connected(self, sid)
        else:
            self._context.sockets.disconnected(self, "client disconnect")
