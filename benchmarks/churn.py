"""Defines browsers that come, behave well or badly, and go, again and again.

Each visit fails where the gateway does not do what it promises: answer, close in time, or refuse.
"""

import asyncio
import contextlib
import json
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from chalicelib.domain import contract
from chalicelib.domain.contract import PaymentEvent
from local.embedded import LOOPBACK
from tests.harness.gateway_stack import LiveStore, new_event, token_for

_POLLING = "/socket.io/?EIO=4&transport=polling"
_SOON, _DEADLINE, _PING_TIMEOUT = 15.0, 30.0, 75.0
"""Longest waits, in seconds, for what takes no time, 10 s and 45 s by the gateway's usual bounds."""
_GARBAGE: tuple[str | bytes, ...] = ("", "x", "9", "42{", "42[]", '42["connect"]', "42" + "[" * 4000, b"\xff", b"")


@dataclass(frozen=True)
class Place:
    """A gateway, and the Redis that it reads."""

    port: int
    store: LiveStore

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


Visit = Callable[[Place], Awaitable[None]]
"""Raises AssertionError, ValueError or an error of the connection where the gateway was wrong."""


async def read_all(place: Place) -> None:
    async with _browser(place) as browser:
        event = await _track(place, browser)
        for version in range(2, 6):
            place.store.publish(new_event(event["reference"], version))
        seen = [await _version(browser) for _ in range(8)]
        assert seen == [2, 2, 3, 3, 4, 4, 5, 5], seen


async def leave_without_a_word(place: Place) -> None:
    async with _browser(place) as browser:
        await _track(place, browser)
        browser.transport.abort()


async def poll_and_leave_without_a_word(place: Place) -> None:
    async with httpx.AsyncClient(base_url=place.url, timeout=_SOON) as http:
        url = await _poll_handshake(http)
        event = new_event()
        place.store.put(event)
        await http.post(url, content=_track_packet(event["reference"]))
        text = ""
        while not text.endswith("}]"):
            text = (await http.get(url)).text.split("\x1e")[-1]
        assert text.startswith('431[{"ok":true'), text


async def read_nothing(place: Place) -> None:
    """Has a narrow window. Closed once nothing moves for `output_stall_seconds`."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, (LOOPBACK, place.port))
    async with _browser(place, sock=narrow, max_queue=1) as browser:
        event = await _track(place, browser)
        for version in range(2, 402):
            place.store.publish(new_event(event["reference"], version))
            if version % 20 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(_DEADLINE)
        versions = [await _version(browser)]
        with contextlib.suppress(ConnectionClosed):
            while True:
                versions.append(await _version(browser))
        assert versions == sorted(versions)
        assert len(versions) < 400, "it was not closed"


async def answer_no_ping(place: Place) -> None:
    async with _browser(place) as browser:
        await _track(place, browser)
        received = await _until_closed(browser, _PING_TIMEOUT)
        assert received == ["2"], received


async def send_half_a_frame(place: Place) -> None:
    async with _browser(place) as browser:
        await _track(place, browser)
        browser.transport.write(b"\x81\xfe\x10\x00\x00\x00\x00\x00" + b"x" * 100)  # of 4,096 bytes
        await _until_closed(browser, _PING_TIMEOUT)


async def never_connect(place: Place) -> None:
    """Opens the WebSocket and never sends Socket.IO's CONNECT. Closed at the deadline for tracking."""
    async with connect(_websocket_url(place), compression=None, ping_interval=None) as browser:
        received = await _until_closed(browser, _DEADLINE)
        assert len(received) == 1, received


async def forge_a_token(place: Place) -> None:
    async with _browser(place) as browser:
        request = {"reference": new_event()["reference"], "token": "forged"}
        await browser.send("421" + json.dumps([contract.TRACK, request]))
        (ack,) = await _until_closed(browser, _DEADLINE)
        assert '"code":"invalid_token"' in ack, ack


async def send_garbage(place: Place) -> None:
    async with _browser(place) as browser:
        await _track(place, browser)
        for packet in random.choices(_GARBAGE, k=3):
            await browser.send(packet)
        await _until_closed(browser, _SOON)
        assert browser.close_code == 1000, browser.close_code


async def send_too_much(place: Place) -> None:
    async with _browser(place) as browser:
        await _track(place, browser)
        await browser.send("42" + json.dumps(["x", "a" * 9000]))
        await _until_closed(browser, _SOON)
        assert browser.close_code == 1009, browser.close_code


async def send_too_often(place: Place) -> None:
    async with _browser(place) as browser:
        event = new_event()
        place.store.put(event)
        for _ in range(40):
            await browser.send(_track_packet(event["reference"]))
        async with asyncio.timeout(_SOON):
            while "rate_limited" not in str(await browser.recv()):
                pass


async def send_half_a_request(place: Place) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, place.port)
    writer.write(f"POST {_POLLING} HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100\r\n\r\n42[".encode())
    try:
        async with asyncio.timeout(_DEADLINE):
            answer = await reader.read()
    finally:
        writer.transport.abort()
    assert answer.startswith(b"HTTP/1.1 408"), answer


async def upgrade_by_half(place: Place) -> None:
    async with httpx.AsyncClient(base_url=place.url, timeout=_SOON) as http:
        sid = (await _poll_handshake(http)).split("sid=")[1]
    async with connect(f"{_websocket_url(place)}&sid={sid}", compression=None, ping_interval=None) as browser:
        await browser.send("2probe")
        received = await _until_closed(browser, _DEADLINE)
        assert received == ["3probe"], received


VISITS: Mapping[Visit, int] = {
    read_all: 6,
    leave_without_a_word: 3,
    poll_and_leave_without_a_word: 3,
    read_nothing: 10,
    answer_no_ping: 15,
    send_half_a_frame: 10,
    never_connect: 10,
    forge_a_token: 5,
    send_garbage: 4,
    send_too_much: 2,
    send_too_often: 2,
    send_half_a_request: 10,
    upgrade_by_half: 5,
}
"""How many of each are there at a time."""


class Churn:
    """Keeps browsers of every kind coming and going."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.visits: Counter[str] = Counter()
        self.faults: list[str] = []

    async def run(self) -> None:
        """Runs until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for visit, at_once in VISITS.items():
                for _ in range(at_once):
                    tasks.create_task(self._repeat(visit, visit.__name__))

    async def _repeat(self, visit: Visit, name: str) -> None:
        while True:
            try:
                await visit(self._place)
            except (AssertionError, OSError, ValueError, WebSocketException, httpx.TransportError) as error:
                self.faults.append(f"{name}: {error!r}")
            self.visits[name] += 1
            await asyncio.sleep(random.uniform(0.2, 1))


@contextlib.asynccontextmanager
async def _browser(place: Place, **options: Any) -> AsyncIterator[ClientConnection]:
    """Opens a bare WebSocket that is connected to the namespace."""
    options = {"compression": None, "ping_interval": None, "close_timeout": 0.1, **options}
    async with connect(_websocket_url(place), **options) as browser:
        await browser.recv()
        await browser.send("40")
        assert str(await browser.recv()).startswith("40{")
        assert str(await browser.recv()).startswith('42["connected"')
        yield browser


async def _track(place: Place, browser: ClientConnection) -> PaymentEvent:
    """Tracks a new payment and reads until its ack."""
    event = new_event()
    place.store.put(event)
    await browser.send(_track_packet(event["reference"]))
    async with asyncio.timeout(_SOON):
        while not (text := str(await browser.recv())).startswith("431"):
            pass
    assert text.startswith('431[{"ok":true'), text
    return event


async def _version(browser: ClientConnection) -> int:
    async with asyncio.timeout(_SOON):
        while (text := str(await browser.recv())) == "2":
            pass
    return int(json.loads(text[2:])[1]["version"])


async def _until_closed(browser: ClientConnection, seconds: float) -> list[str]:
    """Returns what arrives until the gateway closes. Raises TimeoutError where it does not."""
    received = []
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionClosed):
            while True:
                received.append(str(await browser.recv()))
    return received


async def _poll_handshake(http: httpx.AsyncClient) -> str:
    """Opens a polling session that is connected to the namespace, and returns its URL."""
    url = f"{_POLLING}&sid={json.loads((await http.get(_POLLING)).text[1:])['sid']}"
    await http.post(url, content="40")
    assert (await http.get(url)).text.startswith("40{")
    return url


def _track_packet(reference: str) -> str:
    return "421" + json.dumps([contract.TRACK, {"reference": reference, "token": token_for(reference)}])


def _websocket_url(place: Place) -> str:
    return f"ws://{LOOPBACK}:{place.port}/socket.io/?EIO=4&transport=websocket"
