"""Runs the gateway as a process of its own, as the container runs it."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx

from local.embedded import LOOPBACK, Valkey
from tests import ROOT
from tests.harness.gateway_stack import KEY, ORIGIN


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
