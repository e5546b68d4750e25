"""Lists what needs a person, and counts it by kind."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from operator import itemgetter
from typing import Any

from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.attention import OF_DAYS, OF_PAYMENTS, UNDECIDED_MS, UNDELIVERED_MS, Need, need_of
from chalicelib.domain.contract import to_event, to_iso
from chalicelib.domain.operator_actions import allowed_actions
from chalicelib.domain.payment import Payment
from chalicelib.domain.rollup import end_of
from chalicelib.flows.compared_days import compared_by, days_to_look_at
from chalicelib.runtime.clock import Clock

MOST_COUNTED = 1_000
"""Where there are more of a kind, they count as this many."""
MOST_SHOWN = 50
"""Payments of a kind that the list has: those that have waited longest."""

Listed = Mapping[Need, Mapping[str, int]]
"""Kind -> reference -> since when, in milliseconds since the epoch; the oldest first."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Reads what needs a person from the ledger's indexes, and the payments themselves by their keys.

    Days whose differences from CamPay's statement nobody has signed, and those that were not compared, come from the
    comparisons.
    """

    ledger: Ledger
    clock: Clock
    refunds: bool = False

    def __call__(self) -> dict[str, Any]:
        """Returns the counts by kind, and the payments and the days, the oldest first.

        It takes a query for each kind, for each shard of what is undelivered, and for each month that has a day of the
        last four weeks, and one read of the payments. A count is a moment late, as the indexes are. Raises
        LedgerUnavailable.
        """
        listed, now = self._listed(), self.clock.now()
        days = self._days(now)
        waiting = sorted(_longest(listed))
        stored = {it.payment.reference: it for it in self.ledger.load_many(reference for _, _, reference in waiting)}
        items = [
            _item(kind, stored[reference].payment, since, now, refunds=self.refunds)
            for since, kind, reference in waiting
            if reference in stored and _still_needs(kind, stored[reference])
        ]
        return {
            "counts": _counts(listed, days),
            "items": items,
            "days": days,
            "timestamp": to_iso(now),
        }

    def _days(self, now: int) -> list[dict[str, Any]]:
        """Returns the days that need a person, with how many differences each has, signed ones too."""
        different, missing = days_to_look_at(self.ledger, now)
        days = [
            _day(Need.STATEMENT_DIFFERENCE, day.day, end_of(day.day), day.whole.difference_count) for day in different
        ]
        days += [_day(Need.STATEMENT_MISSING, day, compared_by(day), None) for day in missing]
        return sorted(days, key=itemgetter("since"))

    def _listed(self) -> Listed:
        now = self.clock.now()
        return {kind: self._listed_of(kind, now) for kind in OF_PAYMENTS}

    def _listed_of(self, kind: Need, now: int) -> dict[str, int]:
        if kind is Need.UNDELIVERED:
            return self.ledger.undelivered(now - UNDELIVERED_MS, MOST_COUNTED)
        earliest = now - UNDECIDED_MS if kind is Need.UNDECIDED else 0
        return self.ledger.needing_person(kind, earliest, now, MOST_COUNTED)


def _longest(listed: Listed) -> Iterator[tuple[int, Need, str]]:
    """Yields since when, kind and reference of what is shown: of each kind what has waited longest."""
    for kind, references in listed.items():
        for reference, since in islice(references.items(), MOST_SHOWN):
            yield since, kind, reference


def _counts(listed: Listed, days: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    of_payments = {kind.value: len(listed[kind]) for kind in listed}
    return of_payments | {kind.value: sum(day["kind"] == kind for day in days) for kind in OF_DAYS}


def _day(kind: Need, day: date, since: int, differences: int | None) -> dict[str, Any]:
    return {"kind": kind.value, "day": day.isoformat(), "since": to_iso(since), "differences": differences}


def _still_needs(kind: Need, stored: Stored) -> bool:
    """Whether the payment is as the index has it, which may be a moment late."""
    if kind is Need.UNDELIVERED:
        return stored.undelivered_since is not None
    return need_of(stored.payment) is kind


def _item(kind: Need, payment: Payment, since: int, now: int, *, refunds: bool) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "since": to_iso(since),
        "payment": to_event(payment, now),
        "actions": allowed_actions(payment, now, refunds=refunds),
    }
