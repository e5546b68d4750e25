"""Tests the client of Redis on a cluster of which one shard does not answer."""

import pytest
import redis

from chalicelib.adapters.breaker import PROBE_AFTER_TIMEOUT_MS
from chalicelib.adapters.live_store import WINDOW_MS, LiveStore, LiveStoreUnavailable
from chalicelib.adapters.redis_client import connect
from chalicelib.domain.redis_names import limit_key, payment_key
from chalicelib.runtime.settings_reader import RedisSettings
from tests.harness.clustered_valkey import clustered_valkey, frozen, on_shard
from tests.harness.fakes import HandClock
from tests.parts.test_live_store import an_event

SHARDS = 2


def test_a_frozen_shard_is_asked_twice_and_not_once_more_for_each_command(clock: HandClock) -> None:
    """A customer waited a minute for the prompt: each of its commands was sent eleven times, a second each."""
    address = on_shard(1, SHARDS, lambda name: limit_key("prompts", name, clock.now() // WINDOW_MS))
    reference = on_shard(1, SHARDS, payment_key)
    with clustered_valkey(SHARDS) as (other, node):
        settings = RedisSettings("127.0.0.1", other.port, cluster=True)
        live = LiveStore(lambda: connect(settings), clock, in_memory=False)
        assert live.take_prompt(address) == (1, 0)
        with redis.Redis(port=node.port) as client:
            client.config_resetstat()
        with frozen(node):
            with pytest.raises(LiveStoreUnavailable):
                live.take_prompt(address)
            clock.forward(PROBE_AFTER_TIMEOUT_MS / 1000)
            with pytest.raises(LiveStoreUnavailable):
                live.publish_newer(an_event(1, reference))
        with redis.Redis(port=node.port, protocol=2) as last:  # accepted after all others, so answered after them
            told = last.info("commandstats")
        live.close()
    sent = {name.removeprefix("cmdstat_"): row["calls"] for name, row in told.items()}
    assert sent["incrby"] == 1, "the pipeline, on the connection that was open"
    assert sent["hello"] == 1 + 2, "the fresh connections of the pipeline's second try, and of both tries to publish"
