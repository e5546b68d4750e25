"""Defines what a case of a parser is."""

import random
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
NOW = 1_800_000_000_000
"""What the clock says in every case, in milliseconds."""
KEYS = ("k" * 32, "l" * 32)
"""Valid at the same time, as during a rotation."""

Case = Callable[[random.Random], None]
"""Draws one input and reads it. Raises Wrong, and whatever foreign exception the parser raises."""


class Wrong(Exception):
    """Raised where a parser has taken, or made of it, what its document does not allow."""


def outcome(parse: Callable[[], T], *documented: type[Exception]) -> T | None:
    """Returns what a parser reads, None where it refuses it as documented."""
    try:
        return parse()
    except documented:
        return None


def must(holds: bool, what: str, *seen: object) -> None:
    """Raises Wrong unless a condition holds."""
    if not holds:
        raise Wrong(f"{what}: {', '.join(map(_short, seen))}")


def _short(seen: Any) -> str:
    return ascii(seen)[:400]
