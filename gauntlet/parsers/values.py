"""Reads single values: amounts, phone numbers, languages, tokens and signatures."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import jwt

from chalicelib.domain import tokens
from chalicelib.domain.accept_language import preferred_locale
from chalicelib.domain.currencies import EXPONENT_OF
from chalicelib.domain.errors import InvalidSession, InvalidSignature, InvalidToken
from chalicelib.domain.money import Money
from chalicelib.domain.operators import UNNAMED, OperatorKey
from chalicelib.domain.phone_number import is_phone_number, mask_phone, operator_hint, without_phone_numbers
from gauntlet.inputs.grammar import NUMBERS, fields, near, spelled, text
from gauntlet.parsers.case import KEYS, NOW, Case, must, outcome

PHONE = "237677777777"
_OPERATOR = OperatorKey(UNNAMED, KEYS[0])
_SOON = NOW // 1000 + 600
ORDER_CLAIMS: Mapping[str, Any] = {"orderId": "order-1", "amount": 5000, "currency": "XAF", "exp": _SOON}
_TRACKING_CLAIMS = {"orderId": "order-1", "reference": "0f8fad5b-d9cb-469f-a165-70867728950e", "exp": _SOON}
_OPERATOR_CLAIMS = {"name": "operator", "right": "act", "until": _SOON, "exp": _SOON}
_WEBHOOK_CLAIMS = {"iat": _SOON, "nbf": NOW // 1000, "exp": _SOON, "source": "CamPay"}
_HEADERS: Sequence[Mapping[str, Any]] = (*({"alg": "HS256", "typ": "JWT"},) * 3, {"alg": "HS512"}, {"alg": "none"})


def amount(chance: random.Random) -> None:
    currency = chance.choice(("XAF", "EUR", "TND", chance.choice((*EXPONENT_OF, "xaf", "BTC", text(chance, 4)))))
    written = chance.choice((near(chance, chance.choice(("5000", "5000.00", "19.99"))), chance.choice(NUMBERS)))
    money = Money.from_decimal(written, currency)
    if money is not None:
        must(type(money.amount) is int and money.amount >= 0, "an amount is no whole number", written, money)
        exact = Decimal(written) == Decimal(money.amount).scaleb(-EXPONENT_OF[currency])
        must(exact, "an amount was read as another one", written, money)
        must(Money.from_decimal(money.to_decimal(), currency) == money, "an amount does not come back", money)


def phone_number(chance: random.Random) -> None:
    written = near(chance, chance.choice((PHONE, "237690000001", "2376٧7777777")))
    operator_hint(written)
    if is_phone_number(written):
        must(is_mobile_number(written), "a phone number was taken", written)
        must(written[4:10] not in mask_phone(written), "a phone number is readable", mask_phone(written))
    said = f"{text(chance, 10)} {chance.choice((PHONE, '677777777', '+237 6 77 77 77 77'))} {text(chance, 10)}"
    redacted = without_phone_numbers(said)
    must("77777777" not in redacted and "77 77 77 77" not in redacted, "words have a phone number", said, redacted)


def is_mobile_number(written: str) -> bool:
    return len(written) == len(PHONE) and written.isascii() and written.isdigit() and written.startswith("2376")


def language(chance: random.Random) -> None:
    written = near(chance, chance.choice(("en-GB,en;q=0.9,fr;q=0.8", "fr", "*", "en;q=1e400", "en;q=nan,fr;q=-inf")))
    must(preferred_locale(written) in ("fr", "en"), "a language is neither", written)


def _token_case(read: Callable[[str], object], key: str, claims: Mapping[str, Any], refusal: type[Exception]) -> Case:
    """Makes the case of whoever reads a token that one key signs: what it takes is signed by it, and current."""
    sound = jwt.encode(dict(claims), key, algorithm="HS256")

    def case(chance: random.Random) -> None:
        kind = chance.random()
        token = _forged(chance, key, claims) if kind < 0.6 else near(chance, sound) if kind < 0.95 else text(chance)
        if outcome(lambda: read(token) or True, refusal):
            must(_is_signed(token, key), "a token was taken", token)

    return case


def _forged(chance: random.Random, key: str, claims: Mapping[str, Any]) -> str:
    """Signs odd claims, under an odd header, with the right key or another one."""
    header = fields(chance, _HEADERS[0]) if chance.random() < 0.3 else chance.choice(_HEADERS)
    odd = fields(chance, claims)
    parts = [
        "[" * chance.choice((1, 100, 5_000)) if chance.random() < 0.1 else spelled(chance, it) for it in (header, odd)
    ]
    signed = ".".join(_text(part.encode("utf-8", "surrogatepass")) for part in parts)
    signature = hmac.digest(chance.choice((key, key, key, "", "secret")).encode(), signed.encode(), hashlib.sha256)
    token = f"{signed}.{_text(signature)}"
    return near(chance, token) if chance.random() < 0.2 else token


def _is_signed(token: str, key: str) -> bool:
    """Whether a token is signed by HS256 with a key, and has an end that is yet to come."""
    signed, _, signature = token.rpartition(".")
    header, claims = (json.loads(_bytes(part)) for part in signed.split("."))
    true = hmac.digest(key.encode(), signed.encode(), hashlib.sha256)
    ends_at = claims["exp"]
    return (
        header["alg"] == "HS256" and _bytes(signature) == true and type(ends_at) is int and ends_at > NOW // 1000 - 60
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


VALUES: Mapping[str, Case] = {
    "amount": amount,
    "phone number": phone_number,
    "language": language,
    "order token": _token_case(
        lambda it: tokens.read_order_token(it, KEYS[:1], NOW), KEYS[0], ORDER_CLAIMS, InvalidToken
    ),
    "tracking token": _token_case(
        lambda it: tokens.read_tracking_token(it, KEYS[:1], NOW), KEYS[0], _TRACKING_CLAIMS, InvalidToken
    ),
    "webhook signature": _token_case(
        lambda it: tokens.check_webhook_signature(it, KEYS[:1], NOW), KEYS[0], _WEBHOOK_CLAIMS, InvalidSignature
    ),
    "operator session": _token_case(
        lambda it: tokens.read_operator_session(it, [_OPERATOR], NOW),
        *(_OPERATOR.session_key, _OPERATOR_CLAIMS, InvalidSession),
    ),
    "operator ticket": _token_case(
        lambda it: tokens.read_operator_ticket(it, [_OPERATOR], NOW),
        *(_OPERATOR.ticket_key, _OPERATOR_CLAIMS, InvalidSession),
    ),
}
