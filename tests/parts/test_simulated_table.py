"""Shows that the gauntlet's table in memory answers and refuses as DynamoDB's does, for all that the ledger asks."""

import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.ledger.attributes import key_of, to_attributes, to_values
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table
from chalicelib.adapters.ledger.update import Update
from chalicelib.bootstrap import Service
from chalicelib.domain.money import Money
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.runtime import aws as aws_calls
from gauntlet.simulation.clients import AwsClient
from gauntlet.simulation.faults import Likelihood
from gauntlet.simulation.table import Table
from local.embedded import EmbeddedAws
from tests.conftest import Shop, aws_environment
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.simulated import AWS_REFUSALS, Simulated, Twins, outcome
from tests.harness.workers import run_for, sweep_once

_NAMES = (f"twin-{number}" for number in itertools.count(1))


def twins_of(dynamodb: Any) -> Any:
    return Twins(Table(), dynamodb, comparable, (ClientError,))


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
    twins = twins_of(service.ledger._table.client)
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


_PARTITIONS = ("order#1", "order#2", "payment#1")
_NUMBERS = st.integers(0, 3)


@st.composite
def _updates(draw: st.DrawFn) -> Update:
    """Draws an update of few rows with few values, so that conditions meet."""
    update = Update(draw(st.sampled_from(_PARTITIONS)))
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4, unique=True)):
        change(update, draw)
    for requirement in draw(st.lists(st.sampled_from(REQUIREMENTS), max_size=2, unique=True)):
        requirement(update, draw)
    return update


def _require(update: Update, condition: str, value: int) -> None:
    update.only_if(condition).values[":wanted"] = value


def _due(update: Update, number: int) -> None:
    """Lists a row in an index at a place that no other has, or no longer."""
    if number:
        update.set(dueMark="due#00", dueAt=number * 3 + _PARTITIONS.index(update._key["pk"]))
    else:
        update.remove("dueMark", "dueAt")


CHANGES: list[Callable[[Update, st.DrawFn], object]] = [
    lambda it, draw: it.set(revision=draw(_NUMBERS)),
    lambda it, draw: it.set(active=draw(st.sampled_from("ab")), keys={}),
    lambda it, draw: it.set(payment={"status": draw(st.sampled_from(["PENDING", "FAILED"])), "version": 1}),
    lambda it, draw: it.set_once(undeliveredSince=draw(_NUMBERS)),
    lambda it, draw: it.undelivered() if draw(st.booleans()) else it.remove("undeliveredMark"),
    lambda it, draw: _due(it, draw(_NUMBERS)),
    lambda it, _: it.remove("paid", "checkAt"),
    lambda it, draw: it.add("underReview", draw(st.sampled_from("xyz"))),
    lambda it, draw: it.discard("cases", draw(st.sampled_from("xyz"))),
    lambda it, _: it.count("uses"),
    lambda it, draw: it.increase({"paidCount": draw(_NUMBERS), "other count": 1}),
    lambda it, draw: it.put_entry("entries", draw(st.sampled_from("ab")), {"at": 1}),
]
REQUIREMENTS: list[Callable[[Update, st.DrawFn], object]] = [
    lambda it, _: it.only_if("attribute_not_exists(paid)"),
    lambda it, _: it.only_if("attribute_exists(pk) AND (attribute_not_exists(uses) OR attribute_exists(active))"),
    lambda it, draw: _require(it, "uses < :wanted OR attribute_not_exists(uses)", draw(_NUMBERS)),
    lambda it, draw: _require(it, "payment.version <> :wanted AND dueAt >= :wanted", draw(_NUMBERS)),
    lambda it, draw: _require(it, "dueAt <= :wanted OR dueAt > :wanted", draw(_NUMBERS)),
]
_CALLS = st.one_of(
    st.tuples(st.just("update"), _updates(), st.booleans()),
    st.tuples(st.just("transact"), st.lists(_updates(), min_size=1, max_size=3), st.sampled_from("tuv")),
    st.tuples(st.just("list"), st.booleans(), st.integers(1, 3)),
    st.tuples(st.just("read"), st.sampled_from(_PARTITIONS), st.none()),
)


@pytest.mark.timeout(180)
def test_generated_calls_get_the_same_answers(dynamodb: Any) -> None:
    table = next(_NAMES)
    create_table(dynamodb, table)
    twins = twins_of(dynamodb)

    @settings(max_examples=12, derandomize=True, database=None)
    @given(st.lists(_CALLS, min_size=8, max_size=20))
    def agree(calls: list[Any]) -> None:
        rows = [{**key_of(partition), "entries": {}, "cases": {"x", "y"}} for partition in _PARTITIONS]
        puts = [{"Put": {"TableName": table, "Item": to_attributes(row)}} for row in rows]
        twins.transact_write_items(TransactItems=puts)
        for call in calls:
            with suppress(ClientError):
                _make(twins, table, *call)

    agree()
    assert len(twins.refused) > 20


def _make(twins: Any, table: str, kind: str, what: Any, more: Any) -> None:
    if kind == "update":
        twins.update_item(**what.arguments(table), ReturnValues="ALL_NEW" if more else "NONE")
    elif kind == "transact":
        parts = {it._key["pk"]: it for it in what}  # a transaction changes each row once
        put = {"TableName": table, "Item": to_attributes({**key_of(f"v#{more}"), "version": 1})}
        put |= {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        twins.transact_write_items(TransactItems=[*(it.item(table) for it in parts.values()), {"Put": put}])
    elif kind == "list":
        of_index, values = "#dueMark = :mark AND #dueAt BETWEEN :from AND :to", {"mark": "due#00", "from": 3, "to": 10}
        options = {"IndexName": "due", "ScanIndexForward": what, "Limit": more}
        page = Ledger(twins, table, HandClock())._table.page
        _, following = page(of_index, values, **options)
        if following:
            page(of_index, values, **options, ExclusiveStartKey=following)
    else:
        twins.get_item(TableName=table, Key=to_attributes(key_of(what)), ConsistentRead=True)
        condition, values = "#pk = :pk AND #sk BETWEEN :from AND :to", {"pk": what, "from": "a", "to": "z"}
        Ledger(twins, table, HandClock())._table.page(condition, values, ConsistentRead=True)


def test_a_transaction_is_done_once_for_its_token(dynamodb: Any) -> None:
    table = next(_NAMES)
    create_table(dynamodb, table)
    twins = twins_of(dynamodb)
    counted = Update("order#1").count("uses").item(table)
    for _ in range(2):
        twins.transact_write_items(TransactItems=[counted], ClientRequestToken="the-token-of-this-commit")
    row = twins.get_item(TableName=table, Key=to_attributes(key_of("order#1")))["Item"]
    assert to_values(row)["uses"] == 1


FAULTS = {"unavailable": Likelihood(refuse=1.0), "lost-answer": Likelihood(lose=1.0)}


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize(
    ("operation", "kind"),
    [*itertools.product(["UpdateItem", "GetItem"], FAULTS), ("TransactWriteItems", "lost-answer")],
)
def test_a_call_that_fails_is_made_three_times(
    aws: EmbeddedAws,
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    kind: str,
    times: int,
) -> None:
    """What a lost answer hides takes effect again, but for a transaction, whose token is known."""
    for name, value in aws_environment(aws).items():
        monkeypatch.setenv(name, value)
    simulated = Simulated()
    in_memory = AwsClient("dynamodb", Table(), simulated.faults)
    client = aws_calls.make_client("dynamodb")
    twins: Any = Twins(
        in_memory, client, lambda it: "away" if isinstance(it, Exception) else comparable(it), AWS_REFUSALS
    )
    counted, read = Update("order#1").count("uses"), {"TableName": table, "Key": to_attributes(key_of("order#1"))}
    calls = {
        "UpdateItem": lambda: twins.update_item(**counted.arguments(table)),
        "TransactWriteItems": lambda: twins.transact_write_items(
            TransactItems=[counted.item(table)], ClientRequestToken=f"{kind}-{times}-of-{table}"
        ),
        "GetItem": lambda: twins.get_item(**read),
    }
    aws.faults.set({"operation": operation, "kind": kind, "count": times})
    simulated.fail("dynamodb", FAULTS[kind], times)
    found = outcome(lambda: simulated.run(calls[operation]), AWS_REFUSALS)
    aws.faults.set()
    assert isinstance(found, Exception) == (times == 3)
    simulated.run(lambda: twins.get_item(**read))
