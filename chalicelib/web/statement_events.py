"""Reads the events of the functions that read CamPay's statement: which days, and which shard of the ledger's days."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any


def days(detail: Mapping[str, Any], now: int) -> list[date]:
    """Returns the day in `detail`, else the last four before today (UTC), the oldest first. Raises ValueError."""
    if asked := day(detail, now):
        return [asked]
    return [_days_before(number, now) for number in (4, 3, 2, 1)]


def day(detail: Mapping[str, Any], now: int) -> date | None:
    """Returns the day that `detail` names by its date, or by how many days it is before today. Raises ValueError."""
    if asked := detail.get("day"):
        return date.fromisoformat(asked)
    return _days_before(int(detail["daysBefore"]), now) if "daysBefore" in detail else None


def shard(detail: Mapping[str, Any]) -> int | None:
    """Returns the shard of the ledger's days that `detail` names, None for all. Raises ValueError."""
    return int(detail["shard"]) if "shard" in detail else None


def _days_before(number: int, now: int) -> date:
    return datetime.fromtimestamp(now / 1000, UTC).date() - timedelta(days=number)
