"""Defines a TCP link whose open connections can go dead silently, as a phone's do when it changes its network."""

import contextlib
import socket
import threading
from typing import Self

from local.embedded import LOOPBACK


class WeakLink:
    """Forwards a port to another one on loopback. It uses threads, because a browser test has no event loop."""

    def __init__(self, to_port: int) -> None:
        self._to = (LOOPBACK, to_port)
        self._server = socket.create_server((LOOPBACK, 0))
        self.port: int = self._server.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._stranded: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._server, *tuple(self._open)):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def strand(self) -> None:
        """Makes the open connections go dead: they stay open and carry nothing. Later connections work."""
        self._stranded.update(tuple(self._open))

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._server.accept()
                threading.Thread(target=self._connect, args=(here,), daemon=True).start()

    def _connect(self, here: socket.socket) -> None:
        with here, contextlib.suppress(OSError), socket.create_connection(self._to) as there:
            self._open.update((here, there))
            back = threading.Thread(target=self._carry, args=(there, here), daemon=True)
            back.start()
            self._carry(here, there)
            back.join()
            self._open.difference_update((here, there))

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if source not in self._stranded:
                    target.sendall(data)
        if source not in self._stranded:
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)
