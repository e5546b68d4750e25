"""Tests that the gateway tries its engine before it serves anybody, and does without one that does not work."""

import asyncio
import functools
from collections.abc import Callable
from typing import cast

import pytest

from local.embedded import LOOPBACK, Valkey
from socket_gateway.asgi import Gateway
from socket_gateway.engine.driver import Engine
from socket_gateway.engine.self_test import fault_of
from socket_gateway.frames import text_frame
from socket_gateway.packets import new_id
from socket_gateway.server import GatewayServer
from socket_gateway.stock.session import StockSession
from tests.harness.bare_clients import nothing_remains
from tests.harness.gateway_stack import Browser, running, settings_for, until

SWITCHES = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
REFUSES = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}"
OPENS = text_frame(b'0{"sid":"x"}')
INVALID = text_frame(b'44/self-test,{"message":"Invalid namespace"}')


class Answering(asyncio.Protocol):
    """Answers each piece that arrives with the next of `answers`; closes after the last one where it `closes`."""

    def __init__(self, *answers: bytes, closes: bool) -> None:
        self._answers = list(answers)
        self._closes = closes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, _: bytes) -> None:
        if self._answers:
            self._transport.write(self._answers.pop(0))
        if not self._answers and self._closes:
            self._transport.close()


def answering(*answers: bytes, closes: bool = True) -> Callable[[], asyncio.Protocol]:
    return functools.partial(Answering, *answers, closes=closes)


NO_SWITCH = "b'HTTP/1.1 101 ' did not come"
NO_SESSION = "b'0{\"sid\":' did not come"
NO_PACKET = 'b\'44/self-test,{"message":"Invalid namespace"}\' did not come'
LATE = "no answer: TimeoutError"
BROKEN: dict[str, tuple[Callable[[], asyncio.Protocol], str]] = {
    "closes": (answering(), NO_SWITCH),
    "says-nothing": (answering(closes=False), LATE),
    "garbage": (answering(b"\0}\xff" * 100, b""), NO_SWITCH),
    "endless-garbage": (answering(b"\0" * 1_000_000, closes=False), "no answer: LimitOverrunError"),
    "refuses": (answering(REFUSES, b""), NO_SWITCH),
    "no-frame": (answering(SWITCHES + b"}", b""), "b'\\r\\n\\r\\n\\x81' did not come"),
    "no-open-packet": (answering(SWITCHES + text_frame(b'0{"id":"x"}'), b""), NO_SESSION),
    "open-packet-only": (answering(SWITCHES + OPENS, closes=False), LATE),
    "open-packet-and-end": (answering(SWITCHES + OPENS, b""), NO_PACKET),
    "another-answer": (answering(SWITCHES + OPENS, text_frame(b"44/x,{}")), NO_PACKET),
    "answer-too-early": (answering(SWITCHES + INVALID + OPENS, b""), NO_PACKET),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_wrong_is_said(name: str) -> None:
    make_protocol, fault = BROKEN[name]
    assert await fault_of(make_protocol, seconds=0.3 if fault == LATE else 5.0) == fault


async def test_what_answers_as_the_engine_does_is_sound() -> None:
    assert await fault_of(answering(SWITCHES + OPENS, INVALID)) is None


class BrokenEngine(Engine):
    """Refuses every handshake that it was to take, until it is switched off."""

    def accept(self, transport: asyncio.Transport, _: bytes) -> bool:
        if self.is_on:
            transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            transport.close()
        return self.is_on


async def test_a_gateway_whose_engine_is_broken_serves_without_it(
    valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(settings_for(valkey, driver="auto"))
    engine = BrokenEngine(
        gateway.stock,
        gateway.admission,
        gateway.connections,
        gateway.inbox,
        gateway.sockets,
        gateway.operators,
        gateway.settings,
        new_id,
    )
    server = GatewayServer(
        gateway, gateway.settings, gateway.drain, engine, gateway.admission, gateway.metrics, moving=None
    )
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or serving.done())
        url = f"http://{LOOPBACK}:{server.servers[0].sockets[0].getsockname()[1]}"
        async with Browser(url, gateway):
            assert [type(each) for each in gateway.connections._sessions.values()] == [StockSession]
    finally:
        server.should_exit = True
        await serving
    assert "engine-not-used" in caplog.messages


async def test_a_self_test_leaves_nothing_behind_and_logs_nothing(
    valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(settings_for(valkey, driver="auto")) as gateway:
        await nothing_remains(gateway.gateway)
    assert [message for message in caplog.messages if message.startswith(("client-", "engine-"))] == []
