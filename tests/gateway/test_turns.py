"""Tests that work which comes all at once is spread over turns of the event loop, and loses no order."""

import asyncio
import logging
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from local.embedded import Valkey
from socket_gateway.entrance import Entrance
from socket_gateway.turns import Turns
from tests.harness.bare_clients import bare_socket, frame, nothing_remains
from tests.harness.gateway_stack import running, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT_ONCE = 2
PING = 9


class Waiting(deque[Any]):
    """Keeps the names of what has ever waited."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def append(self, item: Any) -> None:
        self.names.add(item[0].__qualname__)
        super().append(item)


async def test_a_turn_does_two_pieces_and_the_next_ones_do_the_others_in_order() -> None:
    turns, done = Turns(), list[int]()
    at_once = [turns.do(done.append, number) for number in range(7)]
    assert at_once == [True] * AT_ONCE + [False] * (7 - AT_ONCE)
    for turn in range(1, 4):
        assert done == list(range(turn * AT_ONCE))
        await asyncio.sleep(0)
    assert done == list(range(7))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert turns.do(done.append, 7)
    assert done == list(range(8))


async def test_work_that_comes_while_some_waits_comes_after_it() -> None:
    turns, done = Turns(), list[int]()
    for number in range(2 * AT_ONCE):
        turns.do(done.append, number)
    await asyncio.sleep(0)
    assert not turns.do(done.append, 2 * AT_ONCE)
    await asyncio.sleep(0)
    assert done == list(range(2 * AT_ONCE + 1))


async def test_work_that_fails_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    turns, done = Turns(), list[int]()
    for number in range(2 * AT_ONCE):
        turns.do((lambda number: done.append(1 // (number % AT_ONCE))), number)
    await asyncio.sleep(0)
    assert len(done) == 2 * (AT_ONCE - 1)
    assert [it.message for it in caplog.records if it.levelno == logging.ERROR] == ["connection-failed"] * 2


async def test_a_browser_that_comes_in_full_turns_is_read_in_order(valkey: Valkey) -> None:
    async with running(settings_for(valkey, driver="auto")) as gateway:
        turns, is_busy = gateway.gateway.engine.turns, True
        turns._waiting = waited = Waiting()

        def fill() -> None:
            while turns.do(lambda: None):
                pass
            if is_busy:
                asyncio.get_running_loop().call_soon(fill)

        fill()
        async with bare_socket(gateway) as browser:
            await browser.connect()
            for number in range(50):
                browser.send(frame(PING, str(number).encode()))
                await asyncio.sleep(0)
            answers = [(await browser.receive()).data for _ in range(50)]
            assert answers == [str(number).encode() for number in range(50)]
        is_busy = False
        await until(lambda: not turns._waiting)
        assert {"Entrance._begin", "EngineSession._read"} <= waited.names
        await nothing_remains(gateway.gateway)


class Pausing:
    """Is a transport that begins to read after `connection_made`, as uvloop's does."""

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    resume_reading = pause_reading


async def test_what_comes_while_a_connection_waits_for_its_turn_is_of_the_same_request() -> None:
    """A connection that moves to its session's process brings the first bytes along; the others follow at once."""
    taken: list[bytes] = []
    turns = Turns()
    while turns.do(taken.clear):
        pass

    def accept(_: object, data: bytes) -> bool:
        taken.append(data)
        return True

    admission = SimpleNamespace(enter=lambda _: None)
    lobby: Any = SimpleNamespace(admission=admission, accept=accept, turns=turns, seconds=5.0)
    entrance = Entrance(lobby, begun=b"POST ", server_state=SimpleNamespace(connections=set()))
    transport: Any = Pausing()
    entrance.connection_made(transport)
    entrance.data_received(b"/socket.io")
    await until(lambda: bool(taken))
    await asyncio.sleep(0.01)
    assert taken == [b"POST /socket.io"]
