"""Starts, watches and stops child processes together, and prints their logs, each line with the child's name."""

import contextlib
import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO
from urllib.parse import urlsplit

LAST_LINES = 15
_PR_SET_PDEATHSIG = 1
_COLOURS = (36, 33, 35, 32, 34, 31)


class ChildFailed(Exception):
    """A child could not be started or has ended. `log` has the last lines of its log."""

    def __init__(self, line: str, log: Sequence[str] = ()) -> None:
        super().__init__(line)
        self.log = log


@dataclass(frozen=True, kw_only=True)
class Child:
    """Describes a child process.

    `ready` is an http URL that answers 200 once the child is ready, or tcp://host:port that accepts a connection then;
    without it the child is ready when it runs.
    The log of a `quiet` child is printed only if it fails.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: str = ""
    quiet: bool = False


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[str]
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    reader: threading.Thread | None = None

    def signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class Processes:
    """Runs children, each as the leader of its own process group.

    So a Ctrl-C reaches a child only through `stop`, and what a child starts ends with it. On Linux a child is killed if
    this process is. `grace_seconds` is the time between SIGTERM and SIGKILL. `log`: gets each line of a child too,
    after the child's name, whether or not it is printed.
    """

    def __init__(self, out: TextIO, stopping: threading.Event, grace_seconds: float = 2.0) -> None:
        self._out = out
        self.log: TextIO | None = None
        self.stopping = stopping
        self._grace_seconds = grace_seconds
        self._running: list[_Running] = []
        self._lock = threading.Lock()
        self._silent = False

    def start(self, child: Child) -> None:
        """Starts a child. Raises ChildFailed where its command cannot be run."""
        try:
            process = subprocess.Popen(  # noqa: S603 - the commands are the runner's own
                child.command,
                env=child.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            raise ChildFailed(f"{child.name} cannot be started: {error.strerror}") from error
        running = _Running(child, process)
        running.reader = threading.Thread(target=self._read, args=(running, len(self._running)), daemon=True)
        self._running.append(running)
        running.reader.start()

    def wait_until_ready(self, children: Iterable[Child], seconds: float) -> None:
        """Waits until all children are ready, or until stopping. Raises ChildFailed."""
        deadline = time.monotonic() + seconds
        for child in children:
            while child.ready and not self.stopping.is_set() and not is_ready(child.ready):
                self._check_all()
                if time.monotonic() > deadline:
                    raise self._failure(child.name, f"{child.name} was not ready after {seconds:.0f} s ({child.ready})")
                self.stopping.wait(0.03)
        self._check_all()

    def watch(self) -> None:
        """Waits until stopping is set; later log lines are not printed. Raises ChildFailed if a child ends before."""
        while not self.stopping.wait(0.1):
            self._check_all()
        self._silent = True

    def stop(self) -> None:
        """Ends all children and what they have started, without printing their last log lines."""
        self._silent = True
        for running in self._running:
            running.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + self._grace_seconds
        for running in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(max(0.0, deadline - time.monotonic()))
        for running in self._running:
            if running.process.poll() is None:
                self.say(f"{running.child.name} did not stop within {self._grace_seconds} s and is killed")
            running.signal_group(signal.SIGKILL)
            running.process.wait()
            self._finish_reading(running)
        self._running.clear()

    def _check_all(self) -> None:
        for running in self._running:
            code = running.process.poll()
            if code is not None and not self.stopping.is_set():
                ending = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
                raise self._failure(running.child.name, f"{running.child.name} ended with {ending}")

    def _failure(self, name: str, line: str) -> ChildFailed:
        """Returns the failure of a child, and stops printing logs, so that the reason stands last on the screen."""
        self._silent = True
        running = next(running for running in self._running if running.child.name == name)
        if running.process.poll() is not None and running.reader:
            running.reader.join(timeout=3)  # a grandchild may keep the pipe open
        return ChildFailed(line, list(running.log))

    def _read(self, running: _Running, index: int) -> None:
        prefix = f"{running.child.name:<9} |"
        if self._out.isatty() and "NO_COLOR" not in os.environ:
            prefix = f"\x1b[{_COLOURS[index % len(_COLOURS)]}m{prefix}\x1b[0m"
        for line in running.process.stdout or ():
            running.log.append(line.rstrip())
            with self._lock:
                if self.log is not None:
                    self.log.write(f"{running.child.name} {line.rstrip()}\n")
                if not self._silent and not running.child.quiet:
                    self._print(f"{prefix} {line.rstrip()}")

    def _finish_reading(self, running: _Running) -> None:
        if running.reader:
            running.reader.join(timeout=0.5)
        if running.process.stdout:
            running.process.stdout.close()

    def say(self, text: str) -> None:
        """Prints a text between the children's log lines."""
        with self._lock:
            self._print(text)

    def _print(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            print(text, file=self._out, flush=True)


def is_ready(url: str) -> bool:
    """Says whether an http URL answers 200, or tcp://host:port accepts a connection."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 0)
    try:
        if parts.scheme == "tcp":
            socket.create_connection(address, timeout=1).close()
            return True
        connection = http.client.HTTPConnection(*address, timeout=2)
        with contextlib.closing(connection):
            connection.request("GET", parts.path)
            return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def _death_signal_setter() -> Callable[[], None]:
    if sys.platform != "linux":
        return lambda: None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_to_die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before prctl was called
            os._exit(1)

    return ask_to_die_with_parent


die_with_parent = _death_signal_setter()
"""Lets a child be killed when the thread that started it ends, on Linux: a `preexec_fn` of subprocess.Popen."""
