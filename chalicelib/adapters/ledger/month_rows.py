"""Reads rows that stand by day in a partition for each month: `<name>#2026-01`, `31#<what it is>`."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from chalicelib.adapters.ledger.attributes import Item
from chalicelib.adapters.ledger.table_client import TableClient


class RowOfDay(NamedTuple):
    """A row, and its key in parts. `what`: what follows the day; empty where nothing does."""

    day: date
    what: str
    row: Item


def partition_of(name: str, day: date) -> str:
    return f"{name}#{day:%Y-%m}"


def sort_key(day: date, what: str = "") -> str:
    return f"{day.day:02}#{what}" if what else f"{day.day:02}"


def rows_of_days(
    table: TableClient, name: str, first: date, last: date, *, consistent: bool = False
) -> Iterator[RowOfDay]:
    """Yields the rows of days in the order of their keys: a query for each month. Raises LedgerUnavailable."""
    for month_first, month_last in _months(first, last):
        bounds = {
            "pk": partition_of(name, month_first),
            "from": sort_key(month_first),
            "to": f"{sort_key(month_last)}~",
        }
        following: Item = {}
        while True:
            start = {"ExclusiveStartKey": following} if following else {}
            condition = "#pk = :pk AND #sk BETWEEN :from AND :to"
            rows, following = table.page(condition, bounds, ConsistentRead=consistent, **start)
            for row in rows:
                number, _, what = row["sk"].partition("#")
                yield RowOfDay(month_first.replace(day=int(number)), what, row)
            if not following:
                break


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yields first and last of the days in each month."""
    while first <= last:
        of_next = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(last, of_next - timedelta(days=1))
        first = of_next
