"""Lets DynamoDB and SQS fail in the middle of everything: refused, slow, answered by nobody, lost, doubled."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from chalicelib.domain.hints import CheckHint
from gauntlet.row import Row
from gauntlet.shop import Shop
from gauntlet.wire import Answered, Cut, Step, carry_on
from local.embedded import LOOPBACK

SHARE = 0.2
"""Of the exchanges that meet the fault."""
AT_ONCE = 4
TIMED_OUT_SECONDS = 5.0
"""Longer than the product waits for AWS."""
LATE = "message late"
_WIRES = ("api-aws", "worker-aws")
_WRITES = {"TransactWriteItems", "UpdateItem", "PutItem", "BatchWriteItem", "SendMessageBatch", "PutEvents"}

Act = Callable[[int, bytes], Awaitable[bytes]]
"""Acts on the bytes of a step; the number is AWS's port."""


def _refusal(status: str, code: str) -> Act:
    body = json.dumps({"__type": f"com.amazonaws#{code}", "message": "made by the gauntlet"})
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"

    async def act(_: int, __: bytes) -> bytes:
        raise Answered((head + body).encode())

    return act


async def _cut(_: int, __: bytes) -> bytes:
    raise Cut


async def _time_out(_: int, __: bytes) -> bytes:
    await asyncio.sleep(TIMED_OUT_SECONDS)
    raise Cut


async def _lose(_: int, __: bytes) -> bytes:
    """Answers that all messages were taken, and takes none. The product looks at what failed, and at nothing else."""
    body = b'{"Successful":[],"Failed":[]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
    raise Answered(head + body)


async def _double(port: int, data: bytes) -> bytes:
    """Sends the request once more, as a network that repeats does."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(data)
    await reader.read(1)
    writer.close()
    return data


FAULTS: Mapping[str, tuple[str, set[str] | None, Act]] = {
    # name: the moment, the operations (None: all), what happens
    "throttled": ("before", None, _refusal("400 Bad Request", "ThrottlingException")),
    "internal error": ("before", None, _refusal("500 Internal Server Error", "InternalServerError")),
    "connection lost": ("before", None, _cut),
    "timed out": ("before", None, _time_out),
    "answer lost after the commit": ("after", _WRITES, _cut),
    "message lost": ("before", {"SendMessageBatch"}, _lose),
    "message doubled": ("before", {"SendMessageBatch"}, _double),
    LATE: ("before", {"SendMessageBatch"}, _lose),
    "event doubled": ("before", {"PutEvents"}, _double),
}


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Lets `size` payments pass while one of the faults meets a fifth of the exchanges."""
    names = [name for _ in range(-(-size // len(FAULTS))) for name in chance.sample(list(FAULTS), len(FAULTS))][:size]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for name in sorted(set(names)):
            _meet(shop, name, threads, names.count(name), chance)
    return size


def _meet(shop: Shop, name: str, threads: ThreadPoolExecutor, payments: int, chance: random.Random) -> None:
    moment, operations, act = FAULTS[name]
    met: list[Step] = []

    async def fault(step: Step, data: bytes) -> bytes:
        is_meant = step.moment == moment and (operations is None or step.operation in operations)
        # The first exchange is always met, however few there are.
        if is_meant and (not met or chance.random() < SHARE):
            met.append(step)
            return await act(shop.system.ports.aws, data)
        return data

    for wire in _WIRES:
        shop.system.wire[wire].fault = fault
    customers = [shop.customer() for _ in range(payments)]
    list(threads.map(shop.pay, customers))
    for customer in customers:
        shop.decide(customer.reference, chance.choice(["SUCCESSFUL", "FAILED"]), webhook=chance.random() < 0.5)
    if not shop.wait(lambda: bool(met)):
        shop.report(f"no exchange met: {name}")
    for wire in _WIRES:
        shop.system.wire[wire].fault = carry_on
    if name == LATE:
        _send_late(shop, [customer.reference for customer in customers])


def _send_late(shop: Shop, references: Sequence[str]) -> None:
    """Sends all hints of payments once others have settled them, as messages do that come ten minutes late."""
    shop.wait(lambda: all(map(shop.system.is_settled, references)))
    shop.system.work_queue.check_all((CheckHint(reference), 0) for reference in references)
    shop.system.work_queue.deliver_all(references)


ROWS = [Row("aws", f"DynamoDB, SQS and EventBridge failing in {len(FAULTS)} ways", run, 2, 200)]
