"""Tests how the cause of a version and its note are kept as one text."""

import pytest

from chalicelib.domain.cause import Cause, split_note


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("note", ["", "recheck", "paid in cash: 2,000 of 5,000"])
def test_what_is_kept_can_be_told_apart_again(cause: Cause, note: str) -> None:
    assert split_note(cause.with_note(note)) == (cause, note)
