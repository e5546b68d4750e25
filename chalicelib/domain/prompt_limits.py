"""Limits the prompts that one phone gets, so that nobody's phone can be flooded through this service. Pure.

All times are milliseconds since the Unix epoch.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from chalicelib.domain.errors import LimitReached
from chalicelib.domain.failure import FailureCode, failure_code_of
from chalicelib.domain.payment import Payment, PaymentStatus

QUARTER_HOUR_MS, DAY_MS = 15 * 60_000, 24 * 3_600_000
DECLINED_PER_ORDER = 2
"""Maximum prompts of one order that a phone's owner declines within 24 hours. Not one: some decline by mistake."""
UNWANTED_PER_ORDER = 3
"""Maximum prompts of one order that a phone's owner declines or leaves unanswered within 24 hours. More than declined
ones: a prompt that did not come for want of a network is not answered either."""


@dataclass(frozen=True, slots=True)
class UnwantedPrompts:
    """Times of an order's prompts that a phone's owner did not want, in rising order; `declined` are part of `all`."""

    declined: Sequence[int] = ()
    all: Sequence[int] = ()


_NONE = UnwantedPrompts()


def check_phone_limits(
    prompts: Sequence[int], now: int, *, per_quarter_hour: int, per_day: int, unwanted: UnwantedPrompts = _NONE
) -> None:
    """Raises LimitReached (`phone_limit`) where a phone has had as many prompts as it may in 15 minutes or in 24 hours.

    `prompts`: their times, in rising order; `unwanted`: those of the order. A prompt stops counting when it is 15
    minutes or 24 hours old.
    """
    limits = (
        (prompts, per_quarter_hour, QUARTER_HOUR_MS),
        (prompts, per_day, DAY_MS),
        (unwanted.declined, DECLINED_PER_ORDER, DAY_MS),
        (unwanted.all, UNWANTED_PER_ORDER, DAY_MS),
    )
    wait = max(_wait(times, now, most, window) for times, most, window in limits)
    if wait > 0:
        raise LimitReached("phone_limit", _seconds(wait), "This phone has had too many prompts.")


def unwanted_prompts(attempts: Iterable[Payment], phone_hashes: Collection[str]) -> UnwantedPrompts:
    """Returns the prompts that a phone's owner has declined or left unanswered.

    `attempts`: those of an order whose prompts may have gone out, as CamPay's records have them now. `phone_hashes`:
    the phone's, by each valid key. A wrong PIN, or too little money, shows that the owner meant to pay.
    """
    of_phone = sorted((it for it in attempts if it.phone_hash in phone_hashes), key=lambda it: it.created_at)
    declined = [it.created_at for it in of_phone if failure_code_of(it) is FailureCode.DECLINED]
    unanswered = [it.created_at for it in of_phone if _is_unanswered(it)]
    return UnwantedPrompts(declined, sorted((*declined, *unanswered)))


def _is_unanswered(attempt: Payment) -> bool:
    return attempt.status is PaymentStatus.EXPIRED or failure_code_of(attempt) is FailureCode.NO_ANSWER


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
