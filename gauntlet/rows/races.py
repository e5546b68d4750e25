"""Lets many calls of one order meet, under one key or many, for one phone or many, as from tabs and impatient fingers.

No attempt ends before all calls are answered, so that CamPay has to be asked for one prompt of the order, whoever
came first.
"""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from gauntlet.row import Row
from gauntlet.rows.webhooks import NO_CHECKS
from gauntlet.shop import Customer, Shop

CALLS_AT_ONCE = 100
CALLS_OF_SMALL = 20
KINDS = ((100, 100), (2, 2), (100, 1), (2, 1), (1, 1))
"""How many different keys the calls of one order have, and how many phones. A key's calls are all for one phone.

With one phone its limit of one prompt in flight would hide an order that two calls have claimed.
"""


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Races as many orders as `size` says, one after the other."""
    calls = CALLS_AT_ONCE if size > 1 else CALLS_OF_SMALL
    with ThreadPoolExecutor(calls) as threads:
        for number in range(size):
            tabs = _tabs(shop, calls, *KINDS[number % len(KINDS)], chance)
            together = Barrier(calls)

            def ask(tab: Customer, together: Barrier = together) -> int:
                together.wait()
                return shop.ask(tab)

            statuses = list(threads.map(ask, tabs))
            _judge(shop, tabs, statuses)
            for reference in {tab.reference for tab in tabs if tab.reference}:
                shop.decide(reference, "SUCCESSFUL", webhook=True)
    return size


def _tabs(shop: Shop, calls: int, keys: int, phones: int, chance: random.Random) -> list[Customer]:
    """Returns the calls of a new order: each has one of so many keys, and the phone of that key."""
    customer = shop.customer()
    numbers = [customer.phone_number, *(shop.customer().phone_number for _ in range(phones - 1))]
    under = [replace(customer, key=str(uuid.uuid4()), phone_number=numbers[it % phones]) for it in range(keys)]
    return [replace(chance.choice(under)) for _ in range(calls)]


def _judge(shop: Shop, tabs: list[Customer], statuses: list[int]) -> None:
    order_id, phones = tabs[0].order_id, {tab.phone_number for tab in tabs}
    if faults := [status for status in statuses if status == 0 or status >= 500]:
        shop.report(f"{len(faults)} of {len(tabs)} calls of {order_id} were answered {sorted(set(faults))}")
    asked = sum(it["asked"] for it in shop.system.transactions() if it["phoneNumber"] in phones)
    if asked != 1:
        shop.report(f"CamPay was asked for {asked} prompts of {order_id}, by {len(phones)} phones")


ROWS = [
    Row("races", "one order called 100 times at once, under one key and under many", run, 1, 200, NO_CHECKS),
]
