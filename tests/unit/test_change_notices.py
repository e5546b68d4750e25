"""Tests how notices of changed payments are joined."""

import json

import pytest

from chalicelib.domain.contract import MalformedEvent
from socket_gateway.change_notices import MOST_PAYMENTS, ChangeNotices


def notice(*payments: tuple[str, int], days: tuple[str, ...] = (), complete: bool = True) -> bytes:
    named = [{"reference": reference, "version": version} for reference, version in payments]
    return json.dumps({"payments": named, "days": days, "complete": complete}).encode()


def joined(*bodies: bytes) -> tuple[list[tuple[str, int]], list[str], bool]:
    notices = ChangeNotices()
    for body in bodies:
        notices.add(body)
    taken = notices.take()
    assert not notices
    return [(it["reference"], it["version"]) for it in taken["payments"]], taken["days"], taken["complete"]


def test_each_payment_comes_once_with_its_newest_version_the_newest_change_last() -> None:
    first = notice(("a", 1), ("b", 2), ("c", 1), days=("2026-01-31",))
    second = notice(("a", 2), ("b", 1), days=("2026-01-30", "2026-01-31"))
    assert joined(first, second) == ([("c", 1), ("a", 2), ("b", 2)], ["2026-01-30", "2026-01-31"], True)


def test_what_is_incomplete_stays_so_until_it_is_taken() -> None:
    assert joined(notice(("a", 1), complete=False), notice(("b", 1))) == ([("a", 1), ("b", 1)], [], False)
    notices = ChangeNotices()
    notices.lose()
    assert notices
    assert notices.take()["complete"] is False
    assert not notices


def test_the_newest_changes_are_kept_and_it_says_that_there_were_more() -> None:
    payments = [(str(number), 1) for number in range(MOST_PAYMENTS + 1)]
    assert joined(notice(*payments)) == (payments[1:], [], False)
    assert joined(notice(*payments[1:])) == (payments[1:], [], True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"payments":[],"days":[1],"complete":true}',
        b'{"payments":[],"days":[],"complete":1}',
        b'{"payments":[{"reference":"a"}],"days":[],"complete":true}',
        b'{"payments":[{"reference":"a","version":"1"}],"days":[],"complete":true}',
        b'{"payments":[null],"days":[],"complete":true}',
        b'{"payments":{},"days":null,"complete":true}',
    ],
)
def test_anything_else_is_refused_and_changes_nothing(body: bytes) -> None:
    notices = ChangeNotices()
    with pytest.raises(MalformedEvent):
        notices.add(body)
    assert not notices
