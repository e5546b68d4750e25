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

from socket_gateway.admission import Admission
from socket_gateway.drain import Drain
from socket_gateway.metrics import Metrics
from socket_gateway.moving import Moving
from socket_gateway.protocols import MAX_HEAD_BYTES, HttpProtocol, WebSocketProtocol
from socket_gateway.settings import Settings


class GatewayServer(uvicorn.Server):
    """Runs uvicorn without its own handling of signals, which closes every socket within 30 ms of SIGTERM."""

    def __init__(
        self,
        application: Any,
        settings: Settings,
        drain: Drain,
        admission: Admission,
        metrics: Metrics,
        moving: Moving | None,
    ) -> None:
        """`moving`: where several processes serve the port."""
        bounds = settings.bounds
        http: Any = functools.partial(HttpProtocol, admission, bounds, metrics, moving)
        websocket: Any = functools.partial(WebSocketProtocol, admission)
        config = uvicorn.Config(
            application,
            host=settings.host,
            port=settings.port,
            http=http,
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
        self._moving = moving
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._moving is not None:
            self._moving.receive(self._resume)

    def _resume(self, begun: bytes) -> asyncio.Protocol:
        """Creates the protocol of a connection that has moved here, as uvicorn does for one that it accepts."""
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
