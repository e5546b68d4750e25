"""Configures uvicorn for the gateway, and drains the gateway before it stops."""

import asyncio
import contextlib
import functools
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from chalicelib.runtime import log
from socket_gateway.admission import Admission
from socket_gateway.drain import Drain
from socket_gateway.engine.driver import Engine
from socket_gateway.engine.self_test import fault_of
from socket_gateway.entrance import Entrance, Lobby
from socket_gateway.metrics import Metrics
from socket_gateway.moving import Moving
from socket_gateway.protocols import MAX_HEAD_BYTES, HttpProtocol, WebSocketProtocol
from socket_gateway.settings import Settings

_KERNEL_SEND_BUFFER = 32 * 1024
"""Data in the kernel's buffer cannot be compacted, and its stalling is not visible: keep it small."""


class GatewayServer(uvicorn.Server):
    """Runs uvicorn without its own handling of signals, which closes every socket within 30 ms of SIGTERM."""

    def __init__(
        self,
        application: Any,
        settings: Settings,
        drain: Drain,
        engine: Engine,
        admission: Admission,
        metrics: Metrics,
        moving: Moving | None,
    ) -> None:
        """`moving`: where several processes serve the port."""
        bounds = settings.bounds
        http = functools.partial(HttpProtocol, admission, bounds, metrics, engine.accept, moving)
        lobby = Lobby(admission, metrics, engine.accept, http, engine.turns, bounds.request_seconds)
        entrance: Any = functools.partial(Entrance, lobby)
        websocket: Any = functools.partial(WebSocketProtocol, admission)
        config = uvicorn.Config(
            application,
            host=settings.host,
            port=settings.port,
            http=entrance,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            timeout_keep_alive=settings.timing.keep_alive_seconds,
            ws=websocket,
            ws_max_size=bounds.max_message_bytes,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._drain = drain
        self._engine = engine
        self._moving = moving
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tries the engine, and listens."""
        if self._engine.is_on and (fault := await fault_of(self._new_protocol)):
            self._engine.switch_off()
            log.warning("engine-not-used", reason=fault)
        await super().startup(sockets)
        for each in [each for server in self.servers for each in server.sockets]:  # each connection inherits it
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_SEND_BUFFER)
        if self._moving is not None:
            self._moving.receive(self._new_protocol)

    def _new_protocol(self, begun: bytes = b"") -> asyncio.Protocol:
        """Creates the protocol of a connection, as uvicorn does for one that it accepts.

        `begun`: what another process has read of a connection that has moved here.
        """
        http: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = http(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state, begun=begun
        )
        return protocol

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Replaces uvicorn's handling of signals by none."""
        yield

    def handle_signals(self) -> None:
        """Drains and exits on SIGTERM and SIGINT, from now on."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.leave, each)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a worker is started with signals blocked

    def leave(self, number: int = signal.SIGTERM) -> None:
        """Starts to drain; the server exits when that is done. The second call exits the process at once."""
        if self._draining is not None:
            os._exit(128 + number)
        self._draining = asyncio.create_task(self._leave())

    async def _leave(self) -> None:
        try:
            await self._drain.run()
        finally:
            self.should_exit = True
