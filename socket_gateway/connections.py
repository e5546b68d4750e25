"""Counts the sessions of browsers, limits how many there are and how long they may idle, and closes them."""

import asyncio
from collections import Counter

from socket_gateway.metrics import Metrics
from socket_gateway.output import OutputMonitor
from socket_gateway.packets import TokenBucket
from socket_gateway.refusals import Refusal
from socket_gateway.session import Session
from socket_gateway.settings import Bounds


class Connections:
    """Keeps every open session, whatever carries it."""

    def __init__(self, bounds: Bounds, metrics: Metrics, most: int) -> None:
        """`most` is the limit of sessions."""
        self.outputs = OutputMonitor(bounds, self.abort)
        self._accepting = True
        self._most = most
        self._bounds = bounds
        self._metrics = metrics
        self._sessions: dict[str, Session] = {}
        self._per_address: Counter[str] = Counter()
        self._closing: set[Session] = set()
        self._all_closed = asyncio.Event()

    def __len__(self) -> int:
        """Returns how many sessions are open."""
        return len(self._sessions)

    @property
    def full(self) -> bool:
        """Says whether new sessions are refused because the limit is reached."""
        return len(self._sessions) >= self._most

    def sessions(self) -> list[str]:
        """Lists the ids of the open sessions."""
        return list(self._sessions)

    def get(self, session_id: str) -> Session | None:
        """Returns an open session; None where there is none of this id."""
        return self._sessions.get(session_id)

    def refusal(self, address: str) -> Refusal | None:
        """Returns why this address gets no new session now; else None."""
        if not self._accepting:
            return Refusal.DRAINING
        if self.full:
            return Refusal.TOO_MANY_CONNECTIONS
        if self._per_address[address] >= self._bounds.sockets_per_address:
            return Refusal.TOO_MANY_SOCKETS
        return None

    def new_bucket(self) -> TokenBucket:
        """Makes the limit of a session's packets."""
        return TokenBucket(self._bounds.events_per_second, self._bounds.events_burst)

    def opened(self, session: Session) -> None:
        """Counts a session from now on, and closes it unless it tracks a payment in time."""
        self._sessions[session.id] = session
        self._per_address[session.address] += 1
        self.expect_tracking(session)

    def taken_over(self, session: Session) -> None:
        """Counts this session in place of the one with the same id, which it takes over: the browser has upgraded."""
        old = self._sessions[session.id]
        self.outputs.forget(old)
        session.take_over(old)
        self._sessions[session.id] = session

    def ended(self, session: Session) -> None:
        """Counts a session no more. One that was not counted changes nothing."""
        if self._sessions.get(session.id) is not session:
            return
        del self._sessions[session.id]
        self.tracks(session)
        self.outputs.forget(session)
        self._per_address[session.address] -= 1
        if not self._per_address[session.address]:
            del self._per_address[session.address]

    def gone(self, session: Session) -> None:
        """Notes that nothing of a session is left: its output was sent, or dropped."""
        self._closing.discard(session)
        if not self._closing:
            self._all_closed.set()

    def expect_tracking(self, session: Session) -> None:
        """Closes the session unless `tracks` is called within `track_deadline_seconds`."""
        self.tracks(session)
        if self._sessions.get(session.id) is session:
            delay = self._bounds.track_deadline_seconds
            session.deadline = asyncio.get_running_loop().call_later(delay, self.close, session.id, "track_deadline")

    def tracks(self, session: Session) -> None:
        """Cancels the deadline of `expect_tracking`: the browser tracks a payment, or has left."""
        if session.deadline is not None:
            session.deadline.cancel()
            session.deadline = None

    def malformed(self, session: Session | None) -> None:
        """Counts a malformed packet, and closes the session at its limit of them."""
        self._metrics.refusals.labels("malformed").inc()
        if session is not None:
            session.malformed += 1
            if session.malformed == self._bounds.malformed_packets:
                self.close(session.id, "malformed")

    def close(self, session_id: str, reason: str) -> None:
        """Closes a session once its output is sent, in the way after which a standard client reconnects."""
        session = self._sessions.get(session_id)
        if session is not None and not session.closing:
            session.closing = True
            self._metrics.closes.labels(reason).inc()
            self._closing.add(session)
            self._all_closed.clear()
            session.close()

    def abort(self, session: Session, reason: str) -> None:
        """Closes a session at once and drops its output. A standard client reconnects."""
        session.drop_output()
        self.close(session.id, reason)

    def stop_accepting(self) -> None:
        """Refuses new sessions from now on: the gateway drains."""
        self._accepting = False

    async def all_closed(self) -> None:
        """Waits until nothing is left of every session that `close` was called for."""
        while self._closing:
            await self._all_closed.wait()
