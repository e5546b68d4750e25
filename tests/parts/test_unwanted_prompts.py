"""Tests that who has one order token cannot use up the prompts of a stranger, who declines them or leaves them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.bootstrap import Service
from chalicelib.domain.errors import LimitReached, ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.flows.initiate_payment import InitiatePayment
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.parts.test_prompt_once import Calls

STRANGER, OTHER_PHONE, WITHOUT_FUNDS = "237677777777", "237699999999", "237670000009"
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), STRANGER, "Braids", "en")
HOUR, DAY = 3_600, 24 * 3_600

End = Callable[[Payment], None]


@pytest.fixture
def decline(service: Service, shop: Shop) -> End:
    def end(payment: Payment) -> None:
        shop.customer(payment.provider_reference, "FAILED")
        service.settle.handle_webhook(payment.reference, payment.provider_reference)

    return end


def wait_of(initiate: InitiatePayment, request: PaymentRequest) -> int:
    """Returns the seconds after which a call may come again that is refused for the phone's sake."""
    with pytest.raises(LimitReached) as refused:
        initiate(request)
    assert refused.value.code == "phone_limit"
    return refused.value.retry_after


def test_the_second_decline_ends_the_orders_prompts_on_that_phone_for_a_day(
    service: Service, shop: Shop, clock: HandClock, decline: End
) -> None:
    decline(service.initiate(REQUEST).payment)
    clock.forward(HOUR)
    decline(service.initiate(REQUEST).payment)
    assert wait_of(service.initiate, REQUEST) == DAY - HOUR
    for other in ({"order_id": "order-2"}, {"phone_number": OTHER_PHONE}):
        decline(service.initiate(replace(REQUEST, **other)).payment)  # type: ignore[arg-type]  # a test's shorthand
    clock.forward(DAY - HOUR - 1)
    assert wait_of(service.initiate, REQUEST) == 1
    clock.forward(1)
    decline(service.initiate(REQUEST).payment)
    assert wait_of(service.initiate, REQUEST) == HOUR, "until the second is a day old"
    assert [it["phoneNumber"] for it in shop.transactions].count(STRANGER) == 4


def test_the_third_that_the_owner_leaves_unanswered_ends_them_too(service: Service, clock: HandClock) -> None:
    """By giving up at once, somebody with one order token would otherwise send one prompt after the other."""
    for _ in range(2):
        service.give_up(service.initiate(REQUEST).payment.reference)
    left = service.initiate(REQUEST).payment
    clock.forward(1200)
    assert service.settle.refresh(left.reference).status is PaymentStatus.EXPIRED
    assert wait_of(service.initiate, REQUEST) == DAY - 1200


def test_a_decline_and_two_that_are_left_unanswered_end_them(service: Service, clock: HandClock, decline: End) -> None:
    decline(service.initiate(REQUEST).payment)
    for _ in range(2):
        service.give_up(service.initiate(REQUEST).payment.reference)
    clock.forward(1200)
    assert wait_of(service.initiate, REQUEST) == DAY - 1200


def test_whoever_means_to_pay_may_try_on(service: Service, clock: HandClock, decline: End) -> None:
    poor = replace(REQUEST, phone_number=WITHOUT_FUNDS)
    for _ in range(5):
        decline(service.initiate(poor).payment)
        clock.forward(HOUR)
    assert not service.initiate(poor).replayed


def test_a_prompt_that_was_never_sent_does_not_count(service: Service, shop: Shop, clock: HandClock) -> None:
    calls = Calls(service)
    for _ in range(3):
        calls.unsent_claim(REQUEST)
        clock.forward(601)
    shop.faults(transaction=["502"])  # nothing is to be read
    assert not service.initiate(REQUEST).replayed


def test_the_longer_of_two_waits_is_told(service: Service, clock: HandClock, decline: End) -> None:
    """A customer who waits as told is not refused a second time for the other limit."""
    for order_id in ("order-1", "order-1", "order-2"):
        decline(service.initiate(replace(REQUEST, order_id=order_id)).payment)
        clock.forward(1)
    assert wait_of(service.initiate, replace(REQUEST, order_id="order-3")) == 15 * 60 - 3
    assert wait_of(service.initiate, REQUEST) == DAY - 3


def test_a_phone_is_known_by_the_hash_of_the_key_before(service: Service, decline: End) -> None:
    decline(service.initiate(REQUEST).payment)
    rotated = replace(service.initiate, phone_hash_keys=("a-new-key", *service.initiate.phone_hash_keys))
    decline(rotated(REQUEST).payment)
    assert wait_of(rotated, REQUEST) == DAY
    decline(rotated(replace(REQUEST, phone_number=OTHER_PHONE)).payment)


def test_campay_is_asked_before_the_phone_is_judged(service: Service, shop: Shop) -> None:
    """An approval may have come late: then the order is paid, which tells the customer more than a limit."""
    first = service.initiate(REQUEST).payment
    service.give_up(first.reference)
    service.give_up(service.initiate(REQUEST).payment.reference)
    shop.faults(transaction=["502"])
    with pytest.raises(ProviderUnavailable):
        service.initiate(REQUEST)
    assert len(shop.transactions) == 2
