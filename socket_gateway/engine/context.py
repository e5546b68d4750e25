"""Holds what all sessions of the engine share, and ends them."""

import asyncio
from collections import deque
from typing import Any

from chalicelib.runtime import log
from socket_gateway.admission import Admission
from socket_gateway.connections import Connections
from socket_gateway.engine.heartbeat import Heartbeat
from socket_gateway.engine.websocket import WebSocketSession
from socket_gateway.inbox import Inbox
from socket_gateway.operators import Operators
from socket_gateway.settings import Bounds
from socket_gateway.sockets import Sockets

_LOST_AT_ONCE = 50
"""Sessions that are ended before other work of the loop gets its turn."""


class Context:
    """Holds what a session works with: who acts on its packets, who counts it, and the limits that it keeps to."""

    def __init__(
        self,
        heartbeat: Heartbeat[Any],
        admission: Admission,
        connections: Connections,
        inbox: Inbox,
        sockets: Sockets,
        operators: Operators,
        bounds: Bounds,
    ) -> None:
        self.connections = connections
        self.inbox = inbox
        self.sockets = sockets
        self._operators = operators
        self.heartbeat = heartbeat
        self.most_bytes = bounds.max_message_bytes
        self.pause_seconds = 1 / bounds.events_per_second
        self._admission = admission
        self._lost: deque[WebSocketSession] = deque()

    def ended(self, session: WebSocketSession, reason: str) -> None:
        """Tells all who know a session that it has ended, for whatever reason. Changes nothing where they know.

        Its last output, such as a close frame, has the same bounds as any other.
        """
        self.heartbeat.forget(session)
        self.sockets.disconnected(session, reason)
        self._operators.left(session)
        self.connections.ended(session)

    def lost(self, session: WebSocketSession) -> None:
        """Ends a session whose connection is lost, soon: of thousands that are lost at once, a few in each turn."""
        self._lost.append(session)
        if len(self._lost) == 1:
            asyncio.get_running_loop().call_soon(self._end_lost)

    def _end_lost(self) -> None:
        for _ in range(min(_LOST_AT_ONCE, len(self._lost))):
            session = self._lost.popleft()
            try:
                self.ended(session, "transport close")
            except Exception:  # one of ours; the others must be ended all the same
                log.failure("session-not-ended")
            self.released(session)
        if self._lost:
            asyncio.get_running_loop().call_soon(self._end_lost)

    def released(self, session: WebSocketSession) -> None:
        """Counts the TCP connection of a session no more: it is closed."""
        self._admission.leave(session.transport)
        self._admission.let_go(session.address)
        self.connections.gone(session)
