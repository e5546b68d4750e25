"""Leaving without a storm: unready first, still accepting for a while, then closes spread over time."""

import asyncio
import random

from chalicelib.runtime import log
from socket_gateway.connections import Connections
from socket_gateway.settings import Timing


class Drain:
    def __init__(self, connections: Connections, timing: Timing) -> None:
        self.started = False
        self._connections = connections
        self._timing = timing

    async def run(self) -> None:
        """Returns when nobody is connected any more, or nobody answers."""
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
