"""Serves HTTP on loopback, with answers that can also come late or not at all."""

import contextlib
import json
import logging
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

LOOPBACK = "127.0.0.1"
_MAXIMUM_BYTES = 1_000_000
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """Holds what the simulator reads of an HTTP request."""

    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    authorization: str
    host: str
    user_agent: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Holds an HTTP response.

    `body` is HTML where it is text, else JSON. `hold_seconds` delays it; `reset` resets the connection instead.
    """

    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold_seconds: float = 0.0
    reset: bool = False


class LoopbackServer(ThreadingHTTPServer):
    """Serves from `start` to `stop`, which ends every connection and every delayed answer.

    Raises OSError where the port is in use.
    """

    daemon_threads = False
    request_queue_size = 512

    def __init__(self, port: int, respond: Callable[[Request], Answer]) -> None:
        self.respond = respond
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._to_reset: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="simulator-http", daemon=True)
        super().__init__((LOOPBACK, port), _Handler)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        for connection in list(self._connections):
            _hang_up(connection)
        self._thread.join()
        self.server_close()

    def reset_on_close(self, connection: socket.socket) -> None:
        """Makes the close of this connection a TCP reset."""
        self._to_reset.add(connection)

    def server_bind(self) -> None:
        """Binds the socket without the base class's search for a host name, which may ask a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        if request not in self._to_reset:
            return super().shutdown_request(request)
        self._to_reset.discard(request)
        request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Logs an exception's class and place only: its text may quote a phone number."""
        _log_failure()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # sends head and body in one segment
    server: LoopbackServer

    def do_GET(self) -> None:
        answer = self._answer()
        is_cut_off = answer.hold_seconds > 0 and self.server.stopping.wait(answer.hold_seconds)
        if is_cut_off or answer.reset:
            self.close_connection = True
            self.server.reset_on_close(self.connection)
        else:
            self._send(answer)

    def do_POST(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Logs nothing: a request line may have a phone number or a signature."""

    def _answer(self) -> Answer:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > _MAXIMUM_BYTES:
            self.close_connection = True
            return Answer(413, {"detail": "Request body of unknown or too great a length."})
        body = self.rfile.read(int(length))
        url = urlsplit(self.path)
        try:
            return self.server.respond(
                Request(
                    method=self.command,
                    path=unquote(url.path),
                    query=dict(parse_qsl(url.query)),
                    content_type=self.headers.get_content_type(),
                    authorization=self.headers.get("Authorization", ""),
                    host=self.headers.get("Host", ""),
                    user_agent=self.headers.get("User-Agent", ""),
                    body=body,
                )
            )
        except Exception:
            _log_failure()
            return Answer(500, "<h1>Server Error (500)</h1>")

    def _send(self, answer: Answer) -> None:
        is_html = isinstance(answer.body, str)
        body = (answer.body if is_html else json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/html; charset=utf-8" if is_html else "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _log_failure() -> None:
    kind, _, trace = sys.exc_info()
    if kind is None or issubclass(kind, OSError):
        return  # the client has closed the connection
    place = traceback.extract_tb(trace)[-1]
    logger.error("%s in %s, line %s", kind.__name__, place.name, place.lineno)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
