"""Tests the parser of CamPay's statement against Python's own, whatever the pieces in which the bytes arrive."""

import json
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.large_statement import statement
from chalicelib.adapters.campay.statement import StatementMalformed, rows_in

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
ROWS = st.lists(st.dictionaries(st.text(), VALUES, max_size=5) | VALUES, max_size=8)
ENVELOPES = ROWS | st.builds(
    lambda before, rows, after: {**before, "data": rows, **after},
    st.dictionaries(st.text().filter(lambda key: key != "data"), VALUES, max_size=3),
    ROWS,
    st.dictionaries(st.text().filter(lambda key: key != "data"), VALUES, max_size=3),
)
FORMS = st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 0, 2])})
BODIES = st.builds(lambda document, form: json.dumps(document, **form).encode("utf-8", "replace"), ENVELOPES, FORMS)
CUTS = st.lists(st.integers(0, 10_000), max_size=30)
ROW = b'{"reference_uuid":"c-1"}'


def in_pieces(body: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    """Yields the body cut at these places; empty pieces too."""
    ends = sorted(cut % (len(body) + 1) for cut in cuts)
    return (body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True))


def by_python(body: bytes) -> list[Any]:
    """Returns the rows as Python's parser has them. Raises ValueError where there are none."""
    document = json.loads(body.decode(), parse_float=Decimal, parse_int=Decimal, parse_constant=refused)
    rows = document.get("data") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise ValueError("no array of rows")
    return [row for row in rows if isinstance(row, dict)]


def refused(name: str) -> None:
    raise ValueError(name)


def exact(value: Any) -> Any:
    """Returns a value of Python's parser with its numbers as the statement has them."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return value if not isinstance(value, Decimal) else Number(value)


class Number:
    """Equals each text that is the same number."""

    def __init__(self, value: Decimal) -> None:
        self.value = value

    def __eq__(self, text: object) -> bool:
        return isinstance(text, str) and Decimal(text) == self.value

    def __hash__(self) -> int:
        return hash(self.value)


def test_a_number_beside_the_rows_may_be_cut_anywhere() -> None:
    body = b'{"total": 5000.00, "least": -1.5e+3, "share": 1E-2, "data": [12.5, {"amount": 12.5}, 1e5]}'
    for first in range(len(body)):
        for second in range(first, len(body)):
            rows = rows_in([body[:first], body[first:second], body[second:]], 100)
            assert list(rows) == [{"amount": "12.5"}], (first, second)


@given(BODIES, CUTS)
def test_the_rows_are_those_of_pythons_parser(body: bytes, cuts: list[int]) -> None:
    assert exact(by_python(body)) == list(rows_in(in_pieces(body, cuts), 100))


@given(BODIES, CUTS, st.integers(0, 10_000), st.sampled_from([b"", *(bytes([it]) for it in b'[{}]",:\\x\xff\xc3')]))
def test_a_damaged_statement_is_refused_where_python_refuses_it(
    body: bytes, cuts: list[int], place: int, inserted: bytes
) -> None:
    """What is inserted replaces one byte; where it is nothing, the statement breaks off there."""
    at = place % len(body)
    damaged = body[:at] + inserted + (body[at + 1 :] if inserted else b"")
    try:
        expected = exact(by_python(damaged))
    except ValueError:
        with pytest.raises(StatementMalformed):
            list(rows_in(in_pieces(damaged, cuts), 100))
    else:
        assert expected == list(rows_in(in_pieces(damaged, cuts), 100))


def test_the_rows_before_a_fault_are_read() -> None:
    rows = rows_in([b"[" + ROW + b"," + ROW + b",", b"{]"], 10)
    assert [next(rows), next(rows)] == [json.loads(ROW)] * 2
    with pytest.raises(StatementMalformed, match="no statement in JSON"):
        next(rows)


@pytest.mark.parametrize(
    ("piece", "told"),
    [(b"1,", "more than 1000 rows"), (b"[", "nested too deep"), (b'"', "no statement"), (b"1", "number is too long")],
)
def test_an_array_without_end_has_one(piece: bytes, told: str) -> None:
    def endless() -> Iterator[bytes]:
        yield b"["
        while True:
            yield piece * 60_000

    with pytest.raises(StatementMalformed, match=told):
        list(rows_in(endless(), 1_000))


def test_a_long_row_in_pieces_of_a_byte_is_not_decoded_for_each() -> None:
    """Decoding 500 KB for each further byte would take hours."""
    row = {"a": "x" * 500_000}
    body = json.dumps([row]).encode()
    assert list(rows_in((body[at : at + 1] for at in range(len(body))), 10)) == [row]


def test_memory_does_not_grow_with_the_statement() -> None:
    assert peak_bytes(statement(10_000, "2026-01-31")) < 2 * peak_bytes(statement(1_000, "2026-01-31"))


def peak_bytes(chunks: Iterable[bytes]) -> int:
    tracemalloc.start()
    try:
        assert sum(1 for _ in rows_in(chunks, 100_000)) > 1_000
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
