"""Subscribes to the payments' channels in Redis, on one connection per process, and proves that it is alive."""

import asyncio
import contextlib
import functools
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from chalicelib.domain.redis_names import operators_channel, payment_channel, probe_channel
from chalicelib.runtime import log
from socket_gateway.metrics import Metrics
from socket_gateway.redis_clients import REDIS_AWAY, RedisClients, raise_if_cancelled
from socket_gateway.settings import Timing
from socket_gateway.snapshots import in_batches
from socket_gateway.subscription import Reply, Subscription

_MISSED_PROBES = 2
Received = Callable[[bytes, bytes], None]
"""Takes the channel and the body of one payment message."""
CatchUp = Callable[[], Awaitable[None]]
"""Awaited after every gap, once all subscriptions are confirmed. Messages from then on arrive for sure; what was
published before must be read from snapshots."""


class ProbeLost(Exception):
    """The subscription's connection is open, but two probes in a row did not come back on it."""


class Relay:
    """Subscribes to the channels of the tracked payments, and again after every lost connection.

    `subscribe` and `unsubscribe` only note what is wanted; the running session sends the commands, in batches.
    """

    def __init__(self, clients: RedisClients, gateway_id: str, timing: Timing, metrics: Metrics) -> None:
        self.connected = False
        self._clients = clients
        self._timing = timing
        self._metrics = metrics
        self._probe_channel = probe_channel(gateway_id).encode()
        self._probed_at = -math.inf
        self._probe_sent_at = time.monotonic()
        self._away_since: float | None = None
        self._wanted: dict[bytes, asyncio.Future[bool]] = {}
        self._sent: set[bytes] = set()
        self._awaited: Counter[bytes] = Counter()
        """Confirmations to come, per channel. Only a channel's last one counts; others are of older subscriptions."""
        self._changed: set[bytes] = set()
        self._wake = asyncio.Event()
        self._gap = asyncio.Event()

    def __len__(self) -> int:
        """Returns to how many payments it is subscribed."""
        return len(self._wanted.keys() - {self._probe_channel, operators_channel().encode()})

    @property
    def probe_age(self) -> float:
        """Returns the seconds since a probe that was published last came back."""
        return time.monotonic() - self._probed_at

    @property
    def lag(self) -> float:
        """Returns the seconds that Redis took to hand back the last probe; while it is away, those since that one."""
        is_back = self.connected and self._probed_at >= self._probe_sent_at
        return (self._probed_at if is_back else time.monotonic()) - self._probe_sent_at

    def subscribe(self, reference: str) -> None:
        """Wants the messages of this payment, now and after every lost connection."""
        self.subscribe_to(payment_channel(reference))

    def unsubscribe(self, reference: str) -> None:
        """Wants the messages of this payment no more."""
        self.unsubscribe_from(payment_channel(reference))

    async def confirmed(self, reference: str) -> bool:
        """Waits until Redis has confirmed the subscription to this payment: later messages arrive for sure.

        Returns False where Redis is away or does not confirm within `redis_timeout_seconds`.
        """
        return await self.is_subscribed_to(payment_channel(reference))

    def subscribe_to(self, channel: str) -> None:
        """Wants the messages of a channel, as `subscribe` does of a payment's."""
        self._want(channel.encode())

    def unsubscribe_from(self, channel: str) -> None:
        """Wants the messages of a channel no more."""
        future = self._wanted.pop(channel.encode(), None)
        if future is not None:
            _settle(future, False)
            self._changed.add(channel.encode())
            self._wake.set()

    async def is_subscribed_to(self, channel: str) -> bool:
        """Waits until Redis has confirmed the subscription to a channel, as `confirmed` does for a payment's."""
        future = self._wanted.get(channel.encode())
        if not self.connected or future is None:
            return False
        try:
            async with asyncio.timeout(self._timing.redis_timeout_seconds):
                return await asyncio.shield(future)
        except TimeoutError:
            return False

    async def run(self, received: Received, catch_up: CatchUp, lost: Callable[[], None] = lambda: None) -> None:
        """Keeps the subscription until it is cancelled: one session after the other, with back-off and jitter.

        `lost`: called when a connection is lost.
        """
        attempt = 0
        self._want(self._probe_channel)
        while True:
            try:
                await self._session(received, catch_up)
            except Exception as error:  # even an error of ours must start the next session: browsers depend on it
                self._lost_since(error)
                attempt = 1 if self.connected else attempt + 1
            was_connected = self.connected
            self._lose()
            if was_connected:
                lost()
            longest = min(self._timing.reconnect_max_seconds, 0.05 * 2 ** min(attempt, 10))
            await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311 jitter, no secret

    async def _session(self, received: Received, catch_up: CatchUp) -> None:
        connection = await self._clients.connect_subscriber()
        try:
            subscription = Subscription(connection, functools.partial(self._handle, received))
            self._awaited.clear()
            self._resubscribe()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(subscription.lost())
                tasks.create_task(self._write(subscription))
                tasks.create_task(self._probe())
                tasks.create_task(self._recover(catch_up))
        finally:
            await connection.disconnect(nowait=True)

    def _handle(self, received: Received, reply: Reply) -> None:
        kind, channel, body = reply
        if kind == b"message":
            if channel == self._probe_channel:
                self._probed_at = time.monotonic()
            else:
                self._metrics.relayed()
                received(channel, body)
        elif kind == b"subscribe":
            self._confirm(channel)

    async def _write(self, subscription: Subscription) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            for batch in in_batches([c for c in changed if c in self._wanted and c not in self._sent]):
                self._sent.update(batch)
                self._awaited.update(batch)
                subscription.send("SUBSCRIBE", *batch)
            for batch in in_batches([c for c in changed if c not in self._wanted and c in self._sent]):
                self._sent.difference_update(batch)
                subscription.send("UNSUBSCRIBE", *batch)

    async def _probe(self) -> None:
        """Publishes to a channel of our own and raises ProbeLost when it stops coming back.

        redis-py does not notice a half-open connection.
        """
        missed = 0
        while missed < _MISSED_PROBES:
            self._probe_sent_at = time.monotonic()
            with contextlib.suppress(*REDIS_AWAY):
                await self._clients.commands.publish(self._probe_channel, b"")
            raise_if_cancelled()
            await asyncio.sleep(self._timing.probe_seconds)
            if self._probed_at >= self._probe_sent_at:
                missed = 0
            else:
                missed += 1
                self._gap.set()
        raise ProbeLost

    async def _recover(self, catch_up: CatchUp) -> None:
        """Awaits `catch_up` at the start of a session, and after each sign of a gap within it."""
        while True:
            await asyncio.wait(tuple(self._wanted.values()))
            self._metrics.catch_ups.inc()
            await catch_up()
            raise_if_cancelled()
            await self._gap.wait()
            self._gap.clear()
            self._resubscribe()

    def _want(self, channel: bytes) -> None:
        if channel in self._wanted:
            return
        future = self._wanted[channel] = asyncio.get_running_loop().create_future()
        if channel in self._sent and not self._awaited[channel]:
            future.set_result(True)  # still subscribed: its UNSUBSCRIBE has not been sent
        self._changed.add(channel)
        self._wake.set()

    def _resubscribe(self) -> None:
        self._sent.clear()
        for channel, future in self._wanted.items():
            if future.done():
                self._wanted[channel] = asyncio.get_running_loop().create_future()
        self._changed.update(self._wanted)
        self._wake.set()

    def _confirm(self, channel: bytes) -> None:
        self._awaited[channel] -= 1
        if self._awaited[channel] > 0:
            return
        del self._awaited[channel]
        self.connected = True
        if self._away_since is not None:
            log.info("redis-back", away_seconds=round(time.monotonic() - self._away_since, 1))
            self._away_since = None
        if channel in self._wanted:
            _settle(self._wanted[channel], True)

    def _lost_since(self, error: BaseException) -> None:
        """Logs the loss of the connection, once per outage."""
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning("redis-lost", error=_name(error))

    def _lose(self) -> None:
        if self.connected:
            self._metrics.relay_lost.inc()
        self.connected = False
        self._sent.clear()
        self._gap.clear()
        for future in self._wanted.values():
            _settle(future, False)


def _settle(future: asyncio.Future[bool], confirmed: bool) -> None:
    if not future.done():
        future.set_result(confirmed)


def _name(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
