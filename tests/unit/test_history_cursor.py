"""Tests the places in the list of payments, and the cursors that name them."""

import base64
from dataclasses import replace
from datetime import date, timedelta

import pytest

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.history import HistoryFilter, HistoryPage, Position
from chalicelib.domain.history_cursor import days_in, phone_mark, read_cursor, sign_cursor
from chalicelib.domain.payment import PaymentStatus
from tests.unit.test_payment import CLAIMED

KEY, NEW_KEY = "a-key-of-thirty-two-bytes-or-more-", "another-key-of-thirty-two-bytes-or"
WANTED = HistoryFilter(date(2026, 1, 30), date(2026, 2, 2), status=PaymentStatus.FAILED, minimum=500)
POSITION = Position(1_769_990_000_123, 7, "2b9cdbe3-4b5a-4c53-9f1c-6f4a5c8f2a01")


def is_refused(cursor: str, wanted: HistoryFilter = WANTED, *keys: str) -> bool:
    with pytest.raises(InvalidRequest) as caught:
        read_cursor(cursor, wanted, keys or (KEY,))
    return caught.value.fields.keys() == {"cursor"}


@pytest.mark.parametrize("position", [POSITION, Position(-1), Position(0, 9), Position(10**15 - 1, 0, "x" * 64)])
def test_a_cursor_names_its_place_and_the_days_of_its_list(position: Position) -> None:
    cursor = sign_cursor(position, WANTED, (KEY, NEW_KEY))
    assert read_cursor(cursor, WANTED, (KEY,)) == position
    assert days_in(cursor) == (WANTED.first, WANTED.last)
    assert "=" not in cursor


def test_the_first_key_signs_and_each_is_known() -> None:
    assert read_cursor(sign_cursor(POSITION, WANTED, (KEY,)), WANTED, (NEW_KEY, KEY)) == POSITION
    assert is_refused(sign_cursor(POSITION, WANTED, (KEY, NEW_KEY)), WANTED, NEW_KEY)


def test_a_cursor_with_one_letter_changed_is_refused() -> None:
    cursor = sign_cursor(POSITION, WANTED, (KEY,))
    for at, letter in enumerate(cursor):
        assert is_refused(cursor[:at] + ("A" if letter != "A" else "B") + cursor[at + 1 :]), at


@pytest.mark.parametrize(
    "other",
    [
        replace(WANTED, first=WANTED.first - timedelta(days=1)),
        replace(WANTED, status=None),
        replace(WANTED, minimum=501),
        replace(WANTED, maximum=500),
        replace(WANTED, short="2b9cdbe3"),
    ],
)
def test_a_cursor_opens_its_own_list_only(other: HistoryFilter) -> None:
    assert is_refused(sign_cursor(POSITION, WANTED, (KEY,)), other)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("", ".", "x", "AAAA" * 40, "\u00e9" * 40, encoded("\u00e9")),
        encoded("2026-01-30~2026-02-30~1~0~x"),
        encoded("2026-01-30~2026-02-02~1~10~x"),
        encoded("2026-01-30~2026-02-02~1~0~" + "x" * 65),
        encoded(f"2026-01-30~2026-02-02~{10**15}~0~x"),
        encoded("2026-01-30~2026-02-02~1~0~x\n"),
    ],
)
def test_what_is_no_cursor_has_no_days(cursor: str) -> None:
    assert days_in(cursor) is None
    assert is_refused(cursor)


def test_what_stands_behind_the_point_is_the_signature() -> None:
    assert days_in(f"{encoded('2026-01-30~2026-02-02~1~0~x')}.a.b") == (WANTED.first, WANTED.last)


def test_a_phone_has_one_mark_in_a_list_and_another_in_the_next() -> None:
    mark = phone_mark("hash", WANTED, (KEY, NEW_KEY))
    assert len(mark) == 8
    assert mark == phone_mark("hash", WANTED, (KEY,))
    others = [("other", WANTED, KEY), ("hash", replace(WANTED, minimum=501), KEY), ("hash", WANTED, NEW_KEY)]
    assert len({mark, *(phone_mark(phone, wanted, (key,)) for phone, wanted, key in others)}) == 4


def test_a_lists_days_are_cameroons_to_the_millisecond() -> None:
    assert WANTED.since == 1_769_727_600_000, "2026-01-29T23:00Z"
    assert WANTED.until == 1_770_073_199_999, "a millisecond before 2026-02-02T23:00Z"


def test_a_place_before_a_day_is_at_the_last_millisecond_of_it() -> None:
    day = date(2026, 1, 31)
    place = Position.before_day(day)
    assert (place, place.day) == (Position(1_769_903_999_999), day)
    assert Position(place.claimed_at + 1).day == date(2026, 2, 1)


def test_a_page_counts_its_phones() -> None:
    page = HistoryPage([CLAIMED, CLAIMED, replace(CLAIMED, phone_hash="other")], None)
    assert page.phones == 2
