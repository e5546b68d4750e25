"""Reads the HTTP request that opens a browser's WebSocket, and writes the answer (RFC 6455, section 4). Pure."""

import base64
import binascii
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from socket_gateway.protocols import MAX_HEAD_BYTES

# Each text can be matched in one way only: a pattern that may try several could be made to take years.
_PAIR = rb"[A-Za-z0-9_.-]+=[A-Za-z0-9_.-]*"
_REQUEST_LINE = re.compile(rb"GET /socket\.io/?\?((?:%b&)*%b&?) HTTP/1\.1\r\n" % (_PAIR, _PAIR))
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)\r\n")
_ACCEPT_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BODY = frozenset({b"content-length", b"transfer-encoding"})
_ONCE = frozenset({b"host", b"origin", b"sec-websocket-key", b"sec-websocket-version", b"upgrade", b"connection"})


@dataclass(frozen=True, slots=True)
class Handshake:
    """Holds what the engine needs of a request that opens a WebSocket. `sid` is of a session that upgrades."""

    sid: str | None
    key: bytes
    language: str
    forwarded: bytes


def read_handshake(data: bytes, origins: Collection[bytes]) -> Handshake | None:
    """Reads a whole request, with nothing behind it. Returns None for every request that is not plainly sound.

    `origins`: whose pages may connect. Whoever sends no Origin is no browser, and may.
    """
    if not data.endswith(b"\r\n\r\n") or len(data) > MAX_HEAD_BYTES:
        return None
    line = _REQUEST_LINE.match(data)
    headers = _read_headers(data, line.end()) if line is not None else None
    if line is None or headers is None or not _opens_websocket(headers, origins):
        return None
    query = dict(pair.split(b"=", 1) for pair in line[1].split(b"&") if pair)
    if query.get(b"EIO") != b"4" or query.get(b"transport") != b"websocket" or b"j" in query:
        return None
    sid = query.get(b"sid")
    return Handshake(
        sid=sid.decode() if sid is not None else None,
        key=headers[b"sec-websocket-key"],
        language=headers.get(b"accept-language", b"").decode("latin-1"),
        forwarded=headers.get(b"x-forwarded-for", b""),
    )


def answer_to(handshake: Handshake) -> bytes:
    """Writes the response that makes the connection a WebSocket."""
    accept = base64.b64encode(hashlib.sha1(handshake.key + _ACCEPT_KEY, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def _read_headers(data: bytes, start: int) -> dict[bytes, bytes] | None:
    """Reads the headers from `start` on: lower-case names, values of a repeated name joined with commas."""
    headers: dict[bytes, bytes] = {}
    end = len(data) - 2
    while start < end:
        header = _HEADER.match(data, start, end)
        if header is None:
            return None
        name, value = header[1].lower(), header[2].strip(b" \t")
        if name in headers:
            if name in _ONCE:
                return None
            headers[name] += b"," + value
        else:
            headers[name] = value
        start = header.end()
    return headers


def _opens_websocket(headers: dict[bytes, bytes], origins: Collection[bytes]) -> bool:
    origin = headers.get(b"origin")
    return (
        headers.get(b"upgrade", b"").lower() == b"websocket"
        and b"upgrade" in [option.strip() for option in headers.get(b"connection", b"").lower().split(b",")]
        and headers.get(b"sec-websocket-version") == b"13"
        and _is_key(headers.get(b"sec-websocket-key", b""))
        and b"host" in headers
        and not _BODY & headers.keys()
        and (origin is None or origin in origins)
    )


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False
