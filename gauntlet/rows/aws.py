"""Lets DynamoDB and SQS fail in the middle of everything: refused, slow, answered by nobody, lost, doubled."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from chalicelib.domain.hints import CheckHint
from gauntlet.row import Row
from gauntlet.shop import Customer, Shop
from gauntlet.wire import Answered, Cut, Step, carry_on
from local.embedded import LOOPBACK

SHARE = 0.2
"""Of the exchanges that meet the fault."""
AT_ONCE = 4
TIMED_OUT_SECONDS = 5.0
"""Longer than the product waits for AWS."""
FAILED_CALLS = 8
"""Of each fault: all exchanges of one call meet it, all but one of the next, and so on. A call has about eight."""
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
    """Lets `size` payments pass while one of the faults meets a fifth of the exchanges.

    A call that fails is told to come again, and does, under its key: of each order there is one payment.
    """
    called = len(shop.asked)
    names = [name for _ in range(-(-size // len(FAULTS))) for name in chance.sample(list(FAULTS), len(FAULTS))][:size]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for name in sorted(set(names)):
            _meet(shop, name, threads, names.count(name), chance)
    calls = shop.asked[called:]
    for it in calls:
        _judge(shop, f"a call for {it.order_id}", it.status, retryable=it.retryable)
    told_again = sum(it.retryable for it in calls)
    shop.note(f"{told_again} of {len(calls)} calls were told to come again")
    if size >= 2 * len(FAULTS) and not told_again:
        shop.report("no call has failed")
    payments = Counter(it.order_id for it in shop.system.evidence().payments.values())
    for order_id in {it.order_id for it in calls}:
        if payments[order_id] != 1:
            shop.report(f"the calls for {order_id}, under one key, have made {payments[order_id]} payments")
    return size


def _judge(shop: Shop, call: str, status: int, *, retryable: bool) -> None:
    """Reports an answer that is neither a success nor the problem after which the same call may be made again."""
    if status >= 300 and (status, retryable) != (503, True):
        shop.report(f"{call} was answered {status}, {'' if retryable else 'not '}retryable")


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

    customers = [shop.customer() for _ in range(payments)]
    if operations is None:
        for carried, customer in enumerate(customers[1::2][:FAILED_CALLS]):
            _fail(shop, customer, act, carried)
    for wire in _WIRES:
        shop.system.wire[wire].fault = fault
    _call(shop, customers, threads)
    for customer in customers:
        shop.decide(customer.reference, chance.choice(["SUCCESSFUL", "FAILED"]), webhook=chance.random() < 0.5)
    if not shop.wait(lambda: bool(met)):
        shop.report(f"no exchange met: {name}")
    for wire in _WIRES:
        shop.system.wire[wire].fault = carry_on
    if name == LATE:
        _send_late(shop, [customer.reference for customer in customers])


def _call(shop: Shop, customers: Sequence[Customer], threads: ThreadPoolExecutor) -> None:
    """Lets customers pay, read what became of it, and pay again, as a double click does."""
    list(threads.map(shop.pay, customers))
    for customer, read in zip(customers, threads.map(shop.read, customers), strict=True):
        _judge(shop, f"a reading for {customer.order_id}", read.status_code, retryable=read.json().get("retryable"))
    list(threads.map(shop.pay, customers))


def _fail(shop: Shop, customer: Customer, act: Act, carried: int) -> None:
    """Lets a customer call once. The first exchanges with AWS are carried, and all others meet the fault."""
    carries = iter(range(carried))

    async def fault(step: Step, data: bytes) -> bytes:
        if step.moment == "before" and next(carries, None) is None:
            return await act(shop.system.ports.aws, data)
        return data

    shop.system.wire["api-aws"].fault = fault
    shop.ask(customer)


def _send_late(shop: Shop, references: Sequence[str]) -> None:
    """Sends all hints of payments once others have settled them, as messages do that come ten minutes late."""
    shop.wait(lambda: all(map(shop.system.is_settled, references)))
    shop.system.work_queue.check_all((CheckHint(reference), 0) for reference in references)
    shop.system.work_queue.deliver_all(references)


ROWS = [Row("aws", f"DynamoDB, SQS and EventBridge failing in {len(FAULTS)} ways", run, 2, 200)]
