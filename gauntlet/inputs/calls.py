"""Sends HTTP requests byte by byte as they are written, and judges the answers."""

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse

from local.embedded import LOOPBACK

PROBLEM = "application/problem+json"
_SECONDS = 30.0


@dataclass(frozen=True)
class Call:
    """A request as it is sent, but for the length of its body and the end of the connection, which are always true."""

    method: str
    target: bytes
    headers: Sequence[tuple[str, bytes]]
    body: bytes = b""

    def written(self) -> bytes:
        lines = [b"%b %b HTTP/1.1" % (self.method.encode(), self.target), b"Host: localhost"]
        lines += [b"%b: %b" % (name.encode(), value) for name, value in self.headers]
        lines += [b"Content-Length: %d" % len(self.body), b"Connection: close", b"", b""]
        return b"\r\n".join(lines) + self.body

    def __str__(self) -> str:
        headers = [(name, value[:60]) for name, value in self.headers if name not in ("X-Api-Key", "Authorization")]
        return f"{self.method} {self.target[:120]!r} {headers} {self.body[:200]!r}"


@dataclass(frozen=True)
class Answer:
    """What came back. `status`: 0 where nothing did."""

    status: int
    content_type: str = ""
    body: bytes = b""


def send(port: int, call: Call) -> Answer:
    """Sends a call on a connection of its own."""
    try:
        with socket.create_connection((LOOPBACK, port), _SECONDS) as connection:
            connection.sendall(call.written())
            with HTTPResponse(connection, method=call.method) as response:
                response.begin()
                return Answer(response.status, response.headers.get("Content-Type", ""), response.read())
    except (HTTPException, OSError):
        return Answer(0)


def fault_of(call: Call, answer: Answer, *, may_succeed: bool, secrets: Sequence[str]) -> str | None:
    """Says what is wrong with an answer; None where nothing is.

    Each refusal is a problem of RFC 9457 with its own status in it, and no answer repeats a secret.
    """
    if any(secret.encode() in answer.body for secret in secrets):
        return "the answer has a key or a phone number"
    if answer.status < 400:
        is_answered = answer.status >= 200 and (may_succeed or call.method == "OPTIONS")
        return None if is_answered else f"answered {answer.status}"
    if answer.status >= 500:
        return f"answered {answer.status}: {answer.body[:200]!r}"
    if answer.content_type != PROBLEM:
        return f"answered {answer.status} as {answer.content_type}"
    return None if call.method == "HEAD" or _is_problem(answer) else f"answered {answer.status}: {answer.body[:200]!r}"


def _is_problem(answer: Answer) -> bool:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("status") == answer.status and isinstance(told.get("code"), str)
