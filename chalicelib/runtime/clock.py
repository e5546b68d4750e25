"""The time of day and waiting, handed to whoever needs them so that a test can hold the hands."""

import time


class Clock:
    def now(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
