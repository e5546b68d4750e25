"""Works through the messages of a queue side by side."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from chalicelib.domain.errors import PaymentError
from chalicelib.runtime import log

T = TypeVar("T", bound=Hashable)


def unfinished(items: Sequence[T], work: Callable[[T], object]) -> list[int]:
    """Does the work for each item, all at once; for equal ones once. Returns the positions of those that failed.

    The deadline of the caller applies to each. An item that fails does not hold up the others.
    """
    if not items:
        return []
    with ThreadPoolExecutor(len(items)) as workers:
        running = {item: workers.submit(copy_context().run, _is_done, work, item) for item in dict.fromkeys(items)}
        return [position for position, item in enumerate(items) if not running[item].result()]


def _is_done(work: Callable[[T], object], item: T) -> bool:
    try:
        work(item)
    except PaymentError as error:
        log.info("message-waits", code=error.code)
        return False
    except Exception:
        log.failure("message-failed")
        return False
    return True
