"""Tests what is counted of the webhooks of a day: exactly, in few round trips, and never more than is known."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from chalicelib.adapters.live_store import LiveStore
from chalicelib.adapters.redis_client import connect
from chalicelib.adapters.webhook_counts import SEND_EVERY_MS
from chalicelib.domain.redis_names import WEBHOOK_COUNTS_TTL_SECONDS, webhook_counts_key
from chalicelib.domain.rollup import day_of
from chalicelib.domain.webhooks import Arrivals, Arrived, WebhookNews, WebhookOutcome
from chalicelib.runtime.settings_reader import RedisSettings
from local.embedded import Valkey, free_port
from tests.harness.fakes import HandClock

FORGED, UNCHANGED = WebhookOutcome.INVALID_SIGNATURE, WebhookOutcome.UNCHANGED


class CountingConnection(redis.Connection):
    """Counts round trips."""

    sent = 0

    def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        CountingConnection.sent += 1
        super().send_packed_command(*arguments, **options)  # type: ignore[no-untyped-call]  # redis-py has no types


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
        yield client


@pytest.fixture
def store(client: "redis.Redis", valkey: Valkey, clock: HandClock) -> Iterator[LiveStore]:  # noqa: ARG001 it is empty
    store = LiveStore(lambda: connect(RedisSettings("127.0.0.1", valkey.port)), clock, in_memory=False)
    yield store
    store.close()


def arrivals(store: LiveStore) -> Arrivals | None:
    return store.webhooks.read().arrivals


def test_each_outcome_is_counted_with_the_times_of_the_first_and_the_last_one(
    store: LiveStore, clock: HandClock
) -> None:
    assert arrivals(store) is None, "nothing has begun to count"
    began = clock.now()
    store.webhooks.note(FORGED)
    clock.forward(2)
    first = clock.now()
    for _ in range(3):
        store.webhooks.note(UNCHANGED)
        clock.forward(2)
    last = clock.now() - 2_000
    assert arrivals(store) == Arrivals(began, {UNCHANGED: Arrived(3, first, last), FORGED: Arrived(1, began, began)})


def test_a_day_on_which_nothing_came_is_known_once_payments_are_counted(store: LiveStore, clock: HandClock) -> None:
    store.tell_operators({"ref": clock.now()}, [], "{}")
    assert arrivals(store) == Arrivals(clock.now(), {})


def test_what_told_of_changes_is_counted_with_them(store: LiveStore, clock: HandClock) -> None:
    began = clock.now()
    store.tell_operators({}, [], "{}", webhooks=WebhookNews(told_at=began - 5), told=2)
    clock.forward(1)
    store.tell_operators({}, [], "{}", webhooks=WebhookNews(told_at=began - 9), told=1)
    assert arrivals(store) == Arrivals(began, {WebhookOutcome.TOLD: Arrived(3, began - 9, began - 5)})


def test_a_flood_costs_one_round_trip_a_second_and_no_space(
    store: LiveStore, client: "redis.Redis", clock: HandClock
) -> None:
    store.webhooks.note(FORGED)
    pool = store._client.connection_pool
    pool.disconnect()
    pool.reset()
    pool.connection_class = CountingConnection
    store.storage()  # connects
    for _ in range(5):
        clock.forward(SEND_EVERY_MS / 1000)
        CountingConnection.sent = 0
        for _ in range(1_000):
            store.webhooks.note(FORGED)
        assert CountingConnection.sent == 1
    counted = arrivals(store)
    assert counted is not None
    assert counted.outcomes[FORGED].count == 5_001, "what was not told yet goes along with the read"
    key = webhook_counts_key(day_of(clock.now()).isoformat())
    assert client.keys() == [key.encode()]
    assert client.zcard(key) == 4
    assert 0 < client.ttl(key) <= WEBHOOK_COUNTS_TTL_SECONDS
    client.flushall()
    for outcome in WebhookOutcome:
        clock.forward(SEND_EVERY_MS / 1000)
        store.webhooks.note(outcome)
    assert client.zcard(key) == 3 * len(WebhookOutcome) + 1


def test_without_redis_nothing_is_known_and_what_came_meanwhile_is_told_later(
    client: "redis.Redis",  # noqa: ARG001 it is empty
    valkey: Valkey,
    clock: HandClock,
) -> None:
    ports = [free_port()]
    store = LiveStore(lambda: connect(RedisSettings("127.0.0.1", ports[-1])), clock, in_memory=False)
    first = clock.now()
    for _ in range(2):
        store.webhooks.note(FORGED)
        clock.forward(60)
    assert store.webhooks.read() == WebhookNews()
    ports.append(valkey.port)
    store.close()
    store._connected = None
    clock.forward(60)
    store.webhooks.note(FORGED)
    counted = arrivals(store)
    assert counted is not None
    assert counted.outcomes == {FORGED: Arrived(3, first, clock.now())}
    store.close()


def test_a_day_begins_with_nothing(store: LiveStore, clock: HandClock) -> None:
    store.webhooks.note(FORGED)
    clock.forward(86_400)
    assert arrivals(store) is None
    store.webhooks.note(UNCHANGED)
    assert arrivals(store) == Arrivals(clock.now(), {UNCHANGED: Arrived(1, clock.now(), clock.now())})
