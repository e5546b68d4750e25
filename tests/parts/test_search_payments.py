"""Tests the operators' search: by what is known of a payment, in three reads at most; what was asked is not logged."""

import json
import logging
from dataclasses import replace

import pytest

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.contract import to_event
from chalicelib.domain.errors import ProviderBusy
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.payment_search import PaymentSearch, SearchField
from chalicelib.domain.phone_number import hash_phone
from chalicelib.domain.provider import ProviderRecord
from chalicelib.flows.search_payments import MOST_FOUND, SearchPayments
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.parts.test_ledger import a_payment, claim

PHONE = "237671234567"
"""None of the simulated customers': CamPay gives theirs no operator reference."""
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), PHONE, "Braids", "fr")


def found(service: Service, by: SearchField, value: str) -> list[str]:
    answer = service.search(PaymentSearch(by, value), by="amina")
    assert answer["hasMore"] is False
    return [payment["reference"] for payment in answer["payments"]]


@pytest.fixture
def payments(service: Service, shop: Shop, clock: HandClock) -> list[Payment]:
    """Makes two attempts of one order, the newer one paid twice, and a payment of another phone."""
    first = service.initiate(replace(REQUEST, idempotency_key="a")).payment
    service.give_up(first.reference)
    clock.forward(1)
    second = service.initiate(replace(REQUEST, idempotency_key="b")).payment
    shop.customer(second.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(second.reference, second.provider_reference)
    service.settle.handle_webhook(second.reference, shop.charge_again(second.reference))
    clock.forward(1)
    other = service.initiate(replace(REQUEST, order_id="order-2", phone_number="237699999999")).payment
    return [first, second, other]


def test_a_payment_is_found_by_whatever_is_known_of_it(
    service: Service, payments: list[Payment], aws: EmbeddedAws
) -> None:
    first, second, other = payments
    by_index = {"Query": 1, "BatchGetItem": 1}
    charges = charges_of(service, second)
    assert len(charges) == 2
    for by, value, references, reads in (
        (SearchField.ORDER_ID, "order-1", [second.reference, first.reference], {"GetItem": 1, "BatchGetItem": 1}),
        (SearchField.REFERENCE, first.reference, [first.reference], {"BatchGetItem": 1}),
        (SearchField.PHONE_NUMBER, PHONE, [second.reference, first.reference], by_index),
        (SearchField.PHONE_NUMBER, "237699999999", [other.reference], by_index),
        *((SearchField.PROVIDER_REFERENCE, it.provider_reference, [second.reference], by_index) for it in charges),
        (SearchField.OPERATOR_REFERENCE, str(charges[0].operator_reference), [second.reference], by_index),
        (SearchField.ORDER_ID, "order-9", [], {"GetItem": 1}),
        (SearchField.REFERENCE, "0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d11", [], {"BatchGetItem": 1}),
        (SearchField.PHONE_NUMBER, "237699999998", [], {"Query": 1}),
    ):
        aws.calls.clear()
        assert found(service, by, value) == references, by
        assert dict(aws.calls) == reads, by


def test_an_attempt_that_was_never_sent_is_found_by_its_order_after_a_further_one(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws
) -> None:
    shop.faults(collect=["rate-limit"])
    with pytest.raises(ProviderBusy):
        service.initiate(replace(REQUEST, idempotency_key="a"))
    refused = service.ledger.order("order-1").latest
    clock.forward(1)
    second = service.initiate(replace(REQUEST, idempotency_key="b")).payment
    aws.calls.clear()
    assert found(service, SearchField.ORDER_ID, "order-1") == [second.reference, refused]
    assert dict(aws.calls) == {"GetItem": 1, "BatchGetItem": 1}
    order = service.story(second.reference)["order"]
    assert [it["payment"]["reference"] for it in order["attempts"]] == [second.reference, refused]
    assert order["attemptCount"] == 2
    service.give_up(second.reference)
    clock.forward(1)
    third = service.initiate(replace(REQUEST, idempotency_key="c")).payment
    assert found(service, SearchField.ORDER_ID, "order-1") == [third.reference, second.reference, refused]


def charges_of(service: Service, payment: Payment) -> list[ProviderRecord]:
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    records = [service.campay.read(charge) for charge in stored.payment.charges]
    return [record for record in records if record is not None]


def test_an_entry_is_the_payment_as_it_is_now(service: Service, payments: list[Payment], clock: HandClock) -> None:
    (entry,) = service.search(PaymentSearch(SearchField.REFERENCE, payments[1].reference), by="amina")["payments"]
    stored = service.ledger.load(payments[1].reference)
    assert stored is not None
    assert entry == to_event(stored.payment, clock.now())


def test_while_the_hash_key_is_rotated_a_phone_is_found_under_both_keys_in_three_reads(
    service: Service, clock: HandClock, aws: EmbeddedAws
) -> None:
    keys = ("a-new-phone-hash-key-of-thirty-two-bytes-or-more", *service.settings.phone_hash_keys)
    rotated = rebuilt(replace(service, settings=replace(service.settings, phone_hash_keys=keys)))
    old = service.initiate(REQUEST).payment
    service.give_up(old.reference)
    clock.forward(1)
    new = rotated.initiate(replace(REQUEST, order_id="order-2")).payment
    assert old.phone_hash != new.phone_hash
    aws.calls.clear()
    assert found(rotated, SearchField.PHONE_NUMBER, PHONE) == [new.reference, old.reference]
    assert dict(aws.calls) == {"Query": 2, "BatchGetItem": 1}


def test_a_phone_with_very_many_payments_has_the_newest_in_the_answer(
    ledger: Ledger, clock: HandClock, aws: EmbeddedAws
) -> None:
    keys = ("new-key", "old-key")
    new, old = hash_phone(PHONE, keys)
    for number in range(MOST_FOUND + 20):
        clock.forward(1)
        payment = a_payment(clock, f"ref-{number}", f"order-{number}", phone=old if number < 30 else new)
        claim(ledger, payment)
    aws.calls.clear()
    answer = SearchPayments(ledger, clock, keys)(PaymentSearch(SearchField.PHONE_NUMBER, PHONE), by="amina")
    assert dict(aws.calls) == {"Query": 2, "BatchGetItem": 1}
    references = [payment["reference"] for payment in answer["payments"]]
    assert references == [f"ref-{number}" for number in range(MOST_FOUND + 19, 19, -1)]
    assert answer["hasMore"] is True


def test_what_was_looked_for_is_in_no_line_and_no_answer(
    service: Service, payments: list[Payment], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    wanted = PaymentSearch(SearchField.PHONE_NUMBER, PHONE)
    text = json.dumps(service.search(wanted, by="amina"))
    (line,) = caplog.records
    assert (line.levelno, line.message, vars(line)["fields"]) == (
        *(logging.INFO, "operator-search", {"by": "amina", "field": "phoneNumber", "found": 2}),
    )
    assert payments[0].phone_mask in text
    for written in (text, repr(wanted), str(vars(line))):
        assert PHONE[3:] not in written
        assert payments[0].phone_hash not in written
