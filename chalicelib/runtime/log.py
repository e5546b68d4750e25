"""Logs one line of JSON per event: `time` (ISO 8601, UTC), `level`, `event`, the event's fields, then the context's.

The context is what all lines of one invocation say alike: which one it is, and what it is about. It belongs to the
thread; a pool's task has it where it runs in a copy of its submitter's context (`contextvars.copy_context`). What is
noted in a copy stays there.

The API and the gateway write the same form. Phone numbers and tokens that get into a line are redacted.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from chalicelib.domain.contract import to_iso

logger = logging.getLogger("payments")
_context: ContextVar[Mapping[str, object]] = ContextVar("_context", default=MappingProxyType({}))
_PRIVATE = re.compile(r"\+?237\s?6(?:\s?[0-9]){8}|eyJ[\w-]+\.[\w-]*\.?[\w-]*|\bToken [0-9A-Za-z]{20,}")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON, with phone numbers and tokens redacted."""

    def format(self, record: logging.LogRecord) -> str:
        time = to_iso(int(record.created * 1000))
        line: dict[str, Any] = {"time": time, "level": record.levelname, "event": record.getMessage()}
        fields, context = getattr(record, "fields", {}), _context.get()
        line |= {**fields, **context, **fields}  # in this order, and the event's own value where both have a field
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


def begin(**fields: object) -> None:
    """Starts the context of an invocation. It lasts until the next one's, since Chalice logs after our code."""
    _context.set(fields)


def note(**fields: object) -> None:
    """Adds to the context what has become known. `fields`: no phone number, token or signature."""
    _context.set({**_context.get(), **fields})


@contextmanager
def context(**fields: object) -> Iterator[None]:
    """Adds fields to the context of the code inside, such as one payment of the many that an invocation works on."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


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
