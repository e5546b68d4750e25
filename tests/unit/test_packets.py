"""Tests the gateway's Socket.IO packets against the Packet class of python-socketio."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socketio.packet import Packet

from socket_gateway.packets import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    SocketPacket,
    is_engine_packet,
    packet_around,
    read_packet,
    refused_namespace,
    split_payload,
    write_packet,
)

NAMESPACES = ["/", "/admin", "/a/b"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda items: st.lists(items, max_size=3) | st.dictionaries(st.text(max_size=4), items, max_size=3),
    max_leaves=6,
)
EVENTS = st.builds(
    lambda name, arguments: [name, *arguments],
    st.text(max_size=12).filter(lambda name: name not in ("connect", "disconnect")),
    st.lists(JSON, max_size=3),
)
IDS = st.none() | st.integers(0, 10**16 - 1)


def standard(kind: str, content: object, namespace: str = "/", number: int | None = None) -> str:
    encoded: str = Packet(int(kind), data=content, namespace=namespace, id=number, binary=False).encode()
    return encoded


def standard_reading(text: str) -> SocketPacket:
    """Reads as python-socketio does, which has an id as a number."""
    packet = Packet(encoded_packet=text)
    number = str(packet.id) if packet.id is not None else None
    return SocketPacket(str(packet.packet_type), packet.namespace or "/", number, packet.data)


@given(content=EVENTS, namespace=st.sampled_from(NAMESPACES), number=IDS)
def test_an_event_is_read(content: list[Any], namespace: str, number: int | None) -> None:
    text = standard(EVENT, content, namespace, number)
    assert read_packet(text) == standard_reading(text)


@given(auth=st.none() | st.dictionaries(st.text(max_size=4), JSON, max_size=3), namespace=st.sampled_from(NAMESPACES))
def test_a_connect_is_read_with_its_auth(auth: dict[str, Any] | None, namespace: str) -> None:
    text = standard(CONNECT, auth, namespace)
    assert read_packet(text) == standard_reading(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", SocketPacket(CONNECT, "/", None, None)),
        ("0{}", SocketPacket(CONNECT, "/", None, {})),
        ("0/admin", SocketPacket(CONNECT, "/admin", None, None)),
        ('0/admin?token=1,{"a":1}', SocketPacket(CONNECT, "/admin", None, {"a": 1})),
        ("1", SocketPacket(DISCONNECT, "/", None, None)),
        ("1/admin,", SocketPacket(DISCONNECT, "/admin", None, None)),
        ('2["x"]', SocketPacket(EVENT, "/", None, ["x"])),
        ('20["x"]', SocketPacket(EVENT, "/", "0", ["x"])),
        ('2/admin,12["x",{"a":[1]}]', SocketPacket(EVENT, "/admin", "12", ["x", {"a": [1]}])),
        ('2["\\u00e9,/x"]', SocketPacket(EVENT, "/", None, ["\u00e9,/x"])),
        ("2" + "1" * 16 + '["x"]', SocketPacket(EVENT, "/", "1" * 16, ["x"])),
        ("37[]", SocketPacket(ACK, "/", "7", [])),
    ],
)
def test_sound_packets_are_read_as_python_socketio_reads_them(text: str, expected: SocketPacket) -> None:
    assert read_packet(text) == standard_reading(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x", "4", "4{}", "5", '51-["x",{"_placeholder":true,"num":0}]', "61-[]", "7", "-1", "\u00b2"),
        *("0[]", "0x", '0"x"', "0null{}", "0{", "0{}{}", "1{"),
        *("2", "2{}", '2"x"', "2[]", "2[1]", "2[null]", '2[["x"]]', '2["x"', '2["x"]]', "2null", "2/admin", "2/admin,"),
        *('2["connect"]', '2["disconnect","x"]', '2/admin,["connect"]', '2 1["x"]', '2\u0663["x"]', '2-1["x"]'),
        *("2" + "1" * 17 + '["x"]', "2" + "[" * 100_000, "2[1" + "0" * 5000 + "]"),
        *("3", "3[]", "31", "31{}", '31"x"'),
    ],
    ids=lambda text: text[:20],
)
def test_malformed_packets_are_refused(text: str) -> None:
    assert read_packet(text) is None


@given(text=st.text(max_size=30) | st.text('0123/,?[]{}"x:1', max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    packet = read_packet(text)
    assert packet is None or packet.type in (CONNECT, DISCONNECT, EVENT, ACK)


@given(content=EVENTS, namespace=st.sampled_from(NAMESPACES), number=IDS)
def test_python_socketio_reads_what_is_written(content: list[Any], namespace: str, number: int | None) -> None:
    written = str(number) if number is not None else None
    text = write_packet(EVENT, content, namespace=namespace, number=written)
    assert standard_reading(text) == SocketPacket(EVENT, namespace, written, content)
    around = packet_around(EVENT, json.dumps(content), namespace, written)
    assert standard_reading(around) == SocketPacket(EVENT, namespace, written, content)


def test_packets_are_written_without_what_goes_without_saying() -> None:
    assert write_packet(CONNECT, {"sid": "\u00e9"}) == '0{"sid":"\u00e9"}'
    assert write_packet(ACK, [{"ok": True}], namespace="/admin", number="0") == '3/admin,0[{"ok":true}]'
    assert packet_around(ACK, '[{"a": 1}]', number="12") == '312[{"a": 1}]'


def test_a_namespace_that_there_is_not_is_refused_as_python_socketio_does() -> None:
    packet = read_packet("0/admin,")
    assert packet is not None
    assert refused_namespace(packet) == standard(CONNECT_ERROR, {"message": "Invalid namespace"}, "/admin")


@pytest.mark.parametrize("text", ["1", "3", "5", "2probe", "3probe", "40", '42["x"]', "430[]", "41", '42["a\nb"]'])
def test_packets_that_a_browser_may_send(text: str) -> None:
    assert is_engine_packet(text)
    assert split_payload(text.encode()) == (text.encode(), 0)


@pytest.mark.parametrize("text", ["", "0", "2", "6", "4", "44{}", "45", "46", "b4", "11", "3x", "5probe", "\u00b2"])
def test_packets_that_no_browser_sends(text: str) -> None:
    assert not is_engine_packet(text)
    assert split_payload(f"40\x1e{text}\x1e41".encode()) == (b"40\x1e41", 1)


def test_a_poll_has_at_most_16_packets() -> None:
    """python-engineio would refuse all of them where there are more."""
    assert split_payload(b"\x1e".join([b"3"] * 18)) == (b"\x1e".join([b"3"] * 16), 2)


def test_a_poll_that_is_no_utf8_has_malformed_packets() -> None:
    assert split_payload(b"3\xff\x1e3") == (b"3", 1)
