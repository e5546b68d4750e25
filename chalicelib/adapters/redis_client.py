"""Makes redis-py's client, for a single node or for a cluster, so that a call fails soon where Redis does not answer.

A failed command is sent once more, since a connection that was idle for long may be dead. The circuit breaker in
`live_store` decides about all further attempts.
"""

from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterPipeline, RedisCluster
from redis.retry import Retry

from chalicelib.runtime.settings_reader import RedisSettings

_CONNECT_SECONDS, _READ_SECONDS = 0.5, 1.0


def connect(settings: RedisSettings) -> "redis.Redis | RedisCluster":
    """Makes a Redis client. A cluster's client connects here, a single node's at its first command."""
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "username": settings.username or None,
        "password": settings.password or None,
        "ssl": settings.tls,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _READ_SECONDS,
        "health_check_interval": 30,
    }
    once = Retry(NoBackoff(), 1)
    if settings.cluster:
        return _Cluster(**options, retry=once)
    return redis.Redis(**options, db=settings.database, retry=once)


class _Cluster(RedisCluster):
    """Is redis-py's client of a cluster, but for a pipeline whose shard does not answer.

    redis-py sends each command of such a pipeline again, one after the other, up to eleven times with its defaults:
    `take_prompt` took 68 s while a shard was frozen. Here the first of them is sent again, once; where it fails too,
    the others fail with it.
    """

    def pipeline(self, transaction: bool | None = None, shard_hint: object = None) -> ClusterPipeline:
        make: Callable[..., ClusterPipeline] = super().pipeline  # redis-py has no types for it
        pipeline = make(transaction, shard_hint)
        pipeline.set_retry(Retry(NoBackoff(), 0))
        pipeline.parent_execute_command = _until_one_fails(pipeline.parent_execute_command)
        return pipeline


def _until_one_fails(send: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `send`; once it has failed, each further call raises the same error at once."""
    failed: list[redis.RedisError] = []

    def send_unless_failed(*command: Any, **options: Any) -> Any:
        if failed:
            raise failed[0]
        try:
            return send(*command, **options)
        except redis.RedisError as error:
            failed.append(error)
            raise

    return send_unless_failed
