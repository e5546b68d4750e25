"""Tests when customers are warned of an operator: in an outage within a minute, and never because customers decline."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from chalicelib.adapters.live_store import LiveStore
from chalicelib.adapters.redis_client import connect
from chalicelib.bootstrap import Service
from chalicelib.domain.cause import Cause
from chalicelib.domain.contract import to_iso
from chalicelib.domain.errors import ProviderBusy
from chalicelib.domain.failure import FailureCode, failure_code_of
from chalicelib.domain.operator_trouble import (
    LATEST,
    LEAST_TECHNICAL,
    RUN_FAILED,
    RUN_WINDOW_MS,
    TROUBLE_WINDOW_MS,
)
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.redis_names import OUTCOMES_TTL_SECONDS, outcomes_key
from chalicelib.domain.version import Version
from chalicelib.flows.failing_operators import FailingOperators
from chalicelib.flows.tell_operators import TellOperators
from chalicelib.runtime.settings_reader import RedisSettings
from local.embedded import Valkey, free_port
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.parts.test_rollups import count_all, start
from tests.unit.test_contract import golden_payments

PENDING = replace(golden_payments()["pending"], operator="MTN")
NOW = 1_769_850_000_000
BELIEVED_SECONDS = 5
"""A process asks Redis again after this time."""


class Day:
    """Tells of payments as the counting of changes does, and asks which operators are in trouble."""

    def __init__(self, live_store: LiveStore, clock: HandClock) -> None:
        self.live_store = live_store
        self.clock = clock
        self._tell = TellOperators(live_store, clock)
        self._number = 0

    def ends(self, status: PaymentStatus, reason: str | None = None, operator: str = "MTN", age_ms: int = 0) -> Payment:
        """Has a payment end that was claimed `age_ms` ago."""
        self._number += 1
        claimed_at = self.clock.now() - age_ms
        payment = replace(
            PENDING, reference=f"ref-{self._number}", operator=operator, status=status, reason=reason,
            created_at=claimed_at, updated_at=claimed_at,
        )  # fmt: skip
        self.tell(payment)
        return payment

    def tell(self, payment: Payment) -> None:
        self._tell([Version(payment, Cause.CHECK.value, payment.updated_at)])

    def breaks(self, operator: str = "MTN", age_ms: int = 0) -> Payment:
        payment = self.ends(PaymentStatus.FAILED, "INTERNAL_PROCESSING_ERROR", operator, age_ms)
        assert failure_code_of(payment) is FailureCode.OPERATOR_DOWN
        return payment

    def in_trouble(self) -> list[str]:
        self.clock.forward(BELIEVED_SECONDS)
        return [*self.live_store.operators_in_trouble()]


@pytest.fixture
def day(valkey: Valkey, clock: HandClock) -> Iterator[Day]:
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    store = LiveStore(lambda: connect(RedisSettings("127.0.0.1", valkey.port)), clock, in_memory=False)
    yield Day(store, clock)
    store.close()


def test_over_a_day_of_declines_nobody_is_warned_and_in_an_outage_within_a_minute(day: Day) -> None:
    chance = random.Random(20260131)
    for _ in range(3_000):
        day.clock.forward(7)  # and five seconds more below
        operator, told = chance.choice(("MTN", "Orange")), chance.random()
        if told < 0.3:
            day.ends(PaymentStatus.FAILED, chance.choice(("REJECTED", "WRONG_PIN", "NOT_ENOUGH_FUNDS")), operator)
        else:
            day.ends(PaymentStatus.SUCCESSFUL if told < 0.85 else PaymentStatus.EXPIRED, operator=operator)
        assert day.in_trouble() == []
    began = day.clock.now()
    while not (warned := day.in_trouble()):
        day.breaks("MTN")
        day.ends(PaymentStatus.SUCCESSFUL, operator="Orange")
    assert warned == ["MTN"]
    assert day.clock.now() - began <= 60_000, "with a payment every five seconds"


def test_three_declines_or_twenty_are_no_outage(day: Day) -> None:
    for _ in range(LATEST):
        day.ends(PaymentStatus.FAILED, "REJECTED")
        assert day.in_trouble() == []


def test_the_warning_ends_when_payments_succeed_again_or_nothing_is_known_any_more(day: Day) -> None:
    for _ in range(LATEST):
        day.breaks()
        day.breaks("Orange")
    assert day.in_trouble() == ["MTN", "Orange"]
    for _ in range(LATEST - LEAST_TECHNICAL + 1):
        day.ends(PaymentStatus.SUCCESSFUL)
    assert day.in_trouble() == ["Orange"]
    day.clock.forward(TROUBLE_WINDOW_MS / 1000)
    assert day.in_trouble() == []


def test_one_outcome_less_warns_nobody_however_often_it_is_told(day: Day) -> None:
    for _ in range(LEAST_TECHNICAL - 1):
        payment = day.breaks()
    for _ in range(LEAST_TECHNICAL):
        day.tell(payment)
    assert day.in_trouble() == []
    day.breaks()
    assert day.in_trouble() == ["MTN"]


def test_what_is_learnt_late_says_nothing_of_now(day: Day) -> None:
    """The nightly comparison may settle many payments of an outage that is long over."""
    for _ in range(LATEST):
        day.breaks(age_ms=TROUBLE_WINDOW_MS)
    assert day.in_trouble() == []


def test_redis_keeps_the_latest_outcomes_and_forgets_them(day: Day, valkey: Valkey) -> None:
    for _ in range(LATEST + 5):
        day.breaks()
        day.clock.forward(1)
    with redis.Redis(port=valkey.port) as client:
        assert client.zcard(outcomes_key("MTN")) == LATEST
        assert 0 < client.ttl(outcomes_key("MTN")) <= OUTCOMES_TTL_SECONDS


def test_without_redis_nobody_is_warned(clock: HandClock) -> None:
    port = free_port()
    away = LiveStore(lambda: connect(RedisSettings("127.0.0.1", port)), clock, in_memory=False)
    assert [*away.operators_in_trouble()] == []


def test_the_last_outcome_of_a_payment_counts_once(day: Day) -> None:
    failed = day.breaks()
    day.tell(replace(failed, status=PaymentStatus.SUCCESSFUL, reason=None, version=failed.version + 1))
    latest = day.live_store.latest_outcomes()
    assert latest is not None
    assert [(it.reference, it.is_paid) for it in latest.outcomes["MTN"]] == [(failed.reference, True)]
    assert latest.paid_at == {"MTN": failed.created_at}


def test_what_an_earlier_release_wrote_ends_a_run(day: Day, valkey: Valkey) -> None:
    for _ in range(5):
        day.ends(PaymentStatus.FAILED, "REJECTED")
    with redis.Redis(port=valkey.port) as client:
        client.zadd(outcomes_key("MTN"), {"ref-x:other": day.clock.now() + 1})
    latest = day.live_store.latest_outcomes()
    assert latest is not None
    assert [it.is_paid for it in latest.outcomes["MTN"]] == [True, *[False] * 5]


def decline(service: Service, shop: Shop, number: int, phone: str) -> str:
    payment = start(service, f"order-{number}", phone)
    stored = service.ledger.load(payment)
    assert stored is not None
    shop.customer(stored.payment.provider_reference, "FAILED")
    service.settle.handle_webhook(payment, stored.payment.provider_reference)
    return payment


def failing(service: Service) -> list[dict[str, Any]]:
    told = service.failing_operators()
    assert told is not None
    return told


def test_the_shops_people_are_told_whose_payments_all_fail(service: Service, shop: Shop, clock: HandClock) -> None:
    paid = start(service, "order-0", "237677777700")
    stored = service.ledger.load(paid)
    assert stored is not None
    shop.customer(stored.payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(paid, stored.payment.provider_reference)
    paid_at = to_iso(stored.payment.created_at)
    clock.forward(1)
    began = to_iso(clock.now())
    for number in range(1, 5):
        decline(service, shop, number, f"23767777770{number}")
        clock.forward(1)
    count_all(service)
    assert service.failing_operators() == []
    shop.faults(collect=["rate-limit"])
    clock.forward(1)
    with pytest.raises(ProviderBusy):
        start(service, "order-5", "237677777705")
    count_all(service)
    (shown,) = failing(service)
    reasons = shown.pop("reasons")
    counts = {"count": 5, "isWhole": True, "phones": 5, "technical": 1}
    assert shown == {"operator": "MTN", "since": began, "lastPaidAt": paid_at, **counts}
    assert [(it["failureCode"], it["count"]) for it in reasons] == [("declined", 4), ("operator_down", 1)]
    assert reasons[0]["reason"], "CamPay's word, as it came"
    clock.forward(RUN_WINDOW_MS / 1000)
    assert service.failing_operators() == []


def test_one_customer_who_fails_five_times_is_no_news_of_the_operator(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    for number in range(RUN_FAILED):
        decline(service, shop, number, "237677777700")
        clock.forward(20 * 60 if number < RUN_FAILED - 1 else 1)
    count_all(service)
    assert service.failing_operators() == []
    decline(service, shop, 9, "237677777701")
    count_all(service)
    (shown,) = failing(service)
    assert (shown["count"], shown["phones"], shown["lastPaidAt"]) == (RUN_FAILED + 1, 2, None)


def test_without_redis_nobody_knows_whose_payments_fail(service: Service, clock: HandClock) -> None:
    port = free_port()
    away = LiveStore(lambda: connect(RedisSettings("127.0.0.1", port)), clock, in_memory=False)
    assert FailingOperators(service.ledger, away, clock)() is None


def test_payments_that_fail_at_campay_warn_the_next_customer(service: Service, shop: Shop) -> None:
    """From the ledger's stream to the answer of the live store, with a warning that refuses nothing."""
    shop.faults(collect=["rate-limit"] * LEAST_TECHNICAL)
    for number in range(LEAST_TECHNICAL):
        with pytest.raises(ProviderBusy):
            start(service, f"order-{number}", f"2376777777{number:02}")
    count_all(service)
    assert [*service.live_store.operators_in_trouble()] == ["MTN"]
    assert start(service, "order-again", "237677777799")
