"""Reads pages of the payments of days, newest first, from the index `day`.

Within a shard the order is DynamoDB's own, by the time of the claim, and a page continues from DynamoDB's own key: so
payments of the same millisecond are neither repeated nor left out. Payments that are claimed meanwhile stand before
every page that was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.adapters.ledger.attributes import Item, payment_key, reference_of, to_attributes, to_values
from chalicelib.adapters.ledger.items import read_payment
from chalicelib.adapters.ledger.shards import of_all_shards
from chalicelib.adapters.ledger.table import day_mark
from chalicelib.adapters.ledger.table_client import TableClient
from chalicelib.domain.history import HistoryFilter, Position
from chalicelib.domain.payment import Payment

QUERIES_A_PAGE, QUERIES_FOR_SHORT = 5, 3
"""Queries of a page at most, of all days and shards together; and of one that looks for a short reference."""
_CONDITIONS: Mapping[str, str] = {
    "status": "#payment.#status = :status",
    "operator": "#payment.#operator = :operator",
    "currency": "#payment.#money.#currency = :currency",
    "minimum": "#payment.#money.#amount >= :minimum",
    "maximum": "#payment.#money.#amount <= :maximum",
    "short": "begins_with(#payment.#reference, :short)",
}
_WITHOUT_WEBHOOK = "attribute_exists(#payment.#webhook_missing_at)"
_Entry = tuple[Position, Payment]


@dataclass(frozen=True, slots=True)
class _Part:
    """The entries that were read of a shard. `end`: how far that was; None where the shard's day has no more."""

    entries: Sequence[_Entry]
    end: Position | None


@dataclass(frozen=True, slots=True)
class DayPages:
    """Reads pages of a list of payments. Raises LedgerUnavailable.

    `shards`: the partitions of a day. `read_to_filter`: payments that a query with a filter reads at most.
    """

    table: TableClient
    shards: int
    wanted: HistoryFilter
    read_to_filter: int = 1_000

    def page(self, begin: Position, limit: int) -> tuple[list[Payment], Position | None]:
        """Returns at most `limit` payments from a place on, and where the next page begins; None at the list's end.

        There are fewer, or none, where more queries would be needed to find them.
        """
        found: list[Payment] = []
        following: Position | None = begin
        queries = QUERIES_A_PAGE if self.wanted.short is None else QUERIES_FOR_SHORT
        for _ in range(max(1, queries // self.shards)):
            if following is None or len(found) == limit:
                break
            entries, following = self._of_day(following, limit - len(found))
            found += [payment for _, payment in entries]
        return found, following

    def _of_day(self, begin: Position, limit: int) -> tuple[list[_Entry], Position | None]:
        """Reads each shard of the day of `begin` once. Returns the entries that nothing unread stands before."""
        parts = of_all_shards(lambda shard: self._of_shard(begin, limit, shard), self.shards)
        end = min((part.end for part in parts if part.end), key=_order, default=None)
        read = sorted((entry for part in parts for entry in part.entries), key=lambda entry: _order(entry[0]))
        entries = [entry for entry in read if end is None or _order(entry[0]) <= _order(end)]
        if len(entries) > limit:
            return entries[:limit], entries[limit - 1][0]
        if end is None and begin.day > Position(self.wanted.since).day:
            end = Position.before_day(begin.day - timedelta(days=1))
        return entries, end

    def _of_shard(self, begin: Position, limit: int, shard: int) -> _Part:
        mark = day_mark(begin.day, shard)
        # What an earlier shard has of the same millisecond stands before `begin`, what a later one has stands after it.
        until = begin.claimed_at - 1 if shard < begin.shard else begin.claimed_at
        if until < self.wanted.since:
            return _Part((), None)
        options: dict[str, Any] = {"Limit": limit}
        if shard == begin.shard and begin.reference:
            options["ExclusiveStartKey"] = _key(mark, begin)
        where, values = self._filter()
        if where:
            options |= {"Limit": self.read_to_filter, "FilterExpression": where}
        items, following = self.table.page(
            "#day = :day AND #claimedAt BETWEEN :since AND :until",
            {"day": mark, "since": self.wanted.since, "until": until, **values},
            IndexName="day",
            ScanIndexForward=False,
            **options,
        )
        entries = [(_position(item, shard), read_payment(item["payment"])) for item in items]
        return _Part(entries, _position(to_values(following), shard) if following else None)

    def _filter(self) -> tuple[str, dict[str, Any]]:
        given = {name: getattr(self.wanted, name) for name in _CONDITIONS}
        values = {name: value for name, value in given.items() if value is not None}
        conditions = [_CONDITIONS[name] for name in values] + [_WITHOUT_WEBHOOK] * self.wanted.webhook_missing
        return " AND ".join(conditions), values


def _order(position: Position) -> tuple[int, int]:
    return -position.claimed_at, position.shard


def _position(item: Item, shard: int) -> Position:
    return Position(item["claimedAt"], shard, reference_of(item))


def _key(mark: str, position: Position) -> Item:
    return to_attributes({**payment_key(position.reference), "day": mark, "claimedAt": position.claimed_at})
