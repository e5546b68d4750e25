"""Reads the newest version of each payment from Redis."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypeVar

from redis.exceptions import RedisError

from chalicelib.domain.contract import MalformedEvent
from chalicelib.domain.redis_names import payment_key
from chalicelib.runtime import log
from socket_gateway.redis_clients import REDIS_AWAY, RedisClients
from socket_gateway.versions import Version, read_version

BATCH = 500
"""Most channels or keys in one command or pipeline."""
T = TypeVar("T")


class Snapshots:
    """Joins concurrent reads: all that are requested while a pipeline runs go together into the next one.

    So thousands of browsers that connect at once cause a few pipelines.
    """

    def __init__(self, clients: RedisClients) -> None:
        self._redis = clients.commands
        self._asked: dict[str, asyncio.Future[Version | None]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._finding: asyncio.Task[None] | None = None

    async def read(self, reference: str) -> Version | None:
        """Returns the newest version of a payment, None where Redis has none. Raises one of REDIS_AWAY."""
        future = self._asked.get(reference)
        if future is None:
            future = self._asked[reference] = asyncio.get_running_loop().create_future()
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_asked())
        return await asyncio.shield(future)

    async def read_many(self, references: Sequence[str]) -> dict[str, Version | None]:
        """Returns the newest version of each payment, None where Redis has none.

        Payments are left out whose shard of a cluster does not answer. Raises one of REDIS_AWAY where nothing answers.
        """
        keys = [payment_key(reference) for reference in references]
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.get(key)
        replies = await pipeline.execute(raise_on_error=False)
        failed = {key: reply for key, reply in zip(keys, replies, strict=True) if isinstance(reply, Exception)}
        if failed:
            self._find_shard(next(iter(failed)))
        if len(failed) == len(keys) > 0:
            raise failed[keys[0]]
        return {
            reference: _read(reference, reply)
            for reference, reply in zip(references, replies, strict=True)
            if not isinstance(reply, Exception)
        }

    def _find_shard(self, key: str) -> None:
        """Has the client look for the node that serves a key now: a failed pipeline makes it look for none."""
        if self._finding is None:
            self._finding = asyncio.create_task(self._ask_alone(key))

    async def _ask_alone(self, key: str) -> None:
        try:
            with suppress(*REDIS_AWAY):
                await self._redis.get(key)
        finally:
            self._finding = None

    async def _read_asked(self) -> None:
        try:
            while self._asked:
                batch = dict(islice(self._asked.items(), BATCH))
                for reference in batch:
                    del self._asked[reference]
                await self._answer(batch)
        finally:
            self._reading = None

    async def _answer(self, batch: dict[str, asyncio.Future[Version | None]]) -> None:
        try:
            versions = await self.read_many(tuple(batch))
        except Exception as error:  # raised in every caller of `read` that waits for this batch
            for future in batch.values():
                future.set_exception(error)
        else:
            for reference, future in batch.items():
                if reference in versions:
                    future.set_result(versions[reference])
                else:
                    future.set_exception(RedisError("the payment's shard does not answer"))


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Splits into lists of at most BATCH items."""
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _read(reference: str, body: bytes | None) -> Version | None:
    if body is None:
        return None
    try:
        return read_version(reference, body)
    except MalformedEvent as error:
        log.warning("snapshot-malformed", reason=str(error))
        return None
