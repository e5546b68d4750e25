"""Limits the prompts that one phone gets, so that nobody's phone can be flooded through this service. Pure.

All times are milliseconds since the Unix epoch.
"""

from collections.abc import Collection, Iterable, Sequence

from chalicelib.domain.errors import LimitReached
from chalicelib.domain.failure import FailureCode, failure_code_of
from chalicelib.domain.payment import Payment, PaymentStatus

QUARTER_HOUR_MS, DAY_MS = 15 * 60_000, 24 * 3_600_000
UNWANTED_PER_ORDER = 2
"""Maximum prompts of one order that a phone's owner declines or leaves unanswered within 24 hours. Not one: a customer
who declines by mistake may try again. Not three: two orders would use up what a phone may have in a day."""
_UNWANTED = frozenset({FailureCode.DECLINED, FailureCode.NO_ANSWER})


def check_phone_limits(
    prompts: Sequence[int], now: int, *, per_quarter_hour: int, per_day: int, unwanted: Sequence[int] = ()
) -> None:
    """Raises LimitReached (`phone_limit`) where a phone has had as many prompts as it may in 15 minutes or in 24 hours.

    `prompts`: their times, in rising order; `unwanted`: those of the order that `unwanted_prompts` returns. A prompt
    stops counting when it is 15 minutes or 24 hours old.
    """
    limits = (
        (prompts, per_quarter_hour, QUARTER_HOUR_MS),
        (prompts, per_day, DAY_MS),
        (unwanted, UNWANTED_PER_ORDER, DAY_MS),
    )
    wait = max(_wait(times, now, most, window) for times, most, window in limits)
    if wait > 0:
        raise LimitReached("phone_limit", _seconds(wait), "This phone has had too many prompts.")


def unwanted_prompts(attempts: Iterable[Payment], phone_hashes: Collection[str]) -> list[int]:
    """Returns the times, in rising order, of the prompts that a phone's owner has declined or left unanswered.

    `attempts`: those of an order whose prompts may have gone out, as CamPay's records have them now. `phone_hashes`:
    the phone's, by each valid key. A wrong PIN, or too little money, shows that the owner meant to pay.
    """
    return sorted(it.created_at for it in attempts if it.phone_hash in phone_hashes and _is_unwanted(it))


def _is_unwanted(attempt: Payment) -> bool:
    return attempt.status is PaymentStatus.EXPIRED or failure_code_of(attempt) in _UNWANTED


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
