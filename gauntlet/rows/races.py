"""Lets many calls of one order meet: one key, different keys, as from two tabs and from impatient fingers."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from gauntlet.row import Row
from gauntlet.shop import Customer, Shop

CALLS_AT_ONCE = 100
CALLS_OF_SMALL = 20
KEYS = (1, 2, 100)
"""How many different keys the calls of one order have."""


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Races as many orders as `size` says, one after the other."""
    calls = CALLS_AT_ONCE if size > 1 else CALLS_OF_SMALL
    with ThreadPoolExecutor(calls) as threads:
        for _ in range(size):
            customer = shop.customer()
            keys = [str(uuid.uuid4()) for _ in range(chance.choice(KEYS))]
            tabs = [replace(customer, key=chance.choice(keys)) for _ in range(calls)]
            together = Barrier(calls)

            def ask(tab: Customer, together: Barrier = together) -> int:
                together.wait()
                return shop.ask(tab)

            statuses = list(threads.map(ask, tabs))
            faults = [status for status in statuses if status == 0 or status >= 500]
            if faults:
                shop.report(
                    f"{len(faults)} of {calls} calls of {customer.order_id} were answered {sorted(set(faults))}"
                )
            for reference in {tab.reference for tab in tabs if tab.reference}:
                shop.decide(reference, "SUCCESSFUL", webhook=True)
    return size


ROWS = [Row("races", "one order called 100 times at once, under one key and under many", run, 1, 200)]
