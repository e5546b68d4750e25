"""Tells how long threads have waited for a core, as Linux counts it: a busy machine's delay, and not the product's."""

from collections.abc import Sequence
from pathlib import Path


def seconds_waited(threads: Sequence[str]) -> float:
    """Returns for how many seconds threads have waited, in all. `threads`: their places under /proc, as in `self`."""
    return sum(int(Path("/proc", it, "schedstat").read_text().split()[1]) for it in threads) / 1e9
