"""Sends CamPay's webhooks over HTTP, each once and without a retry, whatever the response is.

One that the end of the process has interrupted is sent again by the next one, if the ledger is kept in a file.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from local.simulator.faults import Delivery, FaultQueue
from local.simulator.phone_numbers import Status
from local.simulator.records import campay_record
from local.simulator.settings import SimulatorSettings
from local.simulator.timers import Timers
from local.simulator.transactions import Transaction

_TOKEN_SECONDS = 3600
_REPLY_SECONDS = 15.0
_AT_ONCE = 16
_HEADERS = {"User-Agent": "python-requests/2.32.3"}
_JSON_HEADERS = {**_HEADERS, "Content-Type": "application/json"}

logger = logging.getLogger(__name__)


def sign(key: str, issued_at: int) -> str:
    """Signs the token that CamPay puts into records and webhooks.

    It is bound to no transaction: all tokens of the same second are equal.
    """
    claims = {"iat": issued_at, "nbf": issued_at, "exp": issued_at + _TOKEN_SECONDS, "source": "CamPay"}
    return json_web_token({"alg": "HS256", "typ": "JWT", "app": "simulator"}, claims, key)


def json_web_token(header: Mapping[str, Any], claims: Mapping[str, Any], key: str) -> str:
    """Signs with HS256, without the product's library, which would otherwise be tested against itself."""
    signed = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{signed}.{_base64url(hmac.digest(key.encode(), signed.encode(), hashlib.sha256))}"


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Webhooks:
    """Sends webhooks to `url`, at most 16 at a time; where it is None, none is sent."""

    def __init__(self, settings: SimulatorSettings, faults: FaultQueue, timers: Timers) -> None:
        self.url = settings.webhook_url
        self._settings = settings
        self._faults = faults
        self._timers = timers
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="simulator-webhook")
        self._lock = threading.Lock()
        self._connected: set[socket.socket] = set()
        self._is_closed = False

    def announce(self, transaction: Transaction, claims: Status | None, announced: Callable[[], object]) -> None:
        """Sends the webhook of a transaction, and returns at once. `claims` is a status other than its own.

        `announced` is called when one has been answered, or found nobody, and where none is sent.
        """
        claimed = claims or transaction.status
        deliveries = self._faults.take_deliveries()
        if not (self.url and deliveries):
            announced()
        for delivery in deliveries:
            contrary: Status = "FAILED" if claimed == "SUCCESSFUL" else "SUCCESSFUL"
            shown = replace(transaction, status=contrary if delivery.contradicts else claimed)
            fields = campay_record(shown, self._signature(delivery), self._settings)
            if delivery.is_late:
                self._timers.after(self._settings.late_after, partial(self._post, fields, announced))
            else:
                self._post(fields, announced)

    def close(self) -> None:
        """Closes the connections of webhooks under way, and drops those that wait."""
        with self._lock:
            self._is_closed = True
            for connected in self._connected:
                with contextlib.suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)
        self._pool.shutdown(cancel_futures=True)

    def _signature(self, delivery: Delivery) -> str:
        key = "another-app's-webhook-key" if delivery.is_signed_by_another else self._settings.webhook_key
        return sign(key, int(time.time()) - delivery.token_age)

    def _post(self, fields: Mapping[str, Any], announced: Callable[[], object]) -> None:
        if self.url:
            self._pool.submit(self._send, self.url, fields, announced)

    def _send(self, url: str, fields: Mapping[str, Any], announced: Callable[[], object]) -> None:
        try:
            result = str(self._request(url, fields))
        except (OSError, HTTPException, ValueError) as error:
            result = type(error).__name__
        if not self._is_closed:
            announced()
        logger.info("webhook %s -> %s", fields["status"], result)

    def _request(self, url: str, fields: Mapping[str, Any]) -> int:
        """Sends one webhook and returns the status of the response."""
        target = urlsplit(url)
        if target.scheme != "http":
            raise ValueError("webhooks go to http only")
        with contextlib.closing(
            HTTPConnection(target.hostname or "", target.port, timeout=_REPLY_SECONDS)
        ) as connection:
            connection.connect()
            with self._tracked(connection.sock):
                if self._settings.webhook_method == "GET":
                    query = urlencode({name: "" if value is None else value for name, value in fields.items()})
                    connection.request("GET", _path(target, query), headers=_HEADERS)
                else:
                    connection.request("POST", _path(target), json.dumps(fields).encode(), _JSON_HEADERS)
                with connection.getresponse() as reply:
                    return reply.status

    @contextlib.contextmanager
    def _tracked(self, connected: socket.socket) -> Iterator[None]:
        with self._lock:
            if self._is_closed:
                raise ConnectionAbortedError
            self._connected.add(connected)
        try:
            yield
        finally:
            with self._lock:
                self._connected.discard(connected)


def _path(target: SplitResult, query: str = "") -> str:
    return urlunsplit(("", "", target.path or "/", "&".join(filter(None, (target.query, query))), ""))
