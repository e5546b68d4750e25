"""Speaks Engine.IO and Socket.IO without a client library, so that a test decides what is sent, read and left out."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sized
from typing import Any

import httpx
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from chalicelib.domain import contract
from local.embedded import LOOPBACK
from socket_gateway.asgi import Gateway
from tests.harness.gateway_stack import PATIENCE_SECONDS, Running, token_for, until

_PATH = "/socket.io/?EIO=4&transport="
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_NARROW_BYTES = 4096


def frame(opcode: int, payload: bytes = b"", *, is_final: bool = True) -> bytes:
    """Encodes a frame as a browser does."""
    return Frame(Opcode(opcode), payload, is_final).serialize(mask=True)


def track_packet(reference: str) -> str:
    """Encodes a message that tracks a payment and asks for an acknowledgement."""
    return "421" + json.dumps([contract.TRACK, {"reference": reference, "token": token_for(reference)}])


def versions(packets: list[str]) -> list[int]:
    """Lists the versions that messages of Engine.IO bring, one for each event."""
    return [json.loads(packet[2:])[1]["version"] for packet in packets if packet.startswith('42["payment-')]


class BareSocket:
    """Is a WebSocket: sends any bytes, and reads with the `websockets` package only when it is asked to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = Protocol(CLIENT, max_size=None)
        self._unread: list[Frame] = []

    async def handshake(self, sid: str | None, headers: Mapping[str, str], *, byte_by_byte: bool) -> str:
        """Sends a handshake and returns the status line of its answer."""
        session = f"&sid={sid}" if sid else ""
        lines = [f"GET {_PATH}websocket{session} HTTP/1.1", "Host: gateway", "Upgrade: websocket"]
        lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {_KEY}"]
        request = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()
        for piece in [request[at : at + 1] for at in range(len(request))] if byte_by_byte else [request]:
            self.send(piece)
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self._reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0]

    def send(self, *frames: bytes) -> None:
        """Sends these bytes as they are."""
        self._writer.write(b"".join(frames))

    def say(self, *texts: str) -> None:
        """Sends text messages, each in one frame."""
        self.send(*(frame(Opcode.TEXT, text.encode()) for text in texts))

    async def drain(self) -> None:
        """Waits until little of what was sent waits in this process. Raises OSError where the connection is lost."""
        await self._writer.drain()

    async def receive(self) -> Frame:
        """Returns the next frame. Raises EOFError where none follows."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._unread:
                data = await self._reader.read(65536)
                if not data:
                    raise EOFError
                self._protocol.receive_data(data)
                self._unread += [it for it in self._protocol.events_received() if isinstance(it, Frame)]
        return self._unread.pop(0)

    async def hear(self) -> str:
        """Returns the next text message. Raises AssertionError where another frame comes."""
        received = await self.receive()
        assert received.opcode == Opcode.TEXT
        return bytes(received.data).decode()

    async def hear_until(self, begun: str) -> list[str]:
        """Returns all text messages up to the first one that begins so."""
        heard = [await self.hear()]
        while not heard[-1].startswith(begun):
            heard.append(await self.hear())
        return heard

    async def close_code(self) -> int:
        """Reads to the end, and returns the code of the close frame; 0 where none came."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                await self.receive()
        return self._protocol.close_rcvd.code if self._protocol.close_rcvd else 0

    async def connect(self) -> str:
        """Connects a Socket.IO client, and returns the id of the Engine.IO session."""
        sid: str = json.loads((await self.hear())[1:])["sid"]
        self.say("40")
        await self.hear_until("42")
        return sid

    async def track(self, reference: str) -> Any:
        """Tracks a payment and returns the acknowledgement."""
        self.say(track_packet(reference))
        return json.loads((await self.hear_until("431"))[-1][3:])[0]

    def cut(self) -> None:
        """Ends the TCP connection without a word."""
        self._writer.transport.abort()


@contextlib.asynccontextmanager
async def bare_socket(
    gateway: Running,
    sid: str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    byte_by_byte: bool = False,
    is_narrow: bool = False,
    status: int = 101,
) -> AsyncIterator[BareSocket]:
    """Opens a WebSocket. `is_narrow`: the kernel takes little for it. `status`: what its handshake is answered."""
    plug = socket.socket()
    if is_narrow:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW_BYTES)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, (LOOPBACK, gateway.port))
    limit = _NARROW_BYTES if is_narrow else 65536  # of what the reader takes before anybody reads
    browser = BareSocket(*await asyncio.open_connection(sock=plug, limit=limit))
    try:
        line = await browser.handshake(sid, headers or {}, byte_by_byte=byte_by_byte)
        assert line.startswith(f"HTTP/1.1 {status} "), line
        yield browser
    finally:
        browser.cut()


class Poller:
    """Polls as Engine.IO's protocol has it, one request at a time."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def connect(self, headers: Mapping[str, str] | None = None) -> None:
        """Opens a session and connects a Socket.IO client."""
        handshake = await self._http.get(f"{_PATH}polling", headers=headers)
        self.sid: str = json.loads(handshake.text[1:])["sid"]
        self._url = f"{_PATH}polling&sid={self.sid}"
        await self.say("40")

    async def track(self, reference: str) -> list[str]:
        """Tracks a payment. Returns the packets up to the acknowledgement."""
        await self.say(track_packet(reference))
        packets = await self.poll()
        while not any(packet.startswith("431") for packet in packets):
            packets += await self.poll()
        return packets

    async def say(self, packet: str) -> None:
        (await self._http.post(self._url, content=packet)).raise_for_status()

    async def poll(self) -> list[str]:
        return (await self._http.get(self._url)).text.split("\x1e")


def remains(gateway: Gateway) -> dict[str, int]:
    """Counts what the gateway still holds of its browsers, wherever that is not nothing."""
    connections, admission, heartbeat = gateway.connections, gateway.admission, gateway.engine.heartbeat
    held: dict[str, Sized] = {
        "sessions": connections,
        "sessions of addresses": connections._per_address,
        "closing": connections._closing,
        "outputs": connections.outputs._waiting,
        "clients": gateway.sockets,
        "operators": gateway.operators,
        "operators of addresses": gateway.operators._per_address,
        "payments": gateway.tracked_payments,
        "TCP connections": admission,
        "connections of addresses": admission._per_address,
        "pings due": heartbeat._resting,
        "pings sent": heartbeat._asked,
        "work of later turns": gateway.engine.turns._waiting,
    }
    return {name: len(holder) for name, holder in held.items() if len(holder)}


async def nothing_remains(gateway: Gateway) -> None:
    """Waits until nothing is left of any browser."""
    try:
        await until(lambda: not remains(gateway))
    except AssertionError as error:
        raise AssertionError(f"left behind: {remains(gateway)}") from error
