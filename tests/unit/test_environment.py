"""Tests numbers in the environment: bounded on both sides, and refused without showing the value."""

import pytest

from chalicelib.runtime.environment import InvalidVariable, read_number


@pytest.mark.parametrize(
    ("text", "expected"), [("1", 1), ("65535", 65535), ("080", 80), (" 443 ", 443), ("", 8080), ("  ", 8080)]
)
def test_a_whole_number_within_its_bounds_is_read(text: str, expected: int) -> None:
    assert read_number({"PORT": text}, "PORT", 8080, 1, 65535) == expected


@pytest.mark.parametrize(("text", "expected"), [("0.1", 0.1), ("60", 60.0), ("2.5", 2.5), ("", 3.0)])
def test_a_fraction_within_its_bounds_is_read(text: str, expected: float) -> None:
    number = read_number({"PROBE_SECONDS": text}, "PROBE_SECONDS", 3.0, 0.1, 60.0)
    assert (number, type(number)) == (expected, float)


def test_what_is_not_set_has_its_usual_value() -> None:
    assert read_number({}, "PORT", 8080, 1, 65535) == 8080


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "65536", "9" * 5000, "1.5", "1e3", "0x50", "1_000", "+80", "8 0", "٨٠", "²", "nan", "inf", "yes"],
)
def test_what_is_no_whole_number_within_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(InvalidVariable) as refused:
        read_number({"PORT": text}, "PORT", 8080, 1, 65535)
    assert str(refused.value) == "PORT must be a whole number from 1 to 65535"


@pytest.mark.parametrize(
    "text", ["0", "-0.1", "60.1", "nan", "NaN", "inf", "-inf", "Infinity", "1e1", "1e999", ".", "1,5"]
)
def test_what_is_no_number_within_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(InvalidVariable) as refused:
        read_number({"PROBE_SECONDS": text}, "PROBE_SECONDS", 3.0, 0.1, 60.0)
    assert str(refused.value) == "PROBE_SECONDS must be a number from 0.1 to 60"
