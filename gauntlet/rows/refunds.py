"""Pays charges back while the API is killed around each exchange of it, and while CamPay answers as it should not.

The operator repeats a call that got no answer, as often as there is none, with the version that was seen at first.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.domain.payment import PaymentStatus
from gauntlet.row import Row
from gauntlet.rows.crashes import INITIATE, LEAST_REACHED, Point, Watch
from gauntlet.shop import Shop
from local.simulator.faults import FAULTS

CAMPAY_FAULTS = sorted(FAULTS["withdraw"].keys() - {"ok", "timeout"})
AMOUNTS = (500, 1_000, 2_000)
"""A part of what a customer paid, so that a further refund would not be too high."""


@dataclass
class Refunds:
    """Pays back in one running system. `deciding`: the payments whose payouts CamPay is yet to decide."""

    shop: Shop
    chance: random.Random
    deciding: list[str] = field(default_factory=list)

    def points(self, watch: Watch) -> Sequence[Point]:
        """Lists the steps of a refund in an API that has just begun, as it has after each crash."""
        reference = self._paid()
        self.shop.system.parts["api"].restart()
        watch.begin()
        self._pay_back(reference)
        return watch.points

    def crash(self, watch: Watch, at: Point) -> bool:
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
        return reached

    def fault(self, name: str) -> None:
        """Has CamPay answer the payout with a fault."""
        reference = self._paid()
        self.shop.system.campay_faults(withdraw=[name])
        self._pay_back(reference)

    def decide(self) -> None:
        """Lets CamPay decide all payouts: most are made, some fail."""
        for reference in self.deciding:
            refunds = self.shop.system.payment(reference).refunds
            if len(refunds) > 1:
                self.shop.report(
                    f"{reference} was paid back {len(refunds)} times, and its operator had seen one version"
                )
            for refund in refunds:
                outcome = self.chance.choice(("SUCCESSFUL", "SUCCESSFUL", "FAILED"))
                self.shop.decide(refund.reference, outcome, webhook=self.chance.random() < 0.5)

    def _paid(self) -> str:
        customer = self.shop.started()[0]
        self.shop.watch(customer)
        self.shop.decide(customer.reference, "SUCCESSFUL", webhook=True)
        if not self.shop.wait(lambda: self._status(customer.reference) is PaymentStatus.SUCCESSFUL):
            self.shop.report(f"{customer.reference} was not paid")
        self.deciding.append(customer.reference)
        return customer.reference

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
    """Pays `size` charges back, half of them with a crash, and the others with a fault of CamPay."""
    refunds, watch = Refunds(shop, chance), Watch(shop.system, INITIATE.wires)
    points = list(refunds.points(watch))
    chance.shuffle(points)
    tried = points[: size // 2]
    reached = sum(refunds.crash(watch, point) for point in tried)
    if reached < LEAST_REACHED * len(tried):
        shop.report(f"only {reached} of {len(tried)} points were reached")
    shop.system.carry_on()
    faults = chance.sample(CAMPAY_FAULTS, len(CAMPAY_FAULTS))
    for number in range(size - len(tried)):
        refunds.fault(faults[number % len(faults)])
    refunds.decide()
    return reached + size - len(tried)


ROWS = [
    Row("refunds", "charges paid back, with the API killed and CamPay's faults", run, 0, 60, {"REFUNDS": "true"}),
]
