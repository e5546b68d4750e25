"""Tests that the sweep puts right what Redis has missed, and what it had and lost."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
from redis.client import PubSub

from chalicelib.adapters.live_store import LiveStore
from chalicelib.adapters.redis_client import connect
from chalicelib.bootstrap import Service
from chalicelib.domain.redis_names import payment_channel, payment_key, waiting_key
from chalicelib.flows.mend_live_store import MendLiveStore
from chalicelib.runtime.settings_reader import RedisSettings
from local.embedded import EmbeddedAws, Valkey, free_port
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.workers import work_off
from tests.parts.test_rollups import count_all, start, told


@pytest.fixture
def client(valkey: Valkey, service: Service) -> Iterator["redis.Redis"]:  # noqa: ARG001 it begins with an empty Redis
    with redis.Redis(port=valkey.port) as client:
        yield client


@pytest.fixture
def paid(service: Service) -> str:
    return start(service, "order-1", "237677777701")


@pytest.fixture
def away(service: Service, clock: HandClock) -> Iterator[Service]:
    """Nothing listens where it looks for Redis."""
    port = free_port()
    with closing(LiveStore(lambda: connect(RedisSettings("127.0.0.1", port)), clock, in_memory=False)) as store:
        yield rebuilt(service, live_store=store)


def pay_and_lose(service: Service, shop: Shop, client: "redis.Redis", reference: str) -> None:
    """Has the payment paid and told; then Redis has what it had before, as a replica without the last write."""
    before = client.get(payment_key(reference))
    assert before is not None
    told(service, shop, reference, "SUCCESSFUL")
    assert version_kept(client, reference) == 3
    client.set(payment_key(reference), before, ex=60)


def version_kept(client: "redis.Redis", reference: str) -> int:
    kept = client.get(payment_key(reference))
    assert kept is not None
    version: int = json.loads(kept)["version"]
    return version


def versions_told(channel: PubSub) -> list[int]:
    told: list[int] = []
    while message := channel.get_message(ignore_subscribe_messages=True, timeout=0.2):
        told.append(json.loads(message["data"])["version"])
    return told


def test_who_only_listens_is_told_what_redis_has_lost(
    service: Service, shop: Shop, clock: HandClock, client: "redis.Redis", paid: str
) -> None:
    pay_and_lose(service, shop, client, paid)
    with client.pubsub() as channel:  # type: ignore[no-untyped-call]  # redis-py has no types for it
        channel.subscribe(payment_channel(paid))
        assert service.sweep()
        assert versions_told(channel) == [], "its delivery may still be under way"
        clock.forward(2)
        assert service.sweep()
        assert versions_told(channel) == [3]
        assert service.sweep()
        assert versions_told(channel) == [], "Redis has it"
    assert version_kept(client, paid) == 3


def test_a_copy_that_is_gone_is_made_again(
    service: Service, shop: Shop, clock: HandClock, client: "redis.Redis", paid: str
) -> None:
    told(service, shop, paid, "SUCCESSFUL")
    client.flushall()
    clock.forward(2)
    assert service.sweep()
    assert version_kept(client, paid) == 3


@pytest.mark.parametrize(("seconds", "version"), [(180, 3), (181, 2)])
def test_what_was_decided_three_minutes_ago_is_left_alone(
    service: Service, shop: Shop, clock: HandClock, client: "redis.Redis", paid: str, seconds: int, version: int
) -> None:
    pay_and_lose(service, shop, client, paid)
    clock.forward(seconds)
    assert service.sweep()
    assert version_kept(client, paid) == version


def test_all_of_several_pages_are_looked_at(
    service: Service, shop: Shop, clock: HandClock, client: "redis.Redis", paid: str
) -> None:
    others = [start(service, f"order-{number}", f"23767777770{number}") for number in (2, 3)]
    for reference in (paid, *others):
        pay_and_lose(service, shop, client, reference)
        clock.forward(0.001)
    client.zadd(waiting_key(), dict.fromkeys((paid, *others), clock.now()))
    clock.forward(2)
    by_one = MendLiveStore(service.ledger, service.live_store, clock, expires_after_ms=1_000, at_once=1)
    by_one()
    assert [version_kept(client, reference) for reference in (paid, *others)] == [3, 3, 3]
    assert waiting(client) == set()


def test_what_is_not_delivered_is_left_to_its_delivery(
    service: Service, shop: Shop, clock: HandClock, client: "redis.Redis", paid: str
) -> None:
    pay_and_lose(service, shop, client, paid)
    service.ledger.mark_undelivered(paid)
    clock.forward(2)
    assert service.sweep()
    assert version_kept(client, paid) == 2, "the order event goes first"
    work_off(service)
    assert version_kept(client, paid) == 3


def test_without_the_ledger_nothing_is_raised(
    service: Service, aws: EmbeddedAws, caplog: pytest.LogCaptureFixture
) -> None:
    aws.faults.set({"operation": "Query", "kind": "unavailable", "count": 100})
    service.sweep.mend_live_store()
    aws.faults.set()
    assert "live-store-not-mended" in caplog.messages


def test_a_payment_that_waits_is_not_looked_at(
    service: Service, clock: HandClock, client: "redis.Redis", paid: str
) -> None:
    client.delete(payment_key(paid))
    clock.forward(2)
    assert service.sweep()
    assert client.get(payment_key(paid)) is None


def test_payments_whose_end_redis_missed_wait_no_longer(
    service: Service, away: Service, shop: Shop, clock: HandClock, client: "redis.Redis", paid: str
) -> None:
    waits = start(service, "order-2", "237677777702")
    count_all(service)
    told(service, shop, paid, "SUCCESSFUL")
    count_all(away)
    client.zadd(waiting_key(), {"forgotten": clock.now() - 1})
    clock.forward(service.sweep.expires_after_ms / 1000)
    assert service.sweep()
    assert waiting(client) == {paid, waits}, "the others may still wait: the ledger is not asked"
    clock.forward(1)
    assert service.sweep()
    assert waiting(client) == {waits}


def waiting(client: "redis.Redis") -> set[str]:
    names: Any = client.zrange(waiting_key(), 0, -1)
    return {name.decode() for name in names}


def test_without_redis_a_sweep_gets_to_everything_else(
    away: Service, shop: Shop, clock: HandClock, paid: str, caplog: pytest.LogCaptureFixture
) -> None:
    told(away, shop, paid, "SUCCESSFUL")
    clock.forward(2)
    assert away.sweep()
    assert "live-store-not-mended" in caplog.messages
