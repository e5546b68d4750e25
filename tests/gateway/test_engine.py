"""Tests how the gateway's own engine reads WebSocket messages, refuses frames, and whom it takes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.frames import Frame, Opcode

from local.embedded import Valkey
from socket_gateway.engine.session import EngineSession
from socket_gateway.session import Session
from socket_gateway.stock.session import StockSession
from tests.harness.bare_clients import bare_socket, frame, nothing_remains, track_packet
from tests.harness.gateway_stack import LiveStore, Running, new_event, running, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
CONT, TEXT, BINARY, PING = Opcode.CONT, Opcode.TEXT, Opcode.BINARY, Opcode.PING


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(valkey: Valkey) -> AsyncIterator[Running]:
    async with running(settings_for(valkey, driver="auto", output_stall_seconds=1)) as gateway:
        yield gateway


def parts(*payloads: bytes) -> list[bytes]:
    """Encodes one text message in several frames."""
    last = len(payloads) - 1
    return [frame(TEXT if at == 0 else CONT, it, is_final=at == last) for at, it in enumerate(payloads)]


def session_of(gateway: Running, sid: str) -> Session:
    session = gateway.gateway.connections.get(sid)
    assert session is not None
    return session


async def test_a_message_in_several_frames_is_one_and_a_ping_between_them_is_answered(gateway: Running) -> None:
    async with bare_socket(gateway) as browser:
        await browser.connect()
        packet = track_packet("caf\u00e9").replace("\\u00e9", "\u00e9").encode()
        accent = packet.index("\u00e9".encode())
        first, second, third = parts(packet[: accent + 1], packet[accent + 1 :], b"")
        browser.send(first, frame(PING, b"still there?"), second)
        assert await browser.receive() == Frame(Opcode.PONG, b"still there?")
        browser.send(third)
        assert (await browser.hear_until("431"))[-1].startswith('431[{"ok":')
    await nothing_remains(gateway.gateway)


async def test_frames_that_come_byte_by_byte_are_read(gateway: Running) -> None:
    async with bare_socket(gateway) as browser:
        await browser.connect()
        data = b"".join([frame(PING, b"a"), *parts(b"40", b"/x,"), frame(PING, b"b")])
        for at in range(len(data)):
            browser.send(data[at : at + 1])
            await asyncio.sleep(0)
        assert await browser.receive() == Frame(Opcode.PONG, b"a")
        assert await browser.hear() == '44/x,{"message":"Invalid namespace"}'
        assert await browser.receive() == Frame(Opcode.PONG, b"b")
    await nothing_remains(gateway.gateway)


FAULTS = {
    "continuation-of-nothing": (1002, frame(CONT, b"x")),
    "text-within-a-message": (1002, frame(TEXT, b"4", is_final=False) + frame(TEXT, b"2")),
    "binary-within-a-message": (1002, frame(TEXT, b"4", is_final=False) + frame(BINARY, b"2")),
    "binary-in-parts": (1002, frame(BINARY, b"4", is_final=False)),
    "unmasked": (1002, Frame(TEXT, b"42").serialize(mask=False)),
    "reserved-bit": (1002, b"\xc1" + frame(TEXT, b"42")[1:]),
    "divided-ping": (1002, b"\x09\x80mask"),
    "no-utf8": (1007, frame(TEXT, b"4\xff")),
    "surrogate": (1007, frame(TEXT, b"4\xed\xa0\x80")),
    "no-utf8-in-parts": (1007, b"".join(parts(b"4\xc3", b"x"))),
    "half-a-character": (1007, b"".join(parts(b"4", b"\xc3"))),
    "too-long": (1009, frame(TEXT, b"4" * 8193)[:8]),
    "too-long-in-parts": (1009, b"".join(parts(b"4" * 8000, b"4" * 192, b"4"))),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_the_rfc_forbids_is_closed_with_its_code_and_nothing_is_left(
    gateway: Running, store: LiveStore, name: str
) -> None:
    code, data = FAULTS[name]
    event = new_event()
    store.put(event)
    async with bare_socket(gateway) as browser:
        await browser.connect()
        assert (await browser.track(event["reference"]))["ok"]
        browser.send(data)
        assert await browser.close_code() == code
        await nothing_remains(gateway.gateway)


@pytest.mark.parametrize("last", [frame(CONT), frame(Opcode.CLOSE), frame(TEXT, b"1")], ids=["fault", "close", "1"])
async def test_nothing_is_read_after_the_last_frame(
    gateway: Running, caplog: pytest.LogCaptureFixture, last: bytes
) -> None:
    async with bare_socket(gateway) as browser:
        browser.send(last, frame(TEXT, b"40"))
        await browser.hear_until("0")
        assert (await browser.receive()).opcode == Opcode.CLOSE
        with pytest.raises(EOFError):
            await browser.receive()
        await nothing_remains(gateway.gateway)
        assert "client-connected" not in caplog.messages


@pytest.mark.parametrize("byte_by_byte", [False, True])
async def test_a_handshake_is_the_engines_in_one_piece_or_in_many(gateway: Running, byte_by_byte: bool) -> None:
    async with bare_socket(gateway, byte_by_byte=byte_by_byte) as browser:
        sid = await browser.connect()
        assert isinstance(session_of(gateway, sid), EngineSession)
        assert (await browser.track("x"))["ok"]
    await nothing_remains(gateway.gateway)


async def test_without_the_engine_python_engineio_carries_all(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey, driver="stock")) as gateway:
        async with bare_socket(gateway) as browser:
            sid = await browser.connect()
            assert isinstance(session_of(gateway, sid), StockSession)
            assert (await browser.track(event["reference"]))["ok"]
        await until(lambda: not len(gateway.gateway.connections))


async def test_who_answers_pings_stays_and_who_does_not_is_closed(valkey: Valkey) -> None:
    settings = settings_for(valkey, driver="auto", ping_interval_seconds=0.5, ping_timeout_seconds=0.5)
    async with running(settings) as gateway, bare_socket(gateway) as good, bare_socket(gateway) as mute:
        good_sid, mute_sid = await good.connect(), await mute.connect()
        assert (await good.track("x"))["ok"]
        for _ in range(2):
            assert await good.hear() == "2"
            good.say("3")
        assert await mute.hear() == "2"
        assert await mute.close_code() == 1000
        assert gateway.gateway.connections.get(mute_sid) is None
        assert await good.hear() == "2"
        good.say("3")
        assert (await good.track("x"))["ok"]
        assert gateway.gateway.connections.sessions() == [good_sid]
        good.cut()
        await nothing_remains(gateway.gateway)
