"""Checks the Socket.IO packets of browsers before anything acts on them."""

from chalicelib.domain.contract import OPERATOR_NAMESPACE
from chalicelib.domain.errors import LimitReached
from socket_gateway.connections import Connections
from socket_gateway.metrics import Metrics
from socket_gateway.operators import Operators
from socket_gateway.packets import ACK, CONNECT, EVENT, NAMESPACE, SocketPacket, read_packet, refused_namespace
from socket_gateway.refusals import refused_ack
from socket_gateway.session import Session
from socket_gateway.settings import Bounds
from socket_gateway.sockets import Sockets, send_ack


class Inbox:
    """Refuses what is malformed, comes too fast or is for an unknown namespace, and passes the rest on."""

    def __init__(
        self, connections: Connections, sockets: Sockets, operators: Operators, bounds: Bounds, metrics: Metrics
    ) -> None:
        self._connections = connections
        self._sockets = sockets
        self._operators = operators
        self._seconds = 1 / bounds.events_per_second
        self._metrics = metrics

    def take(self, session: Session, text: str) -> SocketPacket | None:
        """Takes a packet. Returns it where it connects or disconnects a client, which is for the transport to do."""
        packet = read_packet(text)
        if packet is None or (packet.type == CONNECT and packet.namespace == NAMESPACE and session.client is not None):
            self._connections.malformed(session)
        elif not session.bucket.take():
            self._too_fast(session, packet)
        elif packet.namespace != NAMESPACE:
            if packet.namespace == OPERATOR_NAMESPACE:
                self._operators.take(session, packet)
            elif packet.type == CONNECT:
                session.send_packet(refused_namespace(packet))
        elif packet.type == EVENT:
            if session.client is not None:
                self._sockets.received(session.client, packet)
        elif packet.type != ACK:  # the gateway asks for none
            return packet
        return None

    def _too_fast(self, session: Session, packet: SocketPacket) -> None:
        """Refuses a packet, and delays the reading of the next one to keep the rate."""
        error = LimitReached("rate_limited", 1)
        self._metrics.refusals.labels(error.code).inc()
        if packet.type == EVENT:
            send_ack(session, packet, refused_ack(error, session.locale))
        session.hold(self._seconds)
