"""Tells who is calling: a shop with its key, an operator, or a browser with a tracking token."""

import hmac
from collections.abc import Sequence

from chalice.app import Request

from chalicelib.domain import tokens
from chalicelib.domain.errors import InvalidApiKey, InvalidToken


def has_key(request: Request, keys: Sequence[str]) -> bool:
    """Whether `X-Api-Key` is one of `keys`; every key is compared, in constant time."""
    given = (request.headers.get("x-api-key") or "").encode()
    return any([hmac.compare_digest(given, key.encode()) for key in keys if key])  # noqa: C419 - no early end


def require_key(request: Request, keys: Sequence[str]) -> None:
    """Raises InvalidApiKey unless `X-Api-Key` is one of `keys`."""
    if not has_key(request, keys):
        raise InvalidApiKey


def tracking_grant(request: Request, keys: Sequence[str], now: int) -> tokens.TrackingGrant:
    """Returns what the tracking token in `Authorization` grants. Raises InvalidToken."""
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidToken("A tracking token is needed: Authorization: Bearer <trackingToken>.")
    return tokens.read_tracking_token(token.strip(), keys, now)


def address_of(request: Request) -> str:
    """Returns the caller's network address as API Gateway saw it, `unknown` where it did not say."""
    return str((request.context.get("identity") or {}).get("sourceIp") or "unknown")
