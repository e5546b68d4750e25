"""Shows that the gauntlet's table in memory answers and refuses as DynamoDB's does, for all that the ledger asks."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.ledger.attributes import key_of, to_attributes, to_values
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table
from chalicelib.adapters.ledger.update import Update
from chalicelib.bootstrap import Service
from chalicelib.domain.money import Money
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from gauntlet.simulation.table import Table
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.workers import run_for, sweep_once

_NAMES = (f"twin-{number}" for number in itertools.count(1))


@dataclass
class Twins:
    """Makes each call on both tables, and compares what comes of it."""

    real: Any
    simulated: Table = field(default_factory=Table)
    calls: set[str] = field(default_factory=set)
    refused: int = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            of_simulation = outcome(lambda: getattr(self.simulated, name)(**arguments))
            of_service = outcome(lambda: getattr(self.real, name)(**arguments))
            assert comparable(of_simulation) == comparable(of_service), (name, arguments)
            self.calls.add(name)
            if isinstance(of_service, ClientError):
                self.refused += 1
                raise of_service
            return of_service

        return call


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as refusal:
        return refusal


def comparable(found: Any) -> Any:
    """Returns what the ledger reads of an answer or a refusal."""
    if isinstance(found, ClientError):
        response: Any = found.response
        reasons = [(it["Code"], _row(it.get("Item"))) for it in response.get("CancellationReasons", ())]
        return response["Error"]["Code"], _row(response.get("Item")), reasons
    rows = sorted((_row(it) for it in _listed(found)), key=repr)
    return rows, _row(found.get("LastEvaluatedKey")), _row(found.get("Attributes"))


def _listed(found: Mapping[str, Any]) -> list[Any]:
    of_tables = [row for rows in found.get("Responses", {}).values() for row in rows]
    return [*found.get("Items", ()), *of_tables, *([found["Item"]] if found.get("Item") else [])]


def _row(item: Any) -> list[tuple[str, Any]]:
    return sorted(to_values(item).items()) if item else []


def test_the_real_flows_get_the_same_answers(service: Service, shop: Shop, clock: HandClock) -> None:
    """A customer pays, one declines, one says nothing, one charge is a duplicate, an operator resolves."""
    twins: Any = Twins(service.ledger._table.client)
    service = rebuilt(service, ledger=Ledger(twins, service.settings.payments_table, clock))
    requests = [
        PaymentRequest(f"order-{number}", Money(5000, "XAF"), f"23767123450{number}", "Shoes", "fr", f"key-{number}")
        for number in range(6)
    ]
    paid, declined, silent, late, other, _ = (service.initiate(it).payment for it in requests)
    service.initiate(requests[0])  # the same key
    for it, status in ((paid, "SUCCESSFUL"), (declined, "FAILED")):
        shop.customer(it.provider_reference, status)
        service.settle.handle_webhook(it.reference, it.provider_reference)
    service.settle.handle_webhook(other.reference, "an-invented-one")
    service.give_up(late.reference)
    again = PaymentRequest(late.order_id, Money(5000, "XAF"), "237671234599", "Shoes", "fr", "another-key")
    second = service.initiate(again).payment
    for it in (second, late):
        shop.customer(it.provider_reference, "SUCCESSFUL")
        service.settle.handle_webhook(it.reference, it.provider_reference)
    wrong = PaymentRequest("order-9", Money(5000, "XAF"), "237670000006", "Shoes", "fr", None)
    conflicted = service.initiate(wrong).payment
    shop.customer(conflicted.provider_reference, "SUCCESSFUL")
    run_for(service, clock, 400)
    seen = service.ledger.load(conflicted.reference)
    assert seen is not None
    service.operate.resolve(
        conflicted.reference, PaymentStatus.SUCCESSFUL, "seen", version=seen.payment.version, by="paul"
    )
    service.operate.redeliver(paid.reference, by="paul")
    clock.forward(80 * 3600)
    sweep_once(service)
    service.late_payments()
    assert service.ledger.load(silent.reference) is not None
    assert twins.calls == {"get_item", "batch_get_item", "query", "update_item", "transact_write_items"}
    assert twins.refused


def test_a_transaction_is_done_once_for_its_token(dynamodb: Any) -> None:
    table = next(_NAMES)
    create_table(dynamodb, table)
    twins: Any = Twins(dynamodb)
    counted = Update("order#1").count("uses").item(table)
    for _ in range(2):
        twins.transact_write_items(TransactItems=[counted], ClientRequestToken="the-token-of-this-commit")
    row = twins.get_item(TableName=table, Key=to_attributes(key_of("order#1")))["Item"]
    assert to_values(row)["uses"] == 1
