"""Reads what an operator asks of the comparisons with CamPay's statement."""

import re
from dataclasses import dataclass
from datetime import date

from chalice.app import Request

from chalicelib.domain.errors import InvalidRequest
from chalicelib.web.requests import checked_day, checked_reason, days, json_object

DAYS_SHOWN, MOST_DAYS = 7, 31
"""Days that are shown: without a range, and at most."""
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class SignOffRequest:
    """Which day's differences are signed, as they were seen, and why."""

    day: date
    fingerprint: str
    reason: str


def compared_days(request: Request, today: date) -> tuple[date, date]:
    """Reads the first and the last day of the query. Without them: the 7 days until today. Raises InvalidRequest."""
    return days(request, today, DAYS_SHOWN, MOST_DAYS)


def sign_off(request: Request, today: date) -> SignOffRequest:
    """Reads `{day, fingerprint, reason}`. Raises InvalidRequest."""
    body = json_object(request)
    faults: dict[str, str] = {}
    given = {name: value for name, value in body.items() if isinstance(value, str)}
    day = checked_day({"day": given.get("day", "")}, "day", today, faults)
    fingerprint = given.get("fingerprint", "")
    if not _FINGERPRINT.fullmatch(fingerprint):
        faults["fingerprint"] = "must be the fingerprint of the differences that were shown"
    reason = checked_reason(body, faults)
    if faults:
        raise InvalidRequest(fields=faults)
    return SignOffRequest(day, fingerprint, reason)
