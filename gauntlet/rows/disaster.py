"""Restores the ledger to a moment before, with Redis empty, and follows the page that says what to do, step by step.

Half of the customers pay before the backup, half in the time that is lost, when some charges of either half are paid
back too. Of these customers some call again while the ledger is being restored, and all of them afterwards, under the
keys from before and under a new one: no order is paid twice, and no charge is paid back twice.
"""

import random
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal

from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.rollup import Figure
from gauntlet.recovery import Recovery
from gauntlet.row import Row
from gauntlet.runbook import read_steps
from gauntlet.shop import Customer, Shop

AT_ONCE = 4
WAITING = 24
"""Customers whose prompt is on the phone at the moment of the backup."""
SCREENS = 40
"""Customers of either half who watch to the end."""
CALLS_MEANWHILE = 30
PAID_BACK = 5
"""Charges that are paid back in the lost time: of those paid before it, of those who had the prompt, of those of it."""
MOST_OF_IT = 3_000
NAMED = 100
"""Differences of a day that a comparison names one by one."""
_KNOWN_SECONDS = 60.0
SETTINGS = {
    "PAYMENT_EXPIRES_SECONDS": "20",
    # Seldom: each sweep sends a hint for all that is due within a minute, and one process is DynamoDB and SQS.
    "CHECK_AGES_SECONDS": "3,10,60,180,1800",
    "SWEEP_SECONDS": "8",
}

Kind = Literal["pays", "unnoticed", "again", "joins", "declines", "silent", "waits"]
KINDS: Sequence[Kind] = (
    *("pays", "unnoticed", "again", "joins"),
    *("declines", "declines", "silent", "silent", "silent", "waits", "waits", "waits"),
)
"""What a customer does in the lost time: pays, without a webhook, after a declined attempt, or after a call under a
second key; declines; says nothing; or pays when the ledger is there again."""
PAID = ("pays", "unnoticed", "again", "joins")


@dataclass
class Lost:
    """A customer of the lost time. `attempts`: of the order, each with its key."""

    kind: Kind
    attempts: list[Customer]
    known: set[str] = field(default_factory=set)
    """References of its payments from before the loss."""

    @property
    def newest(self) -> Customer:
        return self.attempts[-1]


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Makes `size` payments, half of them in the lost time."""
    recovery, shop.redis_loses = Recovery(shop), True
    with ThreadPoolExecutor(AT_ONCE) as threads:
        waiting, paid = _pay_before(shop, size // 2, chance, threads)
        _expect_success(shop, paid)
        recovery.back_up()
        _decide(shop, waiting[::3], "SUCCESSFUL")
        _decide(shop, waiting[1::3], "FAILED")
        lost = list(threads.map(lambda number: _lose(shop, number), range(size - size // 2)))
        some = chance.sample(lost, min(CALLS_MEANWHILE, len(lost)))
        in_lost_time = [it.newest for it in lost if it.kind == "pays"]
        paid_back = [*paid, *waiting[::3][:PAID_BACK], *in_lost_time[:PAID_BACK]]
        _pay_back(shop, paid_back)
        recovery.lose_everything()
        _expect_no_prompt(shop)
        for step in read_steps():
            done = recovery.follow(step)
            if "make doctor" in done:
                _expect_no_prompt(shop)
                _expect_no_refund(shop, paid, 503)
                list(threads.map(lambda it: _call_again(shop, it), some))
            if "make recover" in done:
                list(threads.map(lambda it: _call_again(shop, it), some))
                _decide(shop, [*waiting[2::3], *(it.newest for it in lost if it.kind == "waits")], "SUCCESSFUL")
                _expect_to_be_known(shop)
            if "make rollups" in done:
                _expect_figures(shop)
        list(threads.map(lambda it: _call_again(shop, it), lost))
        _expect_no_refund(shop, paid_back, 409)
        _decide(shop, [it.newest for it in lost if it.newest.reference not in it.known], "SUCCESSFUL")
    _judge(shop, recovery)
    return size


def _pay_before(
    shop: Shop, number: int, chance: random.Random, threads: Executor
) -> tuple[list[Customer], list[Customer]]:
    """Lets customers pay before the backup. Returns those who have the prompt on the phone then, and some who paid."""

    def pay(place: int) -> Customer:
        customer = shop.customer()
        shop.pay(customer)
        if place < SCREENS:
            shop.watch(customer)
        return customer

    outcomes = [chance.choice(("SUCCESSFUL", "SUCCESSFUL", "FAILED", None)) for _ in range(number - WAITING)]
    paid = []
    for customer, outcome in zip(threads.map(pay, range(WAITING, number)), outcomes, strict=True):
        if outcome:
            shop.decide(customer.reference, outcome, webhook=chance.random() < 0.7)
        if outcome == "SUCCESSFUL":
            paid.append(customer)
    return list(threads.map(pay, range(WAITING))), paid[:PAID_BACK]


def _lose(shop: Shop, number: int) -> Lost:
    """Lets a customer do what the ledger loses."""
    kind, customer = KINDS[number % len(KINDS)], shop.customer()
    shop.pay(customer)
    if number < SCREENS:
        shop.watch(customer)
    lost = Lost(kind, [customer])
    if kind == "again":
        _decide(shop, [customer], "FAILED")
        shop.wait(lambda: shop.system.payment(customer.reference).status is PaymentStatus.FAILED)
    if kind in ("again", "joins"):
        lost.attempts.append(_with_new_key(customer))
        shop.pay(lost.newest)
    if kind in PAID:
        shop.decide(lost.newest.reference, "SUCCESSFUL", webhook=kind != "unnoticed")
    if kind == "declines":
        _decide(shop, [customer], "FAILED")
    lost.known = {it.reference for it in lost.attempts}
    return lost


def _with_new_key(customer: Customer) -> Customer:
    return replace(customer, key=str(uuid.uuid4()))


def _decide(shop: Shop, customers: Sequence[Customer], status: str) -> None:
    for customer in customers:
        shop.decide(customer.reference, status, webhook=True)


def _expect_success(shop: Shop, customers: Sequence[Customer]) -> None:
    """Waits until the ledger knows that they have paid."""
    references = [it.reference for it in customers]
    if not shop.wait(lambda: all(shop.system.payment(it).status is PaymentStatus.SUCCESSFUL for it in references)):
        shop.report("a payment was not known to be paid")


def _pay_back(shop: Shop, customers: Sequence[Customer]) -> None:
    """Pays most of each charge back. CamPay makes every payout, and nobody asks it any more."""
    _expect_success(shop, customers)
    for customer in customers:
        status = shop.pay_back(customer.reference, shop.system.payment(customer.reference).version, MOST_OF_IT)
        if status != 200:
            shop.report(f"the refund of {customer.reference} was answered {status}")
        for refund in shop.system.payment(customer.reference).refunds:
            shop.decide(refund.reference, "SUCCESSFUL", webhook=False)


def _expect_no_refund(shop: Shop, customers: Sequence[Customer], expected: int) -> None:
    """Has an operator pay the same back again, who must be refused."""
    for customer in customers:
        status = shop.pay_back(customer.reference, shop.system.payment(customer.reference).version, MOST_OF_IT)
        if status != expected:
            shop.report(f"a second refund of {customer.reference} was answered {status} in place of {expected}")


def _call_again(shop: Shop, lost: Lost) -> None:
    """Calls under each key from before, and under a new one. Whoever has paid is answered with that payment, or not.

    While the ledger is being restored the answer may be 503.
    """
    for attempt in [*lost.attempts, _with_new_key(lost.newest)]:
        again = replace(attempt)
        status = shop.ask(again)
        if status in (200, 201, 202) and again.reference not in lost.known:
            if lost.kind in (*PAID, "waits"):
                shop.report(f"{again.order_id} got another prompt, and its customer {lost.kind}")
            lost.attempts.append(again)


def _expect_no_prompt(shop: Shop) -> None:
    """Lets a stranger call, who must be sent away."""
    stranger = shop.customer()
    status = shop.ask(stranger)
    if status != 503:
        shop.report(f"while the ledger was away or being restored a new call was answered {status}")


def _expect_to_be_known(shop: Shop) -> None:
    """Waits until the ledger knows of all money that has moved."""
    charged = {it["externalReference"] for it in shop.system.charges()}

    def is_known() -> bool:
        found = shop.system.ledger.load_many(charged)
        return len(found) == len(charged) and all(it.payment.is_final for it in found)

    if not shop.wait(is_known, _KNOWN_SECONDS):
        shop.report("a payment that moved money was not known a minute after make recover")


def _expect_figures(shop: Shop) -> None:
    """Waits until the figures of the days count each payment once."""
    ledger, days = shop.system.ledger, shop.system.days

    def counted() -> int:
        return sum(figures[Figure.STARTED] for figures in ledger.rollups.between(days[0], days[-1]).values())

    claimed = len(shop.system.evidence().payments)
    if not shop.wait(lambda: counted() == claimed):
        shop.report(f"the figures count {counted()} payments of {claimed}")


def _judge(shop: Shop, recovery: Recovery) -> None:
    """Reports a comparison that named other payments than those that moved money, and an order that was paid twice."""
    if len(recovery.compared) != 2:
        shop.report(f"the page compares {len(recovery.compared)} times with CamPay's statement, where it should twice")
        return
    before, after = recovery.compared
    shop.note(f"the comparison named {before.count} payments before and {after.count} after make recover")
    if before.count != len(recovery.moved) or not before.named <= recovery.moved:
        shop.report(f"{len(recovery.moved)} payments moved money in the lost time, and {before.count} were named")
    if before.count <= NAMED and before.named != recovery.moved:
        shop.report("the comparison named other payments than those that moved money in the lost time")
    if after.count:
        shop.report(f"{after.count} payments are missing after make recover")
    order_of = {it.reference: it.order_id for it in shop.asked if it.reference}
    paid = Counter(order_of[it["externalReference"]] for it in shop.system.charges())
    for order_id, count in paid.items():
        if count > 1:
            shop.report(f"{order_id} was charged {count} times")


ROWS = [
    Row(
        "disaster",
        "the ledger restored to before half of the payments, Redis empty, and the page's steps followed",
        run,
        0,
        500,
        SETTINGS,
    )
]
