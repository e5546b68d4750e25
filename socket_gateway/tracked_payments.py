"""Which payments local browsers track, and the newest version that each of them has been shown."""

import asyncio
from collections.abc import Coroutine

from chalicelib.domain.contract import EVENTS_OF_STATUS, MalformedEvent, PaymentEvent, decode, encode, payment_room
from chalicelib.domain.errors import NotFound
from chalicelib.runtime import log
from socket_gateway.redis_clients import REDIS_AWAY
from socket_gateway.relay import Relay
from socket_gateway.room_index import RoomIndexManager
from socket_gateway.snapshots import Snapshots, in_batches
from socket_gateway.tracking_api import TrackingApi
from socket_gateway.wire import VersionPacket


class TrackedPayment:
    """One payment that local browsers track. `tokens`: by socket, of those too that wait for the snapshot."""

    __slots__ = ("newest", "reference", "tokens")

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.newest: PaymentEvent | None = None
        self.tokens: dict[str, str] = {}

    @property
    def version(self) -> int:
        return self.newest["version"] if self.newest is not None else 0


class TrackedPayments:
    """Everybody in a payment's room has been shown `tracked.newest`; who is held has not entered it yet."""

    def __init__(self, relay: Relay, snapshots: Snapshots, api: TrackingApi, rooms: RoomIndexManager) -> None:
        self._relay = relay
        self._snapshots = snapshots
        self._api = api
        self._rooms = rooms
        self._tracked_payments: dict[str, TrackedPayment] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tracked_payments)

    def sockets(self, reference: str) -> int:
        tracked = self._tracked_payments.get(reference)
        return len(tracked.tokens) if tracked is not None else 0

    def hold(self, sid: str, reference: str, token: str) -> TrackedPayment:
        """From now on nothing newer is missed; `refresh` brings what came before."""
        tracked = self._tracked_payments.get(reference)
        if tracked is None:
            tracked = self._tracked_payments[reference] = TrackedPayment(reference)
            self._relay.subscribe(reference)
        tracked.tokens[sid] = token
        return tracked

    def leave(self, sid: str, reference: str) -> None:
        tracked = self._tracked_payments.get(reference)
        if tracked is not None and tracked.tokens.pop(sid, None) is not None and not tracked.tokens:
            del self._tracked_payments[reference]
            self._relay.unsubscribe(reference)

    async def refresh(self, tracked: TrackedPayment, token: str, seen: int) -> None:
        """Brings `tracked.newest` up to date, at least to the version `seen` where anybody has it.

        Without Redis it returns at once, and what the API says follows as events.
        Raises NotFound where there is no such payment.
        """
        seen = max(seen, tracked.version)
        confirmed = await self._relay.confirmed(tracked.reference)
        try:
            snapshot = await self._snapshots.read(tracked.reference) if confirmed else None
        except REDIS_AWAY:
            confirmed, snapshot = False, None
        if snapshot is not None:
            self._learn(snapshot)
        if snapshot is None or snapshot["version"] < seen:
            asking = self._start(self._ask(tracked.reference, token))
            if confirmed:
                done, _ = await asyncio.wait({asking}, timeout=self._api.timeout)
                for task in done:
                    task.result()

    async def catch_up(self) -> None:
        """Reads every payment that is watched, after a gap. Raises RedisError."""
        missing: list[TrackedPayment] = []
        for references in in_batches(tuple(self._tracked_payments)):
            for reference, event in zip(references, await self._snapshots.read_many(references), strict=True):
                tracked = self._tracked_payments.get(reference)
                if tracked is None:
                    continue
                if event is None or event["version"] < tracked.version:
                    missing.append(tracked)
                else:
                    self._learn(event)
        for batch in in_batches(missing):
            await asyncio.gather(*(self._ask_for(tracked) for tracked in batch))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def received(self, body: bytes) -> None:
        try:
            self._learn(decode(body))
        except MalformedEvent as error:
            log.warning("payment-message-malformed", reason=str(error))

    def _learn(self, event: PaymentEvent) -> None:
        tracked = self._tracked_payments.get(event["reference"])
        if tracked is not None and event["version"] > tracked.version:
            tracked.newest = event
            self._rooms.broadcast(payment_room(tracked.reference), packets_of(event))

    async def _ask(self, reference: str, token: str) -> None:
        event = await self._api.ask(reference, token)
        if event is not None:
            self._learn(event)

    async def _ask_for(self, tracked: TrackedPayment) -> None:
        for token in tuple(tracked.tokens.values())[:1]:
            try:
                await self._ask(tracked.reference, token)
            except NotFound:
                log.warning("watched-payment-unknown", reference=tracked.reference)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # NotFound: whoever waits gets it, nobody else needs it


def packets_of(event: PaymentEvent) -> tuple[VersionPacket, ...]:
    """The events of one version, encoded once for all its browsers."""
    payload = encode(event)
    return tuple(
        VersionPacket(event["reference"], event["version"], f'2["{name}",{payload}]')
        for name in EVENTS_OF_STATUS[event["status"]]
    )
