"""Keeps the rollups in the ledger's table, and how far each shard of the table's stream is counted.

    rollup#<month>    <day>                           which generation of the day's rollup is read
    rollup#<month>    <day>#<generation>#<operator>   figures: count by name
    counted#<shard>   state                           the number of the shard's last record that is counted

A generation is one counting of a day. A rebuild makes the next one while the current one goes on; then the day's row is
changed to it. Every method raises LedgerUnavailable.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from chalicelib.adapters.ledger.attributes import Item, key_of
from chalicelib.adapters.ledger.month_rows import partition_of, rows_of_days, sort_key
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE
from chalicelib.adapters.ledger.table_client import ATTEMPTS, BATCH, TableClient, Written
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.rollup import Figures, Group, Rollup

MOST_ROWS = 90
"""Rows of figures in one transaction, of DynamoDB's 100."""
_NAME = "rollup"
_STREAM_MS = 24 * 3_600_000
"""How long a stream keeps a record."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One counting of a day.

    `recounted_until`: what was written until then, in milliseconds since the epoch, a rebuild counts from the ledger;
    what was written later is counted from the stream.
    """

    number: int = 0
    recounted_until: int = 0


@dataclass(frozen=True, slots=True)
class Generations:
    """The counting of a day that is read, and the one that a rebuild is about to put in its place."""

    current: Generation = Generation()
    following: Generation | None = None

    def counting(self, at: int) -> list[int]:
        """Lists the generations that count a change of this time from the stream."""
        all_of_them = [self.current, *([self.following] if self.following else [])]
        return [it.number for it in all_of_them if at > it.recounted_until]


FiguresOf = Mapping[tuple[Group, int], Figures]
"""Group and generation -> what is added to their figures."""


class RollupRows:
    """Reads and writes the rollups' rows."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    # ------------------------------------------------------------------ count

    def counted_until(self, shard_id: str) -> int:
        """Returns the number of the shard's last record that is counted; 0 where none is."""
        row = self._table.get(key_of(_counted(shard_id)))
        return int(row["sequence"]) if row else 0

    def generations(self, days: Collection[date]) -> dict[date, Generations]:
        """Returns the generations of days."""
        keys = [_key_of_day(day) for day in days]
        batches = [keys[start : start + BATCH] for start in range(0, len(keys), BATCH)]
        rows = {(row["pk"], row["sk"]): row for batch in batches for row in self._table.get_many(batch)}
        of_days = (rows.get((key["pk"], key["sk"]), {}) for key in keys)
        return {day: _read_generations(row) for day, row in zip(days, of_days, strict=True)}

    def add(self, shard_id: str, seen: int, until: int, figures: FiguresOf, now: int) -> bool:
        """Adds figures, and says that the shard is counted until a record, in one transaction.

        Returns False, and adds nothing, where the shard is no longer counted until `seen`. `figures`: of at most
        MOST_ROWS rows.
        """
        commit_id = uuid.uuid4().hex
        place = Update(_counted(shard_id)).set(
            sequence=str(until), commitId=commit_id, **{FORGOTTEN_BY_ATTRIBUTE: (now + 2 * _STREAM_MS) // 1000}
        )
        if seen:
            place.only_if("#sequence = :seen").values[":seen"] = str(seen)
        else:
            place.only_if("attribute_not_exists(#sequence)")
        return self._written([place, *map(_addition, figures.items())], commit_id)

    # ------------------------------------------------------------------ read

    def between(self, first: date, last: date) -> Rollup:
        """Reads the figures of days, eventually consistent."""
        rows = list(rows_of_days(self._table, _NAME, first, last))
        generations = {it.day: _read_generations(it.row) for it in rows if not it.what}
        rollup: Rollup = {}
        for day, what, row in rows:
            number, _, operator = what.partition("#")
            if what and int(number) == generations.get(day, Generations()).current.number:
                rollup[Group(day, operator)] = _read_figures(row)
        return rollup

    # ------------------------------------------------------------------ rebuild

    def begin_recount(self, day: date, until: int) -> Generation | None:
        """Begins the day's next generation, whose changes until a time a recount will add.

        Returns None where another rebuild has begun one meanwhile.
        """
        known = self.generations([day])[day]
        newest = known.following or known.current
        begun = Generation(newest.number + 1, until)
        update = Update(*_key_of_day(day).values()).set(
            nextGeneration=begun.number, nextRecountedUntil=begun.recounted_until
        )
        if known.following:
            update.only_if("#nextGeneration = :seen").values[":seen"] = known.following.number
        else:
            update.only_if("attribute_not_exists(#nextGeneration)")
        return begun if isinstance(self._table.update(update), Written) else None

    def end_recount(self, day: date, begun: Generation, rollup: Rollup, now: int) -> bool:
        """Adds the recount to the generation, and has it read in place of the current one, in one transaction.

        Returns False, and changes nothing, where another rebuild of the day has begun since.
        """
        commit_id = uuid.uuid4().hex
        old = self.generations([day])[day].current
        switch = Update(*_key_of_day(day).values()).set(
            generation=begun.number, recountedUntil=begun.recounted_until, commitId=commit_id
        )
        switch.remove("nextGeneration", "nextRecountedUntil")
        switch.only_if("#nextGeneration = :begun").values[":begun"] = begun.number
        figures = {(group, begun.number): added for group, added in rollup.items()}
        forgotten = [
            Update(it.row["pk"], it.row["sk"]).set(**{FORGOTTEN_BY_ATTRIBUTE: (now + _STREAM_MS) // 1000})
            for it in rows_of_days(self._table, _NAME, day, day)
            if it.what.startswith(f"{old.number}#")
        ]
        return self._written([switch, *map(_addition, figures.items()), *forgotten], commit_id)

    def _written(self, updates: Iterable[Update], commit_id: str) -> bool:
        """Makes all changes or none. Returns False where the first one's condition does not hold."""
        items = [update.item(self._table.name) for update in updates]
        for attempt in range(ATTEMPTS):
            result = self._table.transact(items, commit_id, attempt)
            if isinstance(result, Written):
                return True
            if result.by_condition:
                return False
            self._table.pause(attempt)
        raise LedgerUnavailable("too many conflicts")


def _counted(shard_id: str) -> str:
    return f"counted#{shard_id}"


def _key_of_day(day: date) -> Item:
    return key_of(partition_of(_NAME, day), sort_key(day))


def _addition(added: tuple[tuple[Group, int], Figures]) -> Update:
    (group, generation), figures = added
    row = sort_key(group.day, f"{generation}#{group.operator}")
    return Update(partition_of(_NAME, group.day), row).increase(figures)


def _read_generations(row: Item) -> Generations:
    current = Generation(row.get("generation", 0), row.get("recountedUntil", 0))
    if "nextGeneration" not in row:
        return Generations(current)
    return Generations(current, Generation(row["nextGeneration"], row["nextRecountedUntil"]))


def _read_figures(row: Item) -> Figures:
    of_the_row = {"pk", "sk", FORGOTTEN_BY_ATTRIBUTE}
    return Figures({name: count for name, count in row.items() if name not in of_the_row and count})
