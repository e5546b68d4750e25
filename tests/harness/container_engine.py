"""Builds and runs the gateway's image with Debian's tools, without a daemon or an image registry.

The base image is built here from Debian and its Python; a deployment takes `python:3.13-slim`.
"""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from uuid import uuid4

from local.embedded import LOOPBACK, free_port
from local.processes import is_ready
from tests import ROOT
from tests.harness.stack import wait_until

TOOLS = ("buildah", "podman", "runc", "mmdebstrap", "haproxy")
"""Names of Debian packages, and of the commands in them."""
BASE = "localhost/braidster-base:trixie"
IMAGE = "localhost/braidster-gateway:test"
_BUILD = ("buildah", "bud", "--isolation", "chroot", "--pull-never", "--network", "host", "--format", "docker")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt", "no-new-privileges")
_LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
_RUN = ("--runtime", "runc", "run", "--no-healthcheck", "--network", "host", *_LIMITS)
"""Options without a health check: engines run it by systemd, which may be absent, so that tests run it themselves."""


def require_tools(*names: str) -> None:
    """Installs missing tools where it has the right to; otherwise fails with one line that names them."""
    wanted = names or TOOLS
    if _missing(wanted) and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update"], ["install", "-y", "--no-install-recommends", *_missing(wanted)]):
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", "-qq", *command], env=quiet, check=False, capture_output=True)  # noqa: S607 - Debian's own
    if missing := _missing(wanted):
        raise AssertionError(f"the container is built and run with: sudo apt-get install {' '.join(missing)}")


def tool(name: str) -> str | None:
    """Returns a tool's path. haproxy is in a folder that is not on every PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")


def build_image() -> None:
    """Builds the image, and its base where an earlier run has left none."""
    if subprocess.run([str(tool("podman")), "image", "exists", BASE], check=False).returncode:
        _build_base()
    trust = ["--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"] if Path(_CERTIFICATES).exists() else []
    arguments = ["--layers", *trust, "--build-arg", f"BASE_IMAGE={BASE}", "-t", IMAGE]
    run(*_BUILD, *arguments, "-f", str(ROOT / "socket_gateway" / "Dockerfile"), str(ROOT))


def _build_base() -> None:
    with TemporaryDirectory() as scratch:
        packages = "--include=python3,python3-pip,ca-certificates"
        run("mmdebstrap", "--quiet", "--variant=essential", packages, "trixie", f"{scratch}/base.tar")
        dockerfile = Path(scratch, "Dockerfile")
        dockerfile.write_text("FROM scratch\nADD base.tar /\nRUN ln -s python3 /usr/bin/python\n", encoding="utf-8")
        run(*_BUILD, "-t", BASE, "-f", str(dockerfile), scratch)


def _missing(names: Iterable[str]) -> list[str]:
    return [name for name in names if tool(name) is None]


def run(*command: str) -> str:
    """Runs a command and returns its standard output. A failure has the command's output."""
    done = subprocess.run([str(tool(command[0])), *command[1:]], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command[:2])} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def inspect(image: str) -> dict[str, Any]:
    (described,) = json.loads(run("podman", "image", "inspect", image))
    found: dict[str, Any] = described
    return found


def run_once(*command: str) -> "subprocess.CompletedProcess[str]":
    """Runs a container of the image without settings, with the image's command or another."""
    name = _new_name()
    arguments = [str(tool("podman")), *_RUN, "--name", name, *_HARDENED, IMAGE, *command]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    _remove(name)
    return done


def _new_name() -> str:
    return f"gateway-{uuid4().hex[:8]}"


def _remove(name: str) -> None:
    """Removes a container. With `--rm`, podman may remove it before it has read the exit code."""
    subprocess.run([str(tool("podman")), "rm", "-f", "-t", "0", name], check=False, capture_output=True)


class GatewayContainer:
    """A gateway container, hardened as in the stack, on a port of this machine."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.name = _new_name()
        self._environment = {**environment, "PORT": str(self.port), "GATEWAY_HOST": LOOPBACK}

    def __enter__(self) -> Self:
        """Starts the container, and returns when it is ready."""
        given = [f"--env={name}={value}" for name, value in self._environment.items()]
        command = [str(tool("podman")), *_RUN, "--name", self.name, *_HARDENED, *given, IMAGE]
        self._process = subprocess.Popen(command)
        try:
            wait_until(lambda: is_ready(f"{self.url}/readyz"), "the container is ready", 30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self.name)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)

    def execute(self, *command: str) -> tuple[int, str]:
        """Runs a command inside; returns its exit code and output."""
        inside = [str(tool("podman")), "--runtime", "runc", "exec", self.name, *command]
        done = subprocess.run(inside, check=False, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def terminate(self) -> None:
        """Sends SIGTERM to the first process, as an orchestrator does."""
        run("podman", "kill", "--signal", "TERM", self.name)

    def wait_for_end(self, seconds: float) -> int:
        return self._process.wait(seconds)
