"""Sends the versions of a payment to the clients that watch it."""

import asyncio
from collections.abc import Collection, Sequence

from socket_gateway.metrics import Metrics
from socket_gateway.session import Client, TrackedPayment
from socket_gateway.versions import Version

_JOINED_FROM = 4
"""Watchers of one payment from which on joining a turn's writes saves more system calls than it costs."""


class Broadcast:
    """Encodes each version once for all watchers, and counts the events."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def send(self, tracked: TrackedPayment, version: Version) -> None:
        """Sends a version to every watcher, without yielding.

        Where several watch, the versions of one turn of the event loop are written together at its end.
        """
        if len(tracked.watchers) < _JOINED_FROM and not tracked.waiting:
            self._send(tracked.watchers, [version])
            return
        tracked.waiting.append(version)
        if len(tracked.waiting) == 1:
            asyncio.get_running_loop().call_soon(self._flush, tracked)

    def join(self, tracked: TrackedPayment, client: Client, newest: Version | None) -> None:
        """Sends a client `newest`, and from now on every version."""
        self._flush(tracked)  # the client is sent these by `newest`
        if newest is not None:
            self._send((client,), [newest])
        tracked.watchers[client] = None

    def leave(self, tracked: TrackedPayment, client: Client) -> bool:
        """Sends a client no further versions. Returns False where it had not joined."""
        if client not in tracked.watchers:
            return False
        self._flush(tracked)  # whoever calls notes the newest version as sent
        del tracked.watchers[client]
        return True

    def _flush(self, tracked: TrackedPayment) -> None:
        """Sends what waits for the end of the turn, if anything does."""
        if tracked.waiting:
            versions, tracked.waiting = tracked.waiting, []
            self._send(tracked.watchers, versions)

    def _send(self, clients: Collection[Client], versions: Sequence[Version]) -> None:
        frames = b"".join([version.frames() for version in versions])
        for client in tuple(clients):
            client.session.send(versions, frames)
        self._metrics.sent(len(clients) * sum(map(len, versions)))
