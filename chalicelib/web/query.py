"""Reads the parameters of a query one by one. A refusal names everything that is wrong with the query."""

import re
from collections.abc import Collection, Mapping, Sequence

from chalice.app import MultiDict, Request

_NUMBER = re.compile(r"[0-9]{1,15}")


def parameters(request: Request) -> tuple[Mapping[str, str], dict[str, str]]:
    """Returns the parameters of a query, and a fault for each that is given twice."""
    given = request.query_params or MultiDict({})
    return given, {name: "is given twice" for name in given if len(given.getlist(name)) > 1}


class Query:
    """Collects the faults of the parameters that are read. An empty one counts as none. `names`: all that are known."""

    def __init__(self, request: Request, names: Collection[str]) -> None:
        self.given, self.faults = parameters(request)
        self.faults |= {name: "is not known here" for name in self.given if name not in names}

    def text(self, name: str) -> str:
        return str(self.given.get(name, ""))

    def choice(self, name: str, words: Sequence[str]) -> str | None:
        word = self.text(name)
        if not word:
            return None
        if word not in words:
            self.faults.setdefault(name, f"must be one of {', '.join(words)}")
        return word if word in words else None

    def number(self, name: str, minimum: int, maximum: int) -> int | None:
        text = self.text(name)
        if not text:
            return None
        if _NUMBER.fullmatch(text) and minimum <= int(text) <= maximum:
            return int(text)
        self.faults.setdefault(name, f"must be a whole number from {minimum} to {maximum}")
        return None
