"""Tests an operator's story of a payment: what happened, who was told, and the other attempts of its order."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.contract import to_event, to_iso
from chalicelib.domain.errors import NotFound
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.flows.payment_story import MOST_ATTEMPTS, PaymentStory
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.parts.test_ledger import a_payment, claim, to

REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")
OTHER_AMOUNT_NUMBER = "237670000006"
"""The simulator charges it another amount than was asked for."""


def start(service: Service, key: str = "a", **changes: Any) -> Payment:
    return service.initiate(replace(REQUEST, idempotency_key=key, **changes)).payment


def settle(service: Service, shop: Shop, payment: Payment, status: str = "SUCCESSFUL") -> None:
    shop.customer(payment.provider_reference, status)
    service.settle.handle_webhook(payment.reference, payment.provider_reference)


def test_each_version_says_what_led_to_it_when_and_what_it_changed(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    claimed_at = clock.now()
    payment = start(service)
    clock.forward(12.5)
    settle(service, shop, payment)
    clock.forward(60)
    story = service.story(payment.reference)
    told = [(it["version"], it["status"], it["cause"]) for it in story["versions"]]
    assert told == [(1, "INITIATING", "initiated"), (2, "PENDING", "prompted"), (3, "SUCCESSFUL", "webhook")]
    assert {(it["by"], it["note"]) for it in story["versions"]} == {(None, None)}
    assert [it["msSinceClaim"] for it in story["versions"]] == [0, 0, 12_500]
    assert [it["msSincePrevious"] for it in story["versions"]] == [None, 0, 12_500]
    assert [it["at"] for it in story["versions"]] == [to_iso(claimed_at + ms) for ms in (0, 0, 12_500)]
    first, prompted, paid = story["versions"]
    assert (first["evidence"], first["changes"], first["orderEvents"]) == (None, [], [])
    assert {it["field"] for it in prompted["changes"]} == {"status", "providerReference", "ussdCode"}
    assert paid["evidence"]["providerReference"] == payment.provider_reference
    assert (paid["evidence"]["status"], paid["evidence"]["amount"]) == ("SUCCESSFUL", 5000)
    assert {"field": "status", "before": "PENDING", "after": "SUCCESSFUL"} in paid["changes"]
    assert {"field": "charges", "before": [], "after": [payment.provider_reference]} in paid["changes"]
    (event,) = paid["orderEvents"]
    assert event.pop("busId"), "the event bus's own id, which its log has"
    taken_at = to_iso(claimed_at + 12_500)
    assert event.pop("attempts") == [], "this shop has no address"
    assert event == {"type": "payment.successful", "id": f"{payment.reference}:3", "takenAt": taken_at}
    service.operate.redeliver(payment.reference, by="ada")
    assert service.story(payment.reference)["versions"][-1]["orderEvents"][0]["takenAt"] == taken_at, "the first time"
    assert story["payment"] == to_event(newest(service, payment), clock.now()), "what the customer's screen has"
    assert (story["nextCheckAt"], story["actions"], story["resolutions"]) == (None, ["recheck", "redeliver"], [])


def newest(service: Service, payment: Payment) -> Payment:
    stored = service.ledger.load(payment.reference)
    assert stored is not None
    return stored.payment


def test_it_says_what_screens_and_shop_have_not_been_told(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws
) -> None:
    payment = start(service)
    before = service.story(payment.reference)
    assert before["delivery"] == {"deliveredVersion": 2, "announcedVersion": 2, "undeliveredSince": None}
    assert before["nextCheckAt"] > to_iso(clock.now())
    clock.forward(5)
    aws.faults.set({"operation": "PutEvents", "kind": "unavailable", "count": 100})
    settle(service, shop, payment)
    failed_at = clock.now()
    clock.forward(5)
    story = service.story(payment.reference)
    assert story["delivery"] == {
        "deliveredVersion": 2,
        "announcedVersion": 2,
        "undeliveredSince": story["versions"][2]["at"],
    }
    assert story["versions"][2]["at"] <= to_iso(failed_at)
    assert [it["delivered"] for it in story["versions"]] == [True, True, False]
    assert [it["announced"] for it in story["versions"]] == [True, True, False]
    aws.faults.set()
    service.operate.redeliver(payment.reference, by="amina")
    after = service.story(payment.reference)
    assert after["delivery"] == {"deliveredVersion": 3, "announcedVersion": 3, "undeliveredSince": None}


def test_a_payment_under_review_is_not_resolved_blind(service: Service, shop: Shop) -> None:
    payment = start(service, phone_number=OTHER_AMOUNT_NUMBER)
    settle(service, shop, payment)
    story = service.story(payment.reference)
    assert story["payment"]["status"] == "CONFLICTED"
    assert (story["actions"][-1], story["resolutions"]) == ("resolve", ["FAILED", "SUCCESSFUL"])
    conflict = story["versions"][-1]
    assert (conflict["evidence"]["amount"] != 5000, story["order"]["chargeCount"]) == (True, 0)
    assert {"field": "disputed", "before": [], "after": [payment.provider_reference]} in conflict["changes"]
    service.operate.resolve(
        payment.reference, PaymentStatus.SUCCESSFUL, "the rest in cash, from 677 12 34 56", version=3, by="amina"
    )
    decided = service.story(payment.reference)
    last = decided["versions"][-1]
    assert (last["cause"], last["by"]) == ("operator", "amina")
    assert last["note"] == "the rest in cash, from [number]"
    assert (last["evidence"], decided["actions"], decided["resolutions"]) == (None, ["recheck", "redeliver"], [])


def test_an_order_that_two_attempts_have_paid_is_seen_in_one_look(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws
) -> None:
    first = start(service)
    service.give_up(first.reference)
    clock.forward(1)
    second = start(service, "b")
    settle(service, shop, second)
    settle(service, shop, first)
    aws.calls.clear()
    order = service.story(first.reference)["order"]
    assert dict(aws.calls) == {"Query": 1, "GetItem": 1, "BatchGetItem": 1}
    assert (order["orderId"], order["attemptCount"], order["chargeCount"]) == ("order-1", 2, 2)
    assert [
        (it["payment"]["reference"], it["payment"]["duplicate"], it["active"], it["paysOrder"], it["charges"])
        for it in order["attempts"]
    ] == [
        (second.reference, False, False, True, [second.provider_reference]),
        (first.reference, True, False, False, [first.provider_reference]),
    ]
    assert service.story(second.reference)["order"] == order, "of either attempt the same"
    version = order["attempts"][1]["payment"]["version"]
    service.operate.acknowledge(first.reference, "paid back by hand", version=version, by="amina")
    order = service.story(second.reference)["order"]
    assert [it["acknowledged"] for it in order["attempts"]] == [False, True]


def test_a_second_charge_of_one_attempt_is_seen_in_one_look(service: Service, shop: Shop) -> None:
    payment = start(service)
    settle(service, shop, payment)
    again = shop.charge_again(payment.reference)
    service.settle.handle_webhook(payment.reference, again)
    story = service.story(payment.reference)
    assert story["order"]["chargeCount"] == 2
    assert story["order"]["attempts"][0]["charges"] == [payment.provider_reference, again]
    assert story["versions"][-1]["evidence"]["providerReference"] == again
    assert [it["type"] for it in story["versions"][-1]["orderEvents"]] == ["payment.duplicate"]


def test_an_order_of_many_attempts_takes_three_reads_and_shows_who_paid(
    ledger: Ledger, clock: HandClock, aws: EmbeddedAws
) -> None:
    paid = claim(ledger, a_payment(clock, "ref-0")).payment
    commit_as_paid(ledger, paid)
    for number in range(1, 70):
        clock.forward(1)
        claim(ledger, a_payment(clock, f"ref-{number}"), check_at=clock.now())
    aws.calls.clear()
    order = PaymentStory(ledger, clock)("ref-69")["order"]
    assert dict(aws.calls) == {"Query": 1, "GetItem": 1, "BatchGetItem": 1}
    shown = [it["payment"]["reference"] for it in order["attempts"]]
    assert order["attemptCount"] == 70
    assert len(shown) == MOST_ATTEMPTS
    assert (shown[0], shown[-1]) == ("ref-69", "ref-0"), "newest first, and the one that paid, however old"
    assert [it["payment"]["reference"] for it in order["attempts"] if it["paysOrder"]] == ["ref-0"]
    assert [it["payment"]["reference"] for it in order["attempts"] if it["active"]] == ["ref-69"]


def commit_as_paid(ledger: Ledger, payment: Payment) -> None:
    fields = {"status": PaymentStatus.SUCCESSFUL, "charges": ("c-1",), "paid_version": 2}
    to(ledger, payment, **fields)


def test_an_unknown_payment_has_no_story(service: Service, aws: EmbeddedAws) -> None:
    aws.calls.clear()
    with pytest.raises(NotFound):
        service.story("0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d11")
    assert dict(aws.calls) == {"Query": 1}


def test_the_only_attempt_of_an_order_takes_two_reads(service: Service, aws: EmbeddedAws) -> None:
    payment = start(service)
    aws.calls.clear()
    service.story(payment.reference)
    assert Counter(aws.calls) == {"Query": 1, "GetItem": 1}


def test_no_phone_number_and_no_hash_is_in_a_story(service: Service, shop: Shop) -> None:
    payment = start(service, phone_number=OTHER_AMOUNT_NUMBER)
    settle(service, shop, payment)
    reason = f"{OTHER_AMOUNT_NUMBER} was refunded"
    service.operate.resolve(payment.reference, PaymentStatus.FAILED, reason, version=3, by="amina")
    text = json.dumps(service.story(payment.reference))
    assert OTHER_AMOUNT_NUMBER[3:] not in text
    assert payment.phone_hash not in text
    assert payment.phone_mask in text
