"""Connects official clients of Socket.IO to the operators' namespace, and keeps what happens to each."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from socketio.exceptions import ConnectionError as SocketConnectionError

from chalicelib.domain.contract import OPERATOR_NAMESPACE, PAYMENTS_CHANGED
from chalicelib.domain.operators import Operator, OperatorKey, Right
from chalicelib.domain.tokens import OperatorSession, sign_operator_ticket
from tests import ROOT
from tests.harness.asyncapi import check_message
from tests.harness.clients import JAVASCRIPT_VERSIONS
from tests.harness.gateway_stack import ORIGIN, PATIENCE_SECONDS, SocketClient
from tests.harness.stack import NODE

AMINA = OperatorKey(Operator("amina", Right.VIEW), "key-of-amina-in-the-tests-0123456789")
PAUL = OperatorKey(Operator("paul", Right.ACT), "key-of-paul-in-the-tests-01234567890")
_SCRIPT = ROOT / "tests" / "gateway" / "clients" / "operators.mjs"
_LINE_BYTES = 1024 * 1024


def ticket_of(key: OperatorKey = AMINA, *, session_seconds: float = 600, age: float = 0) -> str:
    """Signs a ticket of a session that ends in `session_seconds`, as it was `age` seconds ago."""
    now = time.time_ns() // 1_000_000
    return sign_operator_ticket(OperatorSession(key, now + int(session_seconds * 1000)), now - int(age * 1000))


@dataclass
class Watching:
    """What has happened to one client."""

    connects: int = 0
    refused: list[str] = field(default_factory=list)
    disconnects: int = 0
    transport: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)

    def took(self, name: str, payload: dict[str, Any]) -> None:
        assert name == PAYMENTS_CHANGED
        check_message(name, payload)
        self.events.append(payload)

    @property
    def payments(self) -> list[tuple[str, int]]:
        return [(it["reference"], it["version"]) for event in self.events for it in event["payments"]]


@contextlib.asynccontextmanager
async def python_client(
    url: str, auth: object, transports: Sequence[str] = ("websocket",), origin: str = ORIGIN
) -> AsyncIterator[Watching]:
    """Connects python-socketio's client, with its default options."""
    watching, client = Watching(), SocketClient()

    async def connected() -> None:
        watching.connects += 1
        watching.transport = client.transport()

    async def refused(content: Any) -> None:
        watching.refused.append(content["message"] if isinstance(content, dict) else str(content))

    async def disconnected(_reason: str) -> None:
        watching.disconnects += 1

    async def took(name: str, payload: dict[str, Any]) -> None:
        watching.transport = client.transport()
        watching.took(name, payload)

    for name, handler in (("connect", connected), ("connect_error", refused), ("disconnect", disconnected)):
        client.on(name, handler, namespace=OPERATOR_NAMESPACE)
    client.on("*", took, namespace=OPERATOR_NAMESPACE)
    with contextlib.suppress(SocketConnectionError):
        await client.connect(
            url,
            headers={"Origin": origin} if origin else {},
            auth=auth,
            namespaces=[OPERATOR_NAMESPACE],
            transports=list(transports),
            wait_timeout=PATIENCE_SECONDS,
        )
    try:
        yield watching
    finally:
        await client.shutdown()


@contextlib.asynccontextmanager
async def javascript_clients(url: str, wanted: Sequence[dict[str, Any]]) -> AsyncIterator[list[Watching]]:
    """Connects official JavaScript clients. `wanted`: of each `auth`, and `transports`, `version` or `origin`."""
    watching = [Watching() for _ in wanted]
    usual = {"version": JAVASCRIPT_VERSIONS[-1], "transports": ["websocket"], "origin": ORIGIN}
    pipe = asyncio.subprocess.PIPE
    node = await asyncio.create_subprocess_exec(NODE, str(_SCRIPT), url, stdin=pipe, stdout=pipe, limit=_LINE_BYTES)
    assert node.stdin is not None
    assert node.stdout is not None
    reading = asyncio.create_task(_read(node.stdout, watching))
    try:
        node.stdin.write(json.dumps([usual | it for it in wanted]).encode() + b"\n")
        yield watching
    finally:
        node.stdin.close()
        await node.wait()
        await reading


async def _read(lines: asyncio.StreamReader, watching: Sequence[Watching]) -> None:
    async for line in lines:
        happened = json.loads(line)
        of = watching[happened["client"]]
        if happened["kind"] == "connect":
            of.connects += 1
        elif happened["kind"] == "refused":
            of.refused.append(happened["message"])
        elif happened["kind"] == "disconnect":
            of.disconnects += 1
        else:
            of.transport = happened["transport"]
            of.took(happened["name"], happened["payload"])
