"""Counts the changes of payments into the rollups, from the stream of the ledger's table."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.rollup_rows import MOST_ROWS, FiguresOf, Generations
from chalicelib.adapters.ledger.stream import WrittenVersion, written_versions
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.rollup import Figures, Group, Rollup, added_by, summed
from chalicelib.domain.version import Version
from chalicelib.flows.tell_operators import TellOperators
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

READERS = 16
"""Histories that are read at once."""
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Addition:
    """What one written version adds to the rollup."""

    sequence: int
    at: int
    rollup: Rollup

    def by_generation(self, generations: Mapping[date, Generations]) -> dict[tuple[Group, int], Figures]:
        return {
            (group, number): figures
            for group, figures in self.rollup.items()
            for number in generations[group.day].counting(self.at)
        }


@dataclass(frozen=True, slots=True)
class CountChanges:
    """Adds what each change makes of its payment to the rollups' figures, exactly once.

    Lambda hands the records of a shard over in their order, and may repeat some. How far a shard is counted is written
    in the same transaction as the figures, so that a repeated record is not counted again, and where two processes have
    the same records, one of them counts them.
    """

    ledger: Ledger
    clock: Clock
    tell_operators: TellOperators

    def __call__(self, shard_id: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Counts the records of a shard that are not counted yet, then tells operators of all.

        Raises LedgerUnavailable; then none is lost.
        """
        written = sorted(written_versions(records), key=attrgetter("sequence"))
        for _ in range(_ROUNDS):
            seen = self.ledger.rollups.counted_until(shard_id)
            uncounted = [it for it in written if it.sequence > seen]
            if self._count(shard_id, seen, uncounted):
                self.tell_operators([it.version for it in written], counted=[it.version for it in uncounted])
                return
        raise LedgerUnavailable("others count the same shard")

    def _count(self, shard_id: str, seen: int, uncounted: Sequence[WrittenVersion]) -> bool:
        """Counts what comes after `seen`. Returns False where another process has counted some of it meanwhile."""
        additions = self._additions(uncounted)
        if not additions:
            return True
        days = {group.day for addition in additions for group in addition.rollup}
        for until, figures in _parts(additions, self.ledger.rollups.generations(days)):
            if not self.ledger.rollups.add(shard_id, seen, until, figures, self.clock.now()):
                return False
            seen = until
        log.info("changes-counted", count=len(additions))
        return True

    def _additions(self, written: Sequence[WrittenVersion]) -> list[Addition]:
        histories = self._histories(written)
        return [Addition(it.sequence, it.version.at, added_by(histories[it.reference], it.number)) for it in written]

    def _histories(self, written: Sequence[WrittenVersion]) -> dict[str, list[Version]]:
        """Returns the history of each payment at least up to its newest version here.

        It comes from the ledger where one of the versions is not here.
        """
        here: dict[str, dict[int, Version]] = {}
        for it in written:
            here.setdefault(it.reference, {})[it.number] = it.version
        histories = {name: [of[it] for it in sorted(of)] for name, of in here.items()}
        partly = [name for name, of in here.items() if len(of) < max(of)]
        with ThreadPoolExecutor(READERS) as readers:
            read = {name: readers.submit(copy_context().run, self.ledger.versions_of, name) for name in partly}
        return histories | {name: each.result() for name, each in read.items()}


def _parts(additions: Sequence[Addition], generations: Mapping[date, Generations]) -> Iterator[tuple[int, FiguresOf]]:
    """Yields figures for as many rows as one transaction takes, and the last record that they count."""
    rows: FiguresOf = {}
    until = 0
    for addition in additions:
        figures = addition.by_generation(generations)
        if len(rows.keys() | figures.keys()) > MOST_ROWS:
            yield until, rows
            rows = {}
        rows = summed([rows, figures])
        until = addition.sequence
    yield until, rows
