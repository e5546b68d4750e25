"""Tests the cursor of the list of order events."""

import base64
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.event_cursor import EventPosition, read_cursor, write_cursor

AT = 1_768_471_209_120
PLACES = st.builds(
    EventPosition,
    st.integers(0, 10**13 - 1),
    st.integers(0, 9),
    st.uuids(version=4).map(str) | st.just(""),
    st.integers(0, 999_999),
)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@given(PLACES)
def test_a_cursor_is_read_as_it_was_written_and_needs_no_escaping(place: EventPosition) -> None:
    cursor = write_cursor(place)
    assert read_cursor(cursor) == place
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        write_cursor(EventPosition(AT)) + "=",
        write_cursor(EventPosition(AT)) + "A",
        write_cursor(EventPosition(AT))[:-1],
        *(encoded(it) for it in (f"{AT}", f"{AT}~0~~", f"-{AT}~0~~0", f"{AT}0~0~~0", f"{AT}~0~../state~0", "٣~0~~0")),
        encoded(f"0{AT}~0~{uuid.UUID(int=1)}~3"),
    ],
)
def test_what_is_no_cursor_is_refused_by_its_parameters_name(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_cursor(cursor)
    assert caught.value.fields.keys() == {"after"}
