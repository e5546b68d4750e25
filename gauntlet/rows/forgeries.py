"""Sends webhooks that CamPay never sent: forged signatures, false times, wrong shapes, sizes and encodings."""

import base64
import hmac
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from chalicelib.domain.payment import PaymentStatus
from gauntlet.row import Row
from gauntlet.rows.webhooks import NO_CHECKS
from gauntlet.shop import Shop
from gauntlet.wire import Step
from local.simulator.webhooks import json_web_token

AT_ONCE = 16
PATH = "/api/payment/webhook"
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Forged:
    """A request as it is sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Target:
    """What a stranger may know: a payment's reference and, from a webhook once seen, a signature of an hour ago."""

    reference: str
    old_signature: str


Forgery = Callable[[Target, random.Random], Forged]


def _post(fields: Mapping[str, Any], **headers: str) -> Forged:
    return Forged("POST", PATH, _JSON | headers, json.dumps(fields).encode())


def _fields(target: Target, signature: object) -> dict[str, Any]:
    return {
        "reference": target.reference,
        "external_reference": target.reference,
        "status": "SUCCESSFUL",
        "amount": "5000",
        "currency": "XAF",
        "signature": signature,
    }


def _signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: str) -> Forgery:
    return lambda target, _: _post(_fields(target, json_web_token(header, claims, key)))


def _now(**changed: object) -> dict[str, Any]:
    now = int(time.time())
    return {"iat": now, "nbf": now, "exp": now + 3600, "source": "CamPay"} | changed


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _with_hash(name: str) -> Forgery:
    """Signs with another hash, under a key that a stranger guesses."""

    def forge(target: Target, _: random.Random) -> Forged:
        parts = [{"alg": name.upper().replace("SHA", "HS"), "typ": "JWT"}, _now()]
        signed = ".".join(_text(json.dumps(part).encode()) for part in parts)
        return _post(_fields(target, f"{signed}.{_text(hmac.digest(b'secret', signed.encode(), name))}"))

    return forge


def _with_signature(make: Callable[[random.Random], object]) -> Forgery:
    return lambda target, chance: _post(_fields(target, make(chance)))


def _with_body(make: Callable[[Target, random.Random], bytes], **headers: str) -> Forgery:
    return lambda target, chance: Forged("POST", PATH, _JSON | headers, make(target, chance))


def _old(change: Callable[[str], str]) -> Forgery:
    """Changes a signature that was valid once."""
    return lambda target, _: _post(_fields(target, change(target.old_signature)))


def _as_query(target: Target, _: random.Random) -> Forged:
    return Forged("GET", f"{PATH}?{urlencode(_fields(target, 'e30.e30.'))}", {}, b"")


def _as_form(target: Target, _: random.Random) -> Forged:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Forged("POST", PATH, headers, urlencode(_fields(target, "e30.e30.")).encode())


def _other_method(target: Target, chance: random.Random) -> Forged:
    method = chance.choice(["PUT", "DELETE", "PATCH", "HEAD"])
    return Forged(method, PATH, _JSON, json.dumps(_fields(target, "")).encode())


def _always(value: object, _: random.Random) -> object:
    return value


_NO_SIGNATURES: Sequence[object] = (None, True, 0, 1.5, [], {}, "", ".", "..", "...", "e30.e30.e30")
_DEAD = {"iat": 1, "nbf": 1, "exp": 2}
_HS256 = {"alg": "HS256", "typ": "JWT"}
FORGERIES: Sequence[Forgery] = (
    *(_signed({"alg": name, "typ": "JWT"}, _now(), "") for name in ("none", "None", "NONE", "nOnE", "HS256", "")),
    *(_signed(_HS256, _now(), key) for key in ("secret", "CamPay", "null", "undefined", "\x00", "a" * 4096)),
    *(_with_hash(name) for name in ("sha256", "sha384", "sha512")),
    *(_signed({**_HS256, "kid": kid}, _now(), "") for kid in ("../../dev/null", "' OR 1=1--", "https://example.org/k")),
    _signed({**_HS256, "jku": "https://example.org", "jwk": {"kty": "oct", "k": ""}}, _now(), ""),
    *(_signed(_HS256, _now(**claims), "x") for claims in (_DEAD, {"exp": 2**63}, {"exp": "never"}, {"nbf": 2**62})),
    *(_signed(_HS256, claims, "x") for claims in ({}, {"exp": None}, {"iat": -1})),
    _old(lambda old: old.rpartition(".")[0] + "."),
    _old(lambda old: old[:-2] + ("AA" if old[-2:] != "AA" else "BB")),
    _old(lambda old: old.swapcase()),
    _old(lambda old: old.partition(".")[0] + "." + _text(json.dumps(_now()).encode()) + "." + old.rpartition(".")[2]),
    _old(lambda old: f"{old}.{old}"),
    *(_with_signature(partial(_always, it)) for it in _NO_SIGNATURES),
    _with_signature(lambda chance: _text(chance.randbytes(chance.randint(1, 300)))),
    _with_signature(lambda chance: "".join(chr(chance.randint(1, 0xD7FF)) for _ in range(chance.randint(1, 80)))),
    _with_signature(lambda _: "a" * 15_000),
    _with_body(lambda _, chance: chance.randbytes(chance.randint(0, 2_000))),
    _with_body(lambda target, _: json.dumps(_fields(target, "x")).encode("utf-16")),
    _with_body(lambda target, _: b"\xef\xbb\xbf" + json.dumps(_fields(target, "x")).encode()),
    _with_body(lambda target, _: json.dumps(_fields(target, "x")).encode()[:-1]),
    _with_body(
        lambda target, _: b'{"signature":"a","signature":"b","external_reference":"%s"}' % target.reference.encode()
    ),
    _with_body(lambda *_: b"[" * 15_000),
    _with_body(lambda *_: b"[]"),
    _with_body(lambda *_: b"null"),
    _with_body(lambda *_: b'{"signature":' + b"9" * 5_000 + b"}"),
    _with_body(lambda *_: b"a" * 200_000),
    _with_body(lambda *_: b"{}", **{"Content-Type": "text/plain"}),
    _with_body(lambda *_: b"{}", **{"Content-Encoding": "gzip"}),
    _as_query,
    _as_form,
    _other_method,
)


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Sends forged webhooks of payments that wait. None may be read at CamPay, and none may change."""
    reads: list[Step] = []

    async def count(step: Step, data: bytes) -> bytes:
        if step.moment == "before":
            reads.append(step)
        return data

    references = [shop.started()[1]["externalReference"] for _ in range(3)]
    old = json_web_token(_HS256, _now(exp=int(time.time()) - 3600), shop.system.environment["CAMPAY_WEBHOOK_KEY"])
    shop.system.wire["api-campay"].fault = count
    cases = [
        (FORGERIES[number % len(FORGERIES)], Target(chance.choice(references), old), random.Random(chance.random()))
        for number in range(size)
    ]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = list(threads.map(lambda case: _send(shop, case[0](*case[1:])), cases))
    for number, status in enumerate(statuses):
        if not 400 <= status < 500:
            shop.report(f"forgery {number % len(FORGERIES)} was answered {status}")
    if reads:
        shop.report(f"{len(reads)} calls of CamPay followed forged webhooks")
    for reference in references:
        payment = shop.system.payment(reference)
        if (payment.status, payment.version) != (PaymentStatus.PENDING, 2):
            shop.report(f"{reference} is {payment.status.value}, version {payment.version}, after forged webhooks")
        shop.decide(reference, "SUCCESSFUL", webhook=True)
    return size


def _send(shop: Shop, forged: Forged) -> int:
    """Returns the status of the answer; 0 where there is none."""
    connection = HTTPConnection(urlsplit(shop.system.api).netloc, timeout=30)
    try:
        connection.request(forged.method, forged.path, forged.body, dict(forged.headers))
        return connection.getresponse().status
    except (HTTPException, OSError):
        return 0
    finally:
        connection.close()


ROWS = [Row("forgeries", f"{len(FORGERIES)} kinds of webhooks that CamPay never sent", run, 200, 20_000, NO_CHECKS)]
