"""Tests the gateway's WebSocket frames against those of the `websockets` package."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Close, Opcode
from websockets.frames import Frame as StandardFrame
from websockets.protocol import CLIENT, SERVER, Protocol
from websockets.streams import StreamReader
from websockets.utils import apply_mask

from socket_gateway import frames
from socket_gateway.frames import (
    PROTOCOL_ERROR,
    TOO_BIG,
    Frame,
    FrameFault,
    close_frame,
    masked_frame,
    pong_frame,
    read_frame,
    text_frame,
)

MOST = 70_000
LENGTHS = [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 65_535, 65_536]
"""Around each change of how a length is written, and of whole words of the mask."""
LONGEST_CONTROL = 125
MASKS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\1\2\3\4", b"\0\0\0\x80"]
DATA = [Opcode.CONT, Opcode.TEXT, Opcode.BINARY]
CONTROL = [Opcode.CLOSE, Opcode.PING, Opcode.PONG]


def payload_of(length: int) -> bytes:
    return bytes(index * 7 % 256 for index in range(length))


def from_browser(opcode: int, payload: bytes, *, mask: bytes = MASKS[2], is_final: bool = True) -> bytes:
    """Encodes a frame with the standard package, and masks it as a client does."""
    plain = StandardFrame(Opcode(opcode), payload, is_final).serialize(mask=False)
    head = len(plain) - len(payload)
    return bytes((plain[0], plain[1] | 0x80)) + plain[2:head] + mask + apply_mask(payload, mask)


def reading(data: bytes, most: int = MOST) -> Frame | int | None:
    """Reads a frame. Returns it, the code to close with, or None where it is incomplete."""
    try:
        return read_frame(data, 0, most)
    except FrameFault as fault:
        return fault.code


def standard_reading(data: bytes, most: int) -> StandardFrame | int | None:
    """Reads as the standard package does. Returns a frame, the code to close with, or None for an incomplete frame."""
    stream = StreamReader()
    stream.feed_data(data)
    try:
        next(StandardFrame.parse(stream.read_exact, mask=True, max_size=most))
    except StopIteration as end:
        frame: StandardFrame = end.value
        return frame
    except PayloadTooBig:
        return TOO_BIG
    except ProtocolError:
        return PROTOCOL_ERROR
    return None


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_frame_of_any_length_is_read(length: int, mask: bytes) -> None:
    payload = payload_of(length)
    data = from_browser(Opcode.TEXT, payload, mask=mask)
    assert read_frame(data, 0, MOST) == Frame(frames.TEXT, True, payload, len(data))


@given(mask=st.binary(min_size=4, max_size=4), payload=st.binary(max_size=300), before=st.binary(max_size=5))
def test_any_mask_is_taken_off_wherever_the_frame_stands(mask: bytes, payload: bytes, before: bytes) -> None:
    data = before + from_browser(Opcode.BINARY, payload, mask=mask)
    assert read_frame(data, len(before), MOST) == Frame(frames.BINARY, True, payload, len(data))


@pytest.mark.parametrize("is_final", [True, False])
@pytest.mark.parametrize("opcode", DATA)
def test_a_message_may_have_several_frames(opcode: Opcode, is_final: bool) -> None:
    data = from_browser(opcode, b"part", is_final=is_final)
    assert read_frame(data, 0, MOST) == Frame(opcode, is_final, b"part", len(data))


@pytest.mark.parametrize("length", [0, LONGEST_CONTROL])
@pytest.mark.parametrize("opcode", CONTROL)
def test_a_control_frame_is_read(opcode: Opcode, length: int) -> None:
    data = from_browser(opcode, payload_of(length))
    assert read_frame(data, 0, MOST) == Frame(opcode, True, payload_of(length), len(data))


def test_two_frames_in_one_piece_are_read_one_after_the_other() -> None:
    first, second = from_browser(Opcode.TEXT, b"one"), from_browser(Opcode.PING, b"two")
    frame = read_frame(first + second, 0, MOST)
    assert frame == Frame(frames.TEXT, True, b"one", len(first))
    assert read_frame(first + second, frame.end, MOST) == Frame(frames.PING, True, b"two", len(first + second))
    assert read_frame(first + second, len(first + second), MOST) is None


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_536])
def test_a_frame_is_not_read_before_its_last_byte(length: int) -> None:
    data = from_browser(Opcode.TEXT, payload_of(length))
    cuts = {*range(min(len(data), 300)), len(data) - 1}
    assert [cut for cut in cuts if read_frame(data[:cut], 0, MOST) is not None] == []


@pytest.mark.parametrize("bit", [0x40, 0x20, 0x10])
def test_reserved_bits_are_a_fault(bit: int) -> None:
    data = from_browser(Opcode.TEXT, b"x")
    assert reading(bytes((data[0] | bit,)) + data[1:]) == PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [*range(0x3, 0x8), *range(0xB, 0x10)])
def test_unknown_opcodes_are_a_fault(opcode: int) -> None:
    data = from_browser(Opcode.TEXT, b"x")
    assert reading(bytes((0x80 | opcode,)) + data[1:]) == PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [*DATA, *CONTROL])
def test_frames_without_a_mask_are_a_fault(opcode: Opcode) -> None:
    assert reading(StandardFrame(opcode, b"x").serialize(mask=False)) == PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", CONTROL)
def test_a_long_or_divided_control_frame_is_a_fault(opcode: Opcode) -> None:
    for length_byte in (0x80 | 126, 0x80 | 127):
        assert reading(bytes((0x80 | opcode, length_byte))) == PROTOCOL_ERROR
    assert reading(bytes((opcode, 0x80))) == PROTOCOL_ERROR


@pytest.mark.parametrize("most", [0, 125, 126, 8192, 65_536])
def test_a_payload_over_the_limit_is_refused_by_its_header_alone(most: int) -> None:
    exact = from_browser(Opcode.TEXT, payload_of(most))
    assert read_frame(exact, 0, most) == Frame(frames.TEXT, True, payload_of(most), len(exact))
    header = from_browser(Opcode.TEXT, payload_of(most + 1))[: -(most + 1 + len(MASKS[0]))]
    assert reading(header, most) == TOO_BIG


def test_the_longest_length_there_is_is_refused() -> None:
    assert reading(b"\x81\xff" + b"\xff" * 8) == TOO_BIG


@given(
    first=st.integers(0, 255), second=st.integers(0, 255), rest=st.binary(max_size=140), most=st.sampled_from([5, 130])
)
def test_any_bytes_are_read_as_the_standard_package_reads_them(first: int, second: int, rest: bytes, most: int) -> None:
    """The gateway refuses earlier: before the frame is whole, and what is forbidden before what is too long.

    Left out: a control frame whose short length is written as a long one, which only the gateway refuses.
    """
    assume(not first & Opcode.CLOSE or second & 0x7F <= LONGEST_CONTROL)
    data = bytes((first, second)) + rest
    own, standard = reading(data, most), standard_reading(data + bytes(300), most)
    if own is None:
        assert standard_reading(data, most) is None
    elif isinstance(own, Frame):
        assert isinstance(standard, StandardFrame)
        assert own[:3] == (standard.opcode, standard.fin, bytes(standard.data))
    else:
        assert own == standard or (own, standard) == (PROTOCOL_ERROR, TOO_BIG)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_text_frame_is_encoded_as_the_standard_package_encodes_it(length: int) -> None:
    text = b"x" * length
    assert text_frame(text) == StandardFrame(Opcode.TEXT, text).serialize(mask=False)


@given(payload=st.binary(max_size=LONGEST_CONTROL))
def test_a_pong_frame_is_encoded_as_the_standard_package_encodes_it(payload: bytes) -> None:
    assert pong_frame(payload) == StandardFrame(Opcode.PONG, payload).serialize(mask=False)


@pytest.mark.parametrize("code", [1000, PROTOCOL_ERROR, frames.NO_UTF8, TOO_BIG])
def test_a_standard_client_reads_the_code_of_a_close_frame(code: int) -> None:
    client = Protocol(CLIENT)
    client.receive_data(close_frame(code))
    assert client.close_rcvd == Close(code, "")


@given(opcode=st.sampled_from([Opcode.TEXT, Opcode.PING]), payload=st.text(max_size=31).map(str.encode))
def test_a_standard_server_reads_a_masked_frame(opcode: Opcode, payload: bytes) -> None:
    server = Protocol(SERVER)
    server.receive_data(masked_frame(opcode, payload))
    assert server.events_received() == [StandardFrame(opcode, payload)]
