"""Adapts python-engineio 4 and python-socketio 5 to the gateway. Their minor versions are pinned.

Used beyond their documented interfaces: `eio.sockets`, a socket's `queue`, `closed` and `close()`, and the method of
python-socketio that chooses the Engine.IO class.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import engineio
import engineio.packet
import socketio

_BATCH_BYTES = 16 * 1024


class VersionPacket(engineio.packet.Packet):  # type: ignore[misc]  # python-engineio has no types
    """Holds one encoded event of one version of one payment. All its recipients share it."""

    def __init__(self, reference: str, version: int, text: str) -> None:
        super().__init__(engineio.packet.MESSAGE, text)
        self.reference = reference
        self.version = version


class Outbox(asyncio.Queue[Any]):
    """Queues what waits for one browser, and counts it in bytes."""

    _queue: deque[Any]
    _getters: deque[asyncio.Future[None]]

    def __init__(self, on_put: Callable[["Outbox"], None]) -> None:
        """`on_put(outbox)` is called after each item that was put in, and after a write that must wait."""
        self._on_put = on_put
        self._transport: asyncio.Transport | None = None
        self.waiting_bytes = 0
        self.total_bytes = 0
        """Bytes that were ever put in and not dropped. Minus `waiting_bytes` it is what was taken out."""
        self._taken = 0
        super().__init__()

    async def get(self) -> Any:
        self._taken = 0
        return await super().get()

    def get_nowait(self) -> Any:
        # Engine.IO takes all there is before it writes. What it has taken can be neither counted nor replaced by a
        # newer version, so it gets at most `_BATCH_BYTES` at a time.
        if self._taken > _BATCH_BYTES:
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
            self._on_put(self)

    def finish(self) -> None:
        """Ends the queue: after its items the writer closes the WebSocket, or a waiting poll is answered."""
        self.put_nowait(None)

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
        self._on_put(self)

    def _get(self) -> Any:
        item = super()._get()
        size = _size(item)
        self.waiting_bytes -= size
        self._taken += size
        return item


def text_frame(text: bytes) -> bytes:
    """Encodes a whole text message of a server as one WebSocket frame (RFC 6455, 5.2)."""
    length = len(text)
    if length < 126:
        return bytes((0x81, length)) + text
    if length < 65536:
        return struct.pack("!BBH", 0x81, 126, length) + text
    return struct.pack("!BBQ", 0x81, 127, length) + text


def _size(item: Any) -> int:
    """Returns an item's size in characters, which is close to its bytes: payloads are ASCII but for a few accents."""
    return len(item.data) if item is not None and isinstance(item.data, str) else 0


class EngineServer(engineio.AsyncServer):  # type: ignore[misc]  # python-engineio has no types
    """Runs Engine.IO with an Outbox as each session's queue. Ids of sessions begin with `id_prefix`."""

    def __init__(self, *, on_put: Callable[[Outbox], None], id_prefix: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._on_put = on_put
        self._id_prefix = id_prefix

    def generate_id(self) -> str:
        return f"{self._id_prefix}{super().generate_id()}"

    def create_queue(self, *_: Any, **__: Any) -> Outbox:
        return Outbox(self._on_put)


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # python-socketio has no types
    """Runs Socket.IO on an EngineServer. Options that it does not know, `on_put` and `id_prefix`, go to that."""

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer


def forget_headers(environ: dict[str, Any]) -> None:
    """Drops the handshake's headers from a session's environment, except the two that Engine.IO reads later."""
    for name in [name for name in environ if name.startswith("HTTP_")]:
        if name not in ("HTTP_CONNECTION", "HTTP_UPGRADE"):
            del environ[name]
    environ["asgi.scope"]["headers"] = []
    environ.pop("wsgi.input", None)  # a class of its own for each request


async def close_transport(server: SocketServer, eio_sid: str) -> None:
    """Closes a session after its outbox is sent, in the way after which a standard client reconnects.

    After `server.disconnect()` or Engine.IO's CLOSE packet a client does not reconnect.
    """
    session = server.eio.sockets.pop(eio_sid, None)
    if session is not None:
        await session.close(wait=False, abort=True, reason=server.reason.SERVER_DISCONNECT)
