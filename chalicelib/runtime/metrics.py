"""Counts and measures, and writes it as log lines in CloudWatch's embedded metric format, of which it makes metrics.

What one invocation measures is written at its end, in one line for each combination of dimensions: CloudWatch takes
100 values of a metric a line. Without a namespace, as on a developer's machine, nothing is kept or written. Each
combination of a metric and its dimensions' values costs money each month: a dimension has few values, all known
beforehand, and never a reference, a number or an address.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from chalicelib.runtime import log

COUNT, MILLISECONDS = "Count", "Milliseconds"
VALUES_PER_LINE = 100

Dimensions = tuple[tuple[str, str], ...]
Measured = tuple[Dimensions, str, str, float]
"""The dimensions by name, the metric, its unit, one value."""

_measured: ContextVar[list[Measured] | None] = ContextVar("_measured", default=None)


@contextmanager
def collected(namespace: str) -> Iterator[None]:
    """Writes, at the end, what the code inside has counted and measured, its pools' tasks too (`copy_context`)."""
    if not namespace:
        yield
        return
    measured: list[Measured] = []
    token = _measured.set(measured)
    try:
        yield
    finally:
        _measured.reset(token)
        write(namespace, measured)


def count(name: str, times: int = 1, **dimensions: str) -> None:
    """Counts something. Outside `collected` it does nothing."""
    _add(name, COUNT, times, dimensions)


def milliseconds(name: str, value: float, **dimensions: str) -> None:
    """Measures how long something took. Outside `collected` it does nothing."""
    _add(name, MILLISECONDS, value, dimensions)


def write(namespace: str, measured: Sequence[Measured]) -> None:
    """Writes values that were measured now."""
    metrics: dict[Dimensions, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for dimensions, name, unit, value in measured:
        metrics[dimensions][name, unit].append(value)
    for dimensions, values in metrics.items():
        while values:
            part = {metric: found[:VALUES_PER_LINE] for metric, found in values.items()}
            log.info("metrics", **_line(namespace, dict(dimensions), part))
            values = {metric: rest for metric, found in values.items() if (rest := found[VALUES_PER_LINE:])}


def _add(name: str, unit: str, value: float, dimensions: Mapping[str, str]) -> None:
    measured = _measured.get()
    if measured is not None:
        measured.append((tuple(sorted(dimensions.items())), name, unit, value))


def _line(
    namespace: str, dimensions: Mapping[str, str], values: Mapping[tuple[str, str], list[float]]
) -> dict[str, Any]:
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in values],
    }
    return {
        "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
        **dimensions,
        **{name: found[0] if len(found) == 1 else found for (name, _), found in values.items()},
    }
