"""Makes calls of moto one at a time, since its memory is not made for threads; none that its caller has given up."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

R = TypeVar("R")


class Busy(Exception):
    """Says that a call's turn has not come in time, and that it was not made."""


class OneAtATime:
    """Lets one call pass at a time.

    `longest_wait_seconds`: as long as the product waits for an answer. Calls that nobody waits for any more would be
    made one by one, before those that come after them, and none would ever be answered in time again.
    """

    def __init__(self, longest_wait_seconds: float) -> None:
        self.longest_wait_seconds = longest_wait_seconds
        self._turn = threading.Lock()

    def __call__(self, call: Callable[[], R]) -> R:
        """Makes a call when it is its turn. Raises Busy."""
        if not self._turn.acquire(timeout=self.longest_wait_seconds):
            raise Busy
        try:
            return call()
        finally:
            self._turn.release()

    @contextmanager
    def others_pass(self) -> Iterator[None]:
        """Lets other calls pass in the middle of this one."""
        self._turn.release()
        try:
            yield
        finally:
            self._turn.acquire()
