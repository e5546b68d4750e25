"""Feeds the product's pure parsers what a grammar draws. Each refuses it, or reads it, as is documented."""

import random
from collections.abc import Sequence

from gauntlet.parsers.case import Case, Wrong
from gauntlet.parsers.messages import MESSAGES
from gauntlet.parsers.requests import REQUESTS
from gauntlet.parsers.values import VALUES
from gauntlet.row import Simulation

PARSERS: Sequence[tuple[str, Case]] = [*VALUES.items(), *REQUESTS.items(), *MESSAGES.items()]


def run(seed: int, size: int) -> list[str]:
    """Draws inputs, each from the next seed, for the parsers in turn. Returns the first fault of each parser."""
    faults: dict[str, str] = {}
    chance = random.Random()
    for number in range(seed, seed + size):
        name, case = PARSERS[number % len(PARSERS)]
        chance.seed(number)
        try:
            case(chance)
        except Wrong as wrong:
            faults.setdefault(name, f"{wrong}; again: python -m gauntlet parsers --seed {number}")
        except Exception as error:
            raised = f"{type(error).__name__}: {error}"[:200]
            faults.setdefault(name, f"raised {raised}; again: python -m gauntlet parsers --seed {number}")
    return [f"{name}: {fault}" for name, fault in faults.items()]


ROWS = [Simulation("parsers", f"odd input to {len(PARSERS)} parsers", run, 3_000, 1_000_000)]
