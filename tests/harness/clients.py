"""Runs the official clients of Socket.IO, each on every transport, and checks what each of them was sent."""

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any, Self

import socketio
from socketio.exceptions import SocketIOError

from chalicelib.domain import contract
from chalicelib.domain.contract import EVENTS_OF_STATUS, PaymentEvent
from chalicelib.domain.payment import PaymentStatus
from tests import ROOT
from tests.harness.gateway_stack import LiveStore, new_event, next_version, token_for, until
from tests.harness.stack import NODE

JAVASCRIPT_VERSIONS = ("4.0", "4.5", "4.7", "4.8")
TRANSPORTS: Mapping[str, Sequence[str]] = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}
REPEAT_POLLS = frozenset({"python polling", "python upgrade"})
"""aiohttp repeats a poll whose connection was cut. What that was answered in the moment of the cut is lost."""
_FOLDER = ROOT / "tests" / "gateway" / "clients"
_LINE_BYTES = 1024 * 1024
LATEST_SECONDS = 50.0
"""Longest wait for the clients: a long poll whose connection was lost is noticed by the client after 45 s at worst."""


class Tracking:
    """Checks the events of one payment that one client is sent.

    Within a connection the versions rise by one, each with all its events in their order. A connection begins with a
    version that is at least as new as the newest before it.
    """

    def __init__(self, reference: str, *, may_skip: bool) -> None:
        """`may_skip`: others track the payment too; a snapshot that one of them reads brings all a newer version."""
        self.reference = reference
        self.newest = 0
        """The newest version of which all events have come."""
        self.faults: list[str] = []
        self._may_skip = may_skip
        self._begins = True
        self._version = 0
        self._awaited: list[str] = []
        """The events of this version that have not come yet."""

    def connected(self) -> None:
        self._begins = True

    def heard(self, name: str, payload: Mapping[str, Any]) -> None:
        version = int(payload["version"])
        if self._begins or version != self._version:
            self._next_version(version, payload["status"])
        if name not in self._awaited[:1]:
            self.faults.append(f"{name} of version {version}, where {self._awaited} were to come")
        self._awaited = self._awaited[1:]
        if not self._awaited:
            self.newest = version

    def _next_version(self, version: int, status: PaymentStatus) -> None:
        if self._begins:
            is_next = version >= self.newest
        else:
            is_whole = not self._awaited
            is_next = is_whole and (version == self._version + 1 or (self._may_skip and version > self._version))
        if not is_next:
            self.faults.append(f"version {version} after {self._version} without {self._awaited}")
        self._begins, self._version, self._awaited = False, version, list(EVENTS_OF_STATUS[status])


class Follower:
    """Keeps what happened to one client, which tracks several payments."""

    def __init__(self, name: str, own: str, shared: str) -> None:
        self.name = name
        self.trackings = {own: Tracking(own, may_skip=False), shared: Tracking(shared, may_skip=True)}
        self.transport = ""
        self.connects = 0
        self.disconnects: list[str] = []
        """The reasons that the client gave."""
        self._faults: list[str] = []

    def requests(self) -> list[dict[str, str]]:
        return [{"reference": reference, "token": token_for(reference, seconds=7200)} for reference in self.trackings]

    def happened(self, line: Mapping[str, Any]) -> None:
        """Takes a line of clients.mjs."""
        match line:
            case {"kind": "connect"}:
                self.connects += 1
                for tracking in self.trackings.values():
                    tracking.connected()
            case {"kind": "event", "name": name, "payload": payload, "transport": transport}:
                self.transport = transport
                self.trackings[payload["reference"]].heard(name, payload)
            case {"kind": "ack", "ack": ack} if not ack["ok"]:
                self._faults.append(f"refused: {ack['code']}")
            case {"kind": "disconnect", "reason": reason}:
                self.disconnects.append(reason)

    def faults(self) -> list[str]:
        found = [*self._faults, *(fault for each in self.trackings.values() for fault in each.faults)]
        return [f"{self.name}: {fault}" for fault in found]


class PythonClient:
    """Runs python-socketio's client, and reports as clients.mjs does."""

    def __init__(self, follower: Follower, transports: Sequence[str]) -> None:
        self._follower = follower
        self._transports = transports
        self._client = socketio.AsyncClient(reconnection_delay_max=1)
        self._client.on("connect", self._connected)
        self._client.on("*", self._received)

    async def start(self, url: str) -> None:
        await self._client.connect(url, transports=self._transports)

    async def stop(self) -> None:
        await self._client.shutdown()

    async def _connected(self) -> None:
        self._follower.happened({"kind": "connect"})
        with contextlib.suppress(SocketIOError):  # the connection may be lost at any moment
            for request in self._follower.requests():
                await self._client.emit(contract.TRACK, request, callback=self._answered)

    def _answered(self, ack: Mapping[str, Any]) -> None:
        self._follower.happened({"kind": "ack", "ack": ack})

    async def _received(self, name: str, payload: Any) -> None:
        if name != contract.CONNECTED:
            line = {"kind": "event", "name": name, "payload": payload, "transport": self._client.transport()}
            self._follower.happened(line)


class Fleet:
    """Runs every official client on every transport. Each tracks a payment of its own, and one that all track."""

    def __init__(self, store: LiveStore, without: Collection[str] = ()) -> None:
        """`without`: names of clients that do not take part."""
        self._store = store
        shared = new_event()
        self._javascript = _followers(JAVASCRIPT_VERSIONS, shared)
        self._python = _followers(["python"], shared)
        self._python = {key: each for key, each in self._python.items() if each.name not in without}
        self.followers = [*self._javascript.values(), *self._python.values()]
        references = {reference for each in self.followers for reference in each.trackings}
        self._payments = {reference: new_event(reference) for reference in references}
        store.publish_all(self._payments.values())

    @contextlib.asynccontextmanager
    async def connected_to(self, url: str) -> AsyncIterator[Self]:
        """Runs the clients, from when all of them have been sent the first version."""
        python = [PythonClient(each, TRANSPORTS[transport]) for (_, transport), each in self._python.items()]
        async with self._running_javascript(url):
            try:
                await asyncio.gather(*(client.start(url) for client in python))
                await self.up_to_date()
                yield self
            finally:
                await asyncio.gather(*(client.stop() for client in python))
                gc.collect()  # of python-socketio's, or its warning of an unclosed connection would end another test

    def publish(self, status: PaymentStatus = PaymentStatus.PENDING) -> None:
        """Publishes a new version of every payment."""
        self._payments = {reference: next_version(event, status) for reference, event in self._payments.items()}
        self._store.publish_all(self._payments.values())

    async def up_to_date(self) -> None:
        """Waits until every client has been sent the newest version of each of its payments."""
        with contextlib.suppress(AssertionError):
            await until(lambda: not self.late(), LATEST_SECONDS)
        assert not self.late(), self.late() + self.faults()

    @contextlib.asynccontextmanager
    async def reconnecting(self) -> AsyncIterator[None]:
        """Waits at its end until every client has connected once more than at its beginning."""
        before = {it.name: it.connects for it in self.followers}
        yield
        await until(lambda: all(it.connects > before[it.name] for it in self.followers), LATEST_SECONDS)

    def late(self) -> list[str]:
        """Lists the clients that lack the newest version of a payment, with the version that they have."""
        return [
            f"{follower.name}: has version {tracking.newest} of {self._payments[reference]['version']}"
            for follower in self.followers
            for reference, tracking in follower.trackings.items()
            if tracking.newest != self._payments[reference]["version"]
        ]

    def faults(self) -> list[str]:
        """Lists what was lost, doubled or out of order, and who was refused."""
        return [fault for each in self.followers for fault in each.faults()]

    @contextlib.asynccontextmanager
    async def _running_javascript(self, url: str) -> AsyncIterator[None]:
        assert (_FOLDER / "node_modules").is_dir(), "`make test` installs the clients"
        command = (NODE, str(_FOLDER / "clients.mjs"), url)
        pipe = asyncio.subprocess.PIPE
        node = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=_LINE_BYTES)
        assert node.stdin is not None
        assert node.stdout is not None
        reading = asyncio.create_task(self._read(node.stdout))
        try:
            node.stdin.write(json.dumps(self._plan()).encode() + b"\n")
            yield
        finally:
            node.stdin.close()
            await node.wait()
            await reading

    def _plan(self) -> list[dict[str, Any]]:
        return [
            {"version": version, "transports": TRANSPORTS[transport], "requests": follower.requests()}
            for (version, transport), follower in self._javascript.items()
        ]

    async def _read(self, lines: asyncio.StreamReader) -> None:
        followers = list(self._javascript.values())
        async for line in lines:
            happened = json.loads(line)
            followers[happened["client"]].happened(happened)


def _followers(clients: Iterable[str], shared: PaymentEvent) -> dict[tuple[str, str], Follower]:
    return {
        (client, transport): Follower(f"{client} {transport}", new_event()["reference"], shared["reference"])
        for client in clients
        for transport in TRANSPORTS
    }
