"""Lists why the gateway refuses requests, with their codes and statuses, and shapes the acks of refused events.

The codes of acks are those of `chalicelib.domain.errors`.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus

from chalicelib.domain.errors import PaymentError
from socket_gateway.versions import Version


class Refusal(StrEnum):
    """Names why a request was refused before there was a session; the value is the code that is sent."""

    JSONP_REFUSED = "jsonp_refused"
    """JSONP answers a script element, which sends no Origin that could be checked."""
    MALFORMED_REQUEST = "malformed_request"
    REQUEST_TIMEOUT = "request_timeout"
    """The request was not whole in time."""
    MESSAGE_TOO_LARGE = "message_too_large"
    """The body of a long-polling request."""
    REQUEST_TOO_LARGE = "request_too_large"
    """The request's head and body."""
    TOO_MANY_SOCKETS = "too_many_sockets"
    """Of one address."""
    TOO_MANY_CONNECTIONS = "too_many_connections"
    """The gateway is full."""
    DRAINING = "draining"
    """The gateway is about to stop."""


STATUS_OF_REFUSAL: Mapping[Refusal, HTTPStatus] = {
    Refusal.JSONP_REFUSED: HTTPStatus.BAD_REQUEST,
    Refusal.MALFORMED_REQUEST: HTTPStatus.BAD_REQUEST,
    Refusal.REQUEST_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    Refusal.MESSAGE_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Refusal.REQUEST_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Refusal.TOO_MANY_SOCKETS: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.TOO_MANY_CONNECTIONS: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.DRAINING: HTTPStatus.SERVICE_UNAVAILABLE,
}
RETRYABLE_REFUSALS = frozenset({Refusal.TOO_MANY_SOCKETS, Refusal.TOO_MANY_CONNECTIONS, Refusal.DRAINING})
"""Answered with Retry-After."""


def ack_of(version: Version | None) -> str:
    """Answers `track-payment` with the version that was sent, in JSON; with null where none is known yet."""
    return f'{{"ok":true,"payment":{version.body.decode() if version is not None else "null"}}}'


def refused_ack(error: PaymentError, locale: str) -> str:
    """Refuses an event of Socket.IO, in JSON. `message` is for the customer."""
    ack = {"ok": False, "code": error.code, "message": error.sentence[locale]}
    return json.dumps(ack, separators=(",", ":"), ensure_ascii=False)
