"""Runs the proof of benchmarks/history on a small history: what it claims of a large one."""

from typing import Any

import pytest

from benchmarks.history.made_up import MadeUp, Order
from benchmarks.history.proof import History, Plan
from benchmarks.history.shop import SetClock, Shop
from chalicelib.adapters.ledger.attributes import to_values
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.bootstrap import Service
from local.campay_simulator import CampaySimulator
from local.embedded import EmbeddedAws
from tests.conftest import aws_client
from tests.harness.service import rebuilt

LOOKED_AT = {
    "state": {"payment", "day", "claimedAt", "deliveredVersion", "announcedVersion", "search"},
    "order": {"latest", "attempts", "paid", "underReview", "active"},
    "version": {"payment", "cause", "at", "evidence", "by", "search"},
}
"""Of each kind of row: what is searched, listed and counted. The rest is for checks and deliveries."""
PLAN = Plan(written=70, real=14, days=3, samples=2)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def history(service: Service, simulator: CampaySimulator, aws: EmbeddedAws) -> History:
    counted, other = aws_client("dynamodb", aws), aws_client("dynamodb", aws)
    ledger = Ledger(counted, service.settings.payments_table, service.clock)
    return History(rebuilt(service, ledger=ledger), simulator, counted, other, PLAN, lambda _: None)


@pytest.mark.timeout(180)
def test_look_ups_stay_cheap_and_the_rollups_equal_a_recount(history: History) -> None:
    history.build()
    proof = history.prove()
    assert proof.wrong == []
    assert [cost.what for cost in proof.costs if cost.misses] == []
    assert proof.payments == PLAN.written + PLAN.real
    assert all(cost.calls > 0 and cost.units > 0 for cost in proof.costs)


def test_what_is_written_directly_is_what_the_real_code_leaves(
    service: Service, simulator: CampaySimulator, dynamodb: Any
) -> None:
    """All that is searched, listed and counted. What only checks and deliveries use is left out."""
    table = service.settings.payments_table
    assert isinstance(service.clock, SetClock)
    shop = Shop(service, simulator, service.clock)
    shop.one_of_each()
    left = {(row["pk"], row["sk"]): row for row in map(to_values, dynamodb.scan(TableName=table)["Items"])}
    orders: dict[str, list[MadeUp]] = {}
    for reference in shop.references:
        versions = service.ledger.versions_of(reference)
        orders.setdefault(versions[0].payment.order_id, []).append(MadeUp(versions, shop.phone_numbers[reference]))
    rows = [row for order_id, attempts in orders.items() for row in Order(order_id, attempts).rows()]
    for row in rows:
        kind = "order" if row["pk"].startswith("order#") else "state" if row["sk"] == "state" else "version"
        real = left[row["pk"], row["sk"]]
        assert {name: row.get(name) for name in LOOKED_AT[kind]} == {name: real.get(name) for name in LOOKED_AT[kind]}
    others = left.keys() - {(row["pk"], row["sk"]) for row in rows}
    assert {f"{pk.partition('#')[0]} {sk.partition('#')[0]}" for pk, sk in others} <= {
        "phone state",
        "payment act",
        "budget state",
    }
    assert len(orders) == len(shop.references) - 1, "one order has two attempts"
