"""Connects the gateway to Redis: one client for commands, one bare connection for subscriptions."""

import asyncio
import ssl
from typing import Any

from redis.asyncio import Connection, Redis, RedisCluster, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisClusterException, RedisError

from chalicelib.runtime.settings_reader import RedisSettings
from socket_gateway.credentials import Credentials
from socket_gateway.settings import Timing

REDIS_AWAY = (RedisError, RedisClusterException, OSError, RuntimeError)
"""Errors of a command that could not reach Redis. RedisClusterException is not a RedisError. uvloop raises RuntimeError
where a connection is closed between the moment when it was found open and the write."""


def raise_if_cancelled() -> None:
    """Raises CancelledError where the current task has been cancelled.

    A loop calls it after a command: `asyncio.wait_for` of Python 3.11, in redis-py, loses a cancellation that arrives
    together with its result, and a task group cancels its tasks only once.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class RedisClients:
    """Creates the connections to Redis, or to any node of a cluster.

    `commands` retries a command once, on a new connection, then raises one of REDIS_AWAY. Every caller decides what to
    do without Redis.
    """

    def __init__(self, settings: RedisSettings, timing: Timing, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials
        self._options: dict[str, Any] = {
            "credential_provider": credentials if settings.password else None,
            "socket_timeout": timing.redis_timeout_seconds,
            "socket_connect_timeout": timing.redis_timeout_seconds,
            "protocol": 2,
            "driver_info": None,  # redis-py would read the package metadata from disk for each connection
        }
        shared = self._options | {"host": settings.host, "port": settings.port, "ssl": settings.tls}
        once = Retry(NoBackoff(), 1)
        self.commands: Redis | RedisCluster
        if settings.cluster:
            self.commands = RedisCluster(**shared, retry=once)
        else:
            self.commands = Redis(**shared, db=settings.database, retry=once)

    async def connect_subscriber(self) -> Connection:
        """Opens a connection that never reconnects by itself, so that no gap in the messages goes unnoticed.

        In a cluster it is to any node: PUBLISH reaches all of them. Raises one of REDIS_AWAY. Where the password is
        refused, the secrets have been reloaded by then.
        """
        try:
            return await self._connect_subscriber()
        except REDIS_AWAY as error:
            if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
                await self._credentials.reload()
            raise

    async def _connect_subscriber(self) -> Connection:
        options = self._options | {"host": self._settings.host, "port": self._settings.port}
        if isinstance(self.commands, RedisCluster):
            await self.commands.initialize()
            node = self.commands.get_random_node()
            options |= {"host": node.host, "port": node.port}
        else:
            options["db"] = self._settings.database
        retry = Retry(NoBackoff(), 0)
        if self._settings.tls:
            connection: Connection = SSLConnection(**options, retry=retry, ssl_min_version=ssl.TLSVersion.TLSv1_2)
        else:
            connection = Connection(**options, retry=retry)
        await connection.connect()  # type: ignore[no-untyped-call]  # redis-py has no annotation here
        return connection

    async def close(self) -> None:
        """Closes the command client. Subscribers are closed by whoever opened them."""
        await self.commands.aclose()
