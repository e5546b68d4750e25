"""Makes one run of the simulation, and looks for a smaller one that fails as well."""

import random
from collections.abc import Collection
from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from gauntlet.invariants import violations
from gauntlet.simulation.actors import HOUR, MINUTE, Actors
from gauntlet.simulation.faults import Faults, Likelihood
from gauntlet.simulation.machine import simulated_machine
from gauntlet.simulation.scheduler import Scheduler

BEGIN = 1_800_000_000_000
"""When each run begins, in milliseconds since the epoch."""
_FAULTY_MS = 45 * MINUTE
_WATCHED_MS = 76 * HOUR
_MOST_CUSTOMERS = 6
_CHANCES = (0.0, 0.0, 0.01, 0.03, 0.1)
_SERVICES = ("dynamodb", "redis", "campay", "events", "sqs")


@dataclass(frozen=True)
class Outcome:
    """What a run came to. `customers`: how many there were; `faults`: what was done to them."""

    wrong: list[str]
    steps: int
    customers: int
    faults: list[str]


def simulate(
    seed: int, customers: Collection[int] | None = None, left_out: Collection[int] = (), ledger: type[Ledger] = Ledger
) -> Outcome:
    """Makes the run of a seed.

    `customers`: those that take part; all where none are named. `ledger`: the product's, unless a test has another.
    """
    chance = random.Random(seed)
    count = chance.randint(1, _MOST_CUSTOMERS)
    scheduler = Scheduler(seed, BEGIN)
    faults = Faults(scheduler, BEGIN + _FAULTY_MS, left_out=left_out)
    for service in _SERVICES:
        die, refuse, lose, wait = (chance.choice(_CHANCES) for _ in range(4))
        faults.likely[service] = Likelihood(die / 4, refuse, lose, wait / 4)
        if chance.random() < 0.2:
            begin = BEGIN + chance.randrange(20 * MINUTE)
            faults.away[service] = begin, begin + chance.randrange(10 * MINUTE)
    actors, until = Actors(scheduler, faults, ledger), BEGIN + _WATCHED_MS
    for number in range(count):
        if customers is None or number in customers:
            actors.customer(number, seed)
    actors.schedules(until)
    if chance.random() < 0.3:
        scheduler.spawn("redis-restarts", actors.world.redis.restart, BEGIN + chance.randrange(20 * MINUTE))
    with simulated_machine(scheduler) as unexpected:
        scheduler.run(until)
    raised = [f"{name} raised {error!r}" for name, error in scheduler.failures]
    endless = [f"{key} of Redis does not expire" for key in actors.world.redis.endless()]
    wrong = [*unexpected.seen, *raised, *endless, *violations(actors.world.evidence())]
    return Outcome(wrong, scheduler.steps, count, faults.made)


def smallest(seed: int, ledger: type[Ledger] = Ledger) -> list[str]:
    """Leaves customers and faults out of a run that fails, as long as it still does. Returns what is left, and wrong.

    What is left out changes what follows: so the smaller run may fail in another way.
    """
    found = simulate(seed, ledger=ledger)
    customers = set(range(found.customers))
    for number in sorted(customers):
        if (less := simulate(seed, customers - {number}, ledger=ledger)).wrong:
            customers, found = customers - {number}, less
    left_out: set[int] = set()
    size = len(found.faults)
    while size:
        for first in range(0, len(found.faults), size):
            fewer = left_out | {*range(first, first + size)}
            if fewer != left_out and (less := simulate(seed, customers, fewer, ledger)).wrong:
                left_out, found = fewer, less
        size //= 2
    made = [fault for number, fault in enumerate(found.faults) if number not in left_out]
    return [f"customers {sorted(customers)}", *(f"fault: {fault}" for fault in made), *found.wrong]
