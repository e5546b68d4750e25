"""Loses CamPay's webhooks, repeats them, invents what they say, and sends them in every order."""

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.domain.payment import PaymentStatus
from gauntlet.row import Row
from gauntlet.shop import Screen, Shop
from gauntlet.wire import Step

NO_CHECKS = {"CHECK_AGES_SECONDS": "3600", "PAYMENT_EXPIRES_SECONDS": "3600", "SWEEP_SECONDS": "30"}
"""Nothing settles a payment but its webhooks. The sweep delivers what a call has committed and could not tell of."""
CHECK_LATENESS = 0.1
"""A check comes up to a tenth of its age late (chalicelib/domain/check_schedule.py)."""
AFTER_DUE_SECONDS = 6.0
RINGS, RINGS_AT_ONCE = 200, 50
RINGS_OF_SMALL = 40
READ_EVERY_SECONDS = 2.0
ORDERS_AT_ONCE = 8
UNPROVEN_READS = 3
"""Reads of invented references, of a payment in each minute of the clock."""

Transaction = Mapping[str, Any]


def lose_all(shop: Shop, size: int, chance: random.Random) -> int:
    """Loses every webhook: each payment is settled by its next check."""
    decided: dict[str, tuple[str, float]] = {}
    for _ in range(size):
        customer = shop.started()[0]
        shop.watch(customer)
        status = chance.choice(["SUCCESSFUL", "FAILED"])
        shop.decide(customer.reference, status, webhook=False)
        decided[customer.reference] = status, time.time()
    shop.rest()
    ages = [int(age) for age in shop.system.environment["CHECK_AGES_SECONDS"].split(",")]
    for reference, (status, at) in decided.items():
        versions = shop.system.ledger.versions_of(reference)
        claimed = versions[0].at / 1000
        settled = next((it.at / 1000 for it in versions if it.payment.status == status), time.time())
        due = next(claimed + age * (1 + CHECK_LATENESS) for age in ages if claimed + age > at)
        if settled > due + AFTER_DUE_SECONDS:
            shop.report(f"{reference} was settled {settled - due:.1f} s after its next check was due")
    return size


def repeat(shop: Shop, size: int, chance: random.Random) -> int:
    """Rings for a payment many times at once, half of it with invented references, and approves it in between."""
    rings = RINGS if size > 1 else RINGS_OF_SMALL
    reads: list[Step] = []

    async def count(step: Step, data: bytes) -> bytes:
        if step.operation == "GET /api/transaction" and step.moment == "before":
            reads.append(step)
        return data

    shop.system.wire["api-campay"].fault = count
    screens = []
    with ThreadPoolExecutor(RINGS_AT_ONCE) as threads:
        for _ in range(size):
            customer, transaction = shop.started()
            screens.append(shop.watch(customer))
            shop.wait(lambda: bool(screens[-1].versions))
            reads.clear()
            began = time.time()
            bells = threads.map(lambda number, it=transaction: _ring(shop, it, number), range(rings))
            time.sleep(chance.random())
            shop.system.decide(transaction["reference"], "SUCCESSFUL", webhook=False)
            statuses = [*bells, _ring(shop, transaction, 0)]
            minutes = int(time.time() / 60) - int(began / 60) + 1
            most = 2 + (time.time() - began) / READ_EVERY_SECONDS + UNPROVEN_READS * minutes
            _judge(shop, str(transaction["externalReference"]), statuses, len(reads), most)
    _judge_told(shop, screens)
    return size


def _ring(shop: Shop, transaction: Transaction, number: int) -> int:
    """Rings with CamPay's reference, and every other time with an invented one."""
    invented = {"reference": f"00000000-0000-4000-8000-{number:012}"} if number % 2 else {}
    return shop.ring(transaction, **invented)


def _judge(shop: Shop, reference: str, statuses: Sequence[int], reads: int, most: float) -> None:
    payment = shop.system.payment(reference)
    if payment.status is not PaymentStatus.SUCCESSFUL:
        shop.report(f"{reference} is {payment.status.value} after a bell that followed its approval")
    if payment.version != VERSIONS_OF_ONE_CHANGE:
        shop.report(f"{reference} has {payment.version} versions")
    if reads > most:
        shop.report(f"{reference} was read {reads} times, where {most:.0f} are allowed")
    # A bell that has to wait for its budget is told to come again; CamPay never does.
    if faults := sorted({status for status in statuses if status not in (200, 503)}):
        shop.report(f"bells of {reference} were answered {faults}")


def _judge_told(shop: Shop, screens: Sequence[Screen]) -> None:
    """Reports what the screens and the shop were not told once: only a fault may have a delivery made again."""
    shop.wait(lambda: all(it.events == SHOWN for it in screens))
    for screen in screens:
        if screen.events != SHOWN:
            shop.report(f"a screen of {screen.reference} got {sorted(screen.events.items())}")
    told = Counter((event["reference"], kind) for kind, event in shop.evidence().told)
    for screen in screens:
        of_payment = {kind: count for (reference, kind), count in told.items() if reference == screen.reference}
        if of_payment != {"payment.successful": 1}:
            shop.report(f"the shop was told of {screen.reference} {of_payment}")


VERSIONS_OF_ONE_CHANGE = 3
"""Claimed, prompted, paid."""
SHOWN = Counter(
    [
        *(("payment-initiated", 2), ("payment-status", 2)),
        *(("payment-status", 3), ("payment-success", 3), ("payment-completed", 3)),
    ]
)
"""What a screen gets of it that began to watch when the prompt was sent."""

KINDS: Mapping[str, Callable[[Shop, Transaction], int]] = {
    "true": lambda shop, it: shop.ring(it),
    "contradicting": lambda shop, it: shop.ring(it, status=_opposite(it["status"])),
    "pending": lambda shop, it: shop.ring(it, status="PENDING"),
    "of another amount": lambda shop, it: shop.ring(it, amount="1", currency="EUR"),
    "unsigned": lambda shop, it: shop.ring(it, signature="e30.e30.e30"),
}


def _opposite(status: str) -> str:
    return "FAILED" if status == "SUCCESSFUL" else "SUCCESSFUL"


def permute(shop: Shop, size: int, chance: random.Random) -> int:
    """Sends the kinds of webhooks in every order, then in longer random ones, before and after the decision."""
    orders: list[Sequence[str]] = list(itertools.permutations(KINDS))
    chance.shuffle(orders)
    orders += [chance.choices([*KINDS], k=chance.randint(6, 20)) for _ in range(max(0, size - len(orders)))]
    with ThreadPoolExecutor(ORDERS_AT_ONCE) as threads:
        list(threads.map(lambda order: _send(shop, order, random.Random(chance.random())), orders[:size]))
    return size


def _send(shop: Shop, order: Sequence[str], chance: random.Random) -> None:
    """Sends webhooks in an order; somewhere in between the customer decides."""
    waiting = shop.started()[1]
    decision = chance.choice(["SUCCESSFUL", "FAILED"])
    decided_after = chance.randint(0, len(order) - 1)
    for number, kind in enumerate(order):
        if number == decided_after:
            shop.system.decide(waiting["reference"], decision, webhook=False)
        KINDS[kind](shop, shop.system.transaction(waiting["externalReference"]))
    shop.ring(shop.system.transaction(waiting["externalReference"]))
    payment = shop.system.payment(waiting["externalReference"])
    if payment.status != decision:
        shop.report(f"{payment.reference} is {payment.status.value} after {order}, and CamPay says {decision}")


ROWS = [
    Row("webhooks-lost", "every webhook lost: settled by the next check", lose_all, 1, 1_000),
    Row("webhooks-repeated", "50 webhooks at a time, half with invented references", repeat, 1, 200, NO_CHECKS),
    Row("webhooks-permuted", "the kinds of webhooks in every order", permute, 2, 240, NO_CHECKS),
]
