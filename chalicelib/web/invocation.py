"""Reads what a middleware is given: a route's request, or the event of a function without a route."""

from itertools import count
from typing import Any

from chalice.app import Request

LAST_WORK_MS = 3_000
"""Time of a Lambda that is kept for the ledger, the live store and the reply."""
_invocations = count()


def answer_by(invocation: Any, now: int) -> int:
    """Returns when a Lambda must have its answers from outside, so that it can still record them and reply."""
    return now + int(_lambda_context(invocation).get_remaining_time_in_millis()) - LAST_WORK_MS


def log_fields(invocation: Any, handler: str) -> dict[str, object]:
    """Returns what every line of an invocation says: Lambda's id of it, and its route or function.

    Lines of a process's first invocation, which has waited for the start, have `cold_start` too. `handler`: the
    function's name, "" where only Lambda's context has one.
    """
    fields: dict[str, object] = {"request_id": _lambda_context(invocation).aws_request_id}
    if isinstance(invocation, Request):
        fields["route"] = f"{invocation.method} {invocation.path}"  # the route's own, with `{reference}`
    else:
        fields["function"] = handler or _lambda_context(invocation).function_name
    return fields if next(_invocations) else fields | {"cold_start": True}


def _lambda_context(invocation: Any) -> Any:
    return invocation.lambda_context if isinstance(invocation, Request) else invocation.context
