"""Runs an unpacked function zip under AWS Lambda's own runtime client, and serves the runtime API to it.

The function's process has only what Lambda provides: the zip, boto3 and the client on its path, no site packages, no
HOME, and a task root that even root cannot write to.
"""

import contextlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Mapping
from functools import cache, partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, Self

from infra.package import ROOT, RUNTIME, runtime_python
from local.embedded import LOOPBACK, LoopbackServer

INIT_SECONDS = 10
"""Lambda's limit of a function's initialisation, in seconds."""
_API = "/2018-06-01/runtime"
_WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


class FunctionFailed(Exception):
    """Raised with the error type and message that the runtime client reported."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        self.error_type, self.message = str(report["errorType"]), str(report["errorMessage"])
        super().__init__(f"{self.error_type}: {self.message}")


class LambdaFunction:
    """One instance of a function, which handles one event at a time. `environment`: the function's variables."""

    def __init__(self, task_root: Path, handler: str, environment: Mapping[str, str]) -> None:
        self._task_root = task_root
        self._handler = handler
        self._environment = environment
        self._events: queue.Queue[bytes | None] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        self._one_at_a_time = threading.Lock()
        self.lines: list[str] = []
        self.init_seconds = 0.0

    def invoke(self, event: object, seconds: float = 29) -> Any:
        """Invokes the function and returns its result. Raises FunctionFailed."""
        with self._one_at_a_time:
            self._events.put(json.dumps(event).encode())
            return self._answer(seconds)

    def log(self) -> str:
        return "\n".join(self.lines)

    def __enter__(self) -> Self:
        """Starts the function, and returns when it is initialised. Raises FunctionFailed where it does not start."""
        self._server = LoopbackServer(partial(_RuntimeApi, self))
        self._server.start()
        privileges = _WITHOUT_PRIVILEGES if os.geteuid() == 0 else ()
        began = time.monotonic()
        self._process = subprocess.Popen(
            [*privileges, runtime_python(), "-S", "-m", "awslambdaric", self._handler],
            cwd=self._task_root,
            env=self._whole_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._answer(INIT_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        self.init_seconds = time.monotonic() - began
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(5)
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._events.put(None)
        self._server.close()

    def next_event(self) -> bytes | None:
        """Waits for the next event; returns None when the function is being stopped."""
        if not self.init_seconds:
            self._answers.put(None)
        return self._events.get()

    def answered(self, answer: Any) -> None:
        """Takes the result of the current event, or its failure."""
        self._answers.put(answer)

    def _answer(self, seconds: float) -> Any:
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no answer within {seconds} s:\n{self.log()}") from None
        if isinstance(answer, FunctionFailed):
            raise answer
        return answer

    def _whole_environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": f"{self._task_root}:{brought_by_lambda()}",
            "LAMBDA_TASK_ROOT": str(self._task_root),
            "AWS_LAMBDA_RUNTIME_API": f"{LOOPBACK}:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": f"payments-{self._handler.replace('.', '-')}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "_HANDLER": self._handler,
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "local",  # without keys boto3 spends seconds looking for an EC2 role
            "AWS_SECRET_ACCESS_KEY": "local",
            **self._environment,
        }

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip())


class _RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, function: LambdaFunction, *connection: Any) -> None:
        self._function = function
        super().__init__(*connection)

    def do_GET(self) -> None:
        event = self._function.next_event()
        if event is None:
            self.close_connection = True
            return
        invocation = {
            "Lambda-Runtime-Aws-Request-Id": str(time.monotonic_ns()),
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 29) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:payments",
        }
        self._reply(200, event, invocation)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._reply(202, b"{}", {})
        self._function.answered(FunctionFailed(body) if self.path.endswith("/error") else body)

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        assert self.path.startswith(_API), self.path
        self.send_response_only(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Logs nothing, so that the output has the function's log alone."""


@cache
def brought_by_lambda() -> Path:
    """Returns the folder with boto3 and the runtime client, installed once for each pair of versions."""
    interpreter = runtime_python()
    client, boto3 = _pinned("awslambdaric", "infra/requirements.txt"), _pinned("boto3", "constraints.txt")
    folder = ROOT / ".pytest_cache" / "-".join(["lambda", RUNTIME, client, boto3]).replace("==", "-")
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        unfinished = Path(mkdtemp(dir=folder.parent))
        wanted = ["--target", str(unfinished), "-c", str(ROOT / "constraints.txt"), client, boto3]
        pip = [sys.executable, "-m", "pip", "--python", interpreter, "install", "-qq", "--no-warn-script-location"]
        subprocess.run([*pip, "--disable-pip-version-check", *wanted], check=True)
        with contextlib.suppress(OSError):  # another process has installed it meanwhile
            unfinished.replace(folder)
    return folder


def _pinned(package: str, file: str) -> str:
    found = re.search(rf"^{package}==\S+", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{file} does not pin {package}"
    return found.group()


def unpack(package: Path, folder: Path, *, bytecode: bool = True) -> Path:
    """Unpacks a zip into a read-only folder, as /var/task is."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if bytecode or not name.endswith(".pyc")])
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def init_milliseconds(package: Path, rounds: int = 5) -> dict[str, float]:
    """Measures the time from the process's start to its first request for an event; the fastest of `rounds`."""
    key = "-key-that-is-long-enough-for-production"
    purposes = ("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY", "MERCHANT_API_KEY", "OPERATOR_API_KEY")
    environment = {
        **{name: f"{name.lower()}{key}" for name in (*purposes, "CAMPAY_WEBHOOK_KEY", "CAMPAY_PERMANENT_ACCESS_TOKEN")},
        **dict.fromkeys(
            ("REDIS_HOST", "PAYMENTS_TABLE", "EVENT_BUS", "CHECKS_QUEUE_URL", "DELIVERIES_QUEUE_URL", "SHOP_QUEUE_URL"),
            "nowhere.invalid",
        ),
        **dict.fromkeys(("CAMPAY_API_URL", "FRONTEND_URL"), "https://nowhere.invalid"),
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    took: dict[str, list[float]] = {"with bytecode": [], "without": []}
    with TemporaryDirectory() as scratch:
        roots = {name: unpack(package, Path(scratch, name), bytecode=name == "with bytecode") for name in took}
        for _ in range(rounds):
            for name, root in roots.items():
                with LambdaFunction(root, "app.app", environment) as function:
                    took[name].append(function.init_seconds * 1000)
    return {name: min(each) for name, each in took.items()}
