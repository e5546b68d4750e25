"""Extends uvicorn's protocol classes with limits on requests that are not whole. uvicorn's version is pinned.

Used beyond uvicorn's documented interface: the classes themselves, and of the HTTP one `conn` (h11), `connections`,
`handle_events()`, `send_400_response()` and `timeout_keep_alive_handler()`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from socket_gateway.admission import Admission
from socket_gateway.asgi_http import RETRY_AFTER, body_of
from socket_gateway.metrics import Metrics
from socket_gateway.moving import Moving
from socket_gateway.refusals import RETRYABLE_REFUSALS, STATUS_OF_REFUSAL, Refusal
from socket_gateway.settings import Bounds

TRANSPORT = "gateway.transport"
"""Key of a WebSocket's TCP transport in its ASGI scope."""
MAX_HEAD_BYTES = 16 * 1024
"""Limit of request line and headers. The shop's cookies and the load balancer's headers come to 10 KiB."""
Accept = Callable[[asyncio.Transport, bytes], bool]
"""`accept(transport, head)` takes a connection away from uvicorn, or returns False."""


class HttpProtocol(H11Protocol):
    """Speaks HTTP/1.1, and refuses requests that are not whole within `request_seconds` or are too large.

    The time runs from the first byte of each. Between two requests uvicorn's keep-alive time-out runs instead. Too
    large is a head over MAX_HEAD_BYTES, or head and body over that and `max_message_bytes`.

    A request that opens a WebSocket is offered to `accept` once more: its head may have come in several pieces.
    """

    transport: asyncio.Transport

    def __init__(
        self,
        admission: Admission,
        bounds: Bounds,
        metrics: Metrics,
        accept: Accept,
        moving: Moving | None = None,
        *,
        begun: bytes,
        **uvicorn: Any,
    ) -> None:
        """`begun`: what has been read of the first request, before this connection was known to be one of HTTP."""
        super().__init__(**uvicorn)
        self._admission = admission
        self._accept = accept
        self._moving = moving
        self._begun = begun
        self._seconds = bounds.request_seconds
        self._most_bytes = MAX_HEAD_BYTES + bounds.max_message_bytes
        self._metrics = metrics
        self._bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self._expect_request()
        self.data_received(self._begun)
        self._begun = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        self._admission.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        super().data_received(data)

    def handle_events(self) -> None:
        if self._moving is not None and self._has_moved(self._moving):
            return
        super().handle_events()
        if self not in self.connections or self.transport.is_closing():
            self._cancel_deadline()  # the connection has become a WebSocket, or is being closed
        elif not self._request_is_incomplete():
            self._request_is_whole()
        elif self._bytes > self._most_bytes:
            self._cut(Refusal.REQUEST_TOO_LARGE)
        elif self._deadline is None:
            self._expect_request()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        lines = [b"%b: %b\r\n" % header for header in self.headers]
        head = b"".join([event.method, b" ", event.target, b" HTTP/1.1\r\n", *lines, b"\r\n"])
        if self._accept(self.transport, head):
            self.connections.discard(self)
        else:
            super().handle_websocket_upgrade(event)

    def send_400_response(self, _: str) -> None:  # uvicorn's own raises where a response has begun
        self._cut(Refusal.MALFORMED_REQUEST)

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()  # close() would wait for a client that never reads

    def _has_moved(self, moving: Moving) -> bool:
        """Moves the connection to another process where the request that has begun is for it."""
        if self.conn.their_state is not h11.IDLE or not moving.try_move(self.transport, self.conn.trailing_data[0]):
            return False
        self._cancel_deadline()
        self._deadline = self.loop.call_later(self._seconds, self.transport.abort)  # for one that is still being closed
        return True

    def _request_is_incomplete(self) -> bool:
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        return begun or self.conn.their_state is h11.SEND_BODY

    def _request_is_whole(self) -> None:
        self._bytes = 0
        self._cancel_deadline()
        if self.conn.their_state is not h11.IDLE:
            self._admission.works(self.transport)
            return
        self._admission.waits(self.transport)  # IDLE: the request has been answered too
        if self.timeout_keep_alive_task is None:  # uvicorn cancels it when a body arrives after the response
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _expect_request(self) -> None:
        self._admission.waits(self.transport)
        self._deadline = self.loop.call_later(self._seconds, self._late)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._cut(Refusal.REQUEST_TIMEOUT)

    def _cut(self, refusal: Refusal) -> None:
        self._cancel_deadline()
        self._metrics.refusals.labels(refusal).inc()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):  # no response has begun
            answer_and_close(self.transport, refusal)
        else:
            self.transport.abort()


def answer_and_close(transport: asyncio.Transport, refusal: Refusal) -> None:
    """Writes an error response to the transport. h11 would refuse to: no request may have been read."""
    status, body = STATUS_OF_REFUSAL[refusal], body_of(refusal)
    head = [f"HTTP/1.1 {status} {status.phrase}", "content-type: application/json", f"content-length: {len(body)}"]
    if refusal in RETRYABLE_REFUSALS:
        head.append(f"retry-after: {RETRY_AFTER}")
    transport.write("\r\n".join([*head, "connection: close", "", ""]).encode() + body)
    transport.close()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Speaks WebSocket, gives the application its TCP transport, and drops the handshake's headers (10 KiB each)."""

    def __init__(self, admission: Admission, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._admission = admission
        self._has_request = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._admission.works(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._admission.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self._has_request and not self.transport.is_closing():
            # h11 has taken what websockets refuses to read; uvicorn would neither answer nor close.
            answer_and_close(self.transport, Refusal.MALFORMED_REQUEST)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # by a refusal, for each of which uvicorn would log an error

    def handle_connect(self, event: Any) -> None:
        self._has_request = True
        super().handle_connect(event)
        if self.conn.handshake_exc is None and hasattr(self, "scope"):
            cast(dict[str, Any], self.scope)[TRANSPORT] = self.transport
        self.request = None  # type: ignore[assignment]  # uvicorn does not read it again; it has the headers
        event.headers.clear()  # websockets' parser keeps the request for as long as the connection lives
