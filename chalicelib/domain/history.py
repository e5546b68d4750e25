"""Defines the list of payments that operators read: which payments it has, a place in it, and a page of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.rollup import DOUALA

_EPOCH = date(1970, 1, 1)
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Names the payments that are listed. Where a field is None, it may be any.

    `first`, `last`: days of the claim in Cameroon's time, both included. `minimum`, `maximum`: amounts in
    minor units of `currency`, both included. `webhook_missing`: only those that were settled without a webhook.
    `short`: the first eight digits of the reference, which a customer reads out.
    """

    first: date
    last: date
    status: PaymentStatus | None = None
    operator: str | None = None
    currency: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    webhook_missing: bool = False
    short: str | None = None

    @property
    def since(self) -> int:
        """Returns the first millisecond of the first day, since the epoch."""
        return _begin_of(self.first)

    @property
    def until(self) -> int:
        """Returns the last millisecond of the last day, since the epoch."""
        return _begin_of(self.last) + _DAY_MS - 1


def _begin_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=DOUALA).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the list, which is sorted by the time of the claim, the latest first, and then by shard.

    It is right after the payment `reference`, which stands in `shard` and was claimed at `claimed_at` (milliseconds
    since the epoch). Without a reference it is before all payments of the shard that were claimed at that time.
    """

    claimed_at: int
    shard: int = 0
    reference: str = ""

    @classmethod
    def before_day(cls, day: date) -> "Position":
        """Returns the place before the latest payment of a day (UTC)."""
        return cls(((day - _EPOCH).days + 1) * _DAY_MS - 1)

    @property
    def day(self) -> date:
        """Returns the day (UTC) that the place is in."""
        return _EPOCH + timedelta(days=self.claimed_at // _DAY_MS)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """What is asked for: at most `limit` payments from where `cursor` says. `cursor`: "" for the list's beginning."""

    filter: HistoryFilter
    cursor: str
    limit: int


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of the list, newest first. `cursor`: where the next page begins; None at the end of the list.

    `phone_marks`: of each payment a mark of its phone. In one list a phone has one mark, on every page; no other list
    has it, and it tells nothing of the number.
    """

    payments: Sequence[Payment]
    cursor: str | None
    phone_marks: Sequence[str] = ()

    @property
    def phones(self) -> int:
        """Returns of how many phones the payments are. While the hash key is rotated, one may count as two."""
        return len({payment.phone_hash for payment in self.payments})
