"""Handles the Socket.IO events of browsers: connect, disconnect, track a payment, stop tracking it."""

import time
from typing import Any

from chalicelib.domain.contract import CONNECTED, STOP_TRACKING, TRACK, PaymentEvent, payment_room, to_iso
from chalicelib.domain.errors import InvalidRequest, InvalidToken, LimitReached, NotFound, PaymentError
from chalicelib.domain.tokens import TrackingGrant, read_tracking_token
from chalicelib.runtime import log
from socket_gateway.connections import Connections
from socket_gateway.credentials import Credentials
from socket_gateway.metrics import Metrics
from socket_gateway.refusals import Ack, refused_ack
from socket_gateway.registry import Registry
from socket_gateway.room_index import NAMESPACE, RoomIndexManager
from socket_gateway.settings import Settings
from socket_gateway.tracked_payments import TrackedPayment, TrackedPayments
from socket_gateway.wire import SocketServer

_REMEMBERED = 64
"""Payments per client whose last shown version is kept."""


class Client:
    """Holds what the gateway knows of one connected Socket.IO client.

    `seen` has the newest version that was sent of each payment, also of payments that are no longer tracked.
    """

    __slots__ = ("connected_at", "eio_sid", "seen", "tracked_payments")

    def __init__(self, eio_sid: str, connected_at: int) -> None:
        self.eio_sid = eio_sid
        self.connected_at = connected_at
        self.tracked_payments: dict[str, TrackedPayment] = {}
        self.seen: dict[str, int] = {}

    def saw(self, reference: str, version: int) -> None:
        """Notes the newest version that was sent of a payment; forgets the oldest note over 64."""
        self.seen.pop(reference, None)
        self.seen[reference] = version
        if len(self.seen) > _REMEMBERED:
            del self.seen[next(iter(self.seen))]


class Sockets:
    """Handles the events of all connected Socket.IO clients."""

    def __init__(
        self,
        server: SocketServer,
        rooms: RoomIndexManager,
        connections: Connections,
        tracked_payments: TrackedPayments,
        registry: Registry,
        credentials: Credentials,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._server = server
        self._rooms = rooms
        self._connections = connections
        self._tracked_payments = tracked_payments
        self._registry = registry
        self._credentials = credentials
        self._settings = settings
        self._metrics = metrics
        self._clients: dict[str, Client] = {}
        server.on("connect", self._connect)
        server.on("disconnect", self._disconnect)
        server.on(TRACK, self._track)
        server.on(STOP_TRACKING, self._stop)

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

    async def _connect(self, sid: str, _environ: object, _auth: object) -> None:
        now = _now()
        self._clients[sid] = Client(self._rooms.eio_sid_from_sid(sid, NAMESPACE), now)
        self._registry.changed(sid)
        self._log("client-connected", socket=sid)
        welcome = {"message": "Connected to payment updates", "socketId": sid, "timestamp": to_iso(now)}
        await self._server.emit(CONNECTED, welcome, to=sid)

    async def _disconnect(self, sid: str, reason: str) -> None:
        client = self._clients.pop(sid, None)
        if client is not None:
            self._log("client-disconnected", socket=sid, reason=reason, payments=len(client.tracked_payments))
            for reference in client.tracked_payments:
                self._tracked_payments.remove(sid, reference)
            self._registry.changed(sid)
            self._connections.expect_tracking(client.eio_sid)

    async def _track(self, sid: str, *arguments: object) -> Ack:
        client = self._clients.get(sid)
        if client is None:
            return self._refused(client, InvalidRequest())
        try:
            reference, token = _read_request(arguments)
            await self._check_token(reference, token)
            if self._clients.get(sid) is not client:
                return self._refused(client, InvalidRequest())  # the client left while the secrets were read
            self._connections.tracks(client.eio_sid)
            with self._metrics.track_seconds.time():
                return {"ok": True, "payment": await self._follow(sid, client, reference, token)}
        except NotFound:
            return self._refused(client, InvalidToken())  # must not tell which references exist
        except PaymentError as error:
            return self._refused(client, error)
        except Exception:
            log.failure("track-failed")
            return self._refused(client, PaymentError())

    async def _stop(self, sid: str, *arguments: object) -> Ack:
        client = self._clients.get(sid)
        reference = _reference(arguments)
        if client is None or reference is None:
            return self._refused(client, InvalidRequest())
        if await self._leave(sid, client, reference):
            self._log("tracking-stopped", socket=sid, reference=reference)
        return {"ok": True}

    async def _follow(self, sid: str, client: Client, reference: str, token: str) -> PaymentEvent | None:
        """Subscribes, reads the snapshot, sends it, and joins the room. Returns the version that was sent.

        No event can arrive between the last two: `enter_room` does not yield to the event loop. Returns None where
        there is no version to send yet, or the client has left or stopped meanwhile.
        """
        self._check_bounds(client, reference)
        tracked = client.tracked_payments[reference] = self._tracked_payments.add(sid, reference, token)
        self._registry.changed(sid)
        seen = client.seen.get(reference, 0)
        try:
            await self._tracked_payments.refresh(tracked, token, seen)
        except BaseException:
            await self._leave(sid, client, reference)
            raise
        if self._clients.get(sid) is not client or client.tracked_payments.get(reference) is not tracked:
            return None  # it left or stopped during the read
        newest = tracked.newest if tracked.version >= seen else None
        event = newest.event() if newest is not None else None
        if newest is not None:
            self._rooms.broadcast(sid, newest)
            client.saw(reference, newest.number)
        await self._server.enter_room(sid, payment_room(reference))
        self._log("payment-tracked", socket=sid, reference=reference, version=tracked.version)
        return event

    async def _leave(self, sid: str, client: Client, reference: str) -> bool:
        """Stops tracking a payment. Returns False where it was not tracked."""
        tracked = client.tracked_payments.pop(reference, None)
        if tracked is None:
            return False
        room = payment_room(reference)
        if room in self._server.rooms(sid):
            client.saw(reference, tracked.version)
            await self._server.leave_room(sid, room)
        self._tracked_payments.remove(sid, reference)
        self._registry.changed(sid)
        return True

    def _log(self, event: str, **fields: object) -> None:
        if self._settings.log_clients:
            log.info(event, **fields)

    def _refused(self, client: Client | None, error: PaymentError) -> Ack:
        self._metrics.refusals.labels(error.code).inc()
        return refused_ack(error, self._connections.locale_of(client.eio_sid if client else ""))

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
        if self._tracked_payments.sockets(reference) >= bounds.sockets_per_payment:
            raise LimitReached("too_many_sockets", 0)


def _reference(arguments: tuple[object, ...]) -> str | None:
    request = arguments[0] if arguments else None
    if not isinstance(request, dict):
        return None
    reference = request.get("reference") or request.get("paymentReference")
    return reference if isinstance(reference, str) and reference else None


def _read_request(arguments: tuple[object, ...]) -> tuple[str, str]:
    """Reads reference and token from the arguments of `track-payment`. Raises InvalidRequest."""
    reference, request = _reference(arguments), arguments[0] if arguments else None
    token = request.get("token") if isinstance(request, dict) else None
    if reference is None or not isinstance(token, str):
        raise InvalidRequest
    return reference, token


def _now() -> int:
    return time.time_ns() // 1_000_000
