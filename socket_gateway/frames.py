"""Reads and writes WebSocket frames (RFC 6455, section 5) without extensions. Pure."""

import struct
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
PROTOCOL_ERROR, NO_UTF8, TOO_BIG = 1002, 1007, 1009
_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_MASKED, _LENGTH = 0x80, 0x7F
_LONGEST_CONTROL = 125


class FrameFault(Exception):
    """A browser sent what RFC 6455 forbids, or too much. `code` is the one to close with."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Frame(NamedTuple):
    """Holds one frame of a browser, unmasked. `end` is where the next one begins."""

    opcode: int
    is_final: bool
    payload: bytes
    end: int


def read_frame(data: bytes, start: int, most: int) -> Frame | None:
    """Reads a browser's frame. Returns None where it is not whole yet. Raises FrameFault.

    `most` is the longest payload, in bytes. A longer one is refused by its header, before it has come.
    """
    if len(data) < start + 2:
        return None
    first, second = data[start], data[start + 1]
    opcode, length, position = first & _OPCODE, second & _LENGTH, start + 2
    if first & _RESERVED or not second & _MASKED or opcode > PONG or BINARY < opcode < CLOSE:
        raise FrameFault(PROTOCOL_ERROR)
    if opcode >= CLOSE and (length > _LONGEST_CONTROL or not first & _FINAL):
        raise FrameFault(PROTOCOL_ERROR)
    if length > _LONGEST_CONTROL:
        size = 2 if length == _LONGEST_CONTROL + 1 else 8
        if len(data) < position + size:
            return None
        length = int.from_bytes(data[position : position + size], "big")
        position += size
    if length > most:
        raise FrameFault(TOO_BIG)
    end = position + 4 + length
    if len(data) < end:
        return None
    payload = _unmasked(data[position : position + 4], data[position + 4 : end])
    return Frame(opcode, bool(first & _FINAL), payload, end)


def _unmasked(key: bytes, payload: bytes) -> bytes:
    """Applies the mask to all bytes at once, as one large number."""
    length = len(payload)
    mask = int.from_bytes((key * (length // 4 + 1))[:length], "little")
    return (int.from_bytes(payload, "little") ^ mask).to_bytes(length, "little")


def masked_frame(opcode: int, payload: bytes) -> bytes:
    """Encodes a short frame (under 126 bytes) as a client must. The mask is for proxies of old and hides nothing."""
    key = b"mask"
    return bytes((_FINAL | opcode, _MASKED | len(payload))) + key + _unmasked(key, payload)


def text_frame(text: bytes) -> bytes:
    """Encodes a whole text message of a server as one frame."""
    return _frame(TEXT, text)


def pong_frame(payload: bytes) -> bytes:
    """Answers a ping."""
    return _frame(PONG, payload)


def close_frame(code: int) -> bytes:
    """Ends the connection with a status code of section 7.4."""
    return _frame(CLOSE, struct.pack("!H", code))


def _frame(opcode: int, payload: bytes) -> bytes:
    length = len(payload)
    if length <= _LONGEST_CONTROL:
        return bytes((_FINAL | opcode, length)) + payload
    if length < 65_536:
        return struct.pack("!BBH", _FINAL | opcode, 126, length) + payload
    return struct.pack("!BBQ", _FINAL | opcode, 127, length) + payload
