"""Parses CamPay's statement (`POST /history/`) as a stream, with at most one row in memory."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MAXIMUM_ROW_BYTES = 1_000_000
_MAXIMUM_DEPTH = 16
_LONG_NUMBER = re.compile(rb"[0-9]{1000}")
"""ijson's C backend crashes the process at an integer of over 4,300 digits, the most that Python converts."""
Event = tuple[str, Any]


class StatementMalformed(Exception):
    """Raised where the answer is no statement or exceeds the bounds."""


def rows_in(chunks: Iterable[bytes], maximum_rows: int) -> Iterator[Mapping[str, Any]]:
    """Yields the rows of either envelope, `{"data": [...]}` or a bare array.

    Elements that are no objects are skipped, and within a row values that are arrays or objects. Numbers are text, so
    that money never becomes a float. Raises StatementMalformed, also after some rows.
    """
    import ijson  # its machine code is loaded by those functions alone that read a statement

    bounded = _Bounded(chunks)
    events = ijson.basic_parse(ijson.from_iter(iter(bounded)))
    try:
        _enter_array(events)
        for number, row in enumerate(_objects(events), 1):
            bounded.since_row = 0
            if number > maximum_rows:
                raise StatementMalformed(f"there are more than {maximum_rows} rows")
            yield row
        for _ in events:  # the rest of the document has to be JSON too
            pass
    except (ijson.JSONError, ValueError, ArithmeticError) as error:
        raise StatementMalformed(f"it is no JSON: {type(error).__name__}") from error


@dataclass(slots=True)
class _Bounded:
    """Passes chunks on until a row, or a number in it, exceeds its maximum length; then raises StatementMalformed."""

    chunks: Iterable[bytes]
    since_row: int = 0

    def __iter__(self) -> Iterator[bytes]:
        tail = b""
        for chunk in self.chunks:
            self.since_row += len(chunk)
            if self.since_row > _MAXIMUM_ROW_BYTES:
                raise StatementMalformed(f"a row is longer than {_MAXIMUM_ROW_BYTES} bytes")
            tail = tail[-1000:] + chunk
            if _LONG_NUMBER.search(tail):
                raise StatementMalformed("a number is too long")
            yield chunk


def _enter_array(events: Iterator[Event]) -> None:
    """Consumes the events up to the start of the array of rows: the whole document, or the value of `data`."""
    depth, key = 0, None
    for event, value in events:
        if event == "start_array" and (depth == 0 or (depth == 1 and key == "data")):
            return
        depth = _depth_after(event, depth)
        if depth == 1 and event in ("map_key", "end_map", "end_array"):
            key = value if event == "map_key" else None
    raise StatementMalformed("there is no array of rows in it")


def _objects(events: Iterator[Event]) -> Iterator[dict[str, Any]]:
    """Yields the objects of an array that has begun, without their nested values."""
    depth, key = 1, ""
    row: dict[str, Any] | None = None
    for event, value in events:
        before, depth = depth, _depth_after(event, depth)
        if depth == 0:
            return
        if event == "start_map" and depth == 2:
            row = {}
        elif row is not None and depth == 1:
            yield row
            row = None
        elif event == "map_key":
            key = value if depth == 2 else key
        elif row is not None and before == depth == 2:
            row[key] = str(value) if event == "number" else value


def _depth_after(event: str, depth: int) -> int:
    if event in ("start_map", "start_array"):
        if depth == _MAXIMUM_DEPTH:
            raise StatementMalformed("it is nested too deep")
        return depth + 1
    return depth - 1 if event in ("end_map", "end_array") else depth
