"""Empties a gateway before it stops, slowly enough that its browsers do not all reconnect at once."""

import asyncio
import random

from chalicelib.runtime import log
from socket_gateway.connections import Connections
from socket_gateway.settings import Timing


class Drain:
    """Drains a gateway in three steps: it becomes unready, later refuses new sessions, then closes the open ones."""

    def __init__(self, connections: Connections, timing: Timing) -> None:
        self.started = False
        self._connections = connections
        self._timing = timing

    async def run(self) -> None:
        """Drains the gateway; returns when every session that was open has been closed.

        It goes on accepting for `drain_accept_seconds`, while the load balancer learns that it is unready. The closes
        are spread at random over at most `drain_close_seconds`.
        """
        self.started = True
        log.info("gateway-draining", connections=len(self._connections))
        await asyncio.sleep(self._timing.drain_accept_seconds)
        self._connections.stop_accepting()
        sessions = self._connections.sessions()
        spread = min(self._timing.drain_close_seconds, len(sessions) / self._timing.drain_closes_per_second)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for moment, eio_sid in sorted((random.uniform(0, spread), eio_sid) for eio_sid in sessions):  # noqa: S311 jitter
            await asyncio.sleep(begun + moment - loop.time())
            self._connections.close(eio_sid, "draining")
        await self._connections.all_closed()
