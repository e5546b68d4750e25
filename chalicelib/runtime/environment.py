"""Reads numbers from environment variables. The caller passes the environment and collects the errors."""

import re
from collections.abc import Mapping
from typing import TypeVar

_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_MOST_NUMBERS = 100
Number = TypeVar("Number", int, float)


class InvalidVariable(ValueError):
    """Raised for a wrong variable. The message never has the value, which may be a misplaced secret."""


def read_number(environment: Mapping[str, str], name: str, usual: Number, minimum: Number, maximum: Number) -> Number:
    """Returns the number in a variable, or `usual` where it is unset or empty. Both bounds are inclusive.

    The number has the type of `usual`. Raises InvalidVariable where the text is no plain decimal number (no sign
    but a minus, no exponent, no NaN or infinity) or is out of bounds.
    """
    text = environment.get(name, "").strip()
    if not text:
        return usual
    number = _parse(text, type(usual), minimum, maximum)
    if number is None:
        noun = "whole number" if isinstance(usual, int) else "number"
        raise InvalidVariable(f"{name} must be a {noun} from {minimum:.12g} to {maximum:.12g}")
    return number


def read_numbers(
    environment: Mapping[str, str], name: str, usual: tuple[float, ...], minimum: float, maximum: float
) -> tuple[float, ...]:
    """Returns the numbers in a variable, separated by commas, in rising order; `usual` where it is unset or empty.

    Each number is read as by `read_number`. Raises InvalidVariable, also for more than 100 numbers.
    """
    text = environment.get(name, "").strip()
    if not text:
        return usual
    parts = text.split(",")
    numbers = [_parse(part.strip(), float, minimum, maximum) for part in parts[: _MOST_NUMBERS + 1]]
    known = sorted(number for number in numbers if number is not None)
    if len(known) < len(numbers) or len(numbers) > _MOST_NUMBERS:
        bounds = f"from {minimum:.12g} to {maximum:.12g}"
        raise InvalidVariable(f"{name} must be up to {_MOST_NUMBERS} numbers {bounds}, separated by commas")
    return tuple(known)


def _parse(text: str, kind: type[Number], minimum: Number, maximum: Number) -> Number | None:
    """Returns the number, or None where the text is none within the bounds."""
    pattern = _WHOLE if kind is int else _DECIMAL
    return kind(text) if pattern.fullmatch(text) and minimum <= kind(text) <= maximum else None
