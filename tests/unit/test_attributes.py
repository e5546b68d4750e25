"""Tests the conversion of the ledger's values to and from DynamoDB's format, against boto3's."""

import json
from enum import StrEnum
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.ledger.attributes import to_attributes, to_values


class Word(StrEnum):
    KEPT = "kept"


TEXT = st.text(max_size=4)
LEAVES = st.none() | st.booleans() | st.integers(-(10**37), 10**37) | TEXT
SETS = st.sets(TEXT, min_size=1, max_size=3) | st.sets(st.integers(-(10**15), 10**15), min_size=1, max_size=3)
VALUES = st.recursive(
    LEAVES | SETS, lambda it: st.lists(it, max_size=3) | st.dictionaries(TEXT, it, max_size=3), max_leaves=8
)
ROWS = st.dictionaries(TEXT, VALUES, max_size=4)


@given(ROWS)
def test_a_row_comes_back_as_it_was_written(row: dict[str, Any]) -> None:
    assert to_values(to_attributes(row)) == row


@given(ROWS)
def test_a_row_is_written_as_boto3_writes_it(row: dict[str, Any]) -> None:
    """The members of a set may come in any order."""
    by_boto3 = {name: TypeSerializer().serialize(value) for name, value in row.items()}
    assert to_values(by_boto3) == row
    assert sizes(to_attributes(row)) == sizes(by_boto3)


def sizes(attributes: Any) -> int:
    return len(json.dumps(attributes))


def test_a_word_of_an_enumeration_is_text() -> None:
    assert to_attributes({"a": Word.KEPT}) == {"a": {"S": "kept"}}


UNSTORABLE = {
    "float": 1.5,
    "empty-set": set(),
    "set-of-a-float": {1.5},
    "set-of-two-kinds": {"a", 1},
    "set-of-a-boolean": {True},
    "bytes": b"bytes",
    "object": object(),
}


@pytest.mark.parametrize("value", UNSTORABLE.values(), ids=UNSTORABLE)
def test_what_the_ledger_does_not_store_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_attributes({"a": [value]})
