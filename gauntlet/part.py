"""Runs one process of the system, which may be killed and started again."""

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from gauntlet import ROOT
from local.processes import die_with_parent, is_ready

READY_SECONDS = 60.0


class Part:
    """A process of the system, with a log that goes on when it is started again.

    `folder`: of the code that it runs. `away`: from when to when it was started again, by `time.time`.
    """

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], ready: str, log: Path) -> None:
        self.name = name
        self._command, self._environment, self._ready = command, environment, ready
        self._log: IO[bytes] = log.open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = ROOT
        self.away: list[tuple[float, float]] = []

    def start(self) -> None:
        """Starts the process, and returns at once."""
        self._process = subprocess.Popen(
            self._command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )

    def wait(self) -> None:
        """Waits until the process is ready. Raises RuntimeError where it ends or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        while not (self._ready and is_ready(self._ready)):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} has not become ready: {self._log.name}")
            if not self._ready:
                return
            time.sleep(0.02)

    def kill(self) -> None:
        """Ends the process as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    @property
    def pid(self) -> int:
        """Returns the id of the process. Raises RuntimeError where it has not been started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def restart(self, **changed: str) -> None:
        """Kills the process if it still runs, starts it again, and waits until it is ready.

        `changed`: variables of its environment that have another value from now on.
        """
        self._environment = {**self._environment, **changed}
        began = time.time()
        self.kill()
        self.start()
        self.wait()
        self.away.append((began, time.time()))

    def close(self) -> None:
        self.kill()
        self._log.close()
