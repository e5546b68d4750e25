"""Logs one line of JSON per event: `time` (ISO 8601, UTC), `level`, `event`, then the event's own fields.

The API and the gateway write the same form. Phone numbers and tokens that get into a line are redacted.
"""

import json
import logging
import re
import sys
import threading
from typing import Any

from chalicelib.domain.contract import to_iso

logger = logging.getLogger("payments")
_PRIVATE = re.compile(r"\+?237\s?6(?:\s?[0-9]){8}|eyJ[\w-]+\.[\w-]*\.?[\w-]*|\bToken [0-9A-Za-z]{20,}")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON, with phone numbers and tokens redacted."""

    def format(self, record: logging.LogRecord) -> str:
        time = to_iso(int(record.created * 1000))
        line: dict[str, Any] = {"time": time, "level": record.levelname, "event": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False, default=str))


def redact(text: str) -> str:
    """Replaces phone numbers, JSON Web Tokens and CamPay's access tokens by `[private]`."""
    return _PRIVATE.sub("[private]", text)


def configure() -> None:
    """Sends the log to standard output, of libraries only warnings and errors. Call it once per process."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 documented: "Optimization" in logging's HOWTO
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logger.setLevel(logging.INFO)


def hook_uncaught() -> None:
    """Logs Python's warnings, and exceptions that end the process or a thread, in place of plain text.

    Call it after `configure`, and only in the product's own processes: a test runner has hooks of its own.
    """
    logging.captureWarnings(True)
    sys.excepthook = lambda _kind, error, _trace: failure("process-failed", error)
    threading.excepthook = lambda it: failure("thread-failed", it.exc_value)


def info(event: str, **fields: object) -> None:
    """Logs an event. `fields`: no phone number, token or signature."""
    logger.info(event, extra={"fields": fields})


def warning(event: str, **fields: object) -> None:
    """Logs a problem that needs no immediate attention."""
    logger.warning(event, extra={"fields": fields})


def alarm(event: str, **fields: object) -> None:
    """Logs a problem that a person must look at, such as money that is not where it should be."""
    logger.error(event, extra={"fields": {"alarm": True, **fields}})


def failure(event: str, exception: BaseException | None = None, /, **fields: object) -> None:
    """Logs an unexpected exception with its trace: the given one, or else the one being handled."""
    logger.error(event, exc_info=exception or True, extra={"fields": fields})
