"""Reads numbers from environment variables. The caller passes the environment and collects the errors."""

import re
from collections.abc import Mapping
from typing import TypeVar

_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
Number = TypeVar("Number", int, float)


class InvalidVariable(ValueError):
    """Names a variable and says what it must be. Never contains the value, which may be a misplaced secret."""


def read_number(environment: Mapping[str, str], name: str, usual: Number, minimum: Number, maximum: Number) -> Number:
    """Returns the number in a variable, or `usual` where it is unset or empty. Both bounds are inclusive.

    The number has the type of `usual`. Raises InvalidVariable where the text is no plain decimal number (no sign
    but a minus, no exponent, no NaN or infinity) or is out of bounds.
    """
    text = environment.get(name, "").strip()
    if not text:
        return usual
    kind = type(usual)
    pattern = _WHOLE if kind is int else _DECIMAL
    if pattern.fullmatch(text) and minimum <= kind(text) <= maximum:
        return kind(text)
    noun = "whole number" if kind is int else "number"
    raise InvalidVariable(f"{name} must be a {noun} from {minimum:.12g} to {maximum:.12g}")
