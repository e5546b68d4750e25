"""Tells how long threads have waited for a core, as Linux counts it: a busy machine's delay, and not the product's."""

from collections.abc import Sequence
from pathlib import Path


def seconds_waited(threads: Sequence[str]) -> list[float]:
    """Returns for how many seconds each thread has waited. `threads`: their places under /proc, as in `self`."""
    return [int(Path("/proc", it, "schedstat").read_text().split()[1]) / 1e9 for it in threads]
