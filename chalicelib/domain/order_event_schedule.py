"""Says when an order event is sent again that the shop has not taken. Pure."""

import zlib

_MINUTE, _HOUR = 60, 3600
_PAUSES_SECONDS = (5, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR)
"""The pause after each failure in a row; the last one repeats. A shop that is back has heard everything after it."""
_LATEST_SHARE = 0.1
LONGEST_PAUSE_MS = int(_PAUSES_SECONDS[-1] * 1000 * (1 + _LATEST_SHARE))
TRIED_MS = 72 * _HOUR * 1000
"""How long an order event is tried after its first failure."""


def next_attempt(reference: str, failures: int, since: int, now: int) -> int | None:
    """Returns when an order event is sent again that has failed `failures` times in a row; None: never.

    Payments that failed together are spread, up to a tenth of the pause late. The last attempt is at the end of
    TRIED_MS after the first failure, at `since`.
    """
    end = since + TRIED_MS
    if now >= end:
        return None
    pause_ms = _PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS)) - 1] * 1000
    spread = zlib.crc32(reference.encode()) / 2**32
    return min(now + pause_ms + int(pause_ms * _LATEST_SHARE * spread), end)
