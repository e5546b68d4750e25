"""Sends order events to the shop's own address, signed, and never into the private network."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain.event_signature import signed_headers
from chalicelib.domain.order_event import Attempt, OrderEvent
from chalicelib.runtime.clock import Clock
from chalicelib.runtime.public_address import is_public
from chalicelib.runtime.tls import trusting

WHOLE_SECONDS, _CONNECT_SECONDS = 10.0, 3.0
"""Longest times of an attempt, from its connection to the shop's status, and of each try to connect."""
_ADDRESSES = 2
"""Of a name's addresses, how many are tried."""


class NotPublic(OSError):
    """Raised where the shop's name resolves to an address that is not on the internet. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Network:
    """Looks up names, and connects to addresses: as the standard library does, unless a test says otherwise."""

    look_up: Callable[..., Sequence[tuple[Any, ...]]] = socket.getaddrinfo
    connect: Callable[[tuple[str, int], float], socket.socket] = socket.create_connection


class Shop:
    """The shop's address for order events. One per process; threads may share it.

    `keys`: sign; several while one is rotated. `only_public`: refuses addresses that are not on the internet.
    `root_certificates`: a file of those by which the shop's is verified, else certifi's.

    No proxy of the environment is used, and no redirection is followed: both would choose another address.
    """

    def __init__(
        self,
        url: str,
        keys: Sequence[bytes],
        clock: Clock,
        *,
        only_public: bool = True,
        root_certificates: str | None = None,
        whole_seconds: float = WHOLE_SECONDS,
        network: Network = Network(),
    ) -> None:
        self._url = urlsplit(url)
        self._keys = keys
        self._clock = clock
        self._dial = partial(_connected, network, only_public=only_public)
        self._root_certificates = root_certificates
        self._whole_seconds = whole_seconds

    def send(self, event: OrderEvent) -> Attempt:
        """Sends an order event once. Of the answer only the status is read."""
        at, started = self._clock.now(), time.monotonic()
        status, reason = None, ""
        try:
            status = self._post(event.body, signed_headers(event.id, at, event.body, self._keys))
        except (OSError, HTTPException, ValueError) as error:
            reason = type(error).__name__
        return Attempt(event.id, at, int((time.monotonic() - started) * 1000), status, reason)

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        connection = self._connection()
        with contextlib.closing(connection), _ended_after(self._whole_seconds, connection):
            target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
            fixed = {"Content-Type": "application/json", "User-Agent": "braidster-payments"}
            connection.request("POST", target, body, fixed | headers)
            return connection.getresponse().status

    def _connection(self) -> HTTPConnection:
        host, port, seconds = self._url.hostname or "", self._url.port, self._whole_seconds
        if self._url.scheme == "http":
            return _Plain(host, port, timeout=seconds, dial=self._dial)
        context = trusting(self._root_certificates)
        return _Encrypted(host, port, timeout=seconds, dial=self._dial, context=context)


_Dial = Callable[[str, int], socket.socket]


class _Plain(HTTPConnection):
    """Connects to an address that was looked at, so that no second look-up of the name can answer another one."""

    def __init__(self, host: str, port: int | None, *, timeout: float, dial: _Dial) -> None:
        super().__init__(host, port, timeout=timeout)
        self._dial = dial

    def connect(self) -> None:
        self.sock = self._dial(self.host, self.port)
        self.sock.settimeout(self.timeout)


class _Encrypted(HTTPSConnection):
    """The same with TLS, whose certificate is verified for the name."""

    def __init__(self, host: str, port: int | None, *, timeout: float, dial: _Dial, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._dial = dial
        self._tls = context

    def connect(self) -> None:
        self.sock = self._dial(self.host, self.port)
        self.sock.settimeout(self.timeout)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def _connected(network: Network, host: str, port: int, *, only_public: bool) -> socket.socket:
    """Connects to one of a name's addresses. Raises NotPublic where any of them is none of the internet's."""
    family = socket.AF_INET if only_public else socket.AF_UNSPEC
    found = [str(it[4][0]) for it in network.look_up(host, port, family, socket.SOCK_STREAM)]
    if only_public and not all(map(is_public, found)):
        raise NotPublic
    *others, last = found[:_ADDRESSES]
    for address in others:
        with contextlib.suppress(OSError):
            return network.connect((address, port), _CONNECT_SECONDS)
    return network.connect((last, port), _CONNECT_SECONDS)


@contextlib.contextmanager
def _ended_after(seconds: float, connection: HTTPConnection) -> Iterator[None]:
    """Ends a connection that takes longer, however steadily bytes arrive, and then raises TimeoutError."""
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        with contextlib.suppress(OSError):
            if connection.sock:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_late.is_set():  # http.client takes what the end has cut off for an answer
            raise TimeoutError
