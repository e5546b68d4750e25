"""Checks packets that browsers send, and limits how many they may send."""

import re
import time
from typing import Any

from socketio.packet import ACK, CONNECT, EVENT, Packet

RESERVED_EVENTS = frozenset({"connect", "disconnect"})
_ENGINE_PACKET = re.compile(r"[135]|[23]probe|4[0-3].*", re.DOTALL)
_SEPARATOR = "\x1e"
_MAX_PACKETS = 16


def is_engine_packet(text: str | None) -> bool:
    """Says whether a text is an Engine.IO packet that a browser may send.

    These are close, pong, upgrade, probes, and messages that can contain a Socket.IO packet without binary data.
    Engine.IO leaks the session of a browser that sends anything else.
    """
    return text is not None and _ENGINE_PACKET.fullmatch(text) is not None


def split_payload(body: bytes) -> tuple[bytes, int]:
    """Returns a poll's body without its malformed packets, and how many of these there were."""
    packets = body.decode("utf-8", "replace").split(_SEPARATOR)
    sound = [packet for packet in packets[:_MAX_PACKETS] if is_engine_packet(packet)]
    return _SEPARATOR.join(sound).encode(), len(packets) - len(sound)


def read_packet(data: Any) -> Any:
    """Decodes a Socket.IO packet. Returns None where it is malformed.

    An event named `connect` or `disconnect` counts as malformed: Socket.IO would run its own handlers for it.
    """
    try:
        packet = Packet(encoded_packet=data)
    except (ValueError, TypeError, RecursionError):
        return None
    content = packet.data
    sound = {
        CONNECT: content is None or isinstance(content, dict),
        EVENT: _is_event(content),
        ACK: isinstance(content, list) and packet.id is not None,
    }
    return packet if sound.get(packet.packet_type, True) else None


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
