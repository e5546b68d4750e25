"""Reads pages of the versions that have order events, oldest first, from the index `events`.

Within a shard the order is DynamoDB's own, by the time of the write, and a page continues from DynamoDB's own key: so
versions of the same millisecond are neither repeated nor left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.adapters.ledger.attributes import Item, key_of, reference_of, to_attributes
from chalicelib.adapters.ledger.items import VERSION, read_payment, version_key
from chalicelib.adapters.ledger.shards import of_all_shards
from chalicelib.adapters.ledger.table import day_mark
from chalicelib.adapters.ledger.table_client import TableClient
from chalicelib.domain import contract
from chalicelib.domain.event_cursor import EventPosition
from chalicelib.domain.payment import Payment

QUERIES_A_PAGE = 20
"""Queries of a page at most, of all days and shards together: there may be weeks without a payment."""


def event_mark(payment: Payment, at: int, shard: int) -> Item:
    """Returns the attribute by which the index `events` lists a version that is written; none without order events."""
    if not contract.order_events(payment, at):
        return {}
    return {"eventDay": day_mark(datetime.fromtimestamp(at / 1000, UTC).date(), shard)}


@dataclass(frozen=True, slots=True)
class EventPages:
    """Reads pages of the list. Raises LedgerUnavailable. `shards`: the partitions of a day."""

    table: TableClient
    shards: int

    def page(self, begin: EventPosition, until: int, limit: int) -> tuple[list[EventPosition], EventPosition, bool]:
        """Returns at most `limit` places from a place on, of what was written up to a time in milliseconds.

        Returns too where the next page begins, and whether there may be more up to that time.
        """
        found: list[EventPosition] = []
        last_day = EventPosition(until).day
        for _ in range(QUERIES_A_PAGE // self.shards):
            if begin.at > until:
                return found, begin, False
            found += self._of_day(begin, until, limit - len(found))
            if len(found) == limit:
                return found, found[-1], True
            if begin.day == last_day:
                return found, EventPosition(until + 1), False
            begin = _begin_of(begin.day + timedelta(days=1))
        return found, begin, True

    def versions(self, places: Sequence[EventPosition]) -> Iterator[tuple[EventPosition, Payment]]:
        """Reads the versions at the places, in their order. One that DynamoDB has deleted meanwhile is left out."""
        keys = {place: _row_key(place) for place in places}
        rows = {(row["pk"], row["sk"]): row for row in self.table.get_many([*keys.values()])} if keys else {}
        for place, key in keys.items():
            if row := rows.get((key["pk"], key["sk"])):
                yield place, read_payment(row["payment"])

    def _of_day(self, begin: EventPosition, until: int, limit: int) -> list[EventPosition]:
        """Reads each shard of the day of `begin` once.

        A shard that has more has given `limit` places, and none of those is after what is missing.
        """
        of_shards = of_all_shards(lambda shard: self._of_shard(begin, until, limit, shard), self.shards)
        # Python's sort keeps DynamoDB's order of what a shard has of the same millisecond.
        return sorted((it for places in of_shards for it in places), key=lambda it: (it.at, it.shard))[:limit]

    def _of_shard(self, begin: EventPosition, until: int, limit: int, shard: int) -> list[EventPosition]:
        # What an earlier shard has of the same millisecond stands before `begin`, what a later one has stands after it.
        since, mark = begin.at + (shard < begin.shard), day_mark(begin.day, shard)
        if since > until:
            return []
        options: dict[str, Any] = {"Limit": limit}
        if shard == begin.shard and begin.reference:
            options["ExclusiveStartKey"] = _key(mark, begin)
        rows, _ = self.table.page(
            "#eventDay = :eventDay AND #at BETWEEN :since AND :until",
            {"eventDay": mark, "since": since, "until": until},
            IndexName="events",
            **options,
        )
        return [_position(row, shard) for row in rows]


def _begin_of(day: date) -> EventPosition:
    return EventPosition(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000)


def _position(row: Item, shard: int) -> EventPosition:
    return EventPosition(row["at"], shard, reference_of(row), int(row["sk"].removeprefix(VERSION)))


def _key(mark: str, position: EventPosition) -> Item:
    return to_attributes({**_row_key(position), "eventDay": mark, "at": position.at})


def _row_key(position: EventPosition) -> Item:
    return key_of(f"payment#{position.reference}", version_key(position.version))
