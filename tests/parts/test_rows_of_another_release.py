"""Tests that a release carries on the payments that a newer one wrote, as after a rollback."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.ledger.change import Change
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import RefundTooHigh
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.refund import RefundStatus
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.parts.test_ledger import a_payment, claim, loaded, to
from tests.parts.test_recover_payments import Disaster, check, disaster, newest, pay, pay_back, paying_back

__all__ = ["disaster", "paying_back"]
NEW = {"S": "of a newer release"}


def state_row(dynamodb: Any, table: str) -> dict[str, Any]:
    key = {"pk": {"S": "payment#ref-1"}, "sk": {"S": "state"}}
    found: dict[str, Any] = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    return found


def test_a_field_of_a_newer_release_is_ignored(ledger: Ledger, clock: HandClock, dynamodb: Any, table: str) -> None:
    """The older release's next change leaves it out of the payment; beside the payment it stays."""
    payment = claim(ledger, a_payment(clock)).payment
    written = state_row(dynamodb, table)
    written["payment"]["M"]["new"] = written["new"] = NEW
    dynamodb.put_item(TableName=table, Item=written)
    assert loaded(ledger, "ref-1") == payment
    to(ledger, payment, status=PaymentStatus.SUCCESSFUL)
    assert loaded(ledger, "ref-1").status is PaymentStatus.SUCCESSFUL
    state = state_row(dynamodb, table)
    assert (state["new"], "new" in state["payment"]["M"]) == (NEW, False)


def test_refunds_that_an_older_release_dropped_are_made_again_from_the_log(
    paying_back: Service, shop: Shop, disaster: Disaster, clock: HandClock
) -> None:
    """As docs/operations.md has it after going back to a release from before refunds: `make recover`."""
    paid = pay(paying_back, shop)
    pay_back(paying_back, paid, 3000)
    shop.customer(shop.transactions[-1]["reference"], "SUCCESSFUL")
    clock.forward(20)
    refunded = check(paying_back, paid.reference)
    assert [it.status for it in refunded.refunds] == [RefundStatus.SUCCESSFUL]
    dropped = replace(refunded, refunds=(), version=refunded.version + 1)
    paying_back.ledger.commit(Change(refunded, dropped, Cause.OPERATOR, None))
    assert [it.reference for it in disaster.recover().raised] == [paid.reference]
    with pytest.raises(RefundTooHigh):
        pay_back(paying_back, newest(paying_back, paid.reference), 3000)
    again = check(paying_back, paid.reference)
    assert [it.status for it in again.refunds] == [RefundStatus.SUCCESSFUL]
    told = [version for kind, version in shop.order_events if kind == "payment.refunded"]
    assert told == [refunded.version, again.version], "the shop is told once more"
    assert disaster.recover().known == 1
