"""Sends the product's requests to the API of the simulator of CamPay, without sockets.

Answers and failures are those of the simulator's HTTP server (tests/parts/test_simulated_campay.py compares them).
"""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from chalicelib.adapters.campay import http
from chalicelib.adapters.campay.http import NoAnswer, NotSent, Request, TimedOut
from chalicelib.runtime.clock import Clock
from gauntlet.simulation.faults import Faults
from local.simulator import http_server
from local.simulator.api import CampayApi
from local.simulator.http_server import Answer

_BAD_GATEWAY = Answer(502)
_BUSY = Answer(429, {"message": "Rate limit exceeded"})


class CampayHttp(http.CampayHttp):
    """Is the product's own, but for how a request gets its answer."""

    def __init__(self, api: CampayApi, clock: Clock, faults: Faults) -> None:
        super().__init__("http://campay.invalid/api", clock)
        self._api, self._faults = api, faults

    def _open(self, request: Request, _: object) -> Any:
        began = self._clock.now()
        seconds = max(http._SHORTEST_SECONDS, (request.ends_at - began) / 1000)  # noqa: SLF001 the product's own
        answer = self._exchange(request)
        left = min(seconds, request.silence_seconds) - (self._clock.now() - began) / 1000
        self._clock.sleep(max(0.0, min(answer.hold_seconds, left)))
        if answer.hold_seconds > left:
            raise TimedOut("timed out")
        if answer.reset:
            _break_off()
        return _Response(answer)

    def _exchange(self, request: Request) -> Answer:
        chance = self._faults.scheduler.current().chance

        def refused() -> Answer:
            match chance.randrange(4):
                case 0:
                    return _BUSY
                case 1:
                    return _BAD_GATEWAY
                case 2:
                    _break_off()
            raise NotSent("NewConnectionError")

        def lost() -> Answer:
            return _BAD_GATEWAY if chance.random() < 0.5 else _break_off()

        operation = f"{request.method} {request.path.split('/')[1]}"
        return self._faults.call("campay", operation, lambda: self._answer(request), refused, lost)

    def _answer(self, request: Request) -> Answer:
        """Has the API answer what arrives there of a request."""
        has_body = request.body is not None
        return self._api.respond(
            http_server.Request(
                method=request.method,
                path=f"/api{request.path}",
                query={},
                content_type="application/json" if has_body else "text/plain",
                authorization=f"Token {request.token}" if request.token else "",
                host="",
                user_agent="",
                body=json.dumps(request.body).encode() if has_body else b"",
            )
        )


class _Response:
    """Is what urllib3 returns, as far as the product reads it."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        is_html = isinstance(answer.body, str)
        self._content = (answer.body if is_html else json.dumps(answer.body)).encode()

    def stream(self, _: int, **__: Any) -> Iterator[bytes]:
        return iter([self._content] if self._content else [])

    def close(self) -> None:
        """Has nothing to close."""


def _break_off() -> NoReturn:
    raise NoAnswer("ProtocolError")
