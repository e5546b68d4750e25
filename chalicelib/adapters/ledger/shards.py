"""Reads the shards of an index side by side."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


def of_all_shards(read: Callable[[int], T], shards: int) -> list[T]:
    """Calls `read` with the number of each shard, all at once. Returns the results in the order of the shards."""
    with ThreadPoolExecutor(shards) as readers:
        running = [readers.submit(copy_context().run, read, shard) for shard in range(shards)]
        return [each.result() for each in running]
