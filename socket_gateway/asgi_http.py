"""Reads requests and writes responses on plain ASGI, for what the gateway answers itself."""

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from socket_gateway.refusals import RETRYABLE_REFUSALS, STATUS_OF_REFUSAL, Refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application."""
RETRY_AFTER = 5
"""Seconds, sent in the header Retry-After."""


async def respond(send: Send, status: int, body: bytes, content_type: str = "application/json", **headers: str) -> None:
    """Sends a whole response. `headers` are further ones, such as `cache_control="no-cache"`."""
    all_headers = {"content_type": content_type, "content_length": str(len(body)), **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in all_headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def refuse(scope: Scope, send: Send, refusal: Refusal, *, close: bool = False) -> None:
    """Answers a request or a WebSocket handshake with an error.

    `close` ends the connection after the response.
    """
    prefix = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    headers = [(b"content-type", b"application/json")]
    headers += [(b"retry-after", str(RETRY_AFTER).encode())] if refusal in RETRYABLE_REFUSALS else []
    headers += [(b"connection", b"close")] if close else []
    body = body_of(refusal)
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": f"{prefix}.start", "status": STATUS_OF_REFUSAL[refusal], "headers": headers})
    await send({"type": f"{prefix}.body", "body": body})


def body_of(refusal: Refusal) -> bytes:
    """Encodes the body of a refusal: its status and its code."""
    return json.dumps({"status": STATUS_OF_REFUSAL[refusal], "code": refusal}).encode()


async def respond_json(send: Send, http_status: int, **content: object) -> None:
    await respond(send, http_status, json.dumps(content).encode())


class BodyTooLong(Exception):
    """A request body is longer than the limit that was given."""


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Reads a request's whole body. Returns None where the client has left. Raises BodyTooLong over `limit` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLong
        if not message.get("more_body"):
            return bytes(body)


def with_body(scope: Scope, receive: Receive, body: bytes) -> Receive:
    """Replaces a request's body: returns its new `receive` and corrects Content-Length in `scope`."""
    others = [header for header in scope["headers"] if header[0] != b"content-length"]
    scope["headers"] = [*others, (b"content-length", str(len(body)).encode())]
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


def address_of(scope: Scope, trusted_proxies: int) -> str:
    """Returns the client's address, as `client_address` has it, of a request."""
    forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return client_address(b",".join(forwarded), scope.get("client"), trusted_proxies)


def client_address(forwarded: bytes, peer: Sequence[object] | None, trusted_proxies: int) -> str:
    """Returns the client's address: the peer's, or the hop of X-Forwarded-For that our outermost proxy added.

    Hops further left were sent by the client and prove nothing.
    """
    if trusted_proxies:
        hops = [hop.strip() for hop in forwarded.decode("latin-1").split(",") if hop.strip()]
        if len(hops) >= trusted_proxies:
            return hops[-trusted_proxies]
    return str(peer[0]) if peer else ""
