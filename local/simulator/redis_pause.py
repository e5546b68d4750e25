"""Pauses the Redis of this machine, so that it hangs as an overloaded one does."""

from local.simulator.http_server import LOOPBACK
from local.simulator.settings import SimulatorSettings

_PATIENCE_SECONDS = 2
_OWN_NAMES = (LOOPBACK, "localhost", "::1")


class CannotPause(Exception):
    """Redis cannot be paused. The text says why, in a sentence for the developer."""


def pause_redis(settings: SimulatorSettings, seconds: float) -> None:
    """Makes Redis keep its connections and answer no command for this time. Raises CannotPause."""
    import redis  # most runs of the simulator never need it
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    if settings.redis_host is None:
        raise CannotPause("The simulator knows no Redis: set REDIS_HOST.")
    if settings.redis_host not in _OWN_NAMES:
        raise CannotPause("Redis is not on this machine, so others may need it.")
    client = redis.Redis(
        host=settings.redis_host,
        port=settings.redis_port,
        password=settings.redis_password,
        socket_timeout=_PATIENCE_SECONDS,
        socket_connect_timeout=_PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    with client:
        try:
            client.client_pause(round(seconds * 1000))
        except redis.RedisError as error:
            raise CannotPause(f"Redis did not take it; is it paused already? ({type(error).__name__})") from error
