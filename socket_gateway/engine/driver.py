"""Decides which connections the engine takes."""

import asyncio
from collections.abc import Callable

from chalicelib.domain.accept_language import preferred_locale
from socket_gateway.admission import Admission
from socket_gateway.asgi_http import client_address
from socket_gateway.connections import Connections
from socket_gateway.engine.context import Context
from socket_gateway.engine.handshake import Handshake, answer_to, read_handshake
from socket_gateway.engine.heartbeat import Heartbeat
from socket_gateway.engine.session import EngineSession
from socket_gateway.engine.upgrade import Upgrade
from socket_gateway.engine.websocket import WebSocketSession
from socket_gateway.inbox import Inbox
from socket_gateway.operators import Operators
from socket_gateway.settings import Settings
from socket_gateway.sockets import Sockets
from socket_gateway.stock.driver import StockDriver
from socket_gateway.stock.session import StockSession
from socket_gateway.turns import Turns


class Engine:
    """Makes WebSockets of connections, and sessions of these."""

    def __init__(
        self,
        stock: StockDriver,
        admission: Admission,
        connections: Connections,
        inbox: Inbox,
        sockets: Sockets,
        operators: Operators,
        settings: Settings,
        new_id: Callable[[], str],
    ) -> None:
        self.is_on = settings.driver == "auto"
        timing, bounds = settings.timing, settings.bounds
        self.heartbeat = Heartbeat(
            timing.ping_interval_seconds, timing.ping_timeout_seconds, EngineSession.ping, EngineSession.give_up
        )
        self.turns = Turns()
        self.context = Context(self.heartbeat, admission, connections, inbox, sockets, operators, bounds, self.turns)
        self._stock = stock
        self._admission = admission
        self._connections = connections
        self._new_id = new_id
        self._upgrade_seconds = bounds.request_seconds
        self._trusted_proxies = settings.trusted_proxies
        self._origins = frozenset(origin.encode() for origin in settings.origins)

    def switch_off(self) -> None:
        """Takes no connection from now on."""
        self.is_on = False

    def accept(self, transport: asyncio.Transport, head: bytes) -> bool:
        """Takes a connection whose first request is `head`. Returns False where it is not for the engine.

        Then nothing has changed, and uvicorn serves or refuses it.
        """
        handshake = read_handshake(head, self._origins) if self.is_on else None
        if handshake is None:
            return False
        if handshake.sid is None:
            return self._open(transport, handshake)
        return self._begin_upgrade(transport, handshake, handshake.sid)

    def take_over(self, polling: StockSession, transport: asyncio.Transport, unread: bytes) -> None:
        """Makes a polling session, whose browser has finished its upgrade, one of the engine."""
        if polling.closing or self._connections.get(polling.id) is not polling:
            transport.abort()  # it was closed meanwhile, or is about to be
            return
        session = EngineSession(self.context, polling.id, polling.address, polling.locale, polling.bucket, transport)
        transport.set_protocol(session)
        self._connections.taken_over(session)
        waiting = self._stock.hand_over(polling)
        for packet in waiting:
            session.send_text(packet)
        self.heartbeat.answered(session)
        session.data_received(unread)

    def _open(self, transport: asyncio.Transport, handshake: Handshake) -> bool:
        address = client_address(handshake.forwarded, transport.get_extra_info("peername"), self._trusted_proxies)
        if self._connections.refusal(address) is not None or not self._admission.hold(address):
            return False
        bucket = self._connections.new_bucket()
        session = EngineSession(
            self.context, self._new_id(), address, preferred_locale(handshake.language), bucket, transport
        )
        session.join_output(begins=True)
        self._answer(handshake, session)
        self._connections.opened(session)
        self.heartbeat.answered(session)
        session.open()
        session.join_output(begins=False)
        return True

    def _begin_upgrade(self, transport: asyncio.Transport, handshake: Handshake, session_id: str) -> bool:
        polling = self._connections.get(session_id)
        if (
            not isinstance(polling, StockSession)
            or not polling.may_upgrade
            or not self._admission.hold(polling.address)
        ):
            return False
        self._stock.expect_upgrade(polling)
        self._answer(
            handshake, Upgrade(self.context, self._stock, self.take_over, polling, transport, self._upgrade_seconds)
        )
        return True

    def _answer(self, handshake: Handshake, session: WebSocketSession) -> None:
        self._admission.works(session.transport)
        session.begin(answer_to(handshake))
        session.transport.set_protocol(session)
