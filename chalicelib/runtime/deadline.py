"""Holds the deadline of the current work's calls to other services.

A deadline applies to everything called inside it; a nested one can only be sooner. Threads do
not inherit it: a pool's task is run in a copy of its submitter's context (`contextvars.copy_context`). All times are
milliseconds since the Unix epoch, on the clock of the code that sets it. Where that clock is corrected meanwhile, the
deadline stays as far away as it was.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chalicelib.runtime.clock import correction_ms

_ends_at: ContextVar[int | None] = ContextVar("_ends_at", default=None)
"""Before any correction of the clock."""


@contextmanager
def until(moment: int) -> Iterator[None]:
    """Sets the deadline of the code inside. An outer deadline that is sooner stays in force."""
    token = _ends_at.set(earliest(moment) - correction_ms())
    try:
        yield
    finally:
        _ends_at.reset(token)


def earliest(moment: int) -> int:
    """Returns `moment`, or the deadline where that is sooner."""
    ends_at = _ends_at.get()
    return moment if ends_at is None else min(moment, ends_at + correction_ms())


def is_over(now: int) -> bool:
    """Returns whether there is a deadline and it has passed."""
    return earliest(now + 1) <= now
