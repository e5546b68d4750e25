"""Carries sessions with python-engineio: an ASGI application in front of it, and handlers behind it."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from chalicelib.domain.accept_language import preferred_locale
from socket_gateway.asgi_http import (
    BodyTooLong,
    Message,
    Receive,
    Scope,
    Send,
    address_of,
    read_body,
    refuse,
    with_body,
)
from socket_gateway.connections import Connections
from socket_gateway.inbox import Inbox
from socket_gateway.metrics import Metrics
from socket_gateway.operators import Operators
from socket_gateway.packets import NAMESPACE, is_engine_packet, split_payload
from socket_gateway.protocols import TRANSPORT
from socket_gateway.refusals import Refusal
from socket_gateway.settings import Settings
from socket_gateway.sockets import Sockets
from socket_gateway.stock import library
from socket_gateway.stock.polling import answer_unless_lost
from socket_gateway.stock.session import StockSession

_SESSION = "gateway.session"
Query = Mapping[str, list[str]]
_UPGRADE = "5"
"""The packet of Engine.IO after which a session uses its WebSocket."""
_UPGRADE_STEPS = 3
"""Messages of an upgrade to WebSocket: ASGI's `connect`, the probe, and the upgrade packet."""


class StockDriver:
    """Checks requests before python-engineio gets them, and packets before python-socketio gets them.

    python-socketio connects and disconnects clients. Their events are handled without it, so that an acknowledgement
    finds its client where it is by then: a session may have been taken over by another transport.
    """

    def __init__(
        self,
        connections: Connections,
        inbox: Inbox,
        sockets: Sockets,
        operators: Operators,
        settings: Settings,
        metrics: Metrics,
        new_id: Callable[[], str],
    ) -> None:
        self.server = library.new_server(settings, new_id)
        self._connections = connections
        self._inbox = inbox
        self._sockets = sockets
        self._operators = operators
        self._settings = settings
        self._bounds = settings.bounds
        self._metrics = metrics
        self._tasks: set[asyncio.Future[None]] = set()
        self.server.on("connect", self._client_connected)
        self.server.on("disconnect", self._client_disconnected)
        self._socketio: Mapping[str, Callable[..., Awaitable[Any]]] = dict(self.server.eio.handlers)
        self.server.eio.on("connect", self._opened)
        self.server.eio.on("message", self._received)
        self.server.eio.on("disconnect", self._ended)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request or WebSocket to python-engineio, or refuses it."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        body: bytes | None = b""
        if scope["type"] == "http":
            try:
                body = await read_body(receive, self._bounds.max_message_bytes)
            except BodyTooLong:
                await self._refuse_body(scope, send)
                return
        if body is None:
            return
        # Nothing yields to the event loop from here to `_opened`: two handshakes cannot both take the last place.
        refusal = self._refusal(scope, query)
        if refusal is not None:
            self._metrics.refusals.labels(refusal).inc()
            await refuse(scope, send, refusal)
        elif scope["type"] == "websocket":
            await self.server.handle_request(scope, self._checked_frames(scope, receive), send)
        elif scope["method"] == "POST":
            sound = self._checked_payload(scope, body)
            await self.server.handle_request(scope, with_body(scope, receive, sound), send)
        else:
            await self._poll(scope, receive, send)

    async def _poll(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a GET to python-engineio. Ends its session where its connection is lost, or where another GET comes.

        What a lost poll is given reaches nobody, and a browser may repeat it on another connection: only a new
        session, which begins with a snapshot, is sure to miss nothing.
        """
        body, session = with_body(scope, receive, b""), self._session_of(scope)
        if session is None:
            await self.server.handle_request(scope, body, send)
        elif session.is_polling:
            self._poll_is_lost(session)
            await refuse(scope, send, Refusal.MALFORMED_REQUEST)
        else:
            session.is_polling = True
            answer = functools.partial(self.server.handle_request, scope, body)
            try:
                await answer_unless_lost(answer, receive, send, functools.partial(self._poll_is_lost, session))
            finally:
                session.is_polling = False

    def _poll_is_lost(self, session: StockSession) -> None:
        if self._session(session.id) is session:
            self._connections.close(session.id, "poll_lost")

    def expect_upgrade(self, session: StockSession) -> None:
        """Refuses every other transport for a session, until the one that has come takes it over or cancels."""
        session.is_upgrading = True

    def begin_upgrade(self, session: StockSession) -> None:
        """Lets another transport begin to take a polling session over: answers the poll that waits."""
        library.begin_upgrade(self.server, session.id)

    def cancel_upgrade(self, session: StockSession) -> None:
        """Goes on with long-polling: the other transport has not taken the session over."""
        session.is_upgrading = False
        library.cancel_upgrade(self.server, session.id)

    def hand_over(self, session: StockSession) -> list[str]:
        """Leaves a session to another transport. Returns the Engine.IO packets that wait for its browser."""
        waiting = session.take_all()
        session.finish()  # a poll that waits all the same is answered
        library.hand_over(self.server, session.id)
        self._run(self._socketio["disconnect"](session.id, "transport upgrade"))
        return waiting

    async def shutdown(self) -> None:
        """Ends the background work of the library."""
        await self.server.shutdown()

    def _refusal(self, scope: Scope, query: Query) -> Refusal | None:
        """Returns why python-engineio must not get this request; else None."""
        if "j" in query:
            return Refusal.JSONP_REFUSED
        if "sid" in query:
            return self._second_upgrade(scope, query["sid"][0])
        return self._connections.refusal(address_of(scope, self._settings.trusted_proxies))

    def _second_upgrade(self, scope: Scope, session_id: str) -> Refusal | None:
        """Refuses a WebSocket for a session that another one is about to take over."""
        session = self._session(session_id)
        upgrades = session is not None and session.is_upgrading and scope["type"] == "websocket"
        return Refusal.MALFORMED_REQUEST if upgrades else None

    async def _opened(self, session_id: str, environ: dict[str, Any]) -> None:
        scope = environ["asgi.scope"]
        outbox = self.server.eio.sockets[session_id].queue
        session = StockSession(
            session_id,
            address_of(scope, self._settings.trusted_proxies),
            preferred_locale(environ.get("HTTP_ACCEPT_LANGUAGE", "")),
            self._connections.new_bucket(),
            outbox,
            functools.partial(self._close, session_id),
        )
        session.websocket_opened(scope.get(TRANSPORT))
        session.websocket_takes_over()
        outbox.waits = functools.partial(self._connections.outputs.waits, session)
        self._connections.opened(session)
        scope[_SESSION] = session_id
        if scope["type"] == "websocket":
            library.forget_headers(environ)
        await self._socketio["connect"](session_id, {})

    async def _received(self, session_id: str, data: Any) -> None:
        session = self._session(session_id)
        if session is None:
            return
        packet = self._inbox.take(session, data)
        if session.held_seconds:
            seconds, session.held_seconds = session.held_seconds, 0.0
            await asyncio.sleep(seconds)
        if packet is not None:
            await self._socketio["message"](session_id, data)

    async def _client_connected(self, sid: str, _environ: object, _auth: object) -> None:
        session = self._session(self.server.manager.eio_sid_from_sid(sid, NAMESPACE))
        if session is not None:
            self._sockets.connected(session, sid)

    async def _client_disconnected(self, sid: str, reason: str) -> None:
        session = self._session(self.server.manager.eio_sid_from_sid(sid, NAMESPACE))
        if session is not None:
            self._sockets.disconnected(session, reason)

    async def _ended(self, session_id: str, reason: str) -> None:
        await self._socketio["disconnect"](session_id, reason)
        session = self._session(session_id)
        if session is not None:
            self._operators.left(session)
            self._connections.ended(session)
            session.finish()
            self._end_in_time(session.transport)

    def _session(self, session_id: str) -> StockSession | None:
        session = self._connections.get(session_id)
        return session if isinstance(session, StockSession) else None

    def _close(self, session_id: str) -> None:
        session = self._session(session_id)
        task = self._run(library.close_transport(self.server, session_id))
        if session is not None:
            task.add_done_callback(lambda _: self._connections.gone(session))

    def _run(self, work: Awaitable[None]) -> asyncio.Future[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _end_in_time(self, transport: asyncio.Transport | None) -> None:
        """Aborts a closing transport after `output_stall_seconds`.

        It closes by itself only when its output has been read, which a browser may never do.
        """
        if transport is not None and (transport.get_write_buffer_size() or not transport.is_closing()):
            asyncio.get_running_loop().call_later(self._bounds.output_stall_seconds, transport.abort)

    def _session_of(self, scope: Scope) -> StockSession | None:
        session_id = scope.get(_SESSION)
        if session_id is None:
            session_id = parse_qs(scope["query_string"].decode("latin-1")).get("sid", [""])[0]
        return self._session(session_id)

    def _checked_frames(self, scope: Scope, receive: Receive) -> Receive:
        session = self._session_of(scope)
        if session is not None:  # a polling session upgrades to this WebSocket
            session.websocket_opened(scope.get(TRANSPORT))
            receive = self._upgrading(scope, receive, session)

        async def checked() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or is_engine_packet(message.get("text")):
                    return message
                self._connections.malformed(self._session_of(scope))

        return checked

    def _upgrading(self, scope: Scope, receive: Receive, session: StockSession) -> Receive:
        """Limits the time of each step of an upgrade, for which python-engineio has no limit."""
        steps = _UPGRADE_STEPS

        async def in_time() -> Message:
            nonlocal steps
            if not steps:
                return await receive()
            steps -= 1
            try:
                async with asyncio.timeout(self._bounds.request_seconds):
                    message = await receive()
            except TimeoutError:
                scope[TRANSPORT].abort()
                self._connections.close(session.id, "upgrade_deadline")
                return {"type": "websocket.disconnect", "code": 1006}
            if message.get("text") == _UPGRADE:
                session.websocket_takes_over()
            return message

        return in_time

    def _checked_payload(self, scope: Scope, body: bytes) -> bytes:
        sound, malformed = split_payload(body)
        session = self._session_of(scope)
        for _ in range(min(malformed, self._bounds.malformed_packets)):
            self._connections.malformed(session)
        return sound

    async def _refuse_body(self, scope: Scope, send: Send) -> None:
        session = self._session_of(scope)
        if session is not None:
            self._connections.close(session.id, Refusal.MESSAGE_TOO_LARGE)
        await refuse(scope, send, Refusal.MESSAGE_TOO_LARGE, close=True)
