"""Writes to Redis which browsers are connected to this gateway, for the operator's list of connections."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.domain.contract import to_iso
from chalicelib.domain.redis_names import (
    CLIENT_TTL_SECONDS,
    GATEWAY_TTL_SECONDS,
    client_key,
    clients_key,
    gateway_key,
    gateways_key,
)
from socket_gateway.redis_clients import REDIS_AWAY, RedisClients

_BEAT_SECONDS = GATEWAY_TTL_SECONDS / 3
_RETRY_SECONDS = 1.0
_CLIENTS_AT_ONCE = 100
"""Clients in one pipeline: one of 2,500 takes 120 to 190 ms, in which the event loop does nothing else."""
_FORGOTTEN_AFTER_SECONDS = 10 * GATEWAY_TTL_SECONDS
"""Age at which a dead gateway is removed from the set of gateways. Its own key is gone long before, so that clocks
of two machines that differ remove no gateway that is alive."""

Describe = Callable[[str], dict[str, Any] | None]
"""Gives the record of the client with this socket id; None when it has left."""
Totals = Callable[[], Mapping[str, int]]
"""Counts this gateway's `clients` and `payments`."""


class Registry:
    """Writes one record per client and one for the gateway, behind the events: nobody waits for a write.

    `client:<socketId>` is {gateway, connectedAt, payments: [reference]}, `gateway:<id>` is {startedAt, clients: count,
    payments: count}. Neither has a token or an address. The set of gateways and each gateway's set of sockets let a
    reader take one page without a scan of all keys.
    """

    def __init__(self, clients: RedisClients, gateway_id: str, flush_seconds: float) -> None:
        self._redis = clients.commands
        self._gateway_id = gateway_id
        self._flush_seconds = flush_seconds
        self._started_at = to_iso(time.time_ns() // 1_000_000)
        self._beat_at = 0.0
        self._changed: set[str] = set()
        self._written: set[str] = set()

    def changed(self, sid: str) -> None:
        """Schedules a write of this client: it connected, left, or tracks other payments now."""
        self._changed.add(sid)

    def rewrite(self, sids: list[str]) -> None:
        """Schedules a write of these clients and of the gateway: Redis was away and may have lost its data."""
        self._changed.update(sids)
        self._beat_at = 0.0

    async def run(self, describe: Describe, totals: Totals) -> None:
        """Writes what has changed, until it is cancelled. A write that fails is tried again."""
        while True:
            await asyncio.sleep(self._flush_seconds)
            beats = time.monotonic() - self._beat_at > _BEAT_SECONDS
            if self._changed or beats:
                await self._flush(describe, totals)

    async def remove_all(self) -> None:
        """Deletes all that this gateway has written, at shutdown."""
        pipeline = self._redis.pipeline(transaction=False)
        for sid in self._written:
            pipeline.delete(client_key(sid))
        pipeline.delete(clients_key(self._gateway_id))
        pipeline.delete(gateway_key(self._gateway_id))
        pipeline.zrem(gateways_key(), self._gateway_id)
        with contextlib.suppress(*REDIS_AWAY):  # the keys expire by themselves
            await pipeline.execute()

    async def _flush(self, describe: Describe, totals: Totals) -> None:
        """Writes a part at a time: thousands that come or leave at once would block the event loop as one pipeline."""
        changed, self._changed = [*self._changed], set()
        try:
            for first in range(0, max(1, len(changed)), _CLIENTS_AT_ONCE):
                records = {sid: describe(sid) for sid in changed[first : first + _CLIENTS_AT_ONCE]}
                pipeline = self._redis.pipeline(transaction=False)
                self._write(pipeline, records)
                self._beat(pipeline, totals())
                await pipeline.execute()
                self._beat_at = time.monotonic()
                self._written.update(sid for sid, record in records.items() if record is not None)
                self._written.difference_update(sid for sid, record in records.items() if record is None)
        except REDIS_AWAY:
            # A client that left and was never written needs no deletion: the set stays no larger than the clients.
            self._changed.update(sid for sid in changed[first:] if describe(sid) is not None or sid in self._written)
            await asyncio.sleep(_RETRY_SECONDS)

    def _write(self, pipeline: Any, records: Mapping[str, dict[str, Any] | None]) -> None:
        here = {sid: record for sid, record in records.items() if record is not None}
        left = [sid for sid in records if sid not in here and sid in self._written]
        for sid, record in here.items():
            text = json.dumps({"gateway": self._gateway_id, **record})
            pipeline.set(client_key(sid), text, ex=CLIENT_TTL_SECONDS)
        for sid in left:
            pipeline.delete(client_key(sid))
        if here:
            pipeline.zadd(clients_key(self._gateway_id), dict.fromkeys(here, 0))
        if left:
            pipeline.zrem(clients_key(self._gateway_id), *left)

    def _beat(self, pipeline: Any, totals: Mapping[str, int]) -> None:
        text = json.dumps({"startedAt": self._started_at, **totals})
        pipeline.set(gateway_key(self._gateway_id), text, ex=GATEWAY_TTL_SECONDS)
        pipeline.expire(clients_key(self._gateway_id), CLIENT_TTL_SECONDS)
        now = int(time.time())
        pipeline.zadd(gateways_key(), {self._gateway_id: now})
        pipeline.zremrangebyscore(gateways_key(), "-inf", now - _FORGOTTEN_AFTER_SECONDS)
        pipeline.expire(gateways_key(), CLIENT_TTL_SECONDS)
