"""Limits the open TCP connections: in all, per address, and those on which no whole request has arrived yet."""

import asyncio
import contextlib
import resource
import sys
from collections import Counter
from collections.abc import Iterator

from socket_gateway.asgi_http import Scope, address_of
from socket_gateway.metrics import Metrics
from socket_gateway.refusals import Refusal
from socket_gateway.settings import Settings

_OTHER_DESCRIPTORS = 64
"""File descriptors for Redis, the API, the listening socket, the event loop and files that Python opens."""


class Admission:
    """Counts each connection from accept to close.

    Without a proxy, an address is counted from accept. Behind one (`trusted_proxies`), every connection comes from
    the proxy's few addresses, so these are not counted. The browser's address is known once the request's head has
    arrived, and is counted from then until the response is complete or the WebSocket has ended.

    A connection is waiting while no whole request has arrived on it. At the limit in all, a new connection replaces the
    one that has waited longest, so that idle connections cannot keep others out.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        bounds = settings.bounds
        self.most = max(2, min(bounds.max_connections, _descriptor_limit() - _OTHER_DESCRIPTORS))
        self.most_sockets = min(bounds.max_sockets, self.most // 2)
        """Limit of Engine.IO sessions. A polling browser has up to two connections, and health checks need some."""
        self._most_per_address = bounds.sockets_per_address
        self._trusted_proxies = settings.trusted_proxies
        self._metrics = metrics
        self._open: dict[asyncio.Transport, str | None] = {}
        self._waiting: dict[asyncio.Transport, None] = {}
        self._per_address: Counter[str] = Counter()

    def __len__(self) -> int:
        """Returns how many connections are open."""
        return len(self._open)

    def enter(self, transport: asyncio.Transport) -> Refusal | None:
        """Counts an accepted connection. Returns None, or why it must be refused; then it is not counted."""
        address = None if self._trusted_proxies else _peer(transport)
        if address is not None and self._per_address[address] >= self._most_per_address:
            return self._refused(Refusal.TOO_MANY_SOCKETS)
        if len(self._open) >= self.most and not self._displace():
            return self._refused(Refusal.TOO_MANY_CONNECTIONS)
        self._open[transport] = address
        if address is not None:
            self._per_address[address] += 1
        self.waits(transport)
        return None

    def leave(self, transport: asyncio.Transport) -> None:
        """Stops counting a connection that has closed. A connection that was not counted changes nothing."""
        self._waiting.pop(transport, None)
        address = self._open.pop(transport, None)
        if address is not None:
            self._release(address)

    def waits(self, transport: asyncio.Transport) -> None:
        """Marks a connection as waiting: its request is still being sent, or its next one has not begun."""
        if transport in self._open:
            self._waiting.setdefault(transport)

    def works(self, transport: asyncio.Transport) -> None:
        """Marks a connection as working: a whole request is being answered, or it has become a WebSocket."""
        self._waiting.pop(transport, None)

    @contextlib.contextmanager
    def request(self, scope: Scope) -> Iterator[bool]:
        """Counts a request or WebSocket that came through a proxy, for as long as the block runs.

        Yields False where it must be refused. Yields True without counting where there is no proxy.
        """
        address = address_of(scope, self._trusted_proxies)
        if not self.hold(address):
            self._refused(Refusal.TOO_MANY_SOCKETS)
            yield False
            return
        try:
            yield True
        finally:
            self.let_go(address)

    def hold(self, address: str) -> bool:
        """Counts a request or WebSocket that came through a proxy. Returns False where there are too many.

        Without a proxy its connection is counted already, and nothing changes.
        """
        if not self._trusted_proxies:
            return True
        if self._per_address[address] >= self._most_per_address:
            return False
        self._per_address[address] += 1
        return True

    def let_go(self, address: str) -> None:
        """Ends what `hold` has begun."""
        if self._trusted_proxies:
            self._release(address)

    def _displace(self) -> bool:
        """Closes the connection that has waited longest. Returns False where none is waiting."""
        for transport in self._waiting:
            self.leave(transport)
            transport.abort()
            self._metrics.closes.labels("displaced").inc()
            return True
        return False

    def _release(self, address: str) -> None:
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def _refused(self, refusal: Refusal) -> Refusal:
        self._metrics.refusals.labels(refusal).inc()
        return refusal


def _peer(transport: asyncio.Transport) -> str | None:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else None


def raise_descriptor_limit(connections: int) -> None:
    """Raises the soft limit of open files as far as this many connections need and the hard limit allows."""
    soft, hard = (_finite(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    wanted = min(connections + _OTHER_DESCRIPTORS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _descriptor_limit() -> int:
    return _finite(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _finite(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
