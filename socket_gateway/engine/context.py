"""Holds what all sessions of the engine share, and ends them."""

from typing import Any

from socket_gateway.admission import Admission
from socket_gateway.connections import Connections
from socket_gateway.engine.heartbeat import Heartbeat
from socket_gateway.engine.websocket import WebSocketSession
from socket_gateway.inbox import Inbox
from socket_gateway.operators import Operators
from socket_gateway.settings import Bounds
from socket_gateway.sockets import Sockets
from socket_gateway.turns import Turns


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
        turns: Turns,
    ) -> None:
        self.turns = turns
        self.connections = connections
        self.inbox = inbox
        self.sockets = sockets
        self._operators = operators
        self.heartbeat = heartbeat
        self.most_bytes = bounds.max_message_bytes
        self.pause_seconds = 1 / bounds.events_per_second
        self._admission = admission

    def ended(self, session: WebSocketSession, reason: str) -> None:
        """Tells all who know a session that it has ended, for whatever reason. Changes nothing where they know.

        Its last output, such as a close frame, has the same bounds as any other.
        """
        self.heartbeat.forget(session)
        self.sockets.disconnected(session, reason)
        self._operators.left(session)
        self.connections.ended(session)

    def lost(self, session: WebSocketSession) -> None:
        """Ends a session whose connection is lost."""
        try:
            self.ended(session, "transport close")
        finally:
            self.released(session)

    def released(self, session: WebSocketSession) -> None:
        """Counts the TCP connection of a session no more: it is closed."""
        self._admission.leave(session.transport)
        self._admission.let_go(session.address)
        self.connections.gone(session)
