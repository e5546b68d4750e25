"""Turns one version of a payment into what browsers receive, without decoding what Redis delivered.

A message's body is put into each event, and into an acknowledgement, as it came. Only its beginning and its end are
looked at, unless there is a refund.
"""

from chalicelib.domain.contract import (
    EVENTS_OF_STATUS,
    MalformedEvent,
    PaymentEvent,
    decode,
    encode,
    events_of,
    head_of,
)
from socket_gateway.frames import text_frame


class Version:
    """Holds one version of one payment as the JSON that every recipient gets."""

    __slots__ = ("_names", "body", "number", "reference")

    def __init__(self, reference: str, number: int, names: tuple[str, ...], body: bytes) -> None:
        """`names`: of the events that it is sent as, in their order."""
        self.reference = reference
        self.number = number
        self.body = body
        self._names = names

    def packets(self) -> list[str]:
        """Encodes the version's events as packets of Socket.IO, in their order."""
        return [text[1:].decode() for text in self._texts()]

    def frames(self) -> bytes:
        """Encodes the version's events as WebSocket frames, in their order."""
        return b"".join(map(text_frame, self._texts()))

    def __len__(self) -> int:
        """Returns how many events the version is."""
        return len(self._names)

    def _texts(self) -> list[bytes]:
        """Encodes each event as an Engine.IO message (4) with a Socket.IO event (2) in it."""
        return [b'42["%b",%b]' % (name.encode(), self.body) for name in self._names]


def version_of(event: PaymentEvent) -> Version:
    """Encodes a decoded payment."""
    return Version(event["reference"], event["version"], events_of(event), encode(event).encode())


def read_version(reference: str, body: bytes) -> Version:
    """Reads what Redis has of a payment: only its head, where it begins as our writer begins it.

    Raises MalformedEvent.
    """
    head = head_of(body)
    if head is None:
        event = decode(body)
        if event["reference"] != reference:
            raise MalformedEvent("another payment")
        return version_of(event)
    try:
        body.decode()  # a browser closes a connection on which anything else than UTF-8 comes
    except UnicodeDecodeError as error:
        raise MalformedEvent("not UTF-8") from error
    number, status = head
    return Version(reference, number, EVENTS_OF_STATUS[status], body)
