"""Runs the gateway as several worker processes on one port: starts them, restarts one that has ended, and stops them.

Each worker has a listening socket of its own on the port (SO_REUSEPORT), and the kernel spreads new connections evenly
over them. The supervisor keeps these sockets open, so that connections wait while their worker is restarted.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.runtime import log
from socket_gateway.moving import Mailboxes

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
_RESTART_SECONDS = 1.0
_BEAT_SECONDS = 1.0
_START_CHECK_SECONDS = 0.02
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Worker:
    """Holds what a worker process inherits from the supervisor.

    `lifeline` carries its beats to the supervisor, and is at its end once the supervisor has ended.
    """

    number: int
    listener: socket.socket
    lifeline: socket.socket
    mailboxes: Mailboxes

    async def report(self, is_alive: Callable[[], bool], leave: Callable[[], None]) -> None:
        """Tells the supervisor that this process is alive, until cancelled. `leave` is called if the supervisor ends.

        The supervisor kills a worker that it has not heard for too long.
        """
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(self.lifeline)
            leave()

        self.lifeline.setblocking(False)
        loop.add_reader(self.lifeline, ended)
        while not is_alive():
            await asyncio.sleep(_START_CHECK_SECONDS)
        while True:
            if is_alive():
                with contextlib.suppress(OSError):  # the supervisor has ended, or has not read for a while
                    self.lifeline.send(b".")
            await asyncio.sleep(_BEAT_SECONDS)


@dataclass(slots=True)
class _Running:
    number: int
    lifeline: socket.socket
    missed_beats: int = 0


class Supervisor:
    """Starts and stops the workers. It has no event loop and no threads, so that it may fork at any time."""

    def __init__(self, host: str, port: int, count: int, hang_seconds: float) -> None:
        """Binds the port. Raises OSError where it cannot. A worker not heard for `hang_seconds` is killed."""
        self._most_missed_beats = int(hang_seconds / _BEAT_SECONDS)
        self._listeners = _listen(host, port, count)
        self._mailboxes = Mailboxes.create(count)
        self._running: dict[int, _Running] = {}
        """By process id."""
        self._starts_at = dict.fromkeys(range(count), 0.0)
        self._served: set[int] = set()
        self._leaving = False
        self._code = 0

    def run(self) -> Worker:
        """Returns in each worker process. In the supervisor's own it raises SystemExit when all workers have ended.

        The exit code is 0 after a drain, 1 where a worker could not be started.
        """
        gc.freeze()  # a worker's collections leave what is imported alone, so that its memory stays shared
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # a worker unblocks them when it can handle them
        while self._running or self._starts_at:
            worker = self._start_due()
            if worker is not None:
                return worker
            self._wait()
            self._reap()
        raise SystemExit(self._code)

    def _start_due(self) -> Worker | None:
        now = time.monotonic()
        for number in [number for number, at in self._starts_at.items() if at <= now]:
            del self._starts_at[number]
            worker = self._fork(number)
            if worker is not None:
                return worker
        return None

    def _fork(self, number: int) -> Worker | None:
        """Starts a worker. Returns in both processes: the Worker in its own, None in the supervisor's."""
        own, lifeline = socket.socketpair()
        process_id = os.fork()
        if process_id:
            lifeline.close()
            own.setblocking(False)
            self._running[process_id] = _Running(number, own)
            return None
        os.setpgrp()  # a terminal's Ctrl-C reaches the supervisor alone, which passes it on
        own.close()
        for sibling in self._running.values():
            sibling.lifeline.close()
        self._close_sockets(but=number)
        return Worker(number, self._listeners[number], lifeline, self._mailboxes)

    def _wait(self) -> None:
        """Waits for a signal, for as long as two beats are apart."""
        received = signal.sigtimedwait(_SIGNALS, _BEAT_SECONDS)
        if received is None:
            self._check_beats()
        elif received.si_signo != signal.SIGCHLD:
            self._signalled(received.si_signo)

    def _check_beats(self) -> None:
        for process_id, worker in self._running.items():
            self._hear(worker)
            if worker.missed_beats == self._most_missed_beats:
                log.warning("gateway-process-hangs", process=worker.number)
                os.kill(process_id, signal.SIGKILL)

    def _hear(self, worker: _Running) -> None:
        """Reads a worker's beats. The missed ones are counted: while this process is stopped too, none are missed."""
        worker.missed_beats += 1
        with contextlib.suppress(BlockingIOError):
            if worker.lifeline.recv(4096):
                worker.missed_beats = 0
                self._served.add(worker.number)

    def _reap(self) -> None:
        while self._running:
            process_id, status = os.waitpid(-1, os.WNOHANG)
            if not process_id:
                return
            worker = self._running.pop(process_id, None)  # as process 1 it reaps orphans too
            if worker is not None:
                self._hear(worker)
                worker.lifeline.close()
                self._ended(worker.number, os.waitstatus_to_exitcode(status))

    def _ended(self, number: int, code: int) -> None:
        if self._leaving:
            self._code = max(self._code, code if code >= 0 else 128 - code)
        elif number in self._served:
            log.alarm("gateway-process-ended", process=number, code=code)
            self._starts_at[number] = time.monotonic() + _RESTART_SECONDS
        else:
            log.alarm("gateway-not-started", reason=f"process {number} ended with {code} before it served")
            self._code = 1
            self._leave(signal.SIGTERM)

    def _signalled(self, number: int) -> None:
        """Drains all workers. The second signal kills them at once."""
        if not self._leaving:
            self._leave(number)
            return
        self._kill(signal.SIGKILL)
        raise SystemExit(128 + number)

    def _leave(self, number: int) -> None:
        self._leaving = True
        self._starts_at.clear()
        self._close_sockets()  # or connections would go on to wait for a worker that has ended
        self._kill(number)

    def _kill(self, number: int) -> None:
        for process_id in self._running:
            os.kill(process_id, number)

    def _close_sockets(self, but: int | None = None) -> None:
        """Closes the sockets on which connections come in, but those of one worker."""
        for ends in (self._listeners, self._mailboxes.receiving):
            for number, end in enumerate(ends):
                if number != but:
                    end.close()


def _listen(host: str, port: int, count: int) -> list[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family):
        pass  # without SO_REUSEPORT it is refused where another program listens with it
    return [socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=True) for _ in range(count)]
