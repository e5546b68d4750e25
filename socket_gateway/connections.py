"""Checks what comes in on every browser's connection, limits how long it may stay, and closes it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from socketio.packet import ACK, CONNECT, CONNECT_ERROR, EVENT

from chalicelib.domain.accept_language import preferred_locale
from chalicelib.domain.errors import LimitReached
from socket_gateway.asgi_http import (
    BodyTooLong,
    Message,
    Receive,
    Scope,
    Send,
    client_address,
    read_body,
    refuse,
    with_body,
)
from socket_gateway.metrics import Metrics
from socket_gateway.output import Output, OutputMonitor
from socket_gateway.packets import TokenBucket, is_engine_packet, read_packet, split_payload
from socket_gateway.protocols import TRANSPORT
from socket_gateway.refusals import Refusal, refused_ack
from socket_gateway.room_index import NAMESPACE
from socket_gateway.settings import Settings
from socket_gateway.wire import SocketServer, close_transport, forget_headers

_SESSION = "gateway.session"
Query = Mapping[str, list[str]]
_UPGRADE_STEPS = 3
"""Messages of an upgrade to WebSocket: ASGI's `connect`, the probe, and the upgrade packet."""
_INVALID_NAMESPACE = {"message": "Invalid namespace"}
"""Error that the standard Socket.IO server sends. python-socketio sends the text "Unable to connect" instead."""


class Connection:
    """Holds what the gateway knows of one Engine.IO session."""

    __slots__ = ("address", "bucket", "closing", "deadline", "locale", "malformed", "output")

    def __init__(self, address: str, locale: str, bucket: TokenBucket, output: Output) -> None:
        self.address = address
        self.locale = locale
        self.bucket = bucket
        self.output = output
        self.closing = False
        self.deadline: asyncio.TimerHandle | None = None
        self.malformed = 0


class Connections:
    """Checks requests before Engine.IO gets them, and packets before Socket.IO gets them.

    It is an ASGI application that wraps Engine.IO's, and replaces the handlers that Socket.IO has registered there.
    """

    def __init__(
        self, server: SocketServer, outputs: OutputMonitor, settings: Settings, metrics: Metrics, most: int
    ) -> None:
        """`most` is the limit of sessions."""
        self._accepting = True
        self._most = most
        self._server = server
        self._outputs = outputs
        self._settings = settings
        self._bounds = settings.bounds
        self._metrics = metrics
        self._connections: dict[str, Connection] = {}
        self._per_address: Counter[str] = Counter()
        self._closing: set[asyncio.Task[None]] = set()
        self._socketio: Mapping[str, Callable[..., Awaitable[Any]]] = dict(server.eio.handlers)
        server.eio.on("connect", self._connected)
        server.eio.on("message", self._received)
        server.eio.on("disconnect", self._disconnected)

    def __len__(self) -> int:
        """Returns how many sessions are open."""
        return len(self._connections)

    @property
    def full(self) -> bool:
        """Says whether new sessions are refused because the limit is reached."""
        return len(self._connections) >= self._most

    def sessions(self) -> list[str]:
        """Lists the Engine.IO ids of the open sessions."""
        return list(self._connections)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request or WebSocket to Engine.IO, or refuses it."""
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
        # Nothing yields to the event loop from here to `_connected`: two handshakes cannot both take the last place.
        refusal = self._refusal(scope, query)
        if refusal is not None:
            self._metrics.refusals.labels(refusal).inc()
            await refuse(scope, send, refusal)
        elif scope["type"] == "websocket":
            await self._server.handle_request(scope, self._checked_frames(scope, receive), send)
        else:
            sound = self._checked_payload(scope, body) if scope["method"] == "POST" else body
            await self._server.handle_request(scope, with_body(scope, receive, sound), send)

    def expect_tracking(self, eio_sid: str) -> None:
        """Closes the session unless `tracks` is called within `track_deadline_seconds`."""
        connection = self._connections.get(eio_sid)
        if connection is not None:
            self.tracks(eio_sid)
            delay = self._bounds.track_deadline_seconds
            connection.deadline = asyncio.get_running_loop().call_later(delay, self.close, eio_sid, "track_deadline")

    def tracks(self, eio_sid: str) -> None:
        """Cancels the deadline of `expect_tracking`: the browser tracks a payment, or has left."""
        connection = self._connections.get(eio_sid)
        if connection is not None and connection.deadline is not None:
            connection.deadline.cancel()
            connection.deadline = None

    def close(self, eio_sid: str, reason: str) -> None:
        """Closes a session once its output is sent, in the way after which a standard client reconnects."""
        connection = self._connections.get(eio_sid)
        if connection is not None and not connection.closing:
            connection.closing = True
            self._metrics.closes.labels(reason).inc()
            task = asyncio.ensure_future(close_transport(self._server, eio_sid))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def stop_accepting(self) -> None:
        """Refuses new sessions from now on: the gateway drains."""
        self._accepting = False

    async def all_closed(self) -> None:
        """Waits until every session that `close` was called for has been closed."""
        while self._closing:
            await asyncio.wait(tuple(self._closing))

    def locale_of(self, eio_sid: str) -> str:
        """Returns the language of the texts for the customer of a session."""
        connection = self._connections.get(eio_sid)
        return connection.locale if connection else preferred_locale("")

    def abort(self, eio_sid: str, reason: str) -> None:
        """Closes a session at once and drops its output. A standard client reconnects."""
        connection = self._connections.get(eio_sid)
        if connection is not None:
            if connection.output.transport is not None:
                connection.output.transport.abort()
            self.close(eio_sid, reason)

    def _refusal(self, scope: Scope, query: Query) -> Refusal | None:
        """Returns why Engine.IO must not get this request; else None."""
        if "j" in query:
            return Refusal.JSONP_REFUSED
        if "sid" in query:
            return None
        if not self._accepting:
            return Refusal.DRAINING
        if self.full:
            return Refusal.TOO_MANY_CONNECTIONS
        address = client_address(scope, self._settings.trusted_proxies)
        if self._per_address[address] >= self._bounds.sockets_per_address:
            return Refusal.TOO_MANY_SOCKETS
        return None

    async def _connected(self, eio_sid: str, environ: dict[str, Any]) -> None:
        scope = environ["asgi.scope"]
        address = client_address(scope, self._settings.trusted_proxies)
        self._per_address[address] += 1
        locale = preferred_locale(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        bucket = TokenBucket(self._bounds.events_per_second, self._bounds.events_burst)
        output = Output(eio_sid, self._server.eio.sockets[eio_sid].queue, scope.get(TRANSPORT), self.abort)
        self._connections[eio_sid] = Connection(address, locale, bucket, output)
        self._outputs.add(output)
        self.expect_tracking(eio_sid)
        scope[_SESSION] = eio_sid
        if scope["type"] == "websocket":
            forget_headers(environ)
        await self._socketio["connect"](eio_sid, {})

    async def _received(self, eio_sid: str, data: Any) -> None:
        connection = self._connections.get(eio_sid)
        if connection is None:
            return
        packet = read_packet(data)
        if packet is None:
            self._malformed(connection)
        elif not connection.bucket.take():
            await self._slow_down(connection, packet)
        elif packet.packet_type == CONNECT and packet.namespace not in (None, NAMESPACE):
            await self._send(eio_sid, CONNECT_ERROR, packet.namespace, data=_INVALID_NAMESPACE)
        else:
            await self._socketio["message"](eio_sid, data)

    async def _slow_down(self, connection: Connection, packet: Any) -> None:
        """Refuses a packet over the rate, and delays the reading of this connection's next one to keep the rate."""
        error = LimitReached("rate_limited", 1)
        self._metrics.refusals.labels(error.code).inc()
        if packet.packet_type == EVENT and packet.id is not None:
            ack = refused_ack(error, connection.locale)
            await self._send(connection.output.eio_sid, ACK, packet.namespace, id=packet.id, data=[ack])
        await asyncio.sleep(1 / self._bounds.events_per_second)

    async def _send(self, eio_sid: str, packet_type: int, namespace: str | None, **content: Any) -> None:
        packet = self._server.packet_class(packet_type, namespace=namespace, **content)
        await self._server.eio.send(eio_sid, packet.encode())

    async def _disconnected(self, eio_sid: str, reason: str) -> None:
        self.tracks(eio_sid)
        connection = self._connections.pop(eio_sid, None)
        if connection is not None:
            self._outputs.remove(connection.output)
            connection.output.outbox.finish()  # Engine.IO would not answer a poll that waits when the browser closes
            self._end_in_time(connection.output.transport)
            self._per_address[connection.address] -= 1
            if not self._per_address[connection.address]:
                del self._per_address[connection.address]
        await self._socketio["disconnect"](eio_sid, reason)

    def _end_in_time(self, transport: asyncio.Transport | None) -> None:
        """Aborts a closing transport after `output_stall_seconds`.

        It closes by itself only when its output has been read, which a browser may never do.
        """
        if transport is not None and (transport.get_write_buffer_size() or not transport.is_closing()):
            asyncio.get_running_loop().call_later(self._bounds.output_stall_seconds, transport.abort)

    def _malformed(self, connection: Connection | None) -> None:
        self._metrics.refusals.labels("malformed").inc()
        if connection is not None:
            connection.malformed += 1
            if connection.malformed == self._bounds.malformed_packets:
                self.close(connection.output.eio_sid, "malformed")

    def _connection_of(self, scope: Scope) -> Connection | None:
        eio_sid = scope.get(_SESSION)
        if eio_sid is None:
            eio_sid = parse_qs(scope["query_string"].decode("latin-1")).get("sid", [""])[0]
        return self._connections.get(eio_sid)

    def _checked_frames(self, scope: Scope, receive: Receive) -> Receive:
        connection = self._connection_of(scope)
        if connection is not None:  # a polling session upgrades to this WebSocket
            connection.output.upgrade(scope.get(TRANSPORT))
            receive = self._upgrading(scope, receive, connection.output.eio_sid)

        async def checked() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or is_engine_packet(message.get("text")):
                    return message
                self._malformed(self._connection_of(scope))

        return checked

    def _upgrading(self, scope: Scope, receive: Receive, eio_sid: str) -> Receive:
        """Limits the time of each step of an upgrade, for which Engine.IO has no limit."""
        steps = _UPGRADE_STEPS

        async def in_time() -> Message:
            nonlocal steps
            if not steps:
                return await receive()
            steps -= 1
            try:
                async with asyncio.timeout(self._bounds.request_seconds):
                    return await receive()
            except TimeoutError:
                scope[TRANSPORT].abort()
                self.close(eio_sid, "upgrade_deadline")
                return {"type": "websocket.disconnect", "code": 1006}

        return in_time

    def _checked_payload(self, scope: Scope, body: bytes) -> bytes:
        sound, malformed = split_payload(body)
        connection = self._connection_of(scope)
        for _ in range(min(malformed, self._bounds.malformed_packets)):
            self._malformed(connection)
        return sound

    async def _refuse_body(self, scope: Scope, send: Send) -> None:
        connection = self._connection_of(scope)
        if connection is not None:
            self.close(connection.output.eio_sid, Refusal.MESSAGE_TOO_LARGE)
        await refuse(scope, send, Refusal.MESSAGE_TOO_LARGE, close=True)
