"""Spoils CamPay's answers: to the call that sends the prompt, and to the reading of a record.

Each kind meets several customers at once. It stands until all of them have been answered, or have decided; then CamPay
is well again, and what was not known must become known.
"""

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from gauntlet.row import Row
from gauntlet.shop import Customer, Shop
from gauntlet.wire import Answered, Cut, Moment, Step, carry_on

AT_ONCE = 25
STALL_SECONDS = 40.0
_WIRES = ("api-campay", "worker-campay")
COLLECT, RECORD, TOKEN = "POST /api/collect", "GET /api/transaction", "POST /api/token"
WITHDRAWN = "the token withdrawn"
_AUTHORIZATION = re.compile(rb"^authorization: *(\S.*)$", re.IGNORECASE | re.MULTILINE)

Act = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True)
class Kind:
    """A way in which an answer is spoilt. `moment`: before the call reaches CamPay, or after CamPay has done it."""

    name: str
    operation: str
    moment: Moment
    act: Act


def _answer(status: str, body: str, content_type: str = "application/json") -> Act:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"

    async def act(_: bytes) -> bytes:
        raise Answered((head + body).encode())

    return act


async def _reset(_: bytes) -> bytes:
    raise Cut


async def _stall(_: bytes) -> bytes:
    await asyncio.sleep(STALL_SECONDS)
    raise Cut


async def _cut_short(data: bytes) -> bytes:
    raise Answered(data[: len(data) * 2 // 3])


def _withdrawn() -> Act:
    """Refuses the token of the first call, in all calls; takes any other."""
    refused: list[bytes] = []

    async def act(data: bytes) -> bytes:
        token = _AUTHORIZATION.findall(data)
        refused[:] = refused or token
        return data if token != refused else await _invalid_token(data)

    return act


def _changed(change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Act:
    """Changes the fields of a JSON answer."""

    async def act(data: bytes) -> bytes:
        head, _, body = data.partition(b"\r\n\r\n")
        new = json.dumps(change(json.loads(body))).encode()
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(new), b"", new])

    return act


def _with(**fields: object) -> Act:
    return _changed(lambda body: body | fields)


def _without(*names: str) -> Act:
    return _changed(lambda body: {name: value for name, value in body.items() if name not in names})


_invalid_token = _answer("401 Unauthorized", '{"detail":"Invalid token."}')
_HTML = ("<html><body>Please wait</body></html>", "text/html")
KINDS = [
    Kind("reset before the charge", COLLECT, "before", _reset),
    Kind("reset after the charge", COLLECT, "after", _reset),
    Kind("stalled before the charge", COLLECT, "before", _stall),
    Kind("stalled after the charge", COLLECT, "after", _stall),
    Kind("cut short", COLLECT, "after", _cut_short),
    Kind("HTML with 200", COLLECT, "after", _answer("200 OK", *_HTML)),
    Kind("HTML with 502 before the charge", COLLECT, "before", _answer("502 Bad Gateway", *_HTML)),
    Kind("HTML with 502 after the charge", COLLECT, "after", _answer("502 Bad Gateway", *_HTML)),
    Kind("401", COLLECT, "before", _invalid_token),
    Kind(WITHDRAWN, COLLECT, "before", _withdrawn()),
    Kind("429", COLLECT, "before", _answer("429 Too Many Requests", '{"detail":"Request was throttled."}')),
    Kind("an unknown refusal", COLLECT, "before", _answer("418 I am a teapot", '{"message":"no"}')),
    Kind("an unknown refusal after the charge", COLLECT, "after", _answer("418 I am a teapot", '{"message":"no"}')),
    Kind("no reference", COLLECT, "after", _without("reference")),
    Kind("the record reset", RECORD, "after", _reset),
    Kind("the record stalled", RECORD, "before", _stall),
    Kind("the record cut short", RECORD, "after", _cut_short),
    Kind("the record in HTML", RECORD, "after", _answer("200 OK", *_HTML)),
    Kind("the record with 401", RECORD, "before", _invalid_token),
    Kind("the record with 404", RECORD, "before", _answer("404 Not Found", '{"detail":"Not found."}')),
    Kind("another currency", RECORD, "after", _with(currency="EUR")),
    Kind('amount "5.00"', RECORD, "after", _changed(lambda body: body | {"amount": f"{float(body['amount']):.2f}"})),
    Kind("amount 5.0", RECORD, "after", _changed(lambda body: body | {"amount": float(body["amount"])})),
    Kind("amount 5", RECORD, "after", _changed(lambda body: body | {"amount": int(float(body["amount"]))})),
    Kind('amount "5,00"', RECORD, "after", _changed(lambda body: body | {"amount": body["amount"].replace(".", ",")})),
    Kind("an unknown status", RECORD, "after", _with(status="ON_HOLD")),
    Kind('the status "None"', RECORD, "after", _with(status="None")),
    Kind("no echo of our reference", RECORD, "after", _without("external_reference")),
]


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Meets each kind with its share of `size` customers. The processes have no permanent token of CamPay's."""
    for name in ("api", "worker"):
        shop.system.parts[name].restart(CAMPAY_PERMANENT_ACCESS_TOKEN="")
    kinds = chance.sample(KINDS, min(size, len(KINDS)))
    customers = max(1, size // len(kinds))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for kind in kinds:
            _meet(shop, kind, [shop.customer() for _ in range(customers)], threads, chance)
    return customers * len(kinds)


def _meet(
    shop: Shop, kind: Kind, customers: list[Customer], threads: ThreadPoolExecutor, chance: random.Random
) -> None:
    is_of_record = kind.operation == RECORD
    if is_of_record:
        list(threads.map(shop.pay, customers))
    met: list[Step] = []
    refreshed: list[Step] = []

    async def fault(step: Step, data: bytes) -> bytes:
        if (step.operation, step.moment) == (TOKEN, "before"):
            refreshed.append(step)
        if (step.operation, step.moment) != (kind.operation, kind.moment):
            return data
        met.append(step)
        return await kind.act(data)

    for name in _WIRES:
        shop.system.wire[name].fault = fault
    if is_of_record:
        _decide(shop, customers, chance, webhook=True)
        shop.wait(lambda: len(met) >= len(customers))
    else:
        list(threads.map(shop.ask, customers))
    for name in _WIRES:
        shop.system.wire[name].fault = carry_on
    if not met:
        shop.report(f"{kind.name} was not met")
    if kind.name == WITHDRAWN and len(refreshed) != 1:
        shop.report(f"{len(refreshed)} tokens were fetched after {kind.name}")
    list(threads.map(shop.pay, customers))
    _decide(shop, customers, chance, webhook=False)


def _decide(shop: Shop, customers: list[Customer], chance: random.Random, *, webhook: bool) -> None:
    """Lets those decide who have a prompt and have not decided yet."""
    for customer in customers:
        shop.decide(customer.reference, chance.choice(["SUCCESSFUL", "FAILED"]), webhook=webhook)


ROWS = [
    Row(
        "campay",
        f"{len(KINDS)} kinds of answers that CamPay should not give",
        run,
        small=3,
        whole=len(KINDS) * 100,
        is_large=True,
    )
]
