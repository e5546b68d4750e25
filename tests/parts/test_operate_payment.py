"""Tests that the history of a payment has each thing that an operator asks for, and whose wish it was."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from chalicelib.adapters.ledger.items import Act
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.contract import to_iso
from chalicelib.domain.errors import LedgerUnavailable, NotAllowed, NotFound, PaymentChanged
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.parts.test_ledger import loaded

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
    service.operate.resolve(reference, S.FAILED, "paid back by hand", version=3, by="paul")
    clock.forward(1)
    service.operate.redeliver(reference, by="amina")
    with pytest.raises(NotAllowed):
        service.operate.resolve(reference, S.SUCCESSFUL, "or not", version=4, by="paul")
    decision = {"action": "resolve", "by": "paul"}
    first, *others = acts(service, under_review)
    nothing_decided = {"status": None, "note": None}
    assert first == {"action": "recheck", "by": "amina", "at": to_iso(began), **nothing_decided}
    assert sorted(others, key=lambda it: (it["at"], it["action"])) == [
        {**decision, "at": to_iso(began + 1000), "status": "FAILED", "note": "paid back by hand"},
        {"action": "redeliver", "by": "amina", "at": to_iso(began + 2000), **nothing_decided},
        {**decision, "at": to_iso(began + 2000), "status": "SUCCESSFUL", "note": "or not"},
    ]


class OvertakenLedger(Ledger):
    """A ledger to which somebody else writes between an act's note and its commit."""

    def __init__(self, ledger: Ledger, meanwhile: Callable[[], object]) -> None:
        vars(self).update(vars(ledger))
        self._meanwhile = meanwhile

    def note_act(self, reference: str, act: Act) -> None:
        super().note_act(reference, act)
        self._meanwhile()


def test_a_charge_that_comes_while_a_person_decides_is_not_decided_upon(
    service: Service, shop: Shop, under_review: Payment
) -> None:
    """The decision would still be allowed, and be about something that the person has not seen."""
    reference = under_review.reference
    charge = shop.charge_again(reference)
    ledger = OvertakenLedger(service.ledger, lambda: service.settle.handle_webhook(reference, charge))
    operate = replace(service.operate, ledger=ledger)
    with pytest.raises(PaymentChanged):
        operate.resolve(reference, S.SUCCESSFUL, "rest paid in cash", version=3, by="paul")
    newest = loaded(service.ledger, reference)
    assert (newest.status, newest.charges, newest.version) == (S.CONFLICTED, (charge,), 4)
    assert [act["action"] for act in acts(service, under_review)] == ["resolve"]
    service.operate.resolve(reference, S.SUCCESSFUL, "rest paid in cash", version=4, by="paul")


def test_what_a_person_has_not_seen_is_not_decided_nor_noted(service: Service, under_review: Payment) -> None:
    for version in (2, 4):
        with pytest.raises(PaymentChanged):
            service.operate.resolve(under_review.reference, S.FAILED, "paid back", version=version, by="paul")
    assert loaded(service.ledger, under_review.reference).version == 3
    assert acts(service, under_review) == []


def test_of_many_that_decide_at_once_one_does(service: Service, under_review: Payment) -> None:
    together = Barrier(8)

    def decide(number: int) -> str:
        together.wait()
        try:
            service.operate.resolve(under_review.reference, S.FAILED, "paid back", version=3, by=f"p{number}")
        except PaymentChanged:
            return "changed"
        return f"p{number}"

    with ThreadPoolExecutor(8) as people:
        told = list(people.map(decide, range(8)))
    assert told.count("changed") == 7
    (winner,) = set(told) - {"changed"}
    decided = service.story(under_review.reference)["versions"][-1]
    assert (decided["version"], decided["by"]) == (4, winner)


def test_two_acts_of_one_millisecond_are_both_kept(service: Service, under_review: Payment) -> None:
    for by in ("amina", "paul"):
        service.operate.redeliver(under_review.reference, by=by)
    assert sorted(act["by"] for act in acts(service, under_review)) == ["amina", "paul"]


def test_what_cannot_be_written_down_is_not_done(service: Service, under_review: Payment, aws: EmbeddedAws) -> None:
    aws.faults.set({"operation": "UpdateItem", "kind": "unavailable", "count": 100})
    with pytest.raises(LedgerUnavailable):
        service.operate.resolve(under_review.reference, S.FAILED, "paid back", version=3, by="paul")
    aws.faults.set()
    stored = service.ledger.load(under_review.reference)
    assert stored is not None
    assert stored.payment.status is S.CONFLICTED
    assert acts(service, under_review) == []


def test_an_act_whose_written_answer_is_lost_is_kept_once(
    service: Service, under_review: Payment, aws: EmbeddedAws
) -> None:
    aws.faults.set({"operation": "UpdateItem", "kind": "lost-answer", "count": 1})
    assert (
        service.operate.resolve(under_review.reference, S.FAILED, "paid back", version=3, by="paul").status is S.FAILED
    )
    assert [act["by"] for act in acts(service, under_review)] == ["paul"]


def test_no_phone_number_of_a_reason_is_told(service: Service, under_review: Payment) -> None:
    service.operate.resolve(under_review.reference, S.FAILED, "asked 237677777777", version=3, by="paul")
    assert "77777777" not in str(acts(service, under_review))


def test_an_unknown_payment_gets_no_history(service: Service, dynamodb: Any, table: str) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for act in (service.operate.recheck, service.operate.redeliver):
        with pytest.raises(NotFound):
            act(unknown, by="paul")
    with pytest.raises(NotFound):
        service.operate.resolve(unknown, S.FAILED, "there is none", version=1, by="paul")
    key = {":pk": {"S": f"payment#{unknown}"}}
    rows = dynamodb.query(TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=key)
    assert rows["Items"] == []
