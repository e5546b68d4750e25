"""Is the shop's own server: takes order events over HTTP, as a shop does that verifies Standard Webhooks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from chalicelib.domain.event_signature import read_secret
from local.embedded import LoopbackServer


class Receiver:
    """Keeps what comes, in order of arrival. `taken`: order events, each with its type. `refused`: why others were not.

    The time that a signature covers is not held against a clock: the row `clocks` makes it wrong on purpose.
    """

    def __init__(self, secret: str) -> None:
        self._key = read_secret(secret)
        self.taken: list[tuple[str, Mapping[str, Any]]] = []
        self.refused: list[str] = []
        self._server = LoopbackServer(partial(_Handler, self))
        self.port = self._server.server_port
        self._server.start()

    def close(self) -> None:
        self._server.close()

    def take(self, headers: Message, body: bytes) -> int:
        """Takes an order event, for the first time or again. Returns the status of the answer."""
        event_id, at, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        digest = hmac.digest(self._key, f"{event_id}.{at}.".encode() + body, hashlib.sha256)
        if f"v1,{base64.b64encode(digest).decode()}" not in signatures.split():
            self.refused.append("an order event without a valid signature")
            return 401
        event = json.loads(body)
        if event["data"]["id"] != event_id:
            self.refused.append(f"another order event as {event_id}")
            return 400
        self.taken.append((event["type"], event["data"]))
        return 204


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, receiver: Receiver, *connection: Any) -> None:
        self._receiver = receiver
        super().__init__(*connection)

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) == length:  # else whoever sent it died on the way
            self.send_response_only(self._receiver.take(self.headers, body))
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Logs nothing."""
