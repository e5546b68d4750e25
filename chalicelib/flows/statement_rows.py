"""Reads the charges of CamPay's statement."""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import TypeVar

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.provider import RecordStatus, StatementRow

T = TypeVar("T")


def charges(campay: Campay, day: date) -> Iterator[StatementRow]:
    """Yields the successful incoming transactions of a day. Raises ProviderUnavailable, also after some rows."""
    rows = campay.statement(day)
    return (row for row in rows if row.is_incoming and row.status is RecordStatus.SUCCESSFUL)


def hundreds(rows: Iterator[T]) -> Iterator[list[T]]:
    """Yields the rows a hundred at a time: the ledger takes as many keys in one call."""
    while batch := list(islice(rows, 100)):
        yield batch


def is_of_shard(row: StatementRow, shard: int | None, ledger: Ledger) -> bool:
    """Whether a row that is no known charge is for the reader of a shard of the ledger's day; None: who reads all."""
    return shard is None or ledger.day_shard_of(row.external_reference or "") == shard
