"""Reads the packets that browsers send (Engine.IO 4, Socket.IO 5), and limits how many they may send."""

import json
import re
import secrets
import time
from typing import Any, NamedTuple

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = "0", "1", "2", "3", "4"
"""Types of Socket.IO's packets. The two with binary data are refused as malformed: no event of ours has any."""
NAMESPACE = "/"
RESERVED_EVENTS = frozenset({"connect", "disconnect"})
_ENGINE_PACKET = re.compile(r"[135]|[23]probe|4[0-3].*", re.DOTALL)
_SOCKET_PACKET = re.compile(r"([0-3])(?:(/[^,]*)(?:,|$))?([0-9]{1,16})?(.*)", re.DOTALL)
_SEPARATOR = "\x1e"
_MAX_PACKETS = 16


def new_id(prefix: str = "") -> str:
    """Makes an id of a session or of a client, which nobody can guess."""
    return prefix + secrets.token_urlsafe(15)


def is_engine_packet(text: str | None) -> bool:
    """Says whether a text is an Engine.IO packet that a browser may send.

    These are close, pong, upgrade, probes, and messages that can contain a Socket.IO packet without binary data.
    python-engineio leaks the session of a browser that sends anything else.
    """
    return text is not None and _ENGINE_PACKET.fullmatch(text) is not None


def split_payload(body: bytes) -> tuple[bytes, int]:
    """Returns a poll's body without its malformed packets, and how many of these there were."""
    packets = body.decode("utf-8", "replace").split(_SEPARATOR)
    sound = [packet for packet in packets[:_MAX_PACKETS] if is_engine_packet(packet)]
    return _SEPARATOR.join(sound).encode(), len(packets) - len(sound)


class SocketPacket(NamedTuple):
    """Holds a decoded packet of Socket.IO. `id` is there where the sender wants an acknowledgement."""

    type: str
    namespace: str
    id: str | None
    content: Any


def read_packet(text: str) -> SocketPacket | None:
    """Decodes a packet of Socket.IO. Returns None where it is malformed.

    An event named `connect` or `disconnect` counts as malformed: python-socketio would run its own handlers for it.
    """
    match = _SOCKET_PACKET.fullmatch(text)
    if match is None:
        return None
    kind, namespace, number, rest = match.groups()
    try:
        content = json.loads(rest) if rest else None
    except (ValueError, RecursionError):
        return None
    sound = {
        CONNECT: content is None or isinstance(content, dict),
        DISCONNECT: True,
        EVENT: _is_event(content),
        ACK: isinstance(content, list) and number is not None,
    }
    name = namespace.partition("?")[0] if namespace else NAMESPACE
    return SocketPacket(kind, name, number, content) if sound[kind] else None


def write_packet(kind: str, content: object, *, namespace: str = NAMESPACE, number: str | None = None) -> str:
    """Encodes a packet of Socket.IO."""
    return packet_around(kind, json.dumps(content, separators=(",", ":"), ensure_ascii=False), namespace, number)


def packet_around(kind: str, encoded: str, namespace: str = NAMESPACE, number: str | None = None) -> str:
    """Encodes a packet of Socket.IO whose content is JSON already."""
    where = "" if namespace == NAMESPACE else f"{namespace},"
    return f"{kind}{where}{number or ''}{encoded}"


def refused_namespace(packet: SocketPacket) -> str:
    """Answers a CONNECT to a namespace that there is not, as the standard Socket.IO server does."""
    return write_packet(CONNECT_ERROR, {"message": "Invalid namespace"}, namespace=packet.namespace)


def _is_event(content: Any) -> bool:
    if not isinstance(content, list) or not content:
        return False
    return isinstance(content[0], str) and content[0] not in RESERVED_EVENTS


class TokenBucket:
    """Limits a rate: `burst` at once, then `rate` per second."""

    __slots__ = ("_burst", "_filled_at", "_level", "_rate")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._level, self._filled_at = float(burst), time.monotonic()

    def take(self) -> bool:
        """Takes one token. Returns False where there is none."""
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
