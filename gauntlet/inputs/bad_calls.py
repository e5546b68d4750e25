"""Draws calls of every route that must be refused, and reads that may be answered: nothing of them may change a thing.

A call that would write has one fault that is surely one; then more is changed at random.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, quote_plus

from gauntlet.inputs.calls import Call
from gauntlet.inputs.grammar import CHARACTERS, Raw, document, encoded, fields, near, spelled, text

Credential = Literal["merchant", "operator", "customer", "none"]
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PHONE = "237677777777"
_LINK_ID = "abcdefghijklmnopqrstuvwxy2"
_ORDER = {"orderId": "order-bad", "amount": 5000, "currency": "XAF", "phoneNumber": PHONE, "locale": "fr"}
_WEBHOOK = {"signature": "e30.e30.", "status": "SUCCESSFUL", "amount": "5000", "currency": "XAF", "reference": "a"}
_DAYS = {"from": "2026-11-01", "to": "2026-11-29"}
_LIST = {**_DAYS, "status": "FAILED", "minAmount": "1", "limit": "5", "cursor": "MjAy.AA", "format": "csv"}
_NEVER_VALID: Sequence[Any] = (
    None,
    True,
    [],
    {},
    "",
    -1,
    1.5,
    "٣",
    "a" * 300,
    "\ud800",
    "\x00",
    [["a"]],
    *map(Raw, ("1e400", "NaN")),
)
_NO_OBJECTS = ("[", "{", "null", "[]", "", "NaN", "[" * 5_000, '{"a":' * 2_000, '{"a":1,"a":2}', " " * 17_000)
_ODD_METHODS = ("PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO", "post", "GETT")
_CONTENT_TYPES = (
    "text/plain",
    "",
    "application/jsonp",
    "multipart/form-data; boundary=x",
    "application/xml",
    "a;b;c",
    FORM,
)
_CHARSETS = (
    f"{JSON}; charset=utf-16",
    f"{JSON};charset=utf-7",
    f"{JSON}; charset=\xff",
    "APPLICATION/JSON",
    f"{JSON} ",
)
_TAILS = (
    b"/",
    b"//",
    b"/..",
    b"/%2e%2e",
    b"%00",
    b"%",
    b"%ff",
    b";a=b",
    b"?",
    b"??a=b",
    b"#x",
    b"/%2F",
    b"?a[]=1&a[]=2",
)
_HEADERS = ("Accept-Language", "Idempotency-Key", "Authorization", "X-Api-Key", "Cookie", "Origin", "Accept", "X-Odd")


@dataclass(frozen=True)
class Route:
    """A route as it is called well. `writes`: a good call of it changes something. `required`: fields of the body."""

    method: str
    path: str
    by: Credential = "none"
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] | None = None
    required: Sequence[str] = ()
    writes: bool = False


@dataclass(frozen=True)
class Target:
    """What the calls name: a payment that waits, its order, and who may call."""

    reference: str
    order_id: str
    credentials: Mapping[Credential, tuple[str, str]]
    """The header of each, and its value."""


_ORDER_FIELDS = ("orderId", "amount", "currency")
ROUTES = (
    Route("POST", "/api/payment/initiate", "merchant", _ORDER, None, (*_ORDER_FIELDS, "phoneNumber"), writes=True),
    Route("GET", "/api/payment/current", "merchant", None, {"orderId": "order-bad"}),
    Route("GET", "/api/payment/events", "merchant", None, {"since": "2026-11-01T00:00:00Z", "limit": "5"}),
    Route("POST", "/api/payment/links", "merchant", _ORDER, None, _ORDER_FIELDS, writes=True),
    Route("GET", "/api/payment/links/{link_id}"),
    Route("DELETE", "/api/payment/links/{link_id}", "merchant"),
    Route("GET", "/pay/{link_id}"),
    Route("GET", "/api/payment/webhook", "none", None, _WEBHOOK, ("signature",), writes=True),
    Route("POST", "/api/payment/webhook", "none", _WEBHOOK, None, ("signature",), writes=True),
    Route("GET", "/api/payment/status/{order_id}", "customer"),
    Route("GET", "/api/payment/tracking/{reference}", "customer"),
    Route("POST", "/api/payment/tracking/{reference}/give-up", "customer", {}, writes=True),
    Route("GET", "/api/payment/health"),
    Route("GET", "/operator"),
    Route("GET", "/operator/addresses.json"),
    Route("GET", "/operator/assets/{name}"),
    Route("GET", "/api/payment/analytics", "operator", None, _DAYS),
    Route("GET", "/api/payment/attention", "operator"),
    Route("GET", "/api/payment/statement", "operator", None, _DAYS),
    Route(
        *("POST", "/api/payment/statement", "operator"),
        {"day": "2026-11-28", "fingerprint": "0" * 32, "reason": "seen"},
        *(None, ("day", "fingerprint")),
        writes=True,
    ),
    Route("GET", "/api/payment/debug/connections", "operator", None, {"cursor": "", "limit": "100"}),
    Route("GET", "/api/payment/history", "operator", None, _LIST),
    Route("POST", "/api/payment/operator/session", "operator", {}),
    Route("GET", "/api/payment/operator/session", "operator"),
    Route("DELETE", "/api/payment/operator/session", "operator"),
    Route("POST", "/api/payment/operator/search", "operator", {"orderId": "order-bad"}),
    Route("GET", "/api/payment/operator/{reference}", "operator"),
    Route(
        *("POST", "/api/payment/operator/{reference}/{action}", "operator"),
        {"status": "FAILED", "reason": "seen", "version": 2},
        *(None, ("version",)),
        writes=True,
    ),
    Route(
        *("POST", "/api/payment/test/simulate", "none"),
        {"outcome": "approved", "amount": 5000, "orderId": "order-bad"},
        *(None, ("outcome",)),
        writes=True,
    ),
)


def drawn(chance: random.Random, route: Route, target: Target) -> Call:
    """Draws a call of a route. Half of those that would write have their sure fault, and no other."""
    of_body = route.writes and bool(route.required) and (route.by == "none" or chance.random() < 0.5)
    headers = _credential(chance, route, target, is_stranger=route.writes and not of_body)
    if route.writes and chance.random() < 0.5:
        return _almost_good(chance, route, target, headers, of_body=of_body)
    return _odder(chance, route, target, headers, of_body=of_body)


def _almost_good(
    chance: random.Random, route: Route, target: Target, headers: list[tuple[str, bytes]], *, of_body: bool
) -> Call:
    """Draws a call that is good but for its credential or, `of_body`, its body or query."""
    path = _path(chance, route, target, is_odd=False).encode()
    body, query = route.body, route.query
    if of_body:
        body, query = (None if it is None else _spoiled(chance, it, route) for it in (body, query))
    if query is not None:
        path += b"?" + _query(chance, query)
    odd_body = of_body and body is not None and chance.random() < 0.3
    written = chance.choice(_NO_OBJECTS) if odd_body else "" if body is None else spelled(chance, dict(body))
    headers = [*headers, ("Content-Type", JSON.encode())]
    return Call(route.method, _sendable(path), headers, written.encode("utf-8", "surrogatepass"))


def _odder(
    chance: random.Random, route: Route, target: Target, headers: list[tuple[str, bytes]], *, of_body: bool
) -> Call:
    """Draws a call that is changed at random in all its parts. `of_body`: its body, or query, has the sure fault."""
    if not route.writes and chance.random() < 0.2:
        headers = _credential(chance, route, target, is_stranger=True)
    body = _fields(chance, route.body, route, is_sure=of_body)
    path, query = _path(chance, route, target, is_odd=True).encode(), b""
    if route.query is not None:
        query = b"?" + _query(chance, _fields(chance, route.query, route, is_sure=of_body))
    content_type = chance.choice((*_CONTENT_TYPES, *_CHARSETS)) if chance.random() < 0.1 else JSON
    if chance.random() < 0.1:
        path += chance.choice(_TAILS)
    if chance.random() < 0.05:
        path = chance.choice(
            (b"/" + path, path.upper(), path[:-1], b"*", b"http://localhost" + path, (path * 40)[:8_000])
        )
    headers = [*headers, ("Content-Type", content_type.encode("latin-1"))]
    if chance.random() < 0.3:
        headers.append((chance.choice(_HEADERS if not route.writes else _HEADERS[:2]), _header(chance)))
    method = chance.choice(_ODD_METHODS) if chance.random() < 0.05 else route.method
    written = b"" if route.body is None else encoded(chance, _written(chance, body, route))
    return Call(method, _sendable(path + query), headers, written)


def _fields(chance: random.Random, valid: Mapping[str, Any] | None, route: Route, *, is_sure: bool) -> dict[str, Any]:
    """Changes fields of a route's body or query. `is_sure`: one that the route needs is wrong for sure."""
    odd = fields(chance, valid or {})
    return _spoiled(chance, odd, route) if is_sure else odd


def _spoiled(chance: random.Random, given: Mapping[str, Any], route: Route) -> dict[str, Any]:
    """Makes one field wrong that the route needs."""
    return {**given, chance.choice(route.required): chance.choice(_NEVER_VALID)}


def _written(chance: random.Random, body: Mapping[str, Any], route: Route) -> str:
    """Writes a body: as it is, for the most part. Whatever else it is, it lacks no fault that it has."""
    if chance.random() < 0.8 or not body:
        return spelled(chance, dict(body))
    return chance.choice(_NO_OBJECTS) if route.writes else document(chance, body)


def _query(chance: random.Random, given: Mapping[str, Any]) -> bytes:
    pairs = [f"{quote_plus(name, errors='replace')}={_percent(chance, str(it))}" for name, it in given.items()]
    return "&".join(pairs + (pairs[:1] if chance.random() < 0.1 else [])).encode("latin-1", "replace")


def _percent(chance: random.Random, written: str) -> str:
    raw = written[:4_000].encode("utf-8", "surrogatepass")
    return quote(raw) if chance.random() < 0.9 else "".join(f"%{byte:02X}" for byte in raw)


def _path(chance: random.Random, route: Route, target: Target, *, is_odd: bool) -> str:
    """Fills a path's parameters: with what they name or, `is_odd`, now and then with something else."""
    action = "resolve" if chance.random() < 0.5 else "acknowledge"
    names = {"reference": target.reference, "order_id": target.order_id, "name": "index.js", "action": action}
    path = route.path
    for name, valid in {**names, "link_id": _LINK_ID}.items():
        odd = chance.choice((valid, valid, near(chance, valid), text(chance), "..", "%00", ".")) if is_odd else valid
        path = path.replace(f"{{{name}}}", quote(odd[:2_000], safe="", errors="replace"))
    return path


def _credential(chance: random.Random, route: Route, target: Target, *, is_stranger: bool) -> list[tuple[str, bytes]]:
    """Returns the header that opens the route, or that of a stranger: never one that the route could take."""
    if route.by == "none":
        return []
    name, value = target.credentials[route.by]
    if is_stranger:
        value = chance.choice(
            (value[:-1], value + "x", value * 2, "x", "Bearer x", "Bearer ", "Basic eDp5", "\xe9\xff")
        )
    return [(name, value.encode("latin-1"))]


def _header(chance: random.Random) -> bytes:
    """Draws a header's value: anything but the end of its line."""
    odd = chance.choice((text(chance, 60), text(chance, 6_000), "a" * 6_000, "", ",".join(CHARACTERS), "en;q=1e400"))
    return b" ".join(odd.encode("utf-8", "surrogatepass").split())


def _sendable(target: bytes) -> bytes:
    """Takes out what ends a request line: a server would read another request, which is not this one's to judge."""
    return b"".join(target.split())
