"""Provides the time. The clock is passed to everything that needs it, so that a test can set the time."""

import time


class Clock:
    """The machine's clock. It is not monotonic: the time of day may be corrected."""

    def now(self) -> int:
        """Returns milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
