"""Reads the newest version of each payment from Redis."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from chalicelib.domain.contract import MalformedEvent
from chalicelib.domain.redis_names import payment_key
from chalicelib.runtime import log
from socket_gateway.redis_clients import RedisClients
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

    async def read(self, reference: str) -> Version | None:
        """Returns the newest version of a payment, None where Redis has none. Raises RedisError."""
        future = self._asked.get(reference)
        if future is None:
            future = self._asked[reference] = asyncio.get_running_loop().create_future()
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_asked())
        return await asyncio.shield(future)

    async def read_many(self, references: Sequence[str]) -> list[Version | None]:
        """Returns the newest version of each payment, in this order; None where Redis has none. Raises RedisError."""
        pipeline = self._redis.pipeline(transaction=False)
        for reference in references:
            pipeline.get(payment_key(reference))
        replies = await pipeline.execute()
        return [_read(reference, body) for reference, body in zip(references, replies, strict=True)]

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
            for future, version in zip(batch.values(), versions, strict=True):
                future.set_result(version)


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
