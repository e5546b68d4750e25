"""Starts the servers that are compared, each on a core of its own: the product and the usual alternatives."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.embedded import free_port
from tests.harness.stack import NODE

ROOT = Path(__file__).parent.parent.parent
PEERS = Path(__file__).parent / "peers"
BUN = PEERS / "node_modules" / ".bin" / "bun"
LOAD = Path(__file__).parent / "load" / "main.mjs"
KEY = "tracking-key-of-the-bench-0123456789"
SERVER_CORE, LOAD_CORE = 0, 1
_START_SECONDS = 20.0


@dataclass(frozen=True)
class Running:
    pid: int
    port: int


@contextlib.contextmanager
def running(name: str, redis_port: int) -> Iterator[Running]:
    """Runs a server until it answers `/healthz`, and ends it afterwards."""
    port = free_port()
    command, environment = COMMANDS[name](port, redis_port)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
    )
    try:
        _wait_until_healthy(port, process)
        yield Running(process.pid, port)
    finally:
        process.kill()
        process.wait()


def _gateway(port: int, redis_port: int) -> tuple[list[str], dict[str, str]]:
    """Returns the gateway's command and its production settings, without the limits of one address.

    Redis is given long to answer, so that a machine that is busy otherwise does not look like a lost Redis.
    """
    environment = {
        "PORT": str(port),
        "GATEWAY_HOST": "127.0.0.1",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_port),
        "TRACKING_TOKEN_KEY": KEY,
        "FRONTEND_URL": "https://shop.example",
        "API_URL": "http://127.0.0.1:9",
        "TRUSTED_PROXIES": "0",
        "REDIS_TIMEOUT_SECONDS": "30",
        "SOCKETS_PER_ADDRESS": "100000",
        "SOCKETS_PER_PAYMENT": "100000",
    }
    return [sys.executable, "-m", "socket_gateway.asgi"], environment


def _stock(port: int, redis_port: int) -> tuple[list[str], dict[str, str]]:
    """Returns the same gateway on python-socketio's own engine."""
    command, environment = _gateway(port, redis_port)
    return command, {**environment, "GATEWAY_DRIVER": "stock"}


def _two_processes(port: int, redis_port: int) -> tuple[list[str], dict[str, str]]:
    """Returns the gateway as two processes, which share the core that a single one has."""
    command, environment = _gateway(port, redis_port)
    drain = {"DRAIN_ACCEPT_SECONDS": "0", "DRAIN_CLOSE_SECONDS": "0"}  # they drain when their supervisor is killed
    return command, {**environment, "GATEWAY_PROCESSES": "2", **drain}


def _node(port: int, redis_port: int) -> tuple[list[str], dict[str, str]]:
    return [NODE, str(PEERS / "node.mjs"), str(port), str(redis_port), KEY], {"NODE_ENV": "production"}


def _bun(port: int, redis_port: int) -> tuple[list[str], dict[str, str]]:
    return [str(BUN), str(PEERS / "bun.mjs"), str(port), str(redis_port), KEY], {"NODE_ENV": "production"}


COMMANDS = {"gateway": _gateway, "node": _node, "bun": _bun, "stock": _stock, "two-processes": _two_processes}
USUAL = ("gateway", "node", "bun")
"""The servers that are compared where nothing else is said."""


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if process.poll() is not None or time.monotonic() > ends_at:
                raise
        time.sleep(0.05)
