"""Measures for how long a gateway's event loop does nothing else: it asks for its health all the time.

It is a process of its own, which nothing delays but the machine: `python -m gauntlet.gateway.loop_probe PORT:PID ...`
asks until its input ends, and prints the longest answer in seconds. The time in which the gateway or the probe waited
for a core is no block of the loop, and is left out: Linux counts it in `schedstat`.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from types import TracebackType
from typing import Self

from gauntlet.gateway.core_waits import seconds_waited
from local.embedded import LOOPBACK

_EVERY_SECONDS = 0.02
_SECONDS = 10.0


class LoopProbe:
    """Runs a probe of the gateways at these ports, each with its process's id. `longest`: in seconds, at the end."""

    def __init__(self, gateways: Mapping[int, int]) -> None:
        self.longest = 0.0
        self._arguments = [f"{port}:{pid}" for port, pid in gateways.items()]

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "gauntlet.gateway.loop_probe", *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.longest = float(self._process.communicate(timeout=_SECONDS)[0])


class _Asking(Thread):
    """Asks one gateway. A question that gets no answer is not measured."""

    def __init__(self, port: int, pid: int, over: Event) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        self._connection = HTTPConnection(LOOPBACK, port, timeout=_SECONDS)
        self._threads = (str(pid), "thread-self")
        self._over = over

    def run(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            with suppress(HTTPException, OSError):
                waited, began = sum(seconds_waited(self._threads)), time.perf_counter()
                self._connection.request("GET", "/healthz")
                self._connection.getresponse().read()
                seconds = time.perf_counter() - began
                self.longest = max(self.longest, seconds - (sum(seconds_waited(self._threads)) - waited))


def main() -> None:
    over = Event()
    gateways = [each.split(":") for each in sys.argv[1:]]
    asking = [_Asking(int(port), int(pid), over) for port, pid in gateways]
    for each in asking:
        each.start()
    sys.stdin.read()
    over.set()
    for each in asking:
        each.join()
    print(max(each.longest for each in asking))


if __name__ == "__main__":
    main()
