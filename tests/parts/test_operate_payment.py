"""Tests that the history of a payment has each thing that an operator asks for, and whose wish it was."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import Service
from chalicelib.domain.contract import to_iso
from chalicelib.domain.errors import LedgerUnavailable, NotAllowed, NotFound
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock

S = PaymentStatus
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237670000006", "Braids", "fr")


@pytest.fixture
def under_review(service: Service, shop: Shop) -> Payment:
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    return replace(payment, status=S.CONFLICTED, version=3)


def acts(service: Service, payment: Payment) -> list[dict[str, Any]]:
    """Returns what a payment's story says of the acts."""
    told: list[dict[str, Any]] = service.story(payment.reference)["acts"]
    return told


def test_each_act_is_kept_with_its_time_and_its_name_also_one_that_changes_nothing(
    service: Service, under_review: Payment, clock: HandClock
) -> None:
    reference, began = under_review.reference, clock.now()
    service.operate.recheck(reference, by="amina")
    clock.forward(1)
    service.operate.resolve(reference, S.FAILED, "paid back by hand", by="paul")
    clock.forward(1)
    service.operate.redeliver(reference, by="amina")
    with pytest.raises(NotAllowed):
        service.operate.resolve(reference, S.SUCCESSFUL, "or not", by="paul")
    decision = {"action": "resolve", "by": "paul"}
    first, *others = acts(service, under_review)
    nothing_decided = {"status": None, "note": None}
    assert first == {"action": "recheck", "by": "amina", "at": to_iso(began), **nothing_decided}
    assert sorted(others, key=lambda it: (it["at"], it["action"])) == [
        {**decision, "at": to_iso(began + 1000), "status": "FAILED", "note": "paid back by hand"},
        {"action": "redeliver", "by": "amina", "at": to_iso(began + 2000), **nothing_decided},
        {**decision, "at": to_iso(began + 2000), "status": "SUCCESSFUL", "note": "or not"},
    ]


def test_two_acts_of_one_millisecond_are_both_kept(service: Service, under_review: Payment) -> None:
    for by in ("amina", "paul"):
        service.operate.redeliver(under_review.reference, by=by)
    assert sorted(act["by"] for act in acts(service, under_review)) == ["amina", "paul"]


def test_what_cannot_be_written_down_is_not_done(service: Service, under_review: Payment, aws: EmbeddedAws) -> None:
    aws.faults.set({"operation": "UpdateItem", "kind": "unavailable", "count": 100})
    with pytest.raises(LedgerUnavailable):
        service.operate.resolve(under_review.reference, S.FAILED, "paid back", by="paul")
    aws.faults.set()
    stored = service.ledger.load(under_review.reference)
    assert stored is not None
    assert stored.payment.status is S.CONFLICTED
    assert acts(service, under_review) == []


def test_an_act_whose_written_answer_is_lost_is_kept_once(
    service: Service, under_review: Payment, aws: EmbeddedAws
) -> None:
    aws.faults.set({"operation": "UpdateItem", "kind": "lost-answer", "count": 1})
    assert service.operate.resolve(under_review.reference, S.FAILED, "paid back", by="paul").status is S.FAILED
    assert [act["by"] for act in acts(service, under_review)] == ["paul"]


def test_no_phone_number_of_a_reason_is_told(service: Service, under_review: Payment) -> None:
    service.operate.resolve(under_review.reference, S.FAILED, "asked 237677777777", by="paul")
    assert "77777777" not in str(acts(service, under_review))


def test_an_unknown_payment_gets_no_history(service: Service, dynamodb: Any, table: str) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for act in (service.operate.recheck, service.operate.redeliver):
        with pytest.raises(NotFound):
            act(unknown, by="paul")
    with pytest.raises(NotFound):
        service.operate.resolve(unknown, S.FAILED, "there is none", by="paul")
    key = {":pk": {"S": f"payment#{unknown}"}}
    rows = dynamodb.query(TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=key)
    assert rows["Items"] == []
