"""Defines what a check of the doctor reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. `mend`: what to do; empty where nothing is wrong."""

    is_well: bool
    what: str
    mend: str = ""


def well(what: str) -> Finding:
    return Finding(True, what)


def ill(what: str, mend: str) -> Finding:
    return Finding(False, what, mend)
