"""Takes every connection that is accepted, and gives it to the engine or to HTTP once its first bytes have come."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from socket_gateway.admission import Admission
from socket_gateway.metrics import Metrics
from socket_gateway.protocols import Accept, HttpProtocol, answer_and_close
from socket_gateway.refusals import Refusal
from socket_gateway.turns import Turns


@dataclass(frozen=True, slots=True)
class Lobby:
    """Holds what all entrances share. `http` makes what serves a connection that `accept` has not taken."""

    admission: Admission
    metrics: Metrics
    accept: Accept
    http: Callable[..., HttpProtocol]
    turns: Turns
    seconds: float


class Entrance(asyncio.Protocol):
    """Is a connection whose first bytes this process has not seen. One that sends nothing in time is closed.

    uvicorn makes one where it would make its own HTTP protocol, which costs much more.
    """

    __slots__ = ("_begun", "_deadline", "_lobby", "_transport", "_uvicorn")

    _transport: asyncio.Transport

    def __init__(self, lobby: Lobby, *, begun: bytes = b"", **uvicorn: Any) -> None:
        """`begun`: what another process has read of the first request of a connection that has moved here."""
        self._lobby = lobby
        self._begun = begun
        self._uvicorn = uvicorn
        self._deadline = asyncio.get_running_loop().call_later(lobby.seconds, self._late)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        refused = self._lobby.admission.enter(self._transport)
        if refused is not None:
            self._deadline.cancel()
            answer_and_close(self._transport, refused)
            return
        self._state.connections.add(self)
        if self._begun:
            self._wait_for_turn()

    def data_received(self, data: bytes) -> None:
        is_waiting = bool(self._begun)
        self._begun += data
        if is_waiting:  # uvloop begins to read after `connection_made`, whoever has paused it there
            self._transport.pause_reading()
        else:
            self._wait_for_turn()

    def _wait_for_turn(self) -> None:
        self._deadline.cancel()
        if not self._lobby.turns.do(self._begin):
            self._transport.pause_reading()  # the next bytes are for whoever takes the connection

    def _begin(self) -> None:
        """Gives the connection away with all that was read of it, unless it has been closed meanwhile."""
        if self._transport.is_closing():
            return
        data = self._begun
        self._state.connections.discard(self)
        self._transport.resume_reading()
        try:
            if not self._lobby.accept(self._transport, data):
                http = self._lobby.http(begun=data, **self._uvicorn)
                self._transport.set_protocol(http)
                http.connection_made(self._transport)
        except Exception:
            self._transport.abort()
            raise

    def connection_lost(self, _: Exception | None) -> None:
        self._deadline.cancel()
        self._state.connections.discard(self)
        self._lobby.admission.leave(self._transport)

    def shutdown(self) -> None:
        """Closes the connection; uvicorn calls it when it stops."""
        self._transport.close()

    @property
    def _state(self) -> Any:
        """Returns what uvicorn's protocols share; it has no type for a protocol that is not its own."""
        return self._uvicorn["server_state"]

    def _late(self) -> None:
        """Closes without an answer: browsers open spare connections, and expect none on them."""
        self._lobby.metrics.refusals.labels(Refusal.REQUEST_TIMEOUT).inc()
        self._transport.abort()
