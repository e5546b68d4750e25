"""Defines what the gateway knows of a browser and of what it tracks, whatever carries its connection."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from chalicelib.domain.tokens import OperatorSession
from socket_gateway.packets import TokenBucket
from socket_gateway.versions import Version

_REMEMBERED = 64
"""Payments per client whose last shown version is kept."""


class Session(ABC):
    """Is one browser's Engine.IO session: a WebSocket of our engine, or anything that python-engineio carries.

    `client` is the Socket.IO client that is connected on it; None before it has connected, and after it has left.
    `operator` likewise, of one of the shop's people.
    """

    __slots__ = ("address", "bucket", "client", "closing", "deadline", "id", "locale", "malformed", "operator")

    def __init__(self, session_id: str, address: str, locale: str, bucket: TokenBucket) -> None:
        self.id = session_id
        self.address = address
        self.locale = locale
        self.bucket = bucket
        self.client: Client | None = None
        self.operator: OperatorClient | None = None
        self.closing = False
        self.deadline: asyncio.TimerHandle | None = None
        self.malformed = 0

    def take_over(self, old: "Session") -> None:
        """Becomes the session that `old` was: its client, and what it has used up of its limits."""
        self.bucket, self.deadline, self.malformed = old.bucket, old.deadline, old.malformed
        self.client, old.client = old.client, None
        if self.client is not None:
            self.client.moves_to(self)
        self.operator, old.operator = old.operator, None
        if self.operator is not None:
            self.operator.moves_to(self)

    @abstractmethod
    def send(self, versions: Sequence[Version], frames: bytes) -> None:
        """Sends versions of one payment. `frames` are the same as WebSocket frames, encoded once for all browsers."""

    @abstractmethod
    def send_packet(self, packet: str) -> None:
        """Sends an encoded packet of Socket.IO."""

    @abstractmethod
    def join_output(self, *, begins: bool) -> None:
        """Keeps what is sent after a call with `begins`, and writes all of it in one go at the next call without.

        Nothing may yield to the event loop between the two. `close` ends it too.
        """

    @abstractmethod
    def hold(self, seconds: float) -> None:
        """Reads nothing further from the browser for this long."""

    @abstractmethod
    def close(self) -> None:
        """Closes the connection once its output is sent, in the way after which a standard client reconnects."""

    @abstractmethod
    def drop_output(self) -> None:
        """Gives up what waits for the browser, and its TCP connection if it has one of its own."""

    @property
    @abstractmethod
    def waiting_bytes(self) -> int:
        """Returns how many bytes wait in this process; what the kernel has is not counted."""

    @property
    @abstractmethod
    def total_bytes(self) -> int:
        """Returns the bytes that were to be sent and were not dropped. The kernel has taken all but `waiting_bytes`."""

    @abstractmethod
    def compact(self) -> None:
        """Drops all waiting versions but the newest of each payment."""


class Client:
    """Is one connected Socket.IO client.

    `seen` has the newest version that was sent of each payment, also of payments that are no longer tracked.
    """

    __slots__ = ("connected_at", "seen", "session", "sid", "tracked_payments")

    def __init__(self, sid: str, session: Session, connected_at: int) -> None:
        self.sid = sid
        self.session = session
        self.connected_at = connected_at
        self.tracked_payments: dict[str, TrackedPayment] = {}
        self.seen: dict[str, int] = {}

    def moves_to(self, session: Session) -> None:
        """Sends by another session from now on."""
        self.session = session

    def saw(self, reference: str, version: int) -> None:
        """Notes the newest version that was sent of a payment; forgets the oldest note over 64."""
        self.seen.pop(reference, None)
        self.seen[reference] = version
        if len(self.seen) > _REMEMBERED:
            del self.seen[next(iter(self.seen))]


class OperatorClient:
    """Is one connected Socket.IO client of the shop's people, who watches all payments.

    `held`: the session of the operators' page that let it in. `is_behind`: it has just come, or was not sent all.
    """

    __slots__ = ("held", "is_behind", "session", "timer")

    def __init__(self, session: Session, held: OperatorSession, timer: asyncio.TimerHandle) -> None:
        self.session = session
        self.held = held
        self.timer = timer
        self.is_behind = True

    def moves_to(self, session: Session) -> None:
        """Sends by another session from now on."""
        self.session = session


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
