"""Lets many payments pass while one exchange in twenty fails, between any two processes."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from gauntlet.row import Row
from gauntlet.shop import Shop
from gauntlet.wire import Cut, Step

SHARE = 0.05
AT_ONCE = 4
LOST_WEBHOOKS = 0.3
SCREENS = 100
"""The payments that a browser watches."""
_FAULTY = [f"{part}-{store}" for part in ("api", "worker") for store in ("aws", "redis", "campay")]
_FAULTY += ["gateway-redis", "gateway-api", "simulator-api", "worker-shop", "shop-api", "browser-gateway"]


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Pays `size` orders; each customer decides, or does not, soon after the prompt."""
    met = Counter[str]()

    async def fault(step: Step, data: bytes) -> bytes:
        if chance.random() < SHARE / 2:  # an exchange has two steps
            met[step.wire] += 1
            raise Cut
        return data

    for name in _FAULTY:
        shop.system.wire[name].fault = fault
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda number: _pay(shop, number, random.Random(chance.random())), range(size)))
    shop.note(f"{met.total()} exchanges cut, on {len(met)} of {len(_FAULTY)} wires")
    return size


def _pay(shop: Shop, number: int, chance: random.Random) -> None:
    customer = shop.customer()
    shop.pay(customer)
    if number < SCREENS:
        shop.watch(customer)
    outcome = chance.choice(["SUCCESSFUL", "SUCCESSFUL", "FAILED", None])
    if outcome:
        shop.decide(customer.reference, outcome, webhook=chance.random() >= LOST_WEBHOOKS)


ROWS = [Row("soak", "5,000 payments while one exchange in twenty fails", run, 4, 5_000, is_large=True)]
