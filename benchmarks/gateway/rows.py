"""Names what the benchmark reports: each row's measurements, and how they become one figure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Measured = dict[str, Any]
"""What one server took: for each plan, what `load/main.mjs` prints."""

PLANS: Mapping[str, int] = {"few": 2_000, "many": 9_000, "least": 100}
"""Browsers of each plan.

9,000, not 10,000: where a process may open 20,000 files, the gateway takes 9,968 sessions, half of its connections.
"""
_SATURATING = {"connect", "one", "three", "fanOut"}
"""Steps in which the server is given as much as it can take."""
STEPS = ("connect", "one", "three", "paced", "leave", "fanOut")
"""The steps of a plan in their order. Each plan connects, whatever else it measures."""


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    steps: tuple[tuple[str, str], ...]
    """The plans and steps that it needs."""
    figure: Callable[[Measured], float]

    def load_share(self, measured: Measured) -> float:
        """Returns the largest share of its core that the load took in the steps of this row.

        Where the server is meant to compute all the time, it is the share that the load would take if the server did:
        what else ran on the machine meanwhile cannot make it look smaller.
        """
        return max(_load_share(measured[plan][step], step) for plan, step in self.steps)


def _load_share(step: Measured, name: str) -> float:
    share = step["loadCpu"] / step["seconds"]
    return float(max(share, step["loadCpu"] / step["serverCpu"]) if name in _SATURATING else share)


def _rate(flood: Measured) -> float:
    """Returns events per second of the server's processor time; on its own core the server computes all the time."""
    return float(flood["events"] / flood["serverCpu"])


def _micros(paced: Measured) -> float:
    return float(paced["serverCpu"] / paced["events"] * 1e6)


ROWS = (
    Row("one", "own payment each, 1 event a message: events/s", (("few", "one"),), lambda it: _rate(it["few"]["one"])),
    Row(
        "three",
        "own payment each, 3 events a message: events/s",
        (("few", "three"),),
        lambda it: _rate(it["few"]["three"]),
    ),
    Row(
        "fan-out",
        "one payment, 500 browsers: deliveries/s",
        (("few", "fanOut"),),
        lambda it: _rate(it["few"]["fanOut"]),
    ),
    Row("cpu", "CPU a message at 2,000/s, us", (("few", "paced"),), lambda it: _micros(it["few"]["paced"])),
    Row("p50", "p50 at 2,000/s, ms", (("few", "paced"),), lambda it: float(it["few"]["paced"]["p50"])),
    Row("p99", "p99 at 2,000/s, ms", (("few", "paced"),), lambda it: float(it["few"]["paced"]["p99"])),
    Row(
        "connect",
        "connect + track, 2,000: browsers/s",
        (("few", "connect"),),
        lambda it: float(it["few"]["connect"]["browsers"] / it["few"]["connect"]["seconds"]),
    ),
    Row(
        "connect-cpu",
        "CPU a connect + track, 2,000: us",
        (("few", "connect"),),
        lambda it: float(it["few"]["connect"]["serverCpu"] / it["few"]["connect"]["browsers"] * 1e6),
    ),
    Row("memory", "memory a browser, 2,000: KB", (("few", "connect"),), lambda it: float(it["few"]["kilobytes"])),
    Row(
        "memory-many", "memory a browser, 9,000: KB", (("many", "connect"),), lambda it: float(it["many"]["kilobytes"])
    ),
    Row(
        "leave",
        "9,000 leave at once: longest pause, ms",
        (("many", "leave"),),
        lambda it: float(it["many"]["leave"]["longest"]),
    ),
    Row(
        "growth",
        "CPU a message, 9,000 payments to 100",
        (("many", "paced"), ("least", "paced")),
        lambda it: _micros(it["many"]["paced"]) / _micros(it["least"]["paced"]),
    ),
)


def steps_of(rows: tuple[Row, ...]) -> dict[str, list[str]]:
    """Returns the plans that these rows need, each with its further steps in their order."""
    needed = {entry for row in rows for entry in row.steps}
    plans = [plan for plan in PLANS if any(plan == each for each, _ in needed)]
    return {plan: [step for step in STEPS[1:] if (plan, step) in needed] for plan in plans}
