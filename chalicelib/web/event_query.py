"""Reads where a shop wants the list of order events from, and shapes a page of it."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalice.app import Request

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.event_cursor import WHAT_IT_MUST_BE, EventPosition, read_cursor
from chalicelib.domain.order_event import OrderEvent
from chalicelib.web.query import Query

MOST_EVENTS = 100
_TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z")
_NEEDED = "`after`, with `next` of the answer before, or for the first call `since`, is needed"


def event_query(request: Request, now: int) -> tuple[EventPosition, int]:
    """Returns the place that the list is wanted from, and of how many order events. Raises InvalidRequest."""
    query = Query(request, ("after", "since", "limit"))
    limit = query.number("limit", 1, MOST_EVENTS) or MOST_EVENTS
    after, since = query.text("after"), query.text("since")
    if after and since:
        query.faults.setdefault("since", "must not be given beside `after`")
    begin = EventPosition(0)
    if after:
        begin = _place(after, query.faults)
    elif since:
        begin = EventPosition(_time(since, now, query.faults))
    else:
        query.faults.setdefault("after", _NEEDED)
    if query.faults:
        raise InvalidRequest(fields=query.faults)
    return begin, limit


def told(events: Sequence[OrderEvent]) -> list[dict[str, Any]]:
    """Returns order events as the shop's address is sent them; `id` is what the header `webhook-id` has."""
    return [{"id": event.id, **json.loads(event.body)} for event in events]


def _place(cursor: str, faults: dict[str, str]) -> EventPosition:
    try:
        return read_cursor(cursor)
    except InvalidRequest:
        faults.setdefault("after", WHAT_IT_MUST_BE)
        return EventPosition(0)


def _time(text: str, now: int, faults: dict[str, str]) -> int:
    """Returns a time in milliseconds since the epoch, or 0 and a fault."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        at = round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        faults.setdefault("since", "must be a time in UTC such as 2026-01-15T10:00:09Z")
        return 0
    if at > now:
        faults.setdefault("since", "must not be in the future")
    return at
