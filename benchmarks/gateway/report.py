"""Prints the figures of the servers side by side, and says where the load took too much of its core."""

import statistics
from collections.abc import Sequence

from benchmarks.gateway.rows import Measured, Row

MOST_LOAD = 0.6
"""Maximum share of its core that the load may take; beyond it the load may limit the result."""

Rounds = Sequence[dict[str, Measured]]
"""For each round what each server took."""


def print_figures(rounds: Rounds, rows: Sequence[Row], reference: str, names: Sequence[str]) -> None:
    """Prints a line a row: the reference's median, the others' median ratio to it in the same round, the load's shares.

    A share is the load's share of its core, in the order of the servers.
    """
    ordered = [reference, *(name for name in names if name != reference)]
    print(f"{'':48}{reference:>12}" + "".join(f"{name:>10}" for name in ordered[1:]) + "    the load's share with each")
    for row in rows:
        figure = statistics.median(row.figure(each[reference]) for each in rounds)
        ratios = [f"x {_ratio(rounds, row, name, reference):.2f}" for name in ordered[1:]]
        shares = [f"{load_share(rounds, row, name):.0%}" for name in ordered]
        columns = "".join(f"{ratio:>10}" for ratio in ratios)
        print(f"{row.title:48}{figure:12,.1f}{columns}    {', '.join(shares)}")


def overloaded(rounds: Rounds, rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Lists the rows in which the load took too much of its core, with the server and the share."""
    shares = ((row, name, load_share(rounds, row, name)) for row in rows for name in names)
    return [f"{row.name} with {name}: {share:.0%}" for row, name, share in shares if share >= MOST_LOAD]


def load_share(rounds: Rounds, row: Row, name: str) -> float:
    """Returns the median over the rounds."""
    return statistics.median(row.load_share(each[name]) for each in rounds)


def _ratio(rounds: Rounds, row: Row, name: str, reference: str) -> float:
    return statistics.median(row.figure(each[name]) / row.figure(each[reference]) for each in rounds)
