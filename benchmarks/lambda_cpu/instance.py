"""Runs in a process of its own as one instance of a function, and reports the processor time of its work.

`python -S -P instance.py app.app`, with the unpacked zip on the path. It writes lines of JSON: first the nanoseconds
that the handler's import took, then, for each line of events that it reads, what each event took and its reply.
"""

import importlib
import json
import os
import sys
import time
from typing import Any

import awslambdaric.bootstrap  # noqa: F401 - Lambda's runtime is loaded before a function's own initialisation begins


class Context:
    """Provides what the handlers ask of Lambda's context."""

    aws_request_id = "a-request"
    function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    invoked_function_arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{function_name}"
    memory_limit_in_mb = "512"

    def get_remaining_time_in_millis(self) -> int:
        return 28_000


def main(handler_name: str) -> None:
    results = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the function's log
    module, _, name = handler_name.rpartition(".")
    began = time.process_time_ns()
    handler = getattr(importlib.import_module(module), name)
    print(json.dumps(time.process_time_ns() - began), file=results, flush=True)
    for line in sys.stdin:
        print(json.dumps([timed(handler, event) for event in json.loads(line)]), file=results, flush=True)


def timed(handler: Any, event: object) -> tuple[int, Any]:
    began = time.process_time_ns()
    reply = handler(event, Context())
    return time.process_time_ns() - began, reply


main(sys.argv[1])
