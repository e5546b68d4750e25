"""Turns the bytes of one browser's TCP connection into text messages and back, and lets output wait for a slow one."""

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Sequence

from socket_gateway.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NO_UTF8,
    PING,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    Frame,
    FrameFault,
    close_frame,
    pong_frame,
    read_frame,
    text_frame,
)
from socket_gateway.packets import TokenBucket
from socket_gateway.session import Session
from socket_gateway.versions import Version

_KEPT_BY_TRANSPORT = 16 * 1024
"""While this many bytes wait in the TCP transport, where no newer version can replace them, all else waits here."""
_NORMAL_CLOSURE = 1000


class WebSocketSession(Session, asyncio.Protocol):
    """Is a session on a WebSocket, from the response to its handshake on.

    Output goes straight to the transport. Only while that is full, which asyncio tells by `pause_writing`, it waits
    here: versions as such, so that older ones can be dropped, all else as frames.
    """

    __slots__ = (
        "_fragments",
        "_is_full",
        "_is_over",
        "_joined",
        "_sent",
        "_waiting",
        "_waiting_bytes",
        "is_held",
        "transport",
        "unread",
    )

    def __init__(
        self, session_id: str, address: str, locale: str, bucket: TokenBucket, transport: asyncio.Transport
    ) -> None:
        super().__init__(session_id, address, locale, bucket)
        self.transport = transport
        self._sent = 0
        self._is_full = False
        self.is_held = False
        """Nothing is read for now; what has come already is kept in `unread`."""
        self._is_over = False
        """Nothing new is sent or read any more: the close frame has been sent, or stands last in what waits."""
        self.unread = b""
        self._fragments: bytes | None = None
        self._joined: list[bytes] | None = None
        self._waiting: deque[Version | bytes] | None = None
        self._waiting_bytes = 0
        transport.set_write_buffer_limits(_KEPT_BY_TRANSPORT)

    @property
    @abstractmethod
    def most_bytes(self) -> int:
        """Returns the limit of a message."""

    @abstractmethod
    def received(self, text: str) -> None:
        """Takes a text message."""

    @abstractmethod
    def received_malformed(self) -> None:
        """Takes notice of a message that cannot be one of Engine.IO."""

    @abstractmethod
    def left(self) -> None:
        """Takes notice that the browser has begun to close the connection, or must be closed."""

    @abstractmethod
    def lost(self) -> None:
        """Takes notice that the connection is closed."""

    @abstractmethod
    def count_packet(self) -> None:
        """Takes notice of a packet that the rate of packets is for, and that nothing else counts."""

    @abstractmethod
    def output_waits(self) -> None:
        """Takes notice that something waits for the browser."""

    def begin(self, response: bytes) -> None:
        """Sends the response to the handshake."""
        self._write(response)

    def send(self, versions: Sequence[Version], frames: bytes) -> None:
        if self._waiting is None:
            self._write(frames)
        else:
            self._wait(versions, len(frames))

    def send_text(self, text: str) -> None:
        """Sends a text message."""
        frame = text_frame(text.encode())
        if self._waiting is None:
            self._write(frame)
        else:
            self._wait((frame,), len(frame))

    def join_output(self, *, begins: bool) -> None:
        joined, self._joined = self._joined, [] if begins else None
        if joined:
            self._write(b"".join(joined))

    def close(self) -> None:
        self.close_with(_NORMAL_CLOSURE)

    def close_with(self, code: int) -> None:
        """Closes the WebSocket once its output is sent, with a status code of RFC 6455."""
        if self._is_over:
            return
        if self._waiting:
            self._wait((close_frame(code),), 4)  # `resume_writing` closes the transport behind it
        else:
            self._write(close_frame(code))
            self.join_output(begins=False)
            self.transport.close()
        self._is_over = True

    def drop_output(self) -> None:
        self.transport.abort()

    @property
    def waiting_bytes(self) -> int:
        return self._waiting_bytes + self.transport.get_write_buffer_size()

    @property
    def total_bytes(self) -> int:
        return self._sent + self._waiting_bytes

    def compact(self) -> None:
        waiting = self._waiting
        if not waiting:
            return
        newest = {item.reference: item for item in waiting if isinstance(item, Version)}
        kept = [item for item in waiting if not isinstance(item, Version) or newest[item.reference] is item]
        self._waiting = deque(kept)
        self._waiting_bytes = sum(len(_frames_of(item)) for item in kept)

    def hold(self, seconds: float) -> None:
        """Reads nothing further for this long."""
        self.is_held = True
        self.transport.pause_reading()
        asyncio.get_running_loop().call_later(seconds, self._read_on)

    # What asyncio calls:

    def data_received(self, data: bytes) -> None:
        data = self.unread + data if self.unread else data
        position = 0
        self.join_output(begins=True)
        try:
            while not self.is_held and not self._is_over:
                frame = read_frame(data, position, self.most_bytes)
                if frame is None:
                    break
                position = frame.end
                self._take(frame)
        except FrameFault as fault:
            self.left()
            self.close_with(fault.code)
        finally:
            self.join_output(begins=False)
        self.unread = data[position:] if not self._is_over else b""

    def eof_received(self) -> None:
        """Lets the transport close: a WebSocket is never half open."""

    def connection_lost(self, _: Exception | None) -> None:
        self._is_over = True
        self._waiting = None
        self._waiting_bytes = 0
        self.lost()

    def pause_writing(self) -> None:
        self._is_full = True
        if self._waiting is None:
            self._waiting = deque()

    def resume_writing(self) -> None:
        self._is_full = False
        while self._waiting and not self._is_full:
            frames = _frames_of(self._waiting.popleft())
            self._waiting_bytes -= len(frames)
            self._write(frames)
        if not self._waiting and not self._is_full:
            self._waiting = None
            if self._is_over:
                self.transport.close()

    def _write(self, frames: bytes) -> None:
        if self._joined is not None:
            self._joined.append(frames)
            return
        if self.transport.is_closing():
            return
        self.transport.write(frames)
        self._sent += len(frames)
        if self.transport.get_write_buffer_size():
            self.output_waits()

    def _wait(self, items: Sequence[Version | bytes], size: int) -> None:
        if self._waiting is not None and not self._is_over:
            self._waiting.extend(items)
            self._waiting_bytes += size
            self.output_waits()

    def _read_on(self) -> None:
        self.is_held = False
        if self.transport.is_closing():
            return
        self.transport.resume_reading()
        self.data_received(b"")

    def _take(self, frame: Frame) -> None:
        if frame.opcode == TEXT and frame.is_final and self._fragments is None:
            self._received(frame.payload)
        elif frame.opcode in (TEXT, CONTINUATION):
            self._take_part(frame)
        elif frame.opcode == BINARY:
            if not frame.is_final or self._fragments is not None:
                raise FrameFault(PROTOCOL_ERROR)
            self.received_malformed()
        elif frame.opcode == PING:
            if self._waiting is None:  # else the browser does not read, and an answer may be skipped
                self._write(pong_frame(frame.payload))
            self.count_packet()
        elif frame.opcode == CLOSE:
            self._waiting = None  # who closes reads nothing further
            self._waiting_bytes = 0
            self.left()
            self.close_with(_NORMAL_CLOSURE)

    def _take_part(self, frame: Frame) -> None:
        """Takes a frame of a text message in several frames."""
        if (frame.opcode == CONTINUATION) != (self._fragments is not None):
            raise FrameFault(PROTOCOL_ERROR)
        message = (self._fragments or b"") + frame.payload
        if len(message) > self.most_bytes:
            raise FrameFault(TOO_BIG)
        self._fragments = message if not frame.is_final else None
        if frame.is_final:
            self._received(message)

    def _received(self, message: bytes) -> None:
        try:
            text = message.decode()
        except UnicodeDecodeError as error:
            raise FrameFault(NO_UTF8) from error
        self.received(text)


def _frames_of(item: Version | bytes) -> bytes:
    return item if isinstance(item, bytes) else item.frames()
