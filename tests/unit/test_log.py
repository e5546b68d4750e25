"""Tests the form of log lines, which the API and the gateway share."""

import json
import logging
import sys
from datetime import UTC, datetime, timedelta

from chalicelib.runtime.log import JsonLines


def line(record: logging.LogRecord) -> dict[str, object]:
    text = JsonLines().format(record)
    assert "\n" not in text
    parsed: dict[str, object] = json.loads(text)
    return parsed


def record_of(event: str, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("payments", logging.INFO, __file__, 1, event, None, None)
    record.__dict__["fields"] = fields
    return record


def test_a_line_begins_with_its_time_in_utc_its_level_and_its_event() -> None:
    parsed = line(record_of("payment-changed", reference="r", version=2))
    assert list(parsed) == ["time", "level", "event", "reference", "version"]
    assert (parsed["level"], parsed["event"]) == ("INFO", "payment-changed")
    time = str(parsed["time"])
    assert time.endswith("Z")
    assert len(time) == len("2026-01-31T12:00:00.000Z")
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(time) < timedelta(minutes=1)


def test_a_library_says_what_is_worth_a_warning_in_the_same_form() -> None:
    record = logging.LogRecord("uvicorn.error", logging.WARNING, __file__, 1, "%s of %d", ("one", 2), None)
    assert (line(record)["event"], line(record)["level"]) == ("one of 2", "WARNING")


def test_a_trace_stays_in_its_line() -> None:
    try:
        raise ValueError("of a test")
    except ValueError:
        record = logging.LogRecord("payments", logging.ERROR, __file__, 1, "route-failed", None, sys.exc_info())
    assert "ValueError: of a test" in str(line(record)["trace"])


def test_a_number_or_a_token_that_strays_in_is_struck_out() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl"
    parsed = line(record_of("x", phone="237677123456", header=f"Bearer {token}"))
    assert (parsed["phone"], parsed["header"]) == ("[private]", "Bearer [private]")
