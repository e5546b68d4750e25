"""Tests that every row of the ledger has an end but those of sums, and that a payment ends as a whole."""

from typing import Any

from chalicelib.adapters.ledger.attributes import to_values
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE
from chalicelib.bootstrap import Service
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.parts.test_attention import duplicate
from tests.parts.test_rollups import count_all

KEPT_DAYS = 100
NEVER_ENDING = {"rollup", "counted", "statement"}


def rows(dynamodb: Any, table: str) -> list[dict[str, Any]]:
    return [to_values(item) for item in dynamodb.scan(TableName=table)["Items"]]


def test_a_payment_ends_as_a_whole_and_sums_stay(
    service: Service, shop: Shop, clock: HandClock, dynamodb: Any, table: str
) -> None:
    service = rebuilt(service, ledger=Ledger(dynamodb, table, clock, kept_days=KEPT_DAYS))
    payment = duplicate(service, shop)
    clock.forward(3600)
    seen = service.ledger.load(payment.reference)
    assert seen is not None
    service.operate.acknowledge(payment.reference, "given back", version=seen.payment.version, by="amina")
    count_all(service)
    of_payment = [row for row in rows(dynamodb, table) if row["pk"] == f"payment#{payment.reference}"]
    assert {row["sk"].partition("#")[0] for row in of_payment} == {"state", "v", "act"}
    claimed, end = payment.created_at // 1000, KEPT_DAYS * 86_400
    of_acts = {row["sk"]: row.pop(FORGOTTEN_BY_ATTRIBUTE) for row in of_payment if row["sk"].startswith("act#")}
    assert set(of_acts.values()) == {claimed + 3600 + end}
    assert {row[FORGOTTEN_BY_ATTRIBUTE] for row in of_payment if row["sk"] not in of_acts} == {claimed + end}
    (order,) = (row for row in rows(dynamodb, table) if row["pk"] == f"order#{payment.order_id}")
    assert order[FORGOTTEN_BY_ATTRIBUTE] == claimed + end
    endless = {row["pk"].partition("#")[0] for row in rows(dynamodb, table) if FORGOTTEN_BY_ATTRIBUTE not in row}
    assert endless <= NEVER_ENDING
    assert "rollup" in endless
