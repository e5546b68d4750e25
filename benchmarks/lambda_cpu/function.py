"""Starts an instance of a function and hands events to it."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from infra.package import runtime_python
from tests.harness.lambda_runtime import brought_by_lambda

FUNCTIONS_CORE, SERVICES_CORE = 0, 1
_INSTANCE = Path(__file__).parent / "instance.py"


class Function:
    """An instance in a process of its own, which has what Lambda provides and nothing else.

    `init_ms`: processor time of its initialisation, in milliseconds.
    """

    def __init__(self, task_root: Path, handler: str, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [runtime_python(), "-S", "-P", str(_INSTANCE), handler],
            cwd=task_root,
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "LANG": "en_US.UTF-8",
                "PYTHONPATH": f"{task_root}:{brought_by_lambda()}",
                "LAMBDA_TASK_ROOT": str(task_root),
                "AWS_LAMBDA_FUNCTION_NAME": "payments",
                **environment,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {FUNCTIONS_CORE}),
        )
        self.init_ms = self._read() / 1e6

    def handle(self, events: Sequence[object]) -> list[tuple[float, Any]]:
        """Handles events one after the other. Returns the processor time of each in milliseconds, and its reply."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(events) + "\n")
        self._process.stdin.flush()
        return [(nanoseconds / 1e6, reply) for nanoseconds, reply in self._read()]

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the function has ended; its reason stands above")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
