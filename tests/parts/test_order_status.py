"""Tests the status of an order: the ledger says whether it is paid, whatever Redis has."""

from dataclasses import replace

import pytest
import redis

from chalicelib.bootstrap import Service
from chalicelib.domain.contract import to_event
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.redis_names import payment_key
from local.embedded import EmbeddedAws, Valkey
from tests.conftest import Shop
from tests.harness.fakes import HandClock


@pytest.fixture
def pending(service: Service) -> Payment:
    return service.initiate(PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")).payment


@pytest.fixture
def paid(service: Service, pending: Payment, shop: Shop) -> Payment:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(pending.reference, pending.provider_reference)
    return pending


def test_a_paid_order_is_shown_with_one_call_of_the_ledger(service: Service, paid: Payment, aws: EmbeddedAws) -> None:
    aws.calls.clear()
    event = service.track.order("order-1")
    assert (event["reference"], event["status"]) == (paid.reference, "SUCCESSFUL")
    assert dict(aws.calls) == {"GetItem": 1}


def test_a_payment_that_has_just_changed_is_shown_with_one_call_of_the_ledger(
    service: Service, pending: Payment, aws: EmbeddedAws
) -> None:
    aws.calls.clear()
    event = service.track.order("order-1")
    assert (event["reference"], event["status"]) == (pending.reference, "PENDING")
    assert dict(aws.calls) == {"GetItem": 1}


def test_a_payment_that_changed_a_while_ago_is_read_at_campay(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    clock.forward(6)
    assert service.track.order("order-1")["status"] == "SUCCESSFUL"


def test_a_copy_that_lags_behind_is_not_believed(
    service: Service, paid: Payment, valkey: Valkey, clock: HandClock
) -> None:
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
        service.live_store.publish_newer(to_event(paid, clock.now()))
        assert service.track.order("order-1")["status"] == "SUCCESSFUL"
        assert b'"SUCCESSFUL"' in client.get(payment_key(paid.reference)), "Redis has got the version that it lacked"


def test_a_payment_that_redis_has_lost_is_shown(service: Service, paid: Payment, valkey: Valkey) -> None:
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    assert service.track.order("order-1")["status"] == "SUCCESSFUL"
    assert service.live_store.read(paid.reference) is not None


def test_a_copy_by_a_clock_ahead_does_not_look_new(
    service: Service, pending: Payment, shop: Shop, clock: HandClock
) -> None:
    """For tracking too: it had Redis' copy until its own clock had caught up."""
    service.live_store.publish_newer(
        to_event(replace(pending, updated_at=clock.now() + 600_000, version=3), clock.now())
    )
    shop.customer(pending.provider_reference, "SUCCESSFUL")
    clock.forward(6)
    assert service.track.payment(pending.reference)["status"] == "SUCCESSFUL"
