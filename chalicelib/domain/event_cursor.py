"""Defines a place in the list of all order events, and writes it as a cursor. Pure.

A cursor is not signed: who may read the list may read all of it, and a shop that was down keeps its cursor while keys
are rotated.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from chalicelib.domain.errors import InvalidRequest

WHAT_IT_MUST_BE = "must be `next` of an answer before"
_TEXT = re.compile(r"([0-9]{1,13})~([0-9])~([0-9a-f-]{36})?~([0-9]{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class EventPosition:
    """A place in the list of the versions that have order events, which is sorted by time and then by shard.

    It is right after a payment's version, which stands in `shard` and was written at `at` (milliseconds since the
    epoch). Without a reference it is before all versions of the shard that were written at that time.
    """

    at: int
    shard: int = 0
    reference: str = ""
    version: int = 0

    @property
    def day(self) -> date:
        """Returns the day (UTC) that the place is in."""
        return datetime.fromtimestamp(self.at / 1000, UTC).date()


def write_cursor(position: EventPosition) -> str:
    text = f"{position.at}~{position.shard}~{position.reference}~{position.version}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def read_cursor(cursor: str) -> EventPosition:
    """Returns the place that a cursor names. Raises InvalidRequest for what is none."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:  # of Base64, or of ASCII
        text = ""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise InvalidRequest(fields={"after": WHAT_IT_MUST_BE})
    at, shard, reference, version = match.groups(default="")
    position = EventPosition(int(at), int(shard), reference, int(version))
    if write_cursor(position) != cursor:
        raise InvalidRequest(fields={"after": WHAT_IT_MUST_BE})
    return position
