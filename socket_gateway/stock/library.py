"""Adapts python-engineio 4 and python-socketio 5 to the gateway. Their minor versions are pinned.

Used beyond their documented interfaces: `eio.sockets`, a socket's `queue`, `upgraded`, `upgrading`, `closed` and
`close()`, and the method of python-socketio that chooses the Engine.IO class.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import engineio
import engineio.packet
import socketio

from socket_gateway.settings import Settings
from socket_gateway.stock.client_index import ClientIndexManager

_BATCH_BYTES = 16 * 1024
_BATCH_PACKETS = 16
"""python-engineio's client takes no more with one poll."""


class VersionPacket(engineio.packet.Packet):  # type: ignore[misc]  # python-engineio has no types
    """Holds one encoded event of one version of one payment."""

    def __init__(self, reference: str, version: int, text: str) -> None:
        super().__init__(engineio.packet.MESSAGE, text)
        self.reference = reference
        self.version = version


class Outbox(asyncio.Queue[Any]):
    """Queues what waits for one browser, and counts it in bytes."""

    _queue: deque[Any]
    _getters: deque[asyncio.Future[None]]

    def __init__(self) -> None:
        self.waits: Callable[[], None] = _nobody_asks
        """Called after each item with a content that was put in, and after a write that must wait."""
        self._transport: asyncio.Transport | None = None
        self.waiting_bytes = 0
        self.total_bytes = 0
        """Bytes that were ever put in and not dropped. Minus `waiting_bytes` it is what was taken out."""
        self._taken = self._taken_packets = 0
        super().__init__()

    async def get(self) -> Any:
        self._taken = self._taken_packets = 0
        return await super().get()

    def get_nowait(self) -> Any:
        # Engine.IO takes all there is before it writes. What it has taken can be neither counted nor replaced by a
        # newer version, so it gets at most `_BATCH_BYTES` at a time.
        if self._taken > _BATCH_BYTES or self._taken_packets == _BATCH_PACKETS:
            raise asyncio.QueueEmpty
        return super().get_nowait()

    def use(self, transport: asyncio.Transport | None) -> None:
        """Sets the transport of the browser's WebSocket; None while it polls."""
        self._transport = transport

    @property
    def is_idle(self) -> bool:
        """Says whether frames may be written past the queue: nothing waits in it, and little behind it.

        Engine.IO's writer waits for an item only when it has written all that it took. uvloop keeps what is written
        until the end of its turn, so that a transport that keeps up has a little to write too.
        """
        transport = self._transport
        return (
            transport is not None
            and bool(self._getters)
            and not self._queue
            and transport.get_write_buffer_size() < _BATCH_BYTES
            and not transport.is_closing()
        )

    def write(self, frames: bytes) -> None:
        """Writes WebSocket frames at once. Only while `is_idle`: otherwise they would overtake what waits."""
        transport = cast(asyncio.Transport, self._transport)
        waits = transport.get_write_buffer_size()
        transport.write(frames)
        self.total_bytes += len(frames)
        if waits:
            self.waits()

    def finish(self) -> None:
        """Ends the queue: after its items the writer closes the WebSocket, or a waiting poll is answered.

        The session holds the queue, and `waits` the session: a session that has ended must not be kept until a rare
        collection of garbage finds the two.
        """
        self.put_nowait(None)
        self.waits = _nobody_asks

    def take_all(self) -> list[str]:
        """Takes all that waits, as Engine.IO packets that are encoded for a WebSocket."""
        items = [item for item in self._queue if item is not None]
        self._queue.clear()
        self.waiting_bytes = 0
        return [str(item.encode()) for item in items]

    def compact(self) -> None:
        """Drops all but the newest version of each payment. Items that are no VersionPacket stay."""
        newest: dict[str, int] = {}
        items = list(self._queue)
        for item in items:
            if isinstance(item, VersionPacket):
                newest[item.reference] = max(item.version, newest.get(item.reference, 0))
        kept = [item for item in items if not isinstance(item, VersionPacket) or item.version == newest[item.reference]]
        self._queue.clear()
        self._queue.extend(kept)
        dropped = self.waiting_bytes - sum(map(_size, kept))
        self.waiting_bytes -= dropped
        self.total_bytes -= dropped

    def _put(self, item: Any) -> None:
        size = _size(item)
        self.waiting_bytes += size
        self.total_bytes += size
        super()._put(item)
        if size:
            self.waits()

    def _get(self) -> Any:
        item = super()._get()
        size = _size(item)
        self.waiting_bytes -= size
        self._taken += size
        self._taken_packets += 1
        return item


def _nobody_asks() -> None:
    """Stands for a session that has not been opened yet, or has ended."""


def _size(item: Any) -> int:
    """Returns an item's size in characters, which is close to its bytes: payloads are ASCII but for a few accents."""
    return len(item.data) if item is not None and isinstance(item.data, str) else 0


class EngineServer(engineio.AsyncServer):  # type: ignore[misc]  # python-engineio has no types
    """Runs Engine.IO with an Outbox as each session's queue. `new_id` makes the ids of sessions."""

    def __init__(self, *, new_id: Callable[[], str], **options: Any) -> None:
        super().__init__(**options)
        self._new_id = new_id

    def generate_id(self) -> str:
        return self._new_id()

    def create_queue(self, *_: Any, **__: Any) -> Outbox:
        return Outbox()


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # python-socketio has no types
    """Runs Socket.IO on an EngineServer. Options that it does not know, `new_id` among them, go to that."""

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer


def new_server(settings: Settings, new_id: Callable[[], str]) -> SocketServer:
    """Makes a server that keeps to the gateway's settings and logs nothing."""
    quiet = logging.getLogger("socket_gateway.stock")
    quiet.setLevel(logging.CRITICAL)  # it would log what browsers send, tokens included, and each malformed packet
    return SocketServer(
        client_manager=ClientIndexManager(),
        new_id=new_id,
        async_mode="asgi",
        cors_allowed_origins=list(settings.origins),
        cors_credentials=True,  # the load balancer's cookie routes each long poll to the gateway of its session
        max_http_buffer_size=settings.bounds.max_message_bytes,
        ping_interval=settings.timing.ping_interval_seconds,
        ping_timeout=settings.timing.ping_timeout_seconds,
        transports=["websocket", "polling"],
        always_connect=True,  # sends the CONNECT packet before the event that the connect handler emits
        logger=quiet,
        engineio_logger=quiet,
    )


def forget_headers(environ: dict[str, Any]) -> None:
    """Drops the handshake's headers from a session's environment, except the two that Engine.IO reads later."""
    for name in [name for name in environ if name.startswith("HTTP_")]:
        if name not in ("HTTP_CONNECTION", "HTTP_UPGRADE"):
            del environ[name]
    environ["asgi.scope"]["headers"] = []
    environ.pop("wsgi.input", None)  # a class of its own for each request


async def close_transport(server: SocketServer, session_id: str) -> None:
    """Closes a session after its outbox is sent, in the way after which a standard client reconnects.

    After `server.disconnect()` or Engine.IO's CLOSE packet a client does not reconnect.
    """
    session = server.eio.sockets.pop(session_id, None)
    if session is not None:
        await session.close(wait=False, abort=True, reason=server.reason.SERVER_DISCONNECT)


def begin_upgrade(server: SocketServer, session_id: str) -> None:
    """Answers the poll that waits, so that the browser sends its last step of an upgrade."""
    session = server.eio.sockets.get(session_id)
    if session is not None:
        session.upgrading = True
        session.queue.put_nowait(engineio.packet.Packet(engineio.packet.NOOP))


def cancel_upgrade(server: SocketServer, session_id: str) -> None:
    """Goes on with long-polling after an upgrade that failed."""
    session = server.eio.sockets.get(session_id)
    if session is not None:
        session.upgrading = False


def hand_over(server: SocketServer, session_id: str) -> None:
    """Ends the library's part of a session without telling its handlers: another transport has taken it over."""
    session = server.eio.sockets.pop(session_id)
    session.closed = True  # ends its heartbeat
