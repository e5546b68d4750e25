"""Moves a TCP connection to the worker process that has the session of its next request.

A session lives in one process. A request of it may come on a connection of another one: each connection of a load
balancer carries the requests of many browsers. The connection moves as a whole, by its file descriptor.
"""

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_DIGITS = 2
_SESSION = re.compile(rb"[?&]sid=([0-9a-f]{%d})" % _DIGITS)
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """Holds a Unix socket pair for each process. All ends outlive a process that is restarted, and so do messages."""

    receiving: Sequence[socket.socket]
    sending: Sequence[socket.socket]

    @classmethod
    def create(cls, count: int) -> "Mailboxes":
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
        for end in (end for pair in pairs for end in pair):
            end.setblocking(False)
        return cls(*zip(*pairs, strict=True))


class Moving:
    """Sends connections to other processes, and receives this one's."""

    def __init__(self, number: int, mailboxes: Mailboxes) -> None:
        self._number = number
        self.id_prefix = f"{number:0{_DIGITS}x}"
        """What the ids of this process's sessions begin with."""
        self._mailbox = mailboxes.receiving[number]
        self._sending = mailboxes.sending
        self._arriving: set[asyncio.Task[object]] = set()

    def try_move(self, transport: asyncio.Transport, begun: bytes) -> bool:
        """Moves a connection if its next request, of which it has read `begun`, is for another process's session.

        Returns whether this process is done with it: it has moved, or is closed once the answer before is sent. Where
        the other process takes nothing it stays: this process answers that the session is unknown, and the client
        begins a new one.
        """
        owner = self._owner(begun)
        if owner is None:
            return False
        if transport.get_write_buffer_size():  # sent before the answer to the one before: the client may repeat it
            transport.close()
            return True
        try:
            self._send(owner, transport.get_extra_info("socket").fileno(), begun)
        except OSError:
            return False
        transport.abort()  # closes this process's descriptor only
        return True

    @property
    def count(self) -> int:
        """Returns how many processes there are."""
        return len(self._sending)

    def connect(self, number: int, begun: bytes) -> socket.socket:
        """Connects to a process, and sends it `begun`. Raises OSError where it takes nothing."""
        own, other = socket.socketpair()
        with other:
            self._send(number, other.fileno(), begun)
        return own

    def receive(self, create: Callable[[bytes], asyncio.Protocol]) -> None:
        """Takes connections from now on. `create` gives the protocol of one, from what has been read of its request."""
        asyncio.get_running_loop().add_reader(self._mailbox, self._receive, create)

    def _owner(self, begun: bytes) -> int | None:
        """Returns the number of the other process that is asked for; None until the request line is whole."""
        line, newline, _ = begun.partition(b"\n")
        found = _SESSION.search(line) if newline else None
        owner = int(found[1], 16) if found else self._number
        return owner if owner != self._number and owner < len(self._sending) else None

    def _send(self, owner: int, connection: int, begun: bytes) -> None:
        """Sends a connection, and in a file in memory what has been read: a datagram may be too short for that."""
        file = os.memfd_create("request")
        try:
            os.write(file, begun)
            socket.send_fds(self._sending[owner], [b"."], [connection, file])
        finally:
            os.close(file)

    def _receive(self, create: Callable[[bytes], asyncio.Protocol]) -> None:
        for _ in range(_AT_ONCE):
            try:
                _, descriptors, _, _ = socket.recv_fds(self._mailbox, 1, 2)
            except BlockingIOError:
                return
            if len(descriptors) == 2:
                self._arrive(create, *descriptors)
            else:  # this process may open no more files
                for each in descriptors:
                    os.close(each)

    def _arrive(self, create: Callable[[bytes], asyncio.Protocol], connection: int, file: int) -> None:
        begun = os.pread(file, os.fstat(file).st_size, 0)
        os.close(file)
        task = asyncio.ensure_future(_accept(socket.socket(fileno=connection), lambda: create(begun)))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)


async def _accept(connection: socket.socket, create: Callable[[], asyncio.Protocol]) -> None:
    with contextlib.suppress(OSError):  # the client has left
        await asyncio.get_running_loop().connect_accepted_socket(create, connection)
