"""Pays charges back while the API and the worker are killed around each exchange, and CamPay answers as it should not.

The operator repeats a call that got no answer, as often as there is none, with the version that was seen at first.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from chalicelib.domain.check_schedule import REFUND_AGES_SECONDS
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.refund import Refund
from gauntlet.row import Row
from gauntlet.rows.crashes import BEFORE_SECONDS, INITIATE, WORKER, Point, Watch, judge_reached
from gauntlet.shop import Shop
from gauntlet.wire import PUSH
from local.simulator.faults import FAULTS

CAMPAY_FAULTS = sorted(FAULTS["withdraw"].keys() - {"ok"})
SLOW_FAULT = "timeout"
"""Keeps the API waiting for as long as it waits for CamPay: only in the whole gauntlet."""
ANSWERS = ("ok", "reset-after-accept")
"""Of CamPay to a payout, over whose refund the worker is killed: it is PENDING then, or SENDING."""
OUTCOMES = ("SUCCESSFUL", "SUCCESSFUL", "FAILED")
"""Of a payout. While the worker is killed, all have the same after the same answer: the shop is told of no failure."""
AMOUNTS = (500, 1_000, 2_000)
"""A part of what a customer paid, so that a further refund would not be too high."""
CHECKED_SECONDS = 45.0
"""Within which a refund has had its first three checks, of which the last is due after 33 s."""
AFTERWARDS_SECONDS = 2.0
"""In which the worker counts what it has settled, and deletes the message that had it do so."""
_NOT_OF_A_REFUND = {"Query", PUSH}
"""What the worker asks for every second, whether or not there is a refund, and what comes late or unasked."""


@dataclass
class Refunds:
    """Pays back in one running system. `paid`: the payments that it was asked to pay back."""

    shop: Shop
    chance: random.Random
    paid: list[str] = field(default_factory=list)

    def points_of_api(self, watch: Watch) -> Sequence[Point]:
        """Lists the steps of a refund in an API that has just begun, as it has after each crash."""
        reference = self._paid()
        self.shop.system.parts["api"].restart()
        watch.begin()
        self._pay_back(reference)
        return watch.points

    def crash_api(self, watch: Watch, at: Point) -> bool:
        """Has the API killed at a point. Returns whether it was reached."""
        reference = self._paid()
        version = self.shop.system.payment(reference).version
        watch.begin(at, self.shop.system.parts["api"])
        self._ask(reference, version)
        reached = watch.reached
        watch.begin()
        if reached:
            self.shop.system.parts["api"].restart()
        self._repeat(reference, version)
        self._decide(reference)
        return reached

    def fault(self, name: str) -> None:
        """Has CamPay answer the payout with a fault."""
        reference = self._paid()
        self.shop.system.campay_faults(withdraw=[name])
        self._pay_back(reference)
        self._decide(reference)

    def points_of_worker(self, watch: Watch, answer: str, outcome: str) -> Sequence[Point]:
        """Lists the steps by which a worker that has just begun settles a refund whose payout was answered so."""
        self.shop.system.parts["worker"].restart()
        reference = self._sent(answer, outcome)
        watch.begin()
        if not self.shop.wait(lambda: self._is_settled(reference), CHECKED_SECONDS):
            self.shop.report(f"the refund of {reference} was not settled by its first checks")
        time.sleep(AFTERWARDS_SECONDS)
        return [it for it in watch.points if it.step.operation not in _NOT_OF_A_REFUND]

    def crash_worker(self, watch: Watch, answer: str, outcome: str, at: Point) -> bool:
        """Has the worker killed at a point, while it settles a refund. Returns whether it was reached."""
        reference = self._sent(answer, outcome)
        watch.begin(at, self.shop.system.parts["worker"])
        self.shop.wait(lambda: watch.reached or self._is_settled(reference), CHECKED_SECONDS)
        reached = self.shop.wait(lambda: watch.reached, AFTERWARDS_SECONDS)
        watch.begin()
        if reached:
            self.shop.system.parts["worker"].restart()
        return reached

    def judge(self) -> None:
        """Reports a payment that was paid back twice to an operator who had seen one version of it."""
        for reference in self.paid:
            if (count := len(self._refunds(reference))) > 1:
                self.shop.report(f"{reference} was paid back {count} times, and its operator had seen one version")

    def _paid(self) -> str:
        customer = self.shop.started()[0]
        self.shop.watch(customer)
        self.shop.decide(customer.reference, "SUCCESSFUL", webhook=True)
        if not self.shop.wait(lambda: self._status(customer.reference) is PaymentStatus.SUCCESSFUL):
            self.shop.report(f"{customer.reference} was not paid")
        self.paid.append(customer.reference)
        return customer.reference

    def _sent(self, answer: str, outcome: str) -> str:
        """Pays back a new payment, whose payout CamPay takes, answers so, and decides. Returns before the first check.

        What else the worker had to do for the payment is done by then.
        """
        reference = self._paid()
        self.shop.system.campay_faults(withdraw=[answer])
        self._pay_back(reference)
        self._decide(reference, outcome)
        (refund,) = self._refunds(reference)
        due = refund.at / 1000 + REFUND_AGES_SECONDS[0]
        time.sleep(max(0.0, due - BEFORE_SECONDS - time.time()))
        return reference

    def _decide(self, reference: str, outcome: str = "") -> None:
        """Lets CamPay decide a payment's payouts, all the same, or each by chance."""
        for refund in self._refunds(reference):
            status = outcome or self.chance.choice(OUTCOMES)
            self.shop.decide(refund.reference, status, webhook=self.chance.random() < 0.5)

    def _is_settled(self, reference: str) -> bool:
        is_open = any(refund.is_open for refund in self._refunds(reference))
        return not is_open and self.shop.system.is_settled(reference)

    def _refunds(self, reference: str) -> Sequence[Refund]:
        return self.shop.system.payment(reference).refunds

    def _status(self, reference: str) -> PaymentStatus:
        return self.shop.system.payment(reference).status

    def _pay_back(self, reference: str) -> None:
        self._repeat(reference, self.shop.system.payment(reference).version)

    def _repeat(self, reference: str, version: int) -> None:
        """Asks until there is an answer, and once more, as a double click does."""
        if not self.shop.wait(lambda: 0 < self._ask(reference, version) < 500, 60.0):
            self.shop.report(f"the refund of {reference} got no answer")

    def _ask(self, reference: str, version: int) -> int:
        return self.shop.pay_back(reference, version, self.chance.choice(AMOUNTS))


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Pays `size` charges back: a third with the worker killed, the others with the API killed or a fault of CamPay.

    Where there are only two, the worker, which settles a refund after ten seconds, has none of them.
    """
    refunds, by_worker = Refunds(shop, chance), size // 3
    by_api = (size - by_worker) // 2
    reached = _crash_worker(refunds, shop, by_worker, chance) if by_worker else 0
    reached += _crash_api(refunds, shop, by_api, chance)
    faults = [name for name in CAMPAY_FAULTS if by_worker or name != SLOW_FAULT]
    chance.shuffle(faults)
    spoilt = size - by_worker - by_api
    for number in range(spoilt):
        refunds.fault(faults[number % len(faults)])
    refunds.judge()
    return reached + spoilt


def _crash_api(refunds: Refunds, shop: Shop, size: int, chance: random.Random) -> int:
    watch = Watch(shop.system, INITIATE.wires)
    cases = [partial(refunds.crash_api, watch, point) for point in refunds.points_of_api(watch)]
    return _crash(shop, chance.sample(cases, min(size, len(cases))))


def _crash_worker(refunds: Refunds, shop: Shop, size: int, chance: random.Random) -> int:
    watch = Watch(shop.system, WORKER.wires)
    cases = [
        partial(refunds.crash_worker, watch, answer, outcome, point)
        for answer, outcome in zip(ANSWERS, chance.sample(OUTCOMES, len(ANSWERS)), strict=True)
        for point in refunds.points_of_worker(watch, answer, outcome)
    ]
    return _crash(shop, chance.sample(cases, min(size, len(cases))))


def _crash(shop: Shop, cases: Sequence[Callable[[], bool]]) -> int:
    """Makes the crashes. Returns how many of their points were reached."""
    reached = sum(crash() for crash in cases)
    judge_reached(shop, reached, len(cases))
    return reached


ROWS = [
    Row("refunds", "charges paid back, with the API and the worker killed, and CamPay's faults", run, 2, 90),
]
