"""Decides which connections the engine takes, and holds what its sessions share."""

import asyncio
from collections import deque
from collections.abc import Callable

from chalicelib.domain.accept_language import preferred_locale
from chalicelib.runtime import log
from socket_gateway.admission import Admission
from socket_gateway.asgi_http import client_address
from socket_gateway.connections import Connections
from socket_gateway.engine.handshake import Handshake, answer_to, read_handshake
from socket_gateway.engine.heartbeat import Heartbeat
from socket_gateway.engine.session import EngineSession
from socket_gateway.engine.upgrade import Upgrade
from socket_gateway.engine.websocket import WebSocketSession
from socket_gateway.inbox import Inbox
from socket_gateway.settings import Settings
from socket_gateway.sockets import Sockets
from socket_gateway.stock.driver import StockDriver
from socket_gateway.stock.session import StockSession

_LOST_AT_ONCE = 50
"""Sessions that are ended before other work of the loop gets its turn."""


class Engine:
    """Makes WebSockets of connections, and sessions of these."""

    def __init__(
        self,
        stock: StockDriver,
        admission: Admission,
        connections: Connections,
        inbox: Inbox,
        sockets: Sockets,
        settings: Settings,
        new_id: Callable[[], str],
    ) -> None:
        timing, bounds = settings.timing, settings.bounds
        self.is_on = settings.driver == "auto"
        self.stock = stock
        self.connections = connections
        self.inbox = inbox
        self.sockets = sockets
        self.heartbeat = Heartbeat(timing.ping_interval_seconds, timing.ping_timeout_seconds)
        self.most_bytes = bounds.max_message_bytes
        self.pause_seconds = 1 / bounds.events_per_second
        self._admission = admission
        self._new_id = new_id
        self._upgrade_seconds = bounds.request_seconds
        self._stall_seconds = bounds.output_stall_seconds
        self._trusted_proxies = settings.trusted_proxies
        self._lost: deque[EngineSession] = deque()
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
        if polling.closing or self.connections.get(polling.id) is not polling:
            transport.abort()  # it was closed meanwhile, or is about to be
            return
        session = EngineSession(self, polling.id, polling.address, polling.locale, polling.bucket, transport)
        transport.set_protocol(session)
        self.connections.replaced(session)
        waiting = self.stock.release(polling)
        for packet in waiting:
            session.send_text(packet)
        self.heartbeat.answered(session)
        session.data_received(unread)

    def ended(self, session: EngineSession, reason: str) -> None:
        """Tells all who know a session that it has ended, for whatever reason. Changes nothing where they know."""
        self.heartbeat.forget(session)
        self.sockets.disconnected(session, reason)
        self.connections.ended(session)
        self.close_in_time(session.transport)

    def close_in_time(self, transport: asyncio.Transport) -> None:
        """Aborts a transport after `output_stall_seconds`.

        It closes by itself only when its output has been read, which a browser may never do.
        """
        if transport.get_write_buffer_size() or not transport.is_closing():
            asyncio.get_running_loop().call_later(self._stall_seconds, transport.abort)

    def lost(self, session: EngineSession) -> None:
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

    def _open(self, transport: asyncio.Transport, handshake: Handshake) -> bool:
        address = client_address(handshake.forwarded, transport.get_extra_info("peername"), self._trusted_proxies)
        if self.connections.refusal(address) is not None or not self._admission.hold(address):
            return False
        bucket = self.connections.new_bucket()
        session = EngineSession(self, self._new_id(), address, preferred_locale(handshake.language), bucket, transport)
        session.join_output(begins=True)
        self._answer(handshake, session)
        self.connections.opened(session)
        self.heartbeat.answered(session)
        session.open()
        session.join_output(begins=False)
        return True

    def _begin_upgrade(self, transport: asyncio.Transport, handshake: Handshake, session_id: str) -> bool:
        polling = self.connections.get(session_id)
        if (
            not isinstance(polling, StockSession)
            or not polling.may_upgrade
            or not self._admission.hold(polling.address)
        ):
            return False
        polling.is_upgrading = True
        self._answer(handshake, Upgrade(self, polling, transport, self._upgrade_seconds))
        return True

    def _answer(self, handshake: Handshake, session: WebSocketSession) -> None:
        self._admission.works(session.transport)
        session.begin(answer_to(handshake))
        session.transport.set_protocol(session)
