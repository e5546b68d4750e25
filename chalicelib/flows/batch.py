"""Works through the messages of a queue side by side."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from chalicelib.domain.errors import PaymentError
from chalicelib.runtime import log

T = TypeVar("T", bound=Hashable)
R = TypeVar("R")


def results(items: Sequence[T], work: Callable[[T], R]) -> dict[T, R]:
    """Does the work for each item, all at once; for equal ones once. Returns the results, without those that failed.

    The deadline of the caller applies to each. An item that fails does not hold up the others.
    """
    found: dict[T, R] = {}

    def do(item: T) -> None:
        try:
            found[item] = work(item)
        except PaymentError as error:
            log.info("message-waits", code=error.code)
        except Exception:
            log.failure("message-failed")

    different = dict.fromkeys(items)
    with ThreadPoolExecutor(len(different) or 1) as workers:
        for running in [workers.submit(copy_context().run, do, item) for item in different]:
            running.result()
    return found


def unfinished(items: Sequence[T], work: Callable[[T], object]) -> list[int]:
    """Does the work as `results` does. Returns the positions of the items that failed."""
    done = results(items, work)
    return [position for position, item in enumerate(items) if item not in done]
