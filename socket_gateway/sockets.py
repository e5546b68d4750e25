"""Handles what the Socket.IO clients of browsers do: connect, leave, track a payment, stop tracking it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from chalicelib.domain.contract import CONNECTED, STOP_TRACKING, TRACK, to_iso
from chalicelib.domain.errors import InvalidRequest, InvalidToken, LimitReached, NotFound, PaymentError
from chalicelib.domain.tokens import TrackingGrant, read_tracking_token
from chalicelib.runtime import log
from socket_gateway.connections import Connections
from socket_gateway.credentials import Credentials
from socket_gateway.metrics import Metrics
from socket_gateway.packets import ACK, EVENT, SocketPacket, packet_around, write_packet
from socket_gateway.refusals import ack_of, refused_ack
from socket_gateway.registry import Registry
from socket_gateway.session import Client, Session
from socket_gateway.settings import Settings
from socket_gateway.tracked_payments import TrackedPayments


class Sockets:
    """Handles the events of all connected Socket.IO clients. What carries them is not its business."""

    def __init__(
        self,
        connections: Connections,
        tracked_payments: TrackedPayments,
        registry: Registry,
        credentials: Credentials,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._connections = connections
        self._tracked_payments = tracked_payments
        self._registry = registry
        self._credentials = credentials
        self._settings = settings
        self._metrics = metrics
        self._clients: dict[str, Client] = {}
        self._tracking: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Returns how many clients are connected."""
        return len(self._clients)

    def sids(self) -> list[str]:
        """Lists the socket ids of the connected clients."""
        return list(self._clients)

    def describe(self, sid: str) -> dict[str, Any] | None:
        """Gives a client's record for the registry; None when it has left."""
        client = self._clients.get(sid)
        if client is None:
            return None
        return {"connectedAt": to_iso(client.connected_at), "payments": list(client.tracked_payments)}

    def connected(self, session: Session, sid: str) -> None:
        """Greets a client that has connected on this session. Its CONNECT packet has been answered."""
        now = _now()
        session.client = self._clients[sid] = Client(sid, session, now)
        self._registry.changed(sid)
        self._log("client-connected", socket=sid)
        welcome = {"message": "Connected to payment updates", "socketId": sid, "timestamp": to_iso(now)}
        session.send_packet(write_packet(EVENT, [CONNECTED, welcome]))

    def disconnected(self, session: Session, reason: str) -> None:
        """Forgets the session's client, if it has one. The session may live on, and must soon track again."""
        client, session.client = session.client, None
        if client is not None:
            del self._clients[client.sid]
            self._log("client-disconnected", socket=client.sid, reason=reason, payments=len(client.tracked_payments))
            for tracked in client.tracked_payments.values():
                self._tracked_payments.remove(tracked, client)
            self._registry.changed(client.sid)
            if session.operator is None:
                self._connections.expect_tracking(session)

    def received(self, client: Client, packet: SocketPacket) -> None:
        """Handles an event of a client, and acknowledges it where the client asks for that. Ignores unknown events."""
        event, *arguments = packet.content
        if event == TRACK:
            task = asyncio.create_task(self._track(client, packet, arguments))
            self._tracking.add(task)
            task.add_done_callback(self._tracking.discard)
        elif event == STOP_TRACKING:
            send_ack(client.session, packet, self._stop(client, arguments))

    async def _track(self, client: Client, packet: SocketPacket, arguments: Sequence[object]) -> None:
        try:
            reference, token = _read_request(arguments)
            await self._check_token(reference, token)
            if not self._is_here(client):
                return  # it left while the secrets were read
            self._connections.tracks(client.session)
            with self._metrics.track_seconds.time():
                await self._follow(client, packet, reference, token)
        except NotFound:
            self._refuse(client, packet, InvalidToken())  # must not tell which references exist
        except PaymentError as error:
            self._refuse(client, packet, error)
        except Exception:
            log.failure("track-failed")
            self._refuse(client, packet, PaymentError())

    def _stop(self, client: Client, arguments: Sequence[object]) -> str:
        reference = _reference(arguments)
        if reference is None:
            return self._refusal(client, InvalidRequest())
        if self._leave(client, reference):
            self._log("tracking-stopped", socket=client.sid, reference=reference)
        return '{"ok":true}'

    async def _follow(self, client: Client, packet: SocketPacket, reference: str, token: str) -> None:
        """Subscribes, reads the snapshot, sends it, watches from there on, and acknowledges.

        The payment in the acknowledgement is null where there is no version to send yet, or the client has stopped
        meanwhile.
        """
        self._check_bounds(client, reference)
        tracked = client.tracked_payments[reference] = self._tracked_payments.add(client, reference, token)
        self._registry.changed(client.sid)
        seen = client.seen.get(reference, 0)
        try:
            await self._tracked_payments.refresh(tracked, token, seen)
        except BaseException:
            self._leave(client, reference)
            raise
        if not self._is_here(client):
            return
        session = client.session  # it may have become another one since
        if client.tracked_payments.get(reference) is not tracked:
            send_ack(session, packet, ack_of(None))  # it has stopped
            return
        session.join_output(begins=True)
        try:
            send_ack(session, packet, ack_of(self._tracked_payments.join(tracked, client, seen)))
        finally:
            session.join_output(begins=False)
        self._log("payment-tracked", socket=client.sid, reference=reference, version=tracked.version)

    def _leave(self, client: Client, reference: str) -> bool:
        """Stops tracking a payment. Returns False where it was not tracked."""
        tracked = client.tracked_payments.pop(reference, None)
        if tracked is None:
            return False
        self._tracked_payments.remove(tracked, client)
        self._registry.changed(client.sid)
        return True

    def _is_here(self, client: Client) -> bool:
        return self._clients.get(client.sid) is client

    def _log(self, event: str, **fields: object) -> None:
        if self._settings.log_clients:
            log.info(event, **fields)

    def _refuse(self, client: Client, packet: SocketPacket, error: PaymentError) -> None:
        send_ack(client.session, packet, self._refusal(client, error))

    def _refusal(self, client: Client, error: PaymentError) -> str:
        self._metrics.refusals.labels(error.code).inc()
        return refused_ack(error, client.session.locale)

    async def _check_token(self, reference: str, token: str) -> None:
        """Raises InvalidToken unless the token is valid for this payment, if need be after a reload of the keys."""
        try:
            grant = self._grant_of(token)
        except InvalidToken:
            if not await self._credentials.reload():
                raise
            grant = self._grant_of(token)
        if grant.reference != reference:
            raise InvalidToken

    def _grant_of(self, token: str) -> TrackingGrant:
        return read_tracking_token(token, self._credentials.tracking_token_keys, _now())

    def _check_bounds(self, client: Client, reference: str) -> None:
        bounds = self._settings.bounds
        if reference in client.tracked_payments:
            return
        if len(client.tracked_payments) >= bounds.payments_per_socket:
            raise LimitReached("too_many_payments", 0)
        if self._tracked_payments.clients(reference) >= bounds.sockets_per_payment:
            raise LimitReached("too_many_sockets", 0)


def send_ack(session: Session, packet: SocketPacket, ack: str) -> None:
    """Acknowledges an event with `ack`, which is JSON, where its sender asks for that."""
    if packet.id is not None:
        session.send_packet(packet_around(ACK, f"[{ack}]", packet.namespace, packet.id))


def _reference(arguments: Sequence[object]) -> str | None:
    request = arguments[0] if arguments else None
    if not isinstance(request, dict):
        return None
    reference = request.get("reference") or request.get("paymentReference")
    return reference if isinstance(reference, str) and reference else None


def _read_request(arguments: Sequence[object]) -> tuple[str, str]:
    """Reads reference and token from the arguments of `track-payment`. Raises InvalidRequest."""
    reference, request = _reference(arguments), arguments[0] if arguments else None
    token = request.get("token") if isinstance(request, dict) else None
    if reference is None or not isinstance(token, str):
        raise InvalidRequest
    return reference, token


def _now() -> int:
    return time.time_ns() // 1_000_000
