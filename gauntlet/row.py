"""Defines the rows of the gauntlet: each is one kind of fault, and how often it is made."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gauntlet.shop import Shop


@dataclass(frozen=True)
class Row:
    """A kind of fault.

    `run`: makes that many cases of it in a shop's system, and returns how many it has made; the same random numbers
    make the same choices. It reports on the shop what was wrong at once; the invariants are the runner's.
    `small`, `whole`: how many cases there are in `make test`, where 0 leaves the row out, and in the whole gauntlet.
    `settings`: variables of the environment that the row's system needs. A row that has some gets its own.
    `is_large`: in the whole gauntlet hundreds of its payments are due at a time. It has the settings for that
    besides its own, and fewer rows run beside it.
    `alone`: nothing else may run beside it, since it measures delays.
    """

    name: str
    what: str
    run: Callable[[Shop, int, random.Random], int]
    small: int
    whole: int
    settings: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    is_large: bool = False


@dataclass(frozen=True)
class Simulation:
    """A kind of fault that is made without a system, and that no delay disturbs.

    In the whole gauntlet simulations follow one another, and take what the other rows leave of the processor.
    `run`: makes that many runs from a seed on, and returns what is wrong. The others: as of `Row`.
    """

    name: str
    what: str
    run: Callable[[int, int], list[str]]
    small: int
    whole: int
