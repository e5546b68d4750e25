"""Takes a polling session over: the WebSocket on which its browser goes through the steps of an upgrade."""

import asyncio
from collections.abc import Callable

from socket_gateway.engine.context import Context
from socket_gateway.engine.session import PROBE, PROBED, UPGRADE
from socket_gateway.engine.websocket import WebSocketSession
from socket_gateway.stock.driver import StockDriver
from socket_gateway.stock.session import StockSession

TakeOver = Callable[[StockSession, asyncio.Transport, bytes], None]
"""`take_over(polling, transport, unread)`: the upgrade is complete, and `unread` has come after it."""


class Upgrade(WebSocketSession):
    """Answers the probe, lets the poll end, and waits for the browser's last word. Then the engine takes over.

    Each step has `request_seconds`. Where one fails the session goes on by long-polling, but for a step that is late:
    such a session is closed. It borrows the WebSocket of a session, and is none: `Connections` never has it.
    """

    __slots__ = (
        "_context",
        "_deadline",
        "_expected",
        "_has_failed",
        "_is_complete",
        "_polling",
        "_seconds",
        "_stock",
        "_take_over",
    )

    def __init__(
        self,
        context: Context,
        stock: StockDriver,
        take_over: TakeOver,
        polling: StockSession,
        transport: asyncio.Transport,
        seconds: float,
    ) -> None:
        super().__init__(polling.id, polling.address, polling.locale, polling.bucket, transport)
        self._context = context
        self._stock = stock
        self._take_over = take_over
        self._polling = polling
        self._seconds = seconds
        self._expected = PROBE
        self._has_failed = False
        self._is_complete = False
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._late)

    @property
    def most_bytes(self) -> int:
        return self._context.most_bytes

    def received(self, text: str) -> None:
        if text != self._expected:
            self.left()
            self.close()
        elif text == PROBE:
            self._expected = UPGRADE
            self._deadline.cancel()
            self._deadline = asyncio.get_running_loop().call_later(self._seconds, self._late)
            self.send_text(PROBED)
            self._stock.begin_upgrade(self._polling)
        else:
            self._deadline.cancel()
            self._is_complete = self.is_held = True  # what follows is for the session that takes over

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_complete:
            self._take_over(self._polling, self.transport, self.unread)

    def received_malformed(self) -> None:
        self.received("")

    def left(self) -> None:
        self._deadline.cancel()
        if not self._has_failed:  # another upgrade of the session may have begun since
            self._has_failed = True
            self._stock.cancel_upgrade(self._polling)

    def lost(self) -> None:
        self.left()
        self._context.released(self)

    def send_packet(self, packet: str) -> None:
        """Is not used: the polling session sends until the upgrade is complete."""
        raise NotImplementedError

    def count_packet(self) -> None:
        if not self.bucket.take():
            self.transport.abort()

    def output_waits(self) -> None:
        """Needs no bound: one short message is all that is sent, but for a few answers to pings."""

    def _late(self) -> None:
        self.transport.abort()
        self._context.connections.close(self.id, "upgrade_deadline")
