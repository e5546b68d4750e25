"""Limits the prompts that one phone gets, so that nobody's phone can be flooded through this service. Pure.

All times are milliseconds since the Unix epoch.
"""

from collections.abc import Sequence

from chalicelib.domain.errors import LimitReached

QUARTER_HOUR_MS, DAY_MS = 15 * 60_000, 24 * 3_600_000


def check_phone_limits(prompts: Sequence[int], now: int, *, per_quarter_hour: int, per_day: int) -> None:
    """Raises LimitReached (`phone_limit`) where a phone has had as many prompts as it may in 15 minutes or in 24 hours.

    `prompts`: their times, in rising order. A prompt stops counting when it is 15 minutes or 24 hours old.
    """
    limits = ((per_quarter_hour, QUARTER_HOUR_MS), (per_day, DAY_MS))
    wait = max(_wait(prompts, now, most, window) for most, window in limits)
    if wait > 0:
        raise LimitReached("phone_limit", _seconds(wait), "This phone has had too many prompts.")


def prompt_in_flight(expires_at: int, now: int) -> LimitReached:
    """Returns the refusal of a second prompt while the phone has one to answer, which ends at `expires_at`."""
    return LimitReached("prompt_in_flight", _seconds(expires_at - now), "This phone has a prompt to answer first.")


def _wait(prompts: Sequence[int], now: int, most: int, window: int) -> int:
    """Returns how long it takes until fewer than `most` prompts are younger than `window`; 0 where they are already."""
    recent = [at for at in prompts if at > now - window]
    return recent[-most] + window - now if len(recent) >= most else 0


def _seconds(milliseconds: int) -> int:
    """Rounds up, so that waiting that long is enough. At least 1."""
    return max(-(-milliseconds // 1000), 1)
