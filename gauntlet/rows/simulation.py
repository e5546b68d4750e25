"""Simulates the whole service in one process, with faults at the steps of its processes."""

from gauntlet.row import Simulation
from gauntlet.simulation.run import simulate, smallest


def run(seed: int, size: int) -> list[str]:
    """Makes runs, each of the next seed, until one fails. Returns what is wrong with it, and how to see it again."""
    for number in range(seed, seed + size):
        if simulate(number).wrong:
            return [f"again: python -m gauntlet simulation --seed {number}", *smallest(number)]
    return []


ROWS = [Simulation("simulation", "the whole service in one process, with faults at its steps", run, 0, 1_000)]
