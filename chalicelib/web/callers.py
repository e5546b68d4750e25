"""Tells who is calling: a shop with its key, an operator, or a browser with a tracking token."""

import hmac
from collections.abc import Sequence

from chalice.app import Request

from chalicelib.domain import tokens
from chalicelib.domain.errors import Forbidden, InvalidApiKey, InvalidToken
from chalicelib.domain.operators import UNNAMED, Operator, OperatorKey, Right, key_given
from chalicelib.domain.tokens import OperatorSession
from chalicelib.settings import Settings
from chalicelib.web import operator_session


def has_key(request: Request, keys: Sequence[str]) -> bool:
    """Whether `X-Api-Key` is one of `keys`; every key is compared, in constant time."""
    given = (request.headers.get("x-api-key") or "").encode()
    return any([hmac.compare_digest(given, key.encode()) for key in keys if key])  # noqa: C419 - no early end


def require_key(request: Request, keys: Sequence[str]) -> None:
    """Raises InvalidApiKey unless `X-Api-Key` is one of `keys`."""
    if not has_key(request, keys):
        raise InvalidApiKey


def require_operator(request: Request, settings: Settings, right: Right, now: int) -> Operator:
    """Returns the operator who calls, with a key or else with a session of the operators' page.

    Raises InvalidApiKey, InvalidSession; and Forbidden where the operator lacks the right, or a foreign page calls.
    """
    operator = require_operator_session(request, settings, now).key.operator
    if not operator.right.includes(right):
        raise Forbidden(f"This needs the right {right}.")
    return operator


def require_name(operator: Operator, settings: Settings) -> None:
    """Raises Forbidden in production where the operator's key has no name: nobody could be asked who paid out."""
    if operator == UNNAMED and not settings.development:
        raise Forbidden("This needs a key with a name.")


def require_operator_session(request: Request, settings: Settings, now: int) -> OperatorSession:
    """Returns the session of the operator who calls; with a key, one that would begin now.

    Raises InvalidApiKey, InvalidSession; and Forbidden where a foreign page calls.
    """
    if "x-api-key" not in request.headers:
        session = operator_session.session_of(request, settings, now)
        if session is not None:
            return session
    key = require_operator_key(request, settings)
    return OperatorSession.begin(key, now, settings.operator_session_seconds)


def require_operator_key(request: Request, settings: Settings) -> OperatorKey:
    """Returns the operator's key in `X-Api-Key`. Raises InvalidApiKey, and Forbidden where a foreign page calls."""
    key = key_given(request.headers.get("x-api-key") or "", settings.operator_keys)
    if key is None:
        raise InvalidApiKey
    operator_session.refuse_foreign_page(request, settings)
    return key


def tracking_grant(request: Request, keys: Sequence[str], now: int) -> tokens.TrackingGrant:
    """Returns what the tracking token in `Authorization` grants. Raises InvalidToken."""
    token = bearer(request)
    if token is None:
        raise InvalidToken("A tracking token is needed: Authorization: Bearer <trackingToken>.")
    return tokens.read_tracking_token(token, keys, now)


def bearer(request: Request) -> str | None:
    """Returns the token in `Authorization`, None where that has none."""
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def address_of(request: Request) -> str:
    """Returns the caller's network address as API Gateway saw it, `unknown` where it did not say."""
    return str((request.context.get("identity") or {}).get("sourceIp") or "unknown")
