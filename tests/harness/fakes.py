"""Defines small fakes: a clock that a test sets, and an HTTP server that gives scripted answers."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from chalicelib.runtime.clock import Clock
from local.embedded import LoopbackServer


class HandClock(Clock):
    """A clock that only moves when a test moves it or something sleeps; sleeps are recorded. Thread-safe."""

    def __init__(self) -> None:
        self._now = super().now()
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> int:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        with self._lock:
            self._now += int(seconds * 1000)


@dataclass
class Answer:
    """The scripted server's answer to one request. `reset`: resets the connection without an answer."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    hold_seconds: float = 0


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class ScriptedServer:
    """Serves real HTTP on loopback. Each path has a queue of answers, the last of which repeats."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._answers: dict[str, deque[Answer]] = {}
        self._ended = threading.Event()
        self._server = LoopbackServer(self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, *answers: Answer) -> None:
        self._answers[path] = deque(answers)

    def calls(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.close()

    def _next(self, path: str) -> Answer:
        queue = self._answers.get(path)
        if not queue:
            return Answer(404, b'{"detail":"Not found."}')
        return queue.popleft() if len(queue) > 1 else queue[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                connection = self.client_address[1]
                scripted.seen.append(Seen(self.command, self.path, dict(self.headers), body, connection))
                self.give(scripted._next(self.path))

            do_GET = do_POST = handle_any  # noqa: N815 - the names that the base class looks up

            def give(self, answer: Answer) -> None:
                scripted._ended.wait(answer.hold_seconds)
                if answer.reset:
                    self.close_connection = True
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def finish(self) -> None:
                try:
                    super().finish()
                except (OSError, ValueError):
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's own name
                pass

        return Handler


class ProcessDied(BaseException):
    """Raised where a simulated process dies; its earlier effects remain."""


class SimulatedProcess:
    """A simulated process that dies after a step. `ends_at`: the number (from 1) or name of its last step."""

    def __init__(self, ends_at: int | str | None = None) -> None:
        self.steps: list[str] = []
        self._ends_at = ends_at

    def step(self, name: str) -> None:
        self.steps.append(name)
        if self._ends_at in (len(self.steps), name):
            raise ProcessDied

    def watch(self, part: Any) -> Any:
        """Wraps a part, so that each of its calls has two steps: `before <name>` and `after <name>`."""
        return _Watched(part, self)


class _Watched:
    def __init__(self, part: Any, life: SimulatedProcess) -> None:
        self._part = part
        self._life = life

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._part, name)
        if not callable(operation):
            return operation

        def call(*arguments: Any, **named: Any) -> Any:
            self._life.step(f"before {name}")
            result = operation(*arguments, **named)
            self._life.step(f"after {name}")
            return result

        return call
