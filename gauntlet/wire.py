"""Carries bytes between two processes, and lets a fault act before and after each exchange.

An exchange is a request and its answer. It begins with the first bytes that a client sends, and is over with the first
bytes that come back: every server here has done its work before it begins to answer. So nothing of a protocol has to be
understood, but for the name of the operation, which the first bytes of a request tell. What a server sends unasked, as
Redis does to a subscriber, is a push.
"""

import asyncio
import contextlib
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from local.embedded import LOOPBACK

Moment = Literal["before", "after"]
_TARGET = re.compile(rb"\r\nx-amz-target: *\w+\.(\w+)\r\n", re.IGNORECASE)
_REDIS_COMMAND = re.compile(rb"\*\d+\r\n\$\d+\r\n(\w+)\r\n")
_NAMES_OF_ONE = re.compile(r"/[0-9a-f-]{36}\b|/order-[\w.-]+")
"""Parts of a path that name one payment or one order."""
PUSH = "push"
_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """A moment of an exchange: `before` its request is carried, or `after` its answer has come and is not carried yet.

    `wire`: the name of the wire, such as `api-aws`. `operation`: such as `TransactWriteItems`, `EVALSHA`,
    `GET /api/transaction`. A push has only the moment before it is carried.
    """

    wire: str
    operation: str
    moment: Moment

    def __str__(self) -> str:
        return f"{self.moment} {self.wire} {self.operation}"


Fault = Callable[[Step, bytes], Awaitable[bytes]]
"""Acts at a step, with the bytes that are to be carried: the first ones of a request, an answer or a push.

Returns the bytes to carry in their place. Raises Cut or Answered.
"""


class Cut(Exception):
    """Resets the connections of an exchange: the client learns nothing."""


class Answered(Exception):
    """Gives the client an answer in the server's place, and ends its connection."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer)
        self.answer = answer


async def carry_on(_: Step, data: bytes) -> bytes:
    """Is the fault that does nothing."""
    return data


class Wires:
    """Runs the event loop of all wires on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def thread_id(self) -> int:
        """Returns the system's id of the loop's thread."""
        return self._thread.native_id or 0

    def wire(self, name: str, to_port: int) -> "Wire":
        """Opens a wire to a port of this machine."""
        wire = Wire(name, to_port)
        self.call(wire.open())
        return wire

    def call(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Runs a coroutine in the loop, and waits for it."""
        asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def begin(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Lets a coroutine run in the loop, and does not wait for it."""
        asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def close(self) -> None:
        self.call(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Wire:
    """Forwards a port of its own to another one on this machine. `fault` may be replaced at any time.

    `to_ports`: where there are several, each new connection goes to the next of them that accepts it.
    """

    def __init__(self, name: str, to_port: int) -> None:
        self.name = name
        self.port = 0
        self.fault: Fault = carry_on
        self.to_ports = [to_port]
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Accepts connections; after `cut` on the same port as before."""
        self._server = await asyncio.start_server(self._connected, LOOPBACK, self.port, limit=_CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Resets all connections and refuses new ones until `open`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            _reset(writer)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(asyncio.CancelledError):  # at the end of all wires; asyncio would print it
            await self._relay(reader, writer)
        self._writers.discard(writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await self._server_of_turn()
        if server is None:
            _reset(writer)
            return
        try:
            await _Connection(self, reader, writer, *server).run()
        finally:
            for each in (writer, server[1]):
                each.close()

    async def _server_of_turn(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connects to the next server that accepts; None where there is none."""
        self._turn += 1
        at = self._turn % len(self.to_ports)
        for port in [*self.to_ports[at:], *self.to_ports[:at]]:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(LOOPBACK, port)
        return None


class _Connection:
    def __init__(
        self,
        wire: Wire,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        self._wire = wire
        self._client, self._to_client = client, to_client
        self._server, self._to_server = server, to_server
        self._operation: str | None = None
        """Of the exchange that is open."""

    async def run(self) -> None:
        directions = [asyncio.create_task(self._requests()), asyncio.create_task(self._answers())]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            for ended in await asyncio.gather(*directions, return_exceptions=True):
                if isinstance(ended, Cut):
                    _reset(self._to_client)
                    _reset(self._to_server)
                elif isinstance(ended, Answered):
                    self._to_client.write(ended.answer)

    async def _requests(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._client.read(_CHUNK):
                if self._operation is None:
                    self._operation = operation_of(data)
                    data = await self._act("before", data)
                self._to_server.write(data)
                await self._to_server.drain()

    async def _answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._server.read(_CHUNK):
                moment: Moment = "before" if self._operation is None else "after"
                self._operation = self._operation or PUSH
                data = await self._act(moment, data)
                self._operation = None
                self._to_client.write(data)
                await self._to_client.drain()

    async def _act(self, moment: Moment, data: bytes) -> bytes:
        return await self._wire.fault(Step(self._wire.name, str(self._operation), moment), data)


def operation_of(request: bytes) -> str:
    """Names the operation of a request by its first bytes."""
    if command := _REDIS_COMMAND.match(request):
        return command[1].decode().upper()
    if target := _TARGET.search(request):
        return target[1].decode()
    method, _, rest = request.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    return f"{method} {_NAMES_OF_ONE.sub('', rest.partition(' ')[0].partition('?')[0]).rstrip('/')}"


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        if connected := writer.get_extra_info("socket"):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
