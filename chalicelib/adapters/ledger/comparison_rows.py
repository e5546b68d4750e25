"""Keeps the comparisons of CamPay's statement with the ledger, and who has signed what they found.

    statement#<month>   <day>#compared#<shard>     the newest comparison of a shard of the ledger's day
    statement#<month>   <day>#signed#<time>#<id>   what a person has signed; it is never changed

Every method raises LedgerUnavailable.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from chalicelib.adapters.ledger.attributes import Item
from chalicelib.adapters.ledger.month_rows import RowOfDay, partition_of, rows_of_days, sort_key
from chalicelib.adapters.ledger.table_client import TableClient
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.comparison import ComparedDay, Comparison, Finding, Kind, SignOff
from chalicelib.domain.money import Money
from chalicelib.domain.rollup import Figures

_NAME = "statement"
_COMPARED, _SIGNED = "compared", "signed"


class ComparisonRows:
    """Reads and writes the rows of comparisons and signatures."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def keep(self, comparison: Comparison, shard: int | None, shards: int) -> None:
        """Puts a comparison in place of any earlier one of that day and shard. `shard`: None, where it is of all."""
        self._put(comparison, shard or 0, shards)
        if shard is None:
            for other in range(1, shards):
                self._put(Comparison(comparison.day, comparison.compared_at), other, shards)

    def sign(self, day: date, sign_off: SignOff) -> None:
        """Keeps a signature."""
        row = sort_key(day, f"{_SIGNED}#{sign_off.at:015d}#{uuid.uuid4().hex[:8]}")
        update = Update(partition_of(_NAME, day), row).set(
            signedBy=sign_off.by,
            signedAt=sign_off.at,
            reason=sign_off.reason,
            digest=_hex(sign_off.digest),
            counts=dict(sign_off.counts),
            differences=sorted(sign_off.keys),
        )
        self._table.update(update.only_if("attribute_not_exists(pk)"))

    def between(self, first: date, last: date) -> list[ComparedDay]:
        """Reads the days that have been compared, the newest first, consistently: a query for each month."""
        days: dict[date, list[RowOfDay]] = {}
        for it in rows_of_days(self._table, _NAME, first, last, consistent=True):
            days.setdefault(it.day, []).append(it)
        return [_read_day(day, days[day]) for day in sorted(days, reverse=True)]

    def _put(self, comparison: Comparison, shard: int, shards: int) -> None:
        row = sort_key(comparison.day, f"{_COMPARED}#{shard}")
        update = Update(partition_of(_NAME, comparison.day), row).set(
            comparedAt=comparison.compared_at,
            shards=shards,
            matched=comparison.matched,
            money={name: count for name, count in comparison.money.items() if count},
            counts={kind.value: count for kind, count in comparison.counts.items()},
            found={kind.value: [_write_finding(it) for it in found] for kind, found in comparison.found.items()},
            digest=_hex(comparison.digest),
        )
        self._table.update(update.only_if("attribute_not_exists(#comparedAt) OR #comparedAt <= :comparedAt"))


def _hex(digest: int) -> str:
    return f"{digest:032x}"


def _write_finding(finding: Finding) -> Item:
    return {name: value for name, value in asdict(finding).items() if value is not None}


def _read_finding(item: Mapping[str, Any]) -> Finding:
    amounts = {name: Money(**item[name]) for name in ("listed", "claimed") if name in item}
    return Finding(**{**item, **amounts})


def _read_day(day: date, rows: Sequence[RowOfDay]) -> ComparedDay:
    compared = [it.row for it in rows if it.what.startswith(_COMPARED)]
    sign_offs = [_read_sign_off(it.row) for it in rows if it.what.startswith(_SIGNED)]
    is_whole = len(compared) >= max((row.get("shards", 1) for row in compared), default=1)
    return ComparedDay(day, [_read_comparison(day, row) for row in compared], sign_offs, is_whole)


def _read_comparison(day: date, row: Mapping[str, Any]) -> Comparison:
    comparison = Comparison(day, row["comparedAt"], row["matched"], Figures(row["money"]))
    comparison.counts.update({Kind(kind): count for kind, count in row["counts"].items()})
    comparison.found.update({Kind(kind): [_read_finding(it) for it in found] for kind, found in row["found"].items()})
    comparison.digest = int(row["digest"], 16)
    return comparison


def _read_sign_off(row: Mapping[str, Any]) -> SignOff:
    return SignOff(
        row["signedBy"],
        row["signedAt"],
        row["reason"],
        int(row["digest"], 16),
        row["counts"],
        frozenset(row["differences"]),
    )
