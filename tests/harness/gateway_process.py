"""Runs the gateway as a process of its own, as the container runs it."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, Self

import httpx

from local.embedded import LOOPBACK, Valkey, free_port
from tests import ROOT
from tests.harness.gateway_stack import KEY, ORIGIN, driver


def environment(valkey: Valkey, port: int, **extra: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "APP_ENV": "development",
        "REDIS_HOST": LOOPBACK,
        "REDIS_PORT": str(valkey.port),
        "TRACKING_TOKEN_KEY": KEY,
        "API_URL": "http://127.0.0.1:9",
        "FRONTEND_URL": ORIGIN,
        "PORT": str(port),
        "GATEWAY_DRIVER": driver(),
        **extra,
    }


@contextlib.contextmanager
def started(variables: dict[str, str], open_files: int = 1024) -> Iterator[subprocess.Popen[str]]:
    """Runs the gateway as a process of its own, and kills it afterwards."""
    command = ["sh", "-c", f'ulimit -n {open_files} && exec "$0" -m socket_gateway.asgi', sys.executable]
    with subprocess.Popen(
        command, env=variables, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Waits for the end of a process; returns its exit code and all that it printed."""
    output, _ = await asyncio.to_thread(process.communicate, timeout=10)
    return process.returncode, output


async def ready(port: int, process: subprocess.Popen[str]) -> None:
    async with httpx.AsyncClient() as http:
        for _ in range(400):
            try:
                if (await http.get(f"http://{LOOPBACK}:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                assert process.poll() is None, process.communicate()
            await asyncio.sleep(0.025)
    raise AssertionError("not ready")


class GatewayProcess:
    """Runs a gateway, always on the same port, so that it can be stopped and started again."""

    def __init__(self, valkey: Valkey, **extra: str) -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._environment = environment(valkey, self.port, **extra)
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 __aexit__ closes it

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end(signal.SIGKILL)
        self._log.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(self) -> None:
        """Starts the gateway, and returns when it is ready."""
        command = [sys.executable, "-m", "socket_gateway.asgi"]
        self._process = subprocess.Popen(
            command, env=self._environment, cwd=ROOT, text=True, stdout=self._log, stderr=self._log
        )
        await ready(self.port, self._process)

    async def end(self, number: signal.Signals) -> None:
        """Sends a signal, and waits until the gateway has ended."""
        self._process.send_signal(number)
        await asyncio.to_thread(self._process.wait)

    def troubles(self) -> list[str]:
        """Lists what the log says beyond the usual."""
        self._log.seek(0)
        return [line for line in self._log.read().splitlines() if _level(line) != "INFO"]


def _level(line: str) -> Any:
    try:
        return json.loads(line)["level"]
    except ValueError:  # a traceback
        return None
