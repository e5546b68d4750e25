"""Kills a process before and after each of its exchanges with others, under each outcome.

A customer starts a payment and repeats the call as a page does, then approves, declines, says nothing, or approves
after the payment has expired. The killed process runs again, and all must come to rest as if nothing had been.
"""

import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

import requests

from chalicelib.domain.payment import PaymentStatus
from gauntlet.part import Part
from gauntlet.row import Row
from gauntlet.shop import Customer, Shop
from gauntlet.system import System
from gauntlet.wire import Cut, Step

Outcome = Literal["approve", "decline", "silence", "late"]
DECIDED: Sequence[Outcome] = ("approve", "decline", "late")
OUTCOMES: Sequence[Outcome] = (*DECIDED, "silence")
_NO_PAYMENTS = {
    *("ReceiveMessage", "GetRecords", "GetShardIterator", "ListStreams", "DescribeStream"),
    *("HELLO", "CLIENT", "PING", "SCRIPT"),
}
"""What a process asks for at its start or all the time, whether or not there is a payment."""
_LEAST_REACHED = 0.8
BEFORE_SECONDS = 0.5
"""How long before something is due its exchanges are counted: before, the worker does other things."""


@dataclass(frozen=True)
class Point:
    """The `occurrence`-th time, from 1, that a step is reached once it is counted."""

    step: Step
    occurrence: int


class Watch:
    """Counts the steps of some wires and, at a chosen one, kills a process.

    `refusing`: the wires that refuse connections until the process is there again, as a port does where nobody listens.
    Others accept them, and reset them at once.
    """

    def __init__(self, system: System, wires: Sequence[str], refusing: Sequence[str] = ()) -> None:
        self._wires = system.wires
        self._refusing = [system.wire[name] for name in refusing]
        self._seen = Counter[Step]()
        self._at: Point | None = None
        self._victim: Part | None = None
        self.reached = False
        for name in wires:
            system.wire[name].fault = self._step

    @property
    def points(self) -> list[Point]:
        """Lists the steps that were counted."""
        return [Point(step, number) for step, count in self._seen.items() for number in range(1, count + 1)]

    def begin(self, at: Point | None = None, victim: Part | None = None) -> None:
        """Counts anew; at the point, if one is given, the victim is killed."""
        self._seen.clear()
        self._at, self._victim, self.reached = at, victim, False

    def revive(self, victim: Part) -> None:
        """Starts the process again that was killed."""
        victim.restart()
        for wire in self._refusing:
            self._wires.call(wire.open())

    async def _step(self, step: Step, data: bytes) -> bytes:
        if step.operation in _NO_PAYMENTS:
            return data
        self._seen[step] += 1
        if self._at == Point(step, self._seen[step]) and self._victim:
            self._at = None
            self._victim.kill()
            for wire in self._refusing:
                await wire.cut()
            self.reached = True
            raise Cut
        return data


@dataclass(frozen=True)
class Stage:
    """A part of a payment's life in which a process is killed.

    `wires`: those whose exchanges are counted. `begins`: with the call of initiate, with the screen that begins to
    watch, or with the customer's decision. `webhook`: whether CamPay sends one. `outcomes`: those that have exchanges.
    `refusing`: the wires that refuse connections until the victim runs again.
    """

    victim: str
    wires: Sequence[str]
    begins: Literal["call", "screen", "decision"] = "decision"
    webhook: bool = True
    outcomes: Sequence[Outcome] = OUTCOMES
    refusing: Sequence[str] = ()


_OF_API = ("api-redis", "api-aws", "api-campay")
INITIATE = Stage("api", _OF_API, begins="call")
# No webhook comes of a customer who says nothing; the payment expires, but that is not the API's doing.
WEBHOOK = Stage("api", _OF_API, outcomes=DECIDED)
WORKER = Stage("worker", ("worker-redis", "worker-aws", "worker-campay", "worker-shop"), webhook=False)
REDIS = Stage("redis", ("api-redis", "worker-redis", "gateway-redis"))
GATEWAY = Stage("gateway", ("gateway-redis", "gateway-api"), begins="screen")
# What finds no connection with CamPay was not sent, what is reset may have been, and the product knows the difference.
_TO_CAMPAY = ("api-campay", "worker-campay")
CAMPAY = (
    Stage("simulator", ("api-campay",), begins="call", refusing=_TO_CAMPAY),
    Stage("simulator", ("simulator-api", "api-campay"), outcomes=DECIDED, refusing=_TO_CAMPAY),
    Stage("simulator", ("worker-campay",), webhook=False, refusing=_TO_CAMPAY),
)


class Crashes:
    """Kills the victim of one stage again and again in one running system."""

    def __init__(self, stage: Stage, shop: Shop) -> None:
        self._stage, self._shop, self._system = stage, shop, shop.system
        self._victim = self._system.parts[stage.victim]
        self._watch = Watch(self._system, stage.wires, stage.refusing)
        self._called: list[tuple[Customer, Outcome]] = []

    def points(self, outcome: Outcome) -> list[Point]:
        """Lists the points that two payments without a crash both pass: of others a third may know nothing."""
        passed = self._passed(outcome)
        return [point for point in self._passed(outcome) if point in passed]

    def _passed(self, outcome: Outcome) -> list[Point]:
        """Lists the points of a payment without a crash, as it is after a crash: the process new, its stores not."""
        self._shop.pay(self._shop.customer())
        self._victim.restart()
        customer = self._live(outcome, None)
        if self._stage.begins != "call":
            self._shop.wait(lambda: self._system.is_settled(customer.reference))
        return self._watch.points

    def crash(self, outcome: Outcome, at: Point) -> bool:
        """Takes a customer through the stage, with a crash. Returns whether the point was reached."""
        customer = self._live(outcome, at)
        if self._stage.begins != "call":
            self._shop.wait(lambda: self._watch.reached)
        reached = self._watch.reached
        self._watch.begin()
        if reached:
            self._watch.revive(self._victim)
        if self._stage.begins == "call":
            self._shop.pay(customer)  # at once, as a page does: the payment has not expired yet
            self._shop.watch(customer)
            self._called.append((customer, outcome))
        else:
            self._decide(customer, outcome)  # where CamPay was killed before it heard of it
        return reached

    def end(self) -> None:
        """Lets those decide whose call a crash has ended."""
        for customer, outcome in self._called:
            self._wait_to_decide(customer, outcome)
            self._decide(customer, outcome)

    def _live(self, outcome: Outcome, at: Point | None) -> Customer:
        """Takes a new customer through the stage; at a point, if one is given, the victim is killed."""
        if self._stage.refusing:
            self._shop.wait_for_prompts()
        customer = self._shop.customer()
        if self._stage.begins == "call":
            self._watch.begin(at, self._victim)
            self._shop.ask(customer)
            return customer
        self._shop.pay(customer)
        if self._stage.begins == "screen":
            self._watch.begin(at, self._victim)
        self._shop.watch(customer)
        self._wait_to_decide(customer, outcome)
        if self._stage.begins == "decision":
            self._watch.begin(at, self._victim)
        self._decide(customer, outcome)
        return customer

    def _wait_to_decide(self, customer: Customer, outcome: Outcome) -> None:
        """Waits until the payment of a customer who is late has expired, and that of a silent one is about to."""
        if outcome == "late":
            self._shop.wait(lambda: self._system.payment(customer.reference).status is PaymentStatus.EXPIRED)
        elif outcome == "silence" and self._stage.begins == "decision":
            expires_at = self._system.payment(customer.reference).expires_at / 1000
            time.sleep(max(0.0, expires_at - BEFORE_SECONDS - time.time()))

    def _decide(self, customer: Customer, outcome: Outcome) -> None:
        """Lets a customer decide whose prompt has come, and who has not decided yet. CamPay may be killed meanwhile."""
        if outcome != "silence":
            status = "FAILED" if outcome == "decline" else "SUCCESSFUL"
            with suppress(requests.ConnectionError):
                self._shop.decide(customer.reference, status, webhook=self._stage.webhook)


def run(stage: Stage, shop: Shop, size: int, chance: random.Random) -> int:
    """Crashes at `size` points, each with an outcome, or at all of them with all outcomes.

    Two payments do not make quite the same exchanges, so that a point of one may not be reached by another.
    """
    crashes = Crashes(stage, shop)
    shop.redis_loses |= stage.victim == "redis"
    outcomes = chance.sample(stage.outcomes, min(size, len(stage.outcomes)))
    cases = [(outcome, point) for outcome in outcomes for point in crashes.points(outcome)]
    chance.shuffle(cases)
    tried = reached = 0
    while reached < size and tried < len(cases):
        reached += crashes.crash(*cases[tried])
        tried += 1
    if reached < size:
        judge_reached(shop, reached, tried)
    crashes.end()
    return reached


def judge_reached(shop: Shop, reached: int, tried: int) -> None:
    """Reports too few points that were reached.

    One may always be missed: what a process does in its background does not come at the same place each time.
    """
    if reached < _LEAST_REACHED * tried - 1:
        shop.report(f"only {reached} of {tried} points were reached")


def run_all(stages: Sequence[Stage], shop: Shop, size: int, chance: random.Random) -> int:
    """Crashes at `size` points of several stages, or at all of them, one stage after the other."""
    made = 0
    for stage in stages:
        made += run(stage, shop, size - made, chance)
    return made


ROWS = [
    Row("crash-initiate", "the API killed around each exchange of initiate", partial(run, INITIATE), 1, 200),
    Row("crash-webhook", "the API killed around each exchange of a webhook", partial(run, WEBHOOK), 1, 200),
    Row("crash-worker", "the worker killed around each exchange of its checks", partial(run, WORKER), 1, 200),
    Row("crash-redis", "Redis killed around each of its exchanges", partial(run, REDIS), 0, 200),
    Row("crash-gateway", "the gateway killed around each of its exchanges", partial(run, GATEWAY), 0, 50),
    Row("crash-campay", "CamPay killed around each exchange with it", partial(run_all, CAMPAY), 0, 200),
]
