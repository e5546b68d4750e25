"""Signs and checks order tokens, tracking tokens, operators' sessions and tickets; checks webhook signatures.

Pure: keys and time are arguments. HS256 is pinned, every token must expire, and several keys are
tried so that a key can be rotated (the first one signs). Times are milliseconds since the epoch.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from chalicelib.domain.errors import ExpiredSignature, InvalidSession, InvalidSignature, InvalidToken
from chalicelib.domain.operators import OperatorKey
from chalicelib.domain.payment_link import LinkGrant, PaymentLink

WEBHOOK_LEEWAY_MS = 60_000
TRACKING_TOKEN_LIFE_MS = 75 * 3_600_000
TICKET_LIFE_MS = 60_000
"""Enough for a page that has just asked for it."""
_SIGNATURE_ONLY: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}

_WRONG_SIGNATURE = "The webhook's signature is not valid or has expired."

# The length of CamPay's webhook key is CamPay's choice; that of our own keys is checked at start.
warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)


@dataclass(frozen=True, slots=True)
class TrackingGrant:
    """Names what the bearer of a tracking token may see: this payment, and the status of its order."""

    reference: str
    order_id: str


def read_order_token(token: str, keys: Sequence[str], now: int) -> Mapping[str, Any]:
    """Returns the shop's claims `orderId`, `amount`, `currency`; only the signature and `exp` are checked.

    Raises InvalidToken.
    """
    claims = _verified(token, keys, now)
    if claims is None:
        raise InvalidToken("The order token is not valid or has expired.")
    return claims


def sign_link_token(link: PaymentLink, keys: Sequence[str], expires_at: int) -> str:
    """Returns the order token of a payment link, signed with the first key of the shop's order tokens.

    It names the link, so that no payment begins by it once the link is cancelled or over.
    """
    claims = {
        "orderId": link.order_id,
        "amount": link.money.amount,
        "currency": link.money.currency,
        "description": link.description,
        "link": link.link_id,
        "payUntil": link.expires_at,
        "exp": expires_at // 1000,
    }
    return jwt.encode(claims, keys[0], algorithm="HS256")


def link_grant_of(claims: Mapping[str, Any]) -> LinkGrant | None:
    """Returns which payment link an order token's claims are of; None where the shop has signed it for its own page."""
    link_id, pay_until = claims.get("link"), claims.get("payUntil")
    if not isinstance(link_id, str) or type(pay_until) is not int:
        return None
    return LinkGrant(link_id, pay_until)


def sign_tracking_token(grant: TrackingGrant, keys: Sequence[str], expires_at: int) -> str:
    """Returns the token, signed with the first key."""
    claims = {"reference": grant.reference, "orderId": grant.order_id, "exp": expires_at // 1000}
    return jwt.encode(claims, keys[0], algorithm="HS256")


def read_tracking_token(token: str, keys: Sequence[str], now: int) -> TrackingGrant:
    """Returns what the token grants. Raises InvalidToken."""
    claims = _verified(token, keys, now) or {}
    reference, order_id = claims.get("reference"), claims.get("orderId")
    if not isinstance(reference, str) or not isinstance(order_id, str):
        raise InvalidToken("The tracking token is not valid or has expired.")
    return TrackingGrant(reference, order_id)


@dataclass(frozen=True, slots=True)
class OperatorSession:
    """A session of the operators' page: the key that began it, and when it ends, in milliseconds (whole seconds)."""

    key: OperatorKey
    ends_at: int

    @classmethod
    def begin(cls, key: OperatorKey, now: int, seconds: int) -> "OperatorSession":
        return cls(key, (now // 1000 + seconds) * 1000)


def sign_operator_session(session: OperatorSession) -> str:
    """Returns the session's token."""
    operator, expires = session.key.operator, session.ends_at // 1000
    claims = {"name": operator.name, "right": operator.right.value, "exp": expires}
    return jwt.encode(claims, session.key.session_key, algorithm="HS256")


def read_operator_session(token: str, keys: Sequence[OperatorKey], now: int) -> OperatorSession:
    """Returns the session. It ends with the key that began it, and when that key's right changes.

    Raises InvalidSession.
    """
    for key in keys:
        claims = _verified(token, [key.session_key], now) or {}
        if _is_of(key, claims):
            return OperatorSession(key, claims["exp"] * 1000)
    raise InvalidSession("The session is not valid or has expired.")


def sign_operator_ticket(session: OperatorSession, now: int) -> str:
    """Returns a ticket: it opens the gateway's namespace for operators until the session ends, if it is used soon."""
    operator = session.key.operator
    claims = {
        "name": operator.name,
        "right": operator.right.value,
        "until": session.ends_at // 1000,
        "exp": min(now + TICKET_LIFE_MS, session.ends_at) // 1000,
    }
    return jwt.encode(claims, session.key.ticket_key, algorithm="HS256")


def read_operator_ticket(ticket: str, keys: Sequence[OperatorKey], now: int) -> OperatorSession:
    """Returns the session that a ticket was given for. Raises InvalidSession.

    Only the keys of the name in it are tried: whoever sends many forged ones costs little.
    """
    name = _unverified(ticket).get("name")
    for key in (key for key in keys if key.operator.name == name):
        claims = _verified(ticket, [key.ticket_key], now) or {}
        if _is_of(key, claims) and type(claims.get("until")) is int:
            return OperatorSession(key, claims["until"] * 1000)
    raise InvalidSession("The ticket is not valid or has expired.")


def _is_of(key: OperatorKey, claims: Mapping[str, Any]) -> bool:
    return (claims.get("name"), claims.get("right")) == (key.operator.name, key.operator.right)


def check_webhook_signature(signature: str, keys: Sequence[str], now: int) -> None:
    """Raises InvalidSignature unless CamPay signed the token within the hour; without a key nothing passes.

    Where only the time is wrong it is an ExpiredSignature. It proves no more: the signature binds neither reference,
    status nor amount.
    """
    claims = _signed(signature, keys)
    if claims is None:
        raise InvalidSignature(_WRONG_SIGNATURE)
    if not _is_current(claims, now, WEBHOOK_LEEWAY_MS):
        raise ExpiredSignature(_WRONG_SIGNATURE)


def _verified(token: str, keys: Sequence[str], now: int) -> Mapping[str, Any] | None:
    """Returns the claims, or None. Time is judged here, by `now`, not by the library's own clock."""
    claims = _signed(token, keys)
    return claims if claims is not None and _is_current(claims, now) else None


def _signed(token: str, keys: Sequence[str]) -> Mapping[str, Any] | None:
    """Returns the claims that one of the keys has signed, whatever their time; None where none has."""
    for key in keys:
        if not key:
            continue
        try:
            claims: Mapping[str, Any] = jwt.decode(token, key, algorithms=["HS256"], options=_SIGNATURE_ONLY)
        except (jwt.PyJWTError, ValueError):
            continue
        return claims
    return None


def _unverified(token: str) -> Mapping[str, Any]:
    """Returns claims that prove nothing; none where the token is malformed."""
    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        return {}
    return claims


def _is_current(claims: Mapping[str, Any], now: int, leeway: int = 0) -> bool:
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if type(expires) is not int or type(begins) not in (int, float):
        return False
    return now < expires * 1000 + leeway and now >= begins * 1000 - leeway
