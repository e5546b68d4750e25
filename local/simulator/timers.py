"""Runs delayed actions, all on one thread."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable

Action = Callable[[], object]


class Timers:
    """Runs actions after a delay. They must be short and must not raise: all share one thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Action]] = []
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="simulator-timers", daemon=True)
        self._thread.start()

    def after(self, seconds: float, action: Action) -> None:
        """Runs an action after this time. Actions of the same time run in the order of these calls."""
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._order), action))
            self._changed.notify()

    def clear(self) -> None:
        with self._changed:
            self._waiting.clear()

    def close(self) -> None:
        """Stops the thread; no action runs after this has returned."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while action := self._next():
            action()

    def _next(self) -> Action | None:
        with self._changed:
            while not self._closed:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(wait)
        return None
