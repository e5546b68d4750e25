"""Keeps which payments this gateway's browsers track, and sends each new version to all of them."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from chalicelib.domain.contract import MalformedEvent
from chalicelib.domain.errors import NotFound
from chalicelib.domain.redis_names import reference_of_channel
from chalicelib.runtime import log
from socket_gateway.broadcast import Broadcast
from socket_gateway.redis_clients import REDIS_AWAY
from socket_gateway.relay import Relay
from socket_gateway.session import Client, TrackedPayment
from socket_gateway.snapshots import Snapshots, in_batches
from socket_gateway.tracking_api import TrackingApi
from socket_gateway.versions import Version, read_version, version_of

_AGAIN_SECONDS = 0.2


class TrackedPayments:
    """Keeps the tracked payments up to date from messages, snapshots and the API.

    Invariant: every watcher of a payment has been sent `newest`, or will be at the end of this turn. A client that was
    added and does not watch yet gets `newest` when it joins.
    """

    def __init__(self, relay: Relay, snapshots: Snapshots, api: TrackingApi, broadcast: Broadcast) -> None:
        self._relay = relay
        self._snapshots = snapshots
        self._api = api
        self._broadcast = broadcast
        self._tracked_payments: dict[str, TrackedPayment] = {}
        self._reading_later: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Returns how many payments are tracked."""
        return len(self._tracked_payments)

    def clients(self, reference: str) -> int:
        """Counts the clients that track a payment."""
        tracked = self._tracked_payments.get(reference)
        return len(tracked.tokens) if tracked is not None else 0

    def add(self, client: Client, reference: str, token: str) -> TrackedPayment:
        """Notes that a client tracks a payment, and subscribes to it. Call `refresh`, then `join`."""
        tracked = self._tracked_payments.get(reference)
        if tracked is None:
            tracked = self._tracked_payments[reference] = TrackedPayment(reference)
            self._relay.subscribe(reference)
        tracked.tokens[client] = token
        return tracked

    def join(self, tracked: TrackedPayment, client: Client, seen: int) -> Version | None:
        """Sends a client the newest version, and from now on every one. No event can come between the two.

        Returns what was sent: None where no version is known, or only one older than `seen`.
        """
        newest = tracked.newest if tracked.version >= seen else None
        self._broadcast.join(tracked, client, newest)
        if newest is not None:
            client.saw(tracked.reference, newest.number)
        return newest

    def remove(self, tracked: TrackedPayment, client: Client) -> None:
        """Notes that a client tracks a payment no more. The last one unsubscribes."""
        if self._broadcast.leave(tracked, client):
            client.saw(tracked.reference, tracked.version)
        if tracked.tokens.pop(client, None) is not None and not tracked.tokens:
            del self._tracked_payments[tracked.reference]
            self._relay.unsubscribe(tracked.reference)

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
        elif not confirmed:
            self._read_later(tracked)
        if snapshot is None or snapshot.number < seen:
            asking = self._start(self._ask(tracked.reference, token))
            if confirmed:
                done, _ = await asyncio.wait({asking}, timeout=self._api.timeout)
                for task in done:
                    task.result()

    async def catch_up(self) -> None:
        """Brings every tracked payment up to date after a gap in the messages. Raises one of REDIS_AWAY.

        It asks the API where Redis has lost a payment, and where a shard of a cluster does not answer.
        """
        missing: list[TrackedPayment] = []
        for references in in_batches(tuple(self._tracked_payments)):
            versions = await self._snapshots.read_many(references)
            for reference in references:
                tracked, version = self._tracked_payments.get(reference), versions.get(reference)
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
            self._broadcast.send(tracked, version)

    def _read_later(self, tracked: TrackedPayment) -> None:
        """Reads the snapshot once Redis has confirmed the subscription: what was published before came to nobody."""
        if tracked.reference not in self._reading_later:
            self._reading_later[tracked.reference] = task = self._start(self._read_confirmed(tracked.reference))
            task.add_done_callback(lambda _: self._reading_later.pop(tracked.reference))

    async def _read_confirmed(self, reference: str) -> None:
        """Waits as long as the connection lives; `catch_up` follows on the next one."""
        while self._relay.connected and reference in self._tracked_payments:
            if await self._relay.confirmed(reference):
                with suppress(*REDIS_AWAY):
                    snapshot, tracked = await self._snapshots.read(reference), self._tracked_payments.get(reference)
                    if snapshot is not None and tracked is not None:
                        self._learn(tracked, snapshot)
                    return
            await asyncio.sleep(_AGAIN_SECONDS)

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
