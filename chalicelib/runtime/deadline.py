"""Holds the time by which the current work must have its answers from outside.

A deadline surrounds a piece of work and everything that it calls; an inner one can only be sooner. Threads do
not inherit it: a pool's task is run in a copy of its submitter's context (`contextvars.copy_context`). All times are
milliseconds since the Unix epoch, on the clock of the code that sets it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[int | None] = ContextVar("_ends_at", default=None)


@contextmanager
def until(moment: int) -> Iterator[None]:
    """Sets the deadline of what runs inside. One that is set already, and is sooner, stays."""
    token = _ends_at.set(earliest(moment))
    try:
        yield
    finally:
        _ends_at.reset(token)


def earliest(moment: int) -> int:
    """Returns `moment`, or the deadline where that is sooner."""
    ends_at = _ends_at.get()
    return moment if ends_at is None else min(moment, ends_at)


def is_over(now: int) -> bool:
    """Whether there is a deadline and it has passed."""
    return earliest(now + 1) <= now
