"""uvicorn's protocol classes, with what a client may take before its request is whole (uvicorn's version is pinned).

What is taken from uvicorn beyond its documents: the classes themselves, the HTTP one's `conn` (h11), `connections`,
`handle_events()`, `send_400_response()` and `timeout_keep_alive_handler()`.
"""

import asyncio
import contextlib
import socket
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from socket_gateway.admission import Admission
from socket_gateway.asgi_http import RETRY_AFTER, body_of
from socket_gateway.metrics import Metrics
from socket_gateway.refusals import RETRYABLE_REFUSALS, STATUS_OF_REFUSAL, Refusal
from socket_gateway.settings import Bounds

TRANSPORT = "gateway.transport"
"""Where a WebSocket's scope holds its TCP transport."""
MAX_HEAD_BYTES = 16 * 1024
"""Request line and headers: the shop's cookies and the load balancer's headers come to 10 KiB."""
_KERNEL_SEND_BUFFER = 32 * 1024


class HttpProtocol(H11Protocol):
    """HTTP/1.1 whose requests must be whole within `request_seconds` and may not exceed head and message bounds.

    The time runs from accept for the first request, and from its first byte for each further one. Between two
    requests uvicorn's keep-alive time-out runs instead.
    """

    transport: asyncio.Transport

    def __init__(self, admission: Admission, bounds: Bounds, metrics: Metrics, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._admission = admission
        self._seconds = bounds.request_seconds
        self._most_bytes = MAX_HEAD_BYTES + bounds.max_message_bytes
        self._metrics = metrics
        self._bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        refused = self._admission.enter(transport)
        if refused is None:
            self._expect_request()
        else:
            self._answer_and_close(refused)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        self._admission.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        if self not in self.connections or self.transport.is_closing():
            self._cancel_deadline()  # it has become a WebSocket, or ends
        elif not self._request_is_incomplete():
            self._request_is_whole()
        elif self._bytes > self._most_bytes:
            self._cut(Refusal.REQUEST_TOO_LARGE)
        elif self._deadline is None:
            self._expect_request()

    def send_400_response(self, _: str) -> None:  # h11's own words; stock raises where an answer has begun
        self._cut(Refusal.MALFORMED_REQUEST)

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()  # close() would wait for ever for a client that does not read

    def _request_is_incomplete(self) -> bool:
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        return begun or self.conn.their_state is h11.SEND_BODY

    def _request_is_whole(self) -> None:
        self._bytes = 0
        self._cancel_deadline()
        if self.conn.their_state is not h11.IDLE:
            self._admission.works(self.transport)
            return
        self._admission.waits(self.transport)  # it has been answered too
        if self.timeout_keep_alive_task is None:  # a body that came after its answer has ended uvicorn's own
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
        if self._bytes:
            self._cut(Refusal.REQUEST_TIMEOUT)
        else:  # a browser that has opened a connection for later expects no answer
            self._metrics.refusals.labels(Refusal.REQUEST_TIMEOUT).inc()
            self.transport.abort()

    def _cut(self, refusal: Refusal) -> None:
        self._cancel_deadline()
        self._metrics.refusals.labels(refusal).inc()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):  # it has not been answered yet
            self._answer_and_close(refusal)
        else:
            self.transport.abort()

    def _answer_and_close(self, refusal: Refusal) -> None:
        """Past h11, which would not answer before a request or twice."""
        status, body = STATUS_OF_REFUSAL[refusal], body_of(refusal)
        head = [f"HTTP/1.1 {status} {status.phrase}", "content-type: application/json", f"content-length: {len(body)}"]
        if refusal in RETRYABLE_REFUSALS:
            head.append(f"retry-after: {RETRY_AFTER}")
        self.transport.write("\r\n".join([*head, "connection: close", "", ""]).encode() + body)
        self.transport.close()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Shows the application its TCP transport, and forgets the handshake's headers (10 KiB a connection)."""

    def __init__(self, admission: Admission, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._admission = admission

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._admission.works(self.transport)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            # What the kernel holds cannot be replaced by a newer version, nor seen to stall.
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_SEND_BUFFER)

    def connection_lost(self, exc: Exception | None) -> None:
        self._admission.leave(self.transport)
        super().connection_lost(exc)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.conn.handshake_exc is None and hasattr(self, "scope"):
            cast(dict[str, Any], self.scope)[TRANSPORT] = self.transport
        self.request = None  # type: ignore[assignment]  # uvicorn does not read it again
