"""Holds what the gateway knows of one tracked payment, and who is sent its versions."""

from socket_gateway.session import Client
from socket_gateway.versions import Version


class TrackedPayment:
    """Holds the newest known version, and the clients that track the payment.

    `tokens` has a client from its track request on. `watchers` has it from when it was sent `newest`; each of them is
    sent every later version. `waiting` are versions that are sent to all watchers at the end of this turn.
    """

    __slots__ = ("newest", "reference", "tokens", "waiting", "watchers")

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.newest: Version | None = None
        self.tokens: dict[Client, str] = {}
        self.watchers: dict[Client, None] = {}
        self.waiting: list[Version] = []

    @property
    def version(self) -> int:
        """Returns the newest known version; 0 where none is known."""
        return self.newest.number if self.newest is not None else 0
