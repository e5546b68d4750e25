"""Lets the shop's people watch all payments, on a namespace of their own: who may, and what they are sent."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from chalicelib.domain.contract import OPERATOR_NAMESPACE, PAYMENTS_CHANGED, MalformedEvent, to_iso
from chalicelib.domain.errors import InvalidSession, LimitReached, PaymentError
from chalicelib.domain.redis_names import operators_channel, waiting_key
from chalicelib.domain.tokens import OperatorSession, read_operator_ticket
from chalicelib.runtime import log
from socket_gateway.change_notices import ChangeNotices
from socket_gateway.connections import Connections
from socket_gateway.credentials import Credentials
from socket_gateway.metrics import Metrics
from socket_gateway.packets import (
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    SocketPacket,
    new_id,
    packet_around,
    refused_namespace,
    write_packet,
)
from socket_gateway.redis_clients import REDIS_AWAY, RedisClients, raise_if_cancelled
from socket_gateway.relay import Relay
from socket_gateway.session import OperatorClient, Session
from socket_gateway.settings import Settings

_JOIN_SECONDS = 0.25
"""Notices that come within this time are sent as one event."""


class Operators:
    """Connects clients that have a ticket, and sends all of them the same events.

    Redis is subscribed to only while somebody is connected. A client leaves when the session ends that its ticket was
    given for, or when the key is withdrawn that began it: while somebody is connected, the secrets are read again as
    often as they may be.
    """

    def __init__(
        self,
        connections: Connections,
        credentials: Credentials,
        relay: Relay,
        clients: RedisClients,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._connections = connections
        self._credentials = credentials
        self._relay = relay
        self._redis = clients.commands
        self._bounds = settings.bounds
        self._reload_seconds = settings.timing.secrets_reload_interval_seconds
        self._metrics = metrics
        self._operators: dict[OperatorClient, None] = {}
        self._per_address: Counter[str] = Counter()
        self._notices = ChangeNotices()
        self._was_live = False
        self._is_due = asyncio.Event()
        """Somebody is to be sent something."""
        self._connecting: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Returns how many operators are connected."""
        return len(self._operators)

    def take(self, session: Session, packet: SocketPacket) -> None:
        """Takes a packet that is for the operators' namespace. An operator's page sends no events."""
        if packet.type == CONNECT and not self._credentials.operator_keys:
            session.send_packet(refused_namespace(packet))
        elif packet.type == CONNECT and session.operator is not None:
            self._connections.malformed(session)
        elif packet.type == CONNECT:
            task = asyncio.create_task(self._connect(session.id, packet))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        elif packet.type == DISCONNECT:
            self.left(session)

    def left(self, session: Session) -> None:
        """Forgets the session's operator, if it has one. The last one unsubscribes."""
        operator, session.operator = session.operator, None
        if operator is None:
            return
        operator.timer.cancel()
        del self._operators[operator]
        self._per_address[session.address] -= 1
        if not self._per_address[session.address]:
            del self._per_address[session.address]
        if session.client is None or not session.client.tracked_payments:
            self._connections.expect_tracking(session)
        if not self._operators:
            self._relay.unsubscribe_from(operators_channel())
            self._notices.take()
        log.info("operator-left", by=operator.held.key.operator.name)

    def received(self, body: bytes) -> None:
        """Takes one notice of changes. A malformed one is logged and dropped."""
        try:
            self._notices.add(body)
        except MalformedEvent as error:
            log.warning("change-notice-malformed", reason=str(error))
        self._is_due.set()

    def connection_changed(self) -> None:
        """Takes notice that the connection to Redis was lost, or is back: notices may have been missed."""
        self._notices.lose()
        self._is_due.set()

    async def run(self) -> None:
        """Sends what there is, as one event in a while, until it is cancelled."""
        while True:
            await self._is_due.wait()
            await asyncio.sleep(_JOIN_SECONDS)
            self._is_due.clear()
            if self._operators:
                await self._send()
                raise_if_cancelled()

    async def watch_keys(self) -> None:
        """Reads the keys again while somebody is connected, and disconnects whose key is withdrawn; until cancelled."""
        while True:
            await asyncio.sleep(max(self._reload_seconds, _JOIN_SECONDS))
            if self._operators:
                await self._credentials.reload()
                raise_if_cancelled()
            for operator in tuple(self._operators):
                if operator.held.key not in self._credentials.operator_keys:
                    self._end(operator, "key_withdrawn")

    async def close(self) -> None:
        """Gives up those who are just connecting."""
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)

    async def _connect(self, session_id: str, packet: SocketPacket) -> None:
        try:
            held = await self._session_of(packet.content)
            session = self._connections.get(session_id)  # it may have left, or upgraded
            if session is None or session.operator is not None:
                return
            if self._per_address[session.address] >= self._bounds.operators_per_address:
                raise LimitReached("too_many_sockets", 0)
        except PaymentError as error:
            self._refuse(session_id, error)
        except Exception:
            log.failure("operator-not-connected")
            self._refuse(session_id, PaymentError())
        else:
            self._let_in(session, held)

    def _let_in(self, session: Session, held: OperatorSession) -> None:
        seconds = held.ends_at / 1000 - time.time()
        timer = asyncio.get_running_loop().call_later(seconds, self._end_of, session.id)
        session.operator = operator = OperatorClient(session, held, timer)
        self._operators[operator] = None
        self._per_address[session.address] += 1
        self._connections.tracks(session)
        self._relay.subscribe_to(operators_channel())
        session.send_packet(write_packet(CONNECT, {"sid": new_id()}, namespace=OPERATOR_NAMESPACE))
        self._is_due.set()
        log.info("operator-watches", by=held.key.operator.name)

    async def _session_of(self, auth: Any) -> OperatorSession:
        """Returns the session that the ticket was given for, if need be after a reload of the keys.

        Raises InvalidSession.
        """
        ticket = auth.get("ticket") if isinstance(auth, dict) else None
        if not isinstance(ticket, str):
            raise InvalidSession
        try:
            return self._read(ticket)
        except InvalidSession:
            if not await self._credentials.reload():
                raise
            return self._read(ticket)

    def _read(self, ticket: str) -> OperatorSession:
        return read_operator_ticket(ticket, self._credentials.operator_keys, _now())

    def _refuse(self, session_id: str, error: PaymentError) -> None:
        self._metrics.refusals.labels(error.code).inc()
        session = self._connections.get(session_id)
        if session is not None:
            session.send_packet(write_packet(CONNECT_ERROR, {"message": error.code}, namespace=OPERATOR_NAMESPACE))

    def _end_of(self, session_id: str) -> None:
        session = self._connections.get(session_id)
        if session is not None and session.operator is not None:
            self._end(session.operator, "session_ended")

    def _end(self, operator: OperatorClient, reason: str) -> None:
        """Disconnects an operator from the namespace. A standard client does not reconnect by itself then."""
        self._metrics.closes.labels(reason).inc()
        session = operator.session
        session.send_packet(packet_around(DISCONNECT, "", OPERATOR_NAMESPACE))
        self.left(session)

    async def _send(self) -> None:
        """Sends what there is. Whoever does not keep up, or has just come, is told to read the rest."""
        is_live = await self._relay.is_subscribed_to(operators_channel())
        since = await self._waiting_since()
        is_new = bool(self._notices) or is_live != self._was_live
        self._was_live = is_live
        event = {**self._notices.take(), "live": is_live, "waitingSince": since, "timestamp": to_iso(_now())}
        whole, partial = _event(event), _event({**event, "complete": False})
        for operator in tuple(self._operators):
            if operator.session.waiting_bytes > self._bounds.output_compact_bytes:
                operator.is_behind = True
                self._is_due.set()
            elif operator.is_behind or is_new:
                operator.session.send_packet(partial if operator.is_behind else whole)
                operator.is_behind = False
                self._metrics.sent(1)

    async def _waiting_since(self) -> str | None:
        """Returns when the payment was claimed that has waited longest; None where none does, or Redis is away."""
        try:
            oldest = await self._redis.zrange(waiting_key(), 0, 0, withscores=True)
        except REDIS_AWAY:
            return None
        return to_iso(int(oldest[0][1])) if oldest else None


def _event(content: Mapping[str, Any]) -> str:
    return write_packet(EVENT, [PAYMENTS_CHANGED, content], namespace=OPERATOR_NAMESPACE)


def _now() -> int:
    return time.time_ns() // 1_000_000
