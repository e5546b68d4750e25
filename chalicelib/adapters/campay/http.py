"""Sends single HTTP requests to CamPay. A failure says whether anything was sent."""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import urllib3

from chalicelib.runtime.clock import Clock
from chalicelib.runtime.tls import trusting

CONNECT_SECONDS, READ_SECONDS = 3.0, 10.0
"""Longest waits for the connection and, by default, for the next bytes; the whole request has a deadline besides."""
_SHORTEST_SECONDS = 0.5
"""Minimum time of a request, however close its deadline is."""
_MAXIMUM_BYTES = 1_000_000
T = TypeVar("T")


class NotSent(Exception):
    """Raised where the connection was never established: nothing was sent."""


class NoAnswer(Exception):
    """Raised where something was sent and no complete answer came back."""


class TimedOut(NoAnswer):
    """Raised where the answer took too long or was too large. A repetition would most likely end the same way."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to CamPay.

    `ends_at`: when the whole answer must be there, in milliseconds since the epoch. `silence_seconds`: the longest
    wait for its next bytes.
    """

    method: str
    path: str
    body: Mapping[str, str] | None
    token: str | None
    ends_at: int
    silence_seconds: float = READ_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. `body`: None where it is no JSON; numbers are text, so that money never becomes a float."""

    status: int
    body: Any

    @property
    def fields(self) -> Mapping[str, Any]:
        return self.body if isinstance(self.body, dict) else {}


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is still arriving. `chunks`: empty unless the status is 200; iterating raises NoAnswer."""

    status: int
    chunks: Iterator[bytes]


class CampayHttp:
    """Sends requests; reuses connections for those that may be repeated. One per process; threads may share it.

    No proxy of the environment is used: it must not redirect money. Redirections are not followed.
    `root_certificates`: a file of those by which CamPay's is verified, else certifi's.
    """

    def __init__(self, api_url: str, clock: Clock, root_certificates: str | None = None) -> None:
        self._api_url = api_url
        self._url = urllib3.util.parse_url(api_url)
        self._clock = clock
        self._root_certificates = root_certificates

    @cached_property
    def _kept(self) -> urllib3.HTTPConnectionPool:
        return self._connections(16)

    def _connections(self, maximum: int) -> urllib3.HTTPConnectionPool:
        is_https = self._url.scheme == "https"
        options: dict[str, Any] = {"ssl_context": trusting(self._root_certificates)} if is_https else {}
        return urllib3.connection_from_url(self._api_url, maxsize=maximum, retries=False, **options)

    def close(self) -> None:
        self._kept.close()

    def send(self, request: Request) -> Answer:
        """Sends a request that changes nothing at CamPay. Raises NotSent, NoAnswer."""
        return _again_if_dead(lambda: self._send(request, self._kept))

    def send_once(self, request: Request) -> Answer:
        """Sends on a fresh connection: a reused one may be dead, and its reset would make the outcome unknown.

        Raises NotSent, NoAnswer.
        """
        with self._connections(1) as fresh:
            return self._send(request, fresh)

    def stream(self, request: Request) -> Stream:
        """Sends a request that changes nothing at CamPay and whose answer may be long.

        Raises NotSent and NoAnswer; the chunks raise NoAnswer too.
        """
        response = _again_if_dead(lambda: self._open(request, self._kept))
        if response.status != 200:
            response.close()
            return Stream(response.status, iter(()))
        return Stream(200, self._chunks(response, request.ends_at))

    def _send(self, request: Request, connections: urllib3.HTTPConnectionPool) -> Answer:
        response = self._open(request, connections)
        content = b""
        for chunk in self._chunks(response, request.ends_at):
            content += chunk
            if len(content) > _MAXIMUM_BYTES:
                raise TimedOut("too long an answer")
        return Answer(response.status, _json(content))

    def _open(self, request: Request, connections: urllib3.HTTPConnectionPool) -> urllib3.BaseHTTPResponse:
        seconds = max(_SHORTEST_SECONDS, (request.ends_at - self._clock.now()) / 1000)
        headers = {"Accept-Encoding": "gzip, deflate", "User-Agent": "braidster-payments"}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.token:
            headers["Authorization"] = f"Token {request.token}"
        with _as_failures():
            return connections.request(
                request.method,
                f"{self._url.path or ''}{request.path}",
                body=None if request.body is None else json.dumps(request.body),
                headers=headers,
                timeout=urllib3.Timeout(total=seconds, connect=CONNECT_SECONDS, read=request.silence_seconds),
                redirect=False,
                preload_content=False,
            )

    def _chunks(self, response: urllib3.BaseHTTPResponse, ends_at: int) -> Iterator[bytes]:
        """Yields the body as it arrives. Raises TimedOut once the deadline has passed, even if bytes still arrive."""
        try:
            with _as_failures():
                for chunk in response.stream(65_536, decode_content=True):
                    if self._clock.now() > ends_at:
                        raise TimedOut("timed out")
                    yield chunk
        finally:
            response.close()


def _again_if_dead(attempt: Callable[[], T]) -> T:
    """Repeats an attempt once after NoAnswer, unless it timed out: the reused connection may have been dead."""
    try:
        return attempt()
    except TimedOut:
        raise
    except NoAnswer:
        return attempt()


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


@contextmanager
def _as_failures() -> Iterator[None]:
    """Translates the exceptions of urllib3 into NotSent, TimedOut or NoAnswer."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if _was_never_sent(error):
            raise NotSent(type(error).__name__) from error
        if isinstance(error, urllib3.exceptions.TimeoutError):
            raise TimedOut("timed out") from error
        raise NoAnswer(type(error).__name__) from error


def _was_never_sent(error: Exception) -> bool:
    """Returns whether no connection was established, or the certificate of its other end was refused."""
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.NewConnectionError):
        return True
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args)
