"""Keeps which payments this gateway's browsers track, and sends each new version to all of them."""

import asyncio
from collections.abc import Coroutine

from chalicelib.domain.contract import MalformedEvent, payment_room, reference_of_channel
from chalicelib.domain.errors import NotFound
from chalicelib.runtime import log
from socket_gateway.redis_clients import REDIS_AWAY
from socket_gateway.relay import Relay
from socket_gateway.room_index import RoomIndexManager
from socket_gateway.snapshots import Snapshots, in_batches
from socket_gateway.tracking_api import TrackingApi
from socket_gateway.versions import Version, read_version, version_of


class TrackedPayment:
    """Holds one tracked payment: its newest known version, and the tokens of the sockets that track it.

    `tokens` is by socket id. A socket is in it from its track request on, before it has joined the payment's room.
    """

    __slots__ = ("newest", "reference", "tokens")

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.newest: Version | None = None
        self.tokens: dict[str, str] = {}

    @property
    def version(self) -> int:
        """Returns the newest known version; 0 where none is known."""
        return self.newest.number if self.newest is not None else 0


class TrackedPayments:
    """Keeps the tracked payments up to date from messages, snapshots and the API.

    Invariant: every socket in a payment's room has been sent `newest`. A socket that was added and has not joined the
    room yet gets `newest` when it joins.
    """

    def __init__(self, relay: Relay, snapshots: Snapshots, api: TrackingApi, rooms: RoomIndexManager) -> None:
        self._relay = relay
        self._snapshots = snapshots
        self._api = api
        self._rooms = rooms
        self._tracked_payments: dict[str, TrackedPayment] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Returns how many payments are tracked."""
        return len(self._tracked_payments)

    def sockets(self, reference: str) -> int:
        """Counts the sockets that track a payment."""
        tracked = self._tracked_payments.get(reference)
        return len(tracked.tokens) if tracked is not None else 0

    def add(self, sid: str, reference: str, token: str) -> TrackedPayment:
        """Notes that a socket tracks a payment, and subscribes to it. Call `refresh` to get its current version."""
        tracked = self._tracked_payments.get(reference)
        if tracked is None:
            tracked = self._tracked_payments[reference] = TrackedPayment(reference)
            self._relay.subscribe(reference)
        tracked.tokens[sid] = token
        return tracked

    def remove(self, sid: str, reference: str) -> None:
        """Notes that a socket tracks a payment no more. The last one unsubscribes."""
        tracked = self._tracked_payments.get(reference)
        if tracked is not None and tracked.tokens.pop(sid, None) is not None and not tracked.tokens:
            del self._tracked_payments[reference]
            self._relay.unsubscribe(reference)

    async def refresh(self, tracked: TrackedPayment, token: str, seen: int) -> None:
        """Brings `tracked.newest` up to date from the snapshot in Redis, or from the API.

        `seen` is the version that the client was sent before; if the snapshot is older, it asks the API. Where Redis
        is away it returns without waiting for the API, whose answer follows as events. Raises NotFound where there is
        no such payment.
        """
        seen = max(seen, tracked.version)
        confirmed = await self._relay.confirmed(tracked.reference)
        try:
            snapshot = await self._snapshots.read(tracked.reference) if confirmed else None
        except REDIS_AWAY:
            confirmed, snapshot = False, None
        if snapshot is not None:
            self._learn(tracked, snapshot)
        if snapshot is None or snapshot.number < seen:
            asking = self._start(self._ask(tracked.reference, token))
            if confirmed:
                done, _ = await asyncio.wait({asking}, timeout=self._api.timeout)
                for task in done:
                    task.result()

    async def catch_up(self) -> None:
        """Brings every tracked payment up to date after a gap in the messages. Raises RedisError."""
        missing: list[TrackedPayment] = []
        for references in in_batches(tuple(self._tracked_payments)):
            for reference, version in zip(references, await self._snapshots.read_many(references), strict=True):
                tracked = self._tracked_payments.get(reference)
                if tracked is None:
                    continue
                if version is None or version.number < tracked.version:
                    missing.append(tracked)
                else:
                    self._learn(tracked, version)
        for batch in in_batches(missing):
            await asyncio.gather(*(self._ask_for(tracked) for tracked in batch))

    async def close(self) -> None:
        """Cancels the calls of the API that are under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def received(self, channel: bytes, body: bytes) -> None:
        """Takes one payment message. A malformed one is logged and dropped."""
        tracked = self._tracked_payments.get(reference_of_channel(channel.decode()) or "")
        if tracked is None:
            return
        try:
            self._learn(tracked, read_version(tracked.reference, body))
        except MalformedEvent as error:
            log.warning("payment-message-malformed", reason=str(error))

    def _learn(self, tracked: TrackedPayment, version: Version) -> None:
        if version.number > tracked.version:
            tracked.newest = version
            self._rooms.broadcast(payment_room(tracked.reference), version)

    async def _ask(self, reference: str, token: str) -> None:
        event = await self._api.ask(reference, token)
        tracked = self._tracked_payments.get(reference)
        if event is not None and tracked is not None:
            self._learn(tracked, version_of(event))

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
            task.exception()  # retrieved, so that asyncio does not log NotFound; a caller that waits has raised it
