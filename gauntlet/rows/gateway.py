"""Takes the gateway away under many browsers: killed at once, and drained as a deployment does."""

import asyncio
import random
import signal
from itertools import cycle, islice

from gauntlet.gateway.browsers import Browser
from gauntlet.row import Row
from gauntlet.rows.webhooks import NO_CHECKS
from gauntlet.shop import Customer, Shop

SCREENS_OF_A_PAYMENT = 25
CAUGHT_UP_SECONDS = 60.0


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Opens `size` screens. Half of the payments are decided while the gateway is away, the others after it."""
    payments = max(2, size // SCREENS_OF_A_PAYMENT)
    customers = [shop.started()[0] for _ in range(payments)]
    screens = [Browser(it.reference, it.token) for it in islice(cycle(customers), size)]
    shop.screens += screens
    for screen in screens:
        asyncio.run_coroutine_threadsafe(screen.stay([shop.system.ports.gateway]), shop.system.wires.loop)
    if not shop.wait(lambda: all(screen.versions for screen in screens), CAUGHT_UP_SECONDS):
        shop.report("not all browsers could connect")
    gateway = shop.system.parts["gateway"]
    for number, end in enumerate([signal.SIGKILL, signal.SIGTERM]):
        away, there = customers[number::4], customers[number + 2 :: 4]
        gateway.signal(end)
        decide(shop, away, chance)
        gateway.restart()
        decide(shop, there, chance)
        if not shop.wait(lambda: all(screen.is_connected for screen in screens), CAUGHT_UP_SECONDS):
            shop.report(f"not all browsers came back after {end.name}")
    return size


def decide(shop: Shop, customers: list[Customer], chance: random.Random) -> None:
    """Lets customers approve or decline."""
    for customer in customers:
        shop.decide(customer.reference, chance.choice(["SUCCESSFUL", "FAILED"]), webhook=True)


ROWS = [Row("gateway", "the gateway killed and drained under 1,000 browsers", run, 20, 1_000, NO_CHECKS)]
