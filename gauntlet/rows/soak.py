"""Lets many payments pass while one exchange in twenty fails, and asks what the processes keep of them."""

import random
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from chalicelib.adapters.ledger.attributes import to_values
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE
from chalicelib.domain.redis_names import client_key, payment_channel, waiting_key
from gauntlet.measured import Held, figures_of, held_by
from gauntlet.row import Row
from gauntlet.shop import Shop
from gauntlet.wire import Cut, Step
from local.embedded import LOOPBACK

SHARE = 0.05
AT_ONCE = 4
LOST_WEBHOOKS = 0.3
SCREENS = 100
"""The payments that a browser watches."""
_FAULTY = [f"{part}-{store}" for part in ("api", "worker") for store in ("aws", "redis", "campay")]
_FAULTY += ["gateway-redis", "gateway-api", "simulator-api", "worker-shop", "shop-api", "browser-gateway"]
_PARTS = ("api", "worker", "gateway")
GROWTH_BYTES = 4_000_000
"""Of a process's memory from the third fifth of the payments to the last: 2 KB for each of them."""
MORE_HANDLES = 20
"""Files, sockets and threads that a process may have at the end beyond those of the first payments: its pools grow."""
LEFT_SECONDS = 90.0
"""How long what browsers and payments leave is waited for: a key of Redis that nobody could delete expires, and the
sweep, once a minute, notes which payments have ended whose end Redis missed."""
FEWEST = 100
"""Payments from which on it tells something what a process holds: before, it starts, and loads what it needs."""
_OPEN = {"active", "undeliveredSince", "turnId", "nextAt"}
"""Attributes of rows that are there as long as something of a payment is open."""
_ROWS = {"payment", "order", "phone"}
"""Of each of these a customer has one."""


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Pays `size` orders; each customer decides, or does not, soon after the prompt. Then all browsers leave."""
    met = Counter[str]()

    async def fault(step: Step, data: bytes) -> bytes:
        if chance.random() < SHARE / 2:  # an exchange has two steps
            met[step.wire] += 1
            raise Cut
        return data

    for name in _FAULTY:
        shop.system.wire[name].fault = fault
    with ThreadPoolExecutor(AT_ONCE) as threads:
        held = [*threads.map(lambda number: _pay(shop, number, random.Random(chance.random())), range(size))]
    shop.system.carry_on()
    shop.note(f"{met.total()} exchanges cut, on {len(met)} of {len(_FAULTY)} wires")
    shop.rest()
    shop.leave()
    shop.wait(lambda: not any(_left(shop)), LEFT_SECONDS)
    for line in _left(shop):
        shop.report(line)
    for part in _PARTS:
        _judge_growth(shop, part, [each[part] for each in held])
    return size


def _pay(shop: Shop, number: int, chance: random.Random) -> Mapping[str, Held]:
    """Lets a customer pay. Returns what the processes hold then."""
    customer = shop.customer()
    shop.pay(customer)
    if number < SCREENS:
        shop.watch(customer)
    outcome = chance.choice(["SUCCESSFUL", "SUCCESSFUL", "FAILED", None])
    if outcome:
        shop.decide(customer.reference, outcome, webhook=chance.random() >= LOST_WEBHOOKS)
    return {part: held_by(shop.system.parts[part].pid) for part in _PARTS}


def _judge_growth(shop: Shop, part: str, held: Sequence[Held]) -> None:
    """Compares the last fifth of the payments with the third, when all pools are full, and the end with the first."""
    if len(held) < FEWEST:
        return
    fifth = len(held) // 5
    fifths = [statistics.median(it.memory for it in held[start:][:fifth]) for start in range(0, 5 * fifth, fifth)]
    most, left = max(it.handles for it in held[:fifth]), held_by(shop.system.parts[part].pid).handles
    memory = ", ".join(f"{each / 1e6:.1f}" for each in fifths)
    shop.note(f"{part}: {memory} MB in each fifth; at most {most} handles in the first, {left} at the end")
    if (growth := fifths[-1] - fifths[2]) > GROWTH_BYTES:
        shop.report(f"the memory of {part} has grown by {growth:.0f} bytes")
    if left > most + MORE_HANDLES:
        shop.report(f"{part} has {left} files, sockets and threads, and had at most {most}")


def _left(shop: Shop) -> Iterator[str]:
    """Lists what is still there of browsers that have left and of payments that are settled."""
    gateway = figures_of(shop.system.ports.gateway)
    for name, own in (("tcp_connections", 1), ("connections", 0), ("clients", 0), ("payments", 0)):
        if (count := gateway[f"gateway_{name}"]) > own:  # the question has a connection itself
            yield f"the gateway still has {count:.0f} {name}"
    with Redis(LOOPBACK, shop.system.ports.redis) as redis:
        if channels := redis.pubsub_channels(payment_channel("*")):
            yield f"{len(channels)} payments are subscribed to"
        if clients := [*redis.scan_iter(client_key("*"))]:
            yield f"Redis still has {len(clients)} clients"
        if waiting := redis.zcard(waiting_key()):
            yield f"in Redis {waiting} payments wait"
        if lasting := sorted(key.decode() for key in redis.scan_iter() if redis.ttl(key) == -1):
            yield f"{len(lasting)} keys of Redis do not expire, such as {lasting[0]}"
    yield from _left_in_table(shop)


def _left_in_table(shop: Shop) -> Iterator[str]:
    """Lists what is open in the ledger's table, and what is there twice or for good."""
    states = Counter[str]()
    pages = shop.system.table_client.get_paginator("scan").paginate(TableName=shop.system.environment["PAYMENTS_TABLE"])
    for row in (to_values(item) for page in pages for item in page["Items"]):
        if still := row.keys() & _OPEN:
            yield f"a row of the ledger still has {sorted(still)}: {row['pk']}"
        if FORGOTTEN_BY_ATTRIBUTE not in row and not row["pk"].startswith("rollup#"):
            yield f"a row of the ledger stays for good: {row['pk']} {row['sk']}"
        if row["sk"] == "state":
            states[row["pk"].partition("#")[0]] += 1
    customers = {it.order_id for it in shop.asked}
    if counts := {kind: count for kind, count in states.items() if kind in _ROWS and count != len(customers)}:
        yield f"{len(customers)} customers have left {counts} rows"


ROWS = [Row("soak", "5,000 payments while one exchange in twenty fails", run, 0, 5_000, is_large=True)]
