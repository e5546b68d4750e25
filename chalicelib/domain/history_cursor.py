"""Writes a place in the list of payments as a cursor, and reads it back. Pure: keys are arguments.

A cursor is signed, and the signature covers the list's filter: only a cursor that was given out for the same list opens
a page of it. It carries the list's days, since today is another day after midnight.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import astuple
from datetime import date

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.history import HistoryFilter, Position

WHAT_IT_MUST_BE = "must be the cursor of the page before, with the same filters"
_DAY = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
_TEXT = re.compile(rf"{_DAY}~{_DAY}~(-?[0-9]{{1,15}})~([0-9])~([\w-]{{0,64}})", re.ASCII)
_SIGNATURE_BYTES = 16
_MARK_BYTES = 6
"""Two of a thousand phones have the same mark in one list of six hundred million."""


def sign_cursor(position: Position, wanted: HistoryFilter, keys: Sequence[str]) -> str:
    """Returns the cursor of a place in a list, signed with the first key."""
    return _signed(position, wanted, keys[0])


def read_cursor(cursor: str, wanted: HistoryFilter, keys: Sequence[str]) -> Position:
    """Returns the place that a cursor names. Raises InvalidRequest unless one of the keys signed it for this list."""
    parts = _parts(cursor)
    if parts is not None:
        _, _, position = parts
        if any(hmac.compare_digest(_signed(position, wanted, key), cursor) for key in keys):
            return position
    raise InvalidRequest(fields={"cursor": WHAT_IT_MUST_BE})


def phone_mark(phone_hash: str, wanted: HistoryFilter, keys: Sequence[str]) -> str:
    """Returns a mark by which the phones of one list are told apart. It is of this list only, and cannot be undone."""
    text = f"phone mark: {_name_of(wanted)}~{phone_hash}"
    return _encoded(hmac.digest(keys[0].encode(), text.encode(), hashlib.sha256)[:_MARK_BYTES])


def days_in(cursor: str) -> tuple[date, date] | None:
    """Returns the first and the last day of a cursor's list, unverified; None for what cannot be a cursor."""
    parts = _parts(cursor)
    return parts[:2] if parts else None


def _signed(position: Position, wanted: HistoryFilter, key: str) -> str:
    text = f"{wanted.first}~{wanted.last}~{position.claimed_at}~{position.shard}~{position.reference}"
    # The key signs tracking tokens too. No JWT begins with these words, so neither signature passes for the other.
    signature = hmac.digest(key.encode(), f"history cursor: {_name_of(wanted)}~{text}".encode(), hashlib.sha256)
    return f"{_encoded(text.encode())}.{_encoded(signature[:_SIGNATURE_BYTES])}"


def _name_of(wanted: HistoryFilter) -> str:
    return "~".join(map(str, astuple(wanted)))


def _parts(cursor: str) -> tuple[date, date, Position] | None:
    encoded = cursor.partition(".")[0]
    if not cursor.isascii():
        return None
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii")
        match = _TEXT.fullmatch(text)
        if match is None:
            return None
        first, last, claimed_at, shard, reference = match.groups()
        position = Position(int(claimed_at), int(shard), reference)
        return date.fromisoformat(first), date.fromisoformat(last), position
    except ValueError:  # of Base64, of ASCII, or of a day that is in no calendar
        return None


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
