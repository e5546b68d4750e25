"""Counts the rollups of days anew from the ledger, while payments go on and are counted."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.rollup_rows import Generation
from chalicelib.domain.rollup import Rollup, added_by, day_of, summed, utc_days_of
from chalicelib.domain.version import Version
from chalicelib.flows.count_changes import READERS
from chalicelib.runtime.clock import Clock

AHEAD_MS = 30_000
"""From the begin of a recount until the last change that is its own. Who counts a later change has begun with it after
the recount was begun, and knows of it, although clocks differ."""
SETTLED_MS = 60_000
"""From then until the ledger is read. No write takes longer, and the index `day` has every payment by then."""
_AT_ONCE = 1_000
"""Payments whose histories are kept in memory at once."""


class RebuildOvertaken(Exception):
    """Raised where another rebuild of the same day has begun meanwhile; that one counts the day."""


@dataclass(frozen=True, slots=True)
class RebuildRollups:
    """Makes the next generation of each day's rollup, and has it read in place of the current one.

    A change belongs to the recount if it was written until a moment, and else to the stream: each is counted once,
    whenever the stream comes to it. From the begin on, the later changes are added to both generations.
    """

    ledger: Ledger
    clock: Clock

    def __call__(self, days: Sequence[date]) -> None:
        """Recounts the days; it waits for a minute and a half first. Raises LedgerUnavailable and RebuildOvertaken.

        Where it raises, each day's rollup is the current one or the new one, and it can be called again.
        """
        until = self.clock.now() + AHEAD_MS
        begun = {day: self._begun(day, until) for day in days}
        self.clock.sleep((AHEAD_MS + SETTLED_MS) / 1000)
        for day, generation in begun.items():
            rollup = self._recount(day, until)
            if not self.ledger.rollups.end_recount(day, generation, rollup, self.clock.now()):
                raise RebuildOvertaken(day.isoformat())

    def _begun(self, day: date, until: int) -> Generation:
        generation = self.ledger.rollups.begin_recount(day, until)
        if generation is None:
            raise RebuildOvertaken(day.isoformat())
        return generation

    def _recount(self, day: date, until: int) -> Rollup:
        """Counts what was written until a time, in milliseconds since the epoch, of the payments of a day."""
        references = list(self._claimed_on(day))
        rollup: Rollup = {}
        with ThreadPoolExecutor(READERS) as readers:
            for start in range(0, len(references), _AT_ONCE):
                histories = readers.map(self.ledger.versions_of, references[start : start + _AT_ONCE])
                rollup = summed([rollup, *(_until(history, until) for history in histories)])
        return rollup

    def _claimed_on(self, day: date) -> Iterator[str]:
        for utc_day in utc_days_of(day):
            for payment in self.ledger.claimed_on(utc_day):
                if day_of(payment.created_at) == day:
                    yield payment.reference


def _until(history: Sequence[Version], until: int) -> Rollup:
    return summed(added_by(history, it.payment.version) for it in history if it.at <= until)
