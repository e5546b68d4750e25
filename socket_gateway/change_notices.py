"""Joins what was published about changed payments into one event for operators. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.contract import MalformedEvent, PaymentEvent

MOST_PAYMENTS = 100


class ChangeNotices:
    """Holds the newest version of each payment that has changed, the newest change last, and the days."""

    def __init__(self) -> None:
        self._payments: dict[str, PaymentEvent] = {}
        self._days: set[str] = set()
        self._complete = True

    def __bool__(self) -> bool:
        return bool(self._payments or self._days or not self._complete)

    def add(self, body: bytes) -> None:
        """Adds one notice. Raises MalformedEvent."""
        notice = _read(body)
        for payment in notice["payments"]:
            known = self._payments.pop(payment["reference"], payment)
            self._payments[payment["reference"]] = max(known, payment, key=lambda it: it["version"])
        while len(self._payments) > MOST_PAYMENTS:
            del self._payments[next(iter(self._payments))]
            self._complete = False
        self._days.update(notice["days"])
        self._complete = self._complete and notice["complete"]

    def lose(self) -> None:
        """Notes that some may have been missed."""
        self._complete = False

    def take(self) -> dict[str, Any]:
        """Returns the notices as one, and forgets them."""
        joined = {"payments": [*self._payments.values()], "days": sorted(self._days), "complete": self._complete}
        self._payments, self._days, self._complete = {}, set(), True
        return joined


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        notice = json.loads(body)
        sound = isinstance(notice["complete"], bool) and all(isinstance(it, str) for it in notice["days"])
        sound = sound and all(
            isinstance(it["reference"], str) and type(it["version"]) is int for it in notice["payments"]
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedEvent("no notice of changes") from error
    if not sound:
        raise MalformedEvent("no notice of changes")
    return notice  # type: ignore[no-any-return]  # checked above
