"""Tests that a release carries on the payments that a newer one wrote, as after a rollback."""

from typing import Any

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.payment import PaymentStatus
from tests.harness.fakes import HandClock
from tests.parts.test_ledger import a_payment, claim, loaded, to

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
