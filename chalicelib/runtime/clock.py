"""Provides the time. The clock is passed to everything that needs it, so that a test can set the time.

All processes that write the ledger have to agree on the time: a payment is claimed by one, and expires by the clock of
another. AWS says its own in the `Date` of each answer; a machine that is off by seconds follows it.
"""

import time
from email.utils import parsedate_to_datetime

from chalicelib.runtime import log

_TOLERATED_MS = 2_000
"""What machines may differ by: a correction that jumps to and fro would be worse."""
_correction_ms = 0


class Clock:
    """The machine's clock, corrected where it is off. It is not monotonic: the time of day may be corrected."""

    def now(self) -> int:
        """Returns milliseconds since the Unix epoch."""
        return machine_now() + _correction_ms

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def machine_now() -> int:
    """Returns what the machine's own clock says, in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def correct_by(date: str | None, asked_at: int) -> bool:
    """Corrects the clocks of this process by the `Date` of an answer of AWS; returns whether they were off.

    `asked_at`: what the machine's clock said when the call was sent. A `Date` has whole seconds: AWS's clock was within
    that second at some moment between then and now.
    """
    global _correction_ms
    try:
        theirs = int(parsedate_to_datetime(date or "").timestamp() * 1000)
    except ValueError:
        return False
    least, most = theirs - machine_now(), theirs + 1000 - asked_at
    if _allows(_correction_ms, least, most):
        return False
    _correction_ms = 0 if _allows(0, least, most) else (least + most) // 2
    log.warning("clock-corrected", by_ms=_correction_ms)
    return True


def correction_ms() -> int:
    """Returns by how much the clocks of this process are ahead of the machine's own; 0 unless that is off."""
    return _correction_ms


def _allows(correction: int, least: int, most: int) -> bool:
    return least - _TOLERATED_MS <= correction <= most + _TOLERATED_MS
