"""Tests what the shop's people are told of changes, and that telling them never stands in the way of counting."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import redis
from redis.client import PubSub

from chalicelib.adapters.live_store import LiveStore, LiveStoreUnavailable
from chalicelib.adapters.redis_client import connect
from chalicelib.bootstrap import Service
from chalicelib.domain.cause import Cause
from chalicelib.domain.contract import PaymentEvent, decode, to_iso
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.redis_names import (
    WAITING_TTL_SECONDS,
    WEBHOOKS_TTL_SECONDS,
    operators_channel,
    waiting_key,
    webhooks_key,
)
from chalicelib.domain.rollup import day_of
from chalicelib.domain.version import Version
from chalicelib.flows.count_changes import CountChanges
from chalicelib.flows.rebuild_rollups import RebuildRollups
from chalicelib.flows.tell_operators import MOST_PAYMENTS, TellOperators
from chalicelib.runtime.settings_reader import RedisSettings
from local.embedded import Valkey, free_port
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.workers import run_for
from tests.parts.test_rollups import count_all, counted, records_of, recount, start, told


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis(port=valkey.port) as client:
        yield client


@pytest.fixture
def channel(service: Service, client: "redis.Redis") -> Iterator[PubSub]:  # noqa: ARG001 it begins with an empty Redis
    with client.pubsub() as subscription:  # type: ignore[no-untyped-call]  # redis-py has no types for it
        subscription.subscribe(operators_channel())
        subscription.get_message(timeout=10)
        yield subscription


@pytest.fixture
def away(clock: HandClock) -> Iterator[LiveStore]:
    """Nothing listens where it looks for Redis."""
    port = free_port()
    with closing(LiveStore(lambda: connect(RedisSettings("127.0.0.1", port)), clock, in_memory=False)) as store:
        yield store


def notice(channel: PubSub) -> dict[str, Any]:
    message = channel.get_message(timeout=10)
    assert message is not None
    read: dict[str, Any] = json.loads(message["data"])
    assert all(decode(json.dumps(payment)) for payment in read["payments"])
    return read


def versions(events: list[PaymentEvent]) -> list[tuple[str, int, str]]:
    return [(it["reference"], it["version"], it["status"]) for it in events]


def waiting(client: "redis.Redis") -> dict[str, int]:
    pairs: Any = client.zrange(waiting_key(), 0, -1, withscores=True)
    return {name.decode(): int(score) for name, score in pairs}


def test_what_is_counted_is_told_with_the_newest_version_of_each_payment(
    service: Service, shop: Shop, client: "redis.Redis", channel: PubSub
) -> None:
    paid = start(service, "order-1", "237677777701")
    waits = start(service, "order-2", "237677777702")
    count_all(service)
    first = notice(channel)
    assert versions(first["payments"]) == [(paid, 2, "PENDING"), (waits, 2, "PENDING")]
    assert (first["days"], first["complete"]) == ([day_of(service.clock.now()).isoformat()], True)
    claimed = {it["reference"]: it["createdAt"] for it in first["payments"]}
    assert waiting(client).keys() == claimed.keys()
    _, records = records_of(service)
    told(service, shop, paid, "SUCCESSFUL")
    shard, all_records = records_of(service)
    service.count_changes(shard, all_records[len(records) :])
    assert versions(notice(channel)["payments"]) == [(paid, 3, "SUCCESSFUL")]
    stored = service.ledger.load(waits)
    assert stored is not None
    assert waiting(client) == {waits: stored.payment.created_at}
    assert 0 < client.ttl(waiting_key()) <= WAITING_TTL_SECONDS


def test_records_that_come_again_are_told_again_and_counted_once(service: Service, channel: PubSub) -> None:
    """The process may have ended between the two."""
    start(service, "order-1", "237677777701")
    count_all(service)
    count_all(service)
    assert versions(notice(channel)["payments"]) == versions(notice(channel)["payments"])
    assert counted(service) == recount(service)


def webhooks(service: Service) -> dict[str, Any]:
    today = day_of(service.clock.now())
    shown: dict[str, Any] = service.analytics(today, today)["webhooks"]
    assert service.track.connections("", 1)["webhooks"] == shown
    return shown


def news(service: Service) -> dict[str, str | None]:
    return {name: at for name, at in webhooks(service).items() if name != "arrivals"}


def test_when_a_webhook_last_told_and_when_one_last_failed_to_is_known(
    service: Service, shop: Shop, clock: HandClock, client: "redis.Redis"
) -> None:
    assert news(service) == {"toldAt": None, "missingAt": None}
    told_first, lost = (start(service, f"order-{number}", f"23767777770{number}") for number in range(2))
    count_all(service)
    assert news(service) == {"toldAt": None, "missingAt": None}, "nothing was settled yet"
    clock.forward(5)
    told(service, shop, told_first, "SUCCESSFUL")
    told_at = to_iso(clock.now())
    earlier = records_of(service)
    count_all(service)
    assert news(service) == {"toldAt": told_at, "missingAt": None}
    shop.customer(provider_reference(service, lost), "SUCCESSFUL")
    run_for(service, clock, 10)
    stored = service.ledger.load(lost)
    assert stored is not None
    assert stored.payment.webhook_missing_at == stored.payment.updated_at
    missing_at = to_iso(stored.payment.updated_at)
    clock.forward(60)
    service.settle.handle_webhook(lost, provider_reference(service, lost))  # too late: it is known already
    service.settle.handle_webhook(lost, shop.charge_again(lost))
    again_at = to_iso(clock.now())
    count_all(service)
    assert news(service) == {"toldAt": again_at, "missingAt": missing_at}
    told_twice = [{"outcome": "told", "count": 2, "firstAt": told_at, "lastAt": again_at}]
    assert webhooks(service)["arrivals"]["outcomes"] == told_twice, (
        "one with the first payment, one with the new charge"
    )
    service.count_changes(*earlier)
    assert webhooks(service)["arrivals"]["outcomes"] == told_twice, "what is counted already is not counted again"
    assert news(service) == {"toldAt": again_at, "missingAt": missing_at}, "an earlier time came again"
    RebuildRollups(service.ledger, clock)([day_of(clock.now())])
    assert news(service) == {"toldAt": again_at, "missingAt": missing_at}
    assert 0 < client.ttl(webhooks_key()) <= WEBHOOKS_TTL_SECONDS


def provider_reference(service: Service, reference: str) -> str:
    stored = service.ledger.load(reference)
    assert stored is not None
    return str(stored.payment.provider_reference)


def test_without_redis_everything_is_counted(service: Service, away: LiveStore) -> None:
    start(service, "order-1", "237677777701")
    without = rebuilt(service, live_store=away)
    count_all(without)
    assert counted(service) == recount(service) != {}
    assert webhooks(without) == {"toldAt": None, "missingAt": None, "arrivals": None}


@dataclass
class BrokenStore:
    """Fails in a way that nobody expects."""

    def tell_operators(self, *_: object) -> None:
        raise RuntimeError


def test_whatever_goes_wrong_with_the_notice_everything_is_counted(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    start(service, "order-1", "237677777701")
    store: Any = BrokenStore()
    CountChanges(service.ledger, service.clock, TellOperators(store, service.clock))(*records_of(service))
    assert counted(service) == recount(service) != {}
    assert "operators-not-told" in caplog.messages


@dataclass
class KeptNotices:
    """Keeps what it is told."""

    told: list[tuple[Mapping[str, int], Collection[str], dict[str, Any]]] = field(default_factory=list)

    def tell_operators(self, waiting: Mapping[str, int], ended: Collection[str], notice: str, *_: object) -> None:
        self.told.append((waiting, ended, json.loads(notice)))


PENDING = Payment(
    reference="ref", order_id="order", money=Money(5000, "XAF"), phone_mask="2376******77", phone_hash="hash",
    locale="fr", provider="campay", created_at=1_769_850_000_000, updated_at=1_769_850_000_000,
    expires_at=1_769_850_300_000, status=PaymentStatus.PENDING,
)  # fmt: skip


def tell(*changed: Payment) -> list[tuple[Mapping[str, int], Collection[str], dict[str, Any]]]:
    store: Any = KeptNotices()
    TellOperators(store, HandClock())([Version(it, Cause.PROMPTED.value, it.updated_at) for it in changed])
    kept: list[tuple[Mapping[str, int], Collection[str], dict[str, Any]]] = store.told
    return kept


@pytest.mark.parametrize("status", PaymentStatus)
def test_a_payment_waits_until_something_has_become_of_it(status: PaymentStatus) -> None:
    ((waits, ended, _),) = tell(PENDING, replace(PENDING, status=status, version=2))
    if status in (PaymentStatus.INITIATING, PaymentStatus.PENDING):
        assert (waits, list(ended)) == ({"ref": PENDING.created_at}, [])
    else:
        assert (waits, list(ended)) == ({}, ["ref"])


def test_more_than_a_notice_takes_is_said_and_the_newest_changes_are_in_it() -> None:
    many = [replace(PENDING, reference=str(number)) for number in range(MOST_PAYMENTS + 1)]
    ((waits, _, told_of),) = tell(*many)
    assert len(waits) == MOST_PAYMENTS + 1
    assert [it["reference"] for it in told_of["payments"]] == [it.reference for it in many[1:]]
    assert told_of["complete"] is False
    ((_, _, told_of),) = tell(*many[1:])
    assert told_of["complete"] is True


def test_where_nothing_has_changed_nothing_is_told() -> None:
    assert tell() == []


def test_what_has_waited_for_a_day_is_forgotten(valkey: Valkey, client: "redis.Redis", clock: HandClock) -> None:
    client.delete(waiting_key())
    store = LiveStore(lambda: connect(RedisSettings("127.0.0.1", valkey.port)), clock, in_memory=False)
    store.tell_operators({"old": clock.now(), "new": clock.now() + 2_000}, [], "{}")
    clock.forward(WAITING_TTL_SECONDS + 1)
    store.tell_operators({}, ["unknown"], "{}")
    assert waiting(client).keys() == {"new"}
    store.close()


def test_a_notice_without_redis_is_refused(away: LiveStore) -> None:
    with pytest.raises(LiveStoreUnavailable):
        away.tell_operators({"ref": 1}, [], "{}")
