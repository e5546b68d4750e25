"""Spoils CamPay's answers: to the call that sends the prompt, and to the reading of a record.

Each kind meets several customers at once. It stands until all of them have been answered, or have decided; then CamPay
is well again, and what was not known must become known.
"""

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gauntlet.row import Row
from gauntlet.shop import Customer, Shop
from gauntlet.wire import Answered, Cut, Fault, Moment, Step, carry_on

AT_ONCE = 25
STALL_SECONDS = 40.0
_WIRES = ("api-campay", "worker-campay")
_CALLERS = ("shop-api", "simulator-api")
COLLECT, RECORD, TOKEN = "POST /api/collect", "GET /api/transaction", "POST /api/token"
WITHDRAWN = "the token withdrawn"
_AUTHORIZATION = re.compile(rb"^authorization: *(\S.*)$", re.IGNORECASE | re.MULTILINE)

Act = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True)
class Kind:
    """A way in which an answer is spoilt. `moment`: before the call reaches CamPay, or after CamPay has done it.

    Without a moment and an act nobody listens at CamPay's port.
    """

    name: str
    operation: str
    moment: Moment | None = None
    act: Act | None = None


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
    Kind("no connection before the charge", COLLECT),
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
    Kind("no connection for the record", RECORD),
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
    refreshed: list[Step] = []
    with _spoilt(shop, kind, refreshed) if kind.act else _refused(shop) as met:
        if is_of_record:
            _decide(shop, customers, chance, webhook=True)
            shop.wait(lambda: len(met) >= len(customers))
        else:
            answers = list(threads.map(shop.ask, customers))
            if not kind.act and {*answers} != {503}:
                shop.report(f"{kind.name}: answered {answers}, and nothing was sent")
    if not met:
        shop.report(f"{kind.name} was not met")
    if kind.name == WITHDRAWN and len(refreshed) != 1:
        shop.report(f"{len(refreshed)} tokens were fetched after {kind.name}")
    list(threads.map(shop.pay, customers))
    _decide(shop, customers, chance, webhook=False)


@contextmanager
def _spoilt(shop: Shop, kind: Kind, refreshed: list[Step]) -> Iterator[list[Step]]:
    """Spoils the answers. Yields the steps that were met; adds those that fetch a token to `refreshed`."""
    met: list[Step] = []

    async def fault(step: Step, data: bytes) -> bytes:
        if (step.operation, step.moment) == (TOKEN, "before"):
            refreshed.append(step)
        if (step.operation, step.moment) != (kind.operation, kind.moment) or kind.act is None:
            return data
        met.append(step)
        return await kind.act(data)

    _set_fault(shop, _WIRES, fault)
    yield met
    _set_fault(shop, _WIRES, carry_on)


@contextmanager
def _refused(shop: Shop) -> Iterator[list[Step]]:
    """Refuses connections with CamPay. Yields the calls and webhooks that were answered 503 meanwhile."""
    met: list[Step] = []

    async def look(step: Step, data: bytes) -> bytes:
        if step.moment == "after" and data.split(b" ", 2)[1] == b"503":
            met.append(step)
        return data

    shop.wait_for_prompts()  # for which the API gets a token: without one, nothing would be sent in any case
    _set_fault(shop, _CALLERS, look)
    for name in _WIRES:
        shop.system.wires.call(shop.system.wire[name].cut())
    yield met
    for name in _WIRES:
        shop.system.wires.call(shop.system.wire[name].open())
    _set_fault(shop, _CALLERS, carry_on)
    shop.wait_for_prompts()


def _set_fault(shop: Shop, wires: Sequence[str], fault: Fault) -> None:
    for name in wires:
        shop.system.wire[name].fault = fault


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
