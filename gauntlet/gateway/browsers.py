"""Is a browser that costs little: a WebSocket with just enough of Engine.IO and Socket.IO to watch one payment."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import cycle, groupby
from typing import cast

from gauntlet.invariants import Watched
from local.embedded import LOOPBACK

_HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_AGAIN_SECONDS = 0.5
_OPEN, _CONNECTED, _PING, _STATUS = b"0{", b"40", b"2", b'42["payment-status",'


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """Encodes a frame as a browser does, with a mask of zero, which changes nothing. `first`: its first byte."""
    size = len(payload)
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 2**16:
        head = bytes([first, 0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, 0x80 | 127]) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


class Browser(asyncio.Protocol):
    """Watches a payment on one connection at a time. `versions`: what it was shown, over all of them.

    `received`: called with the version of each event, beside.
    """

    def __init__(self, reference: str, token: str, received: Callable[[int], None] = lambda _: None) -> None:
        self.reference, self.token = reference, token
        self.versions: list[int] = []
        self.is_connected = False
        self.status = 0
        """Of the answer to the last handshake; 0 where none came."""
        self._track = b"421" + json.dumps(["track-payment", {"reference": reference, "token": token}]).encode()
        self._received = received
        self._tracks_at_once = True
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.Event()
        self._unread = b""

    async def open(self, port: int, address: str = LOOPBACK, *, tracks: bool = True) -> None:
        """Connects from an address of this machine. `tracks`: follows the payment as soon as it may."""
        self._tracks_at_once, self._unread, self.status = tracks, b"", 0
        self._lost.clear()
        await asyncio.get_running_loop().create_connection(lambda: self, LOOPBACK, port, local_addr=(address, 0))

    async def stay(self, ports: Sequence[int], pause: float = 0.0) -> None:
        """Connects after a pause, and again after each loss until it is cancelled, each time to the next port."""
        try:
            for port in cycle(ports):
                await asyncio.sleep(pause)
                with suppress(OSError):
                    await self.open(port)
                    await self._lost.wait()
                pause = _AGAIN_SECONDS
        finally:
            self.cut()

    def track(self) -> None:
        self.send(frame(self._track))

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def pause(self) -> None:
        """Reads nothing any more."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Reads on, and notices then whether the connection has ended."""
        if self._transport is not None:
            self._transport.resume_reading()

    async def close(self) -> None:
        self.cut()

    def cut(self) -> None:
        """Ends the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    @property
    def watched(self) -> Watched:
        return Watched(self.reference, [version for version, _ in groupby(self.versions)])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(_HANDSHAKE)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport, self.is_connected = None, False
        self._lost.set()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if not self.status:
            head, end, rest = self._unread.partition(b"\r\n\r\n")
            if not end:
                return
            self.status, self._unread = int(head[9:12]), rest
        while self.status == 101 and (message := self._message()) is not None:
            self._take(message)

    def _message(self) -> bytes | None:
        """Takes the next whole frame; None where there is none. A server's have no mask."""
        if len(self._unread) < 2:
            return None
        size, at = self._unread[1] & 0x7F, 2
        if size > 125:
            at = 4 if size == 126 else 10
            size = int.from_bytes(self._unread[2:at], "big")
        if len(self._unread) < at + size or len(self._unread) < at:
            return None
        message, self._unread = self._unread[at : at + size], self._unread[at + size :]
        return message

    def _take(self, message: bytes) -> None:
        if message.startswith(_STATUS):
            version = int(json.loads(message[2:])[1]["version"])
            self.versions.append(version)
            self._received(version)
        elif message.startswith(_OPEN):
            self.send(frame(_CONNECTED))
        elif message.startswith(_CONNECTED):
            self.is_connected = True
            if self._tracks_at_once:
                self.track()
        elif message == _PING:
            self.send(frame(b"3"))
