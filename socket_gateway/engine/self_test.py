"""Connects to the gateway once before it serves anybody: does the engine work with what is installed?

It stands on classes of uvicorn whose versions are pinned, but somebody may install others.
"""

import asyncio
import socket
from collections.abc import Callable

from socket_gateway.frames import CLOSE, TEXT, masked_frame

_SECONDS = 5.0
_REQUEST = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2VsZi10ZXN0LTAxMjM0NQ==\r\n\r\n"
)
_NAMESPACE = b"/self-test,"
"""A namespace that there is not, so that no client connects, and nothing is logged or counted."""
_ANSWERS = (b"HTTP/1.1 101 ", b"\r\n\r\n\x81", b'0{"sid":', b"44" + _NAMESPACE + b'{"message":"Invalid namespace"}')
"""What must come, in this order, among other bytes."""


async def fault_of(make_protocol: Callable[[], asyncio.Protocol], seconds: float = _SECONDS) -> str | None:
    """Opens a session and lets it answer one packet. Returns None where all is well, else what went wrong.

    `make_protocol` makes what serves a connection that the gateway has accepted. `seconds`: for the whole test.
    """
    here, there = socket.socketpair()
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().connect_accepted_socket(make_protocol, here)
            return await _talk(there)
    except (OSError, TimeoutError, asyncio.LimitOverrunError) as error:
        return f"no answer: {type(error).__name__}"


async def _talk(connection: socket.socket) -> str | None:
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        writer.write(_REQUEST)
        received = await reader.readuntil(b"}")
        writer.write(masked_frame(TEXT, b"40" + _NAMESPACE) + masked_frame(CLOSE, b""))
        received += await reader.read()
    except asyncio.IncompleteReadError as error:
        received = error.partial
    finally:
        writer.close()
    position = 0
    for answer in _ANSWERS:
        position = received.find(answer, position)
        if position < 0:
            return f"{answer!r} did not come"
    return None
