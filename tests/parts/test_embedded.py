"""Tests the developer's AWS where it has to be more faithful than moto."""

import http.client
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.sqs.models import sqs_backends
from werkzeug.wrappers import Response

from local import dynamodb, queues
from local.dynamodb import TOKEN_LIFE_SECONDS, AtomicBackend, BoundedShard, Fault, IndexedTable, RequestTokens
from local.embedded import LOOPBACK, EmbeddedAws, Valkey, print_order_event
from local.one_at_a_time import OneAtATime

KEYS: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
}


def connect(aws: EmbeddedAws, service: str, attempts: int = 1) -> Any:
    return boto3.client(
        service,
        endpoint_url=aws.url,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": attempts}, max_pool_connections=50),
    )


@pytest.fixture(scope="module")
def client(aws: EmbeddedAws) -> Iterator[Any]:
    client = connect(aws, "dynamodb")
    yield client
    client.close()


@pytest.fixture
def table(aws: EmbeddedAws, client: Any) -> Iterator[str]:
    aws.faults.set()
    name = f"table-{uuid.uuid4().hex}"
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **KEYS)
    aws.calls.clear()
    yield name
    aws.faults.set()


class ShortShard(BoundedShard):
    most = 3


def test_a_stream_keeps_its_newest_records_and_their_numbers(client: Any) -> None:
    name = f"table-{uuid.uuid4().hex}"
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", StreamSpecification=stream, **KEYS)
    table = dynamodb_backends["123456789012"]["eu-west-1"].get_table(name)
    assert type(table.stream_shard) is BoundedShard
    shard = table.stream_shard = ShortShard("123456789012", table)
    numbers = []
    for number in range(8):
        client.transact_write_items(TransactItems=[put(name, f"row-{number}")])
        numbers.append(shard.items[-1].record["dynamodb"]["SequenceNumber"])
    assert numbers == sorted(set(numbers), key=int)
    kept = shard.get(shard.starting_sequence_number, 100)
    assert [it["dynamodb"]["Keys"]["pk"]["S"] for it in kept] == [f"row-{number}" for number in range(3, 8)]


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "state"}}


def put(table: str, name: str, by: str = "", only_new: bool = False) -> dict[str, Any]:
    write = {"TableName": table, "Item": {**key(name), "by": {"S": by}}}
    if only_new:
        write |= {
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    return {"Put": write}


def add(table: str, name: str, change: str = "1") -> dict[str, Any]:
    return {
        "Update": {
            "TableName": table,
            "Key": key(name),
            "UpdateExpression": "ADD amount :change",
            "ExpressionAttributeValues": {":change": {"N": change}},
        }
    }


def stored(client: Any, table: str, name: str) -> Any:
    """Returns the stored item, or None."""
    return client.get_item(TableName=table, Key=key(name), ConsistentRead=True).get("Item")


def accepted(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        return False
    return True


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def restless() -> Iterator[None]:
    """Switches threads a hundred times as often, so that missing atomicity shows."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 100)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless")
def test_of_fifty_concurrent_claims_exactly_one_wins(aws: EmbeddedAws, client: Any, table: str) -> None:
    def claim(by: str) -> bool:
        items = [put(table, "order", by, only_new=True), put(table, f"attempt-{by}"), add(table, "counter")]
        return accepted(lambda: client.transact_write_items(TransactItems=items))

    names = [str(number) for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        winners = [name for name, won in zip(names, pool.map(claim, names), strict=True) if won]
    assert aws.calls == {"TransactWriteItems": 50}
    assert [stored(client, table, "order")["by"]["S"]] == winners
    assert stored(client, table, "counter")["amount"]["N"] == "1"
    assert [name for name in names if stored(client, table, f"attempt-{name}")] == winners


@pytest.mark.usefixtures("restless")
def test_nothing_that_was_acknowledged_vanishes(client: Any, table: str) -> None:
    """Every sixth transaction is refused while others commit: a cancellation must undo only itself."""

    def write(number: int) -> bool:
        name = "taken" if number % 6 == 0 else f"item-{number}"
        items = [put(table, name, only_new=True), add(table, "counter")]
        return accepted(lambda: client.transact_write_items(TransactItems=items))

    client.put_item(**put(table, "taken")["Put"])
    with ThreadPoolExecutor(20) as pool:
        acknowledged = [number for number, done in enumerate(pool.map(write, range(288))) if done]
    assert len(acknowledged) == 240
    found = {item["pk"]["S"] for item in client.scan(TableName=table)["Items"]}
    assert found == {"taken", "counter"} | {f"item-{number}" for number in acknowledged}
    assert stored(client, table, "counter")["amount"]["N"] == "240"


@pytest.mark.usefixtures("restless")
def test_no_message_is_lost_between_its_arrival_and_the_end_of_another(aws: EmbeddedAws) -> None:
    """A receiver that waits for messages holds up neither those who send them nor those who delete them."""
    sqs = connect(aws, "sqs")
    url = sqs.create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
    sent = {str(number) for number in range(200)}
    taken: list[str] = []

    def receive(_: int) -> None:
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get("Messages"):
            for message in messages:
                taken.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    with waiting(queues.alone, 60), ThreadPoolExecutor(20) as pool:  # however slow the machine is
        receivers = pool.map(receive, range(6))
        list(pool.map(lambda body: sqs.send_message(QueueUrl=url, MessageBody=body), sent))
        list(receivers)
    assert sorted(taken) == sorted(sent)
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {counted[f"ApproximateNumberOfMessages{of}"] for of in ("", "NotVisible", "Delayed")} == {"0"}
    sqs.delete_queue(QueueUrl=url)
    sqs.close()


@contextmanager
def waiting(turns: OneAtATime, seconds: float) -> Iterator[None]:
    """Has calls wait for their turn so long."""
    usual, turns.longest_wait_seconds = turns.longest_wait_seconds, seconds
    try:
        yield
    finally:
        turns.longest_wait_seconds = usual


@contextmanager
def held(turns: OneAtATime) -> Iterator[None]:
    """Has one call take its time, while others lose their patience soon."""
    is_busy, may_end = Event(), Event()

    def call() -> None:
        is_busy.set()
        may_end.wait()

    with waiting(turns, 0.1), ThreadPoolExecutor(1) as pool:
        busy = pool.submit(turns, call)
        is_busy.wait()
        try:
            yield
        finally:
            may_end.set()
        busy.result()


def test_a_call_of_a_busy_queue_is_refused_and_never_made(aws: EmbeddedAws) -> None:
    """Else those that nobody waits for any more would be made one by one, before those that come after them."""
    sqs = connect(aws, "sqs")
    url = sqs.create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
    with held(queues.alone), pytest.raises(ClientError, match="Internal server error"):
        sqs.send_message(QueueUrl=url, MessageBody="late")
    sqs.send_message(QueueUrl=url, MessageBody="in time")
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["in time"]
    sqs.delete_queue(QueueUrl=url)
    sqs.close()


def test_a_call_of_a_busy_table_is_refused_and_never_made(client: Any, table: str) -> None:
    with held(dynamodb.alone), pytest.raises(ClientError, match="Internal server error"):
        client.put_item(TableName=table, Item=key("late"))
    assert "Item" not in client.get_item(TableName=table, Key=key("late"))


def test_a_message_is_received_while_it_is_retained(aws: EmbeddedAws) -> None:
    sqs = connect(aws, "sqs")
    url = sqs.create_queue(QueueName=f"queue-{uuid.uuid4().hex}", Attributes={"MessageRetentionPeriod": "60"})[
        "QueueUrl"
    ]
    for body in ("old", "new"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (queue,) = (it for it in sqs_backends["123456789012"]["eu-west-1"].queues.values() if url.endswith(it.name))
    old: Any = queue._messages[0]
    old.sent_timestamp -= 61_000
    queue._messages.reverse()
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["new"]
    sqs.delete_queue(QueueUrl=url)
    sqs.close()


def test_a_transaction_costs_the_same_at_any_table_size() -> None:
    backend = AtomicBackend("eu-west-1", "123456789012")
    backend.create_table(
        "t", KEYS["KeySchema"], None, KEYS["AttributeDefinitions"], None, None, None, "", None, [], None, None
    )

    def cost() -> float:
        started = time.thread_time()
        for _ in range(20):
            backend.transact_write_items([put("t", "1"), add("t", "counter")])
        return time.thread_time() - started

    def fill(first: int, last: int) -> float:
        for number in range(first, last):
            backend.put_item("t", {**key(str(number)), "by": {"S": "x"}}, overwrite=True)
        return min(cost() for _ in range(5))

    few, many = fill(0, 200), fill(200, 5_000)
    assert many < 4 * few, "25 times the items; moto's own copy of the table would show as a factor of about 25"


def a_table_with_an_index() -> tuple[AtomicBackend, IndexedTable]:
    backend = AtomicBackend("eu-west-1", "123456789012")
    schema = [{"AttributeName": "by", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]
    index = {"IndexName": "by", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}
    attributes = [*KEYS["AttributeDefinitions"], {"AttributeName": "by", "AttributeType": "S"}]
    table = backend.create_table(
        "t", KEYS["KeySchema"], None, attributes, [index], None, None, "", None, [], None, None
    )
    assert isinstance(table, IndexedTable)
    return backend, table


def asked(query: Callable[..., Any], hash_key: dict[str, Any], index: str | None = None) -> list[Any]:
    name = "by" if index else "pk"
    (found, _, _) = query(
        DynamoType(hash_key), None, [], 100, None, True, None, index,
        hash_key_conditions=[(name, DynamoType(hash_key))], range_key_conditions=[],
    )  # fmt: skip
    return [item.to_json() for item in found]


def test_a_query_finds_what_motos_own_finds() -> None:
    """Items move from one partition of the index to another, leave it, are deleted and come back."""
    backend, table = a_table_with_an_index()
    chance = random.Random(12)
    for number in range(200):
        name, by = str(chance.randrange(30)), {"S": f"shop-{chance.randrange(4)}"}
        match chance.randrange(4):
            case 0:
                backend.put_item("t", {**key(name), "by": by, "at": {"N": str(number)}}, overwrite=True)
            case 1:
                backend.update_item("t", key(name), "SET #by = :by, #at = :at", {"#by": "by", "#at": "at"},
                                    {":by": by, ":at": {"N": str(number)}})  # fmt: skip
            case 2:
                backend.update_item("t", key(name), "REMOVE #by", {"#by": "by"}, {})
            case 3:
                backend.delete_item("t", key(name))
        if number % 20 == 0:
            for shop in range(4):
                at_shop = {"S": f"shop-{shop}"}
                assert asked(table.query, at_shop, "by") == asked(partial(Table.query, table), at_shop, "by")
            assert asked(table.query, {"S": name}) == asked(partial(Table.query, table), {"S": name})
    assert asked(table.query, {"S": "shop-1"}, "by")
    assert asked(table.query, {"S": "unknown"}, "by") == asked(table.query, {"S": "unknown"}) == []


def test_a_query_costs_the_same_at_any_table_size() -> None:
    backend, table = a_table_with_an_index()

    def cost() -> float:
        started = time.thread_time()
        for _ in range(50):
            asked(table.query, {"S": "shop"}, "by")
            asked(table.query, {"S": "0"})
        return time.thread_time() - started

    def fill(first: int, last: int) -> float:
        for number in range(first, last):
            shop = {"by": {"S": "shop" if number < 3 else "other"}, "at": {"N": "1"}}
            backend.put_item("t", {**key(str(number)), **shop}, overwrite=True)
        return min(cost() for _ in range(5))

    few, many = fill(0, 200), fill(200, 5_000)
    assert many < 4 * few, "25 times the items; moto's own query reads and sorts them all"


def test_a_transaction_that_fails_half_way_leaves_nothing(client: Any, table: str) -> None:
    """An update without a condition can still fail when it is executed."""
    client.put_item(**put(table, "old", "before")["Put"])
    client.put_item(**put(table, "text", "no number")["Put"])
    wrong = add(table, "text")
    wrong["Update"]["UpdateExpression"] = "ADD #by :change"
    wrong["Update"]["ExpressionAttributeNames"] = {"#by": "by"}
    with pytest.raises(ClientError):
        client.transact_write_items(TransactItems=[put(table, "old", "after"), put(table, "new"), wrong])
    assert stored(client, table, "old")["by"]["S"] == "before"
    assert stored(client, table, "new") is None


def test_one_item_twice_in_a_transaction_is_refused(client: Any, table: str) -> None:
    twice = [put(table, "same"), add(table, "same")]
    assert code_of(lambda: client.transact_write_items(TransactItems=twice)) == "ValidationException"


def test_checks_and_deletes_take_part(client: Any, table: str) -> None:
    client.put_item(**put(table, "gone")["Put"])
    check = {"TableName": table, "Key": key("gone"), "ConditionExpression": "attribute_exists(pk)"}
    items = [{"ConditionCheck": {**check, "Key": key("absent")}}, {"Delete": {"TableName": table, "Key": key("gone")}}]
    assert not accepted(lambda: client.transact_write_items(TransactItems=items))
    assert stored(client, table, "gone")
    client.transact_write_items(TransactItems=[{"Delete": check}])
    assert stored(client, table, "gone") is None


def test_a_refused_condition_shows_the_stored_item(client: Any, table: str) -> None:
    client.put_item(**put(table, "taken", "somebody")["Put"])
    again = put(table, "taken", "me", only_new=True)
    with pytest.raises(ClientError) as caught:
        client.put_item(**again["Put"])
    assert caught.value.response["Item"]["by"] == {"S": "somebody"}
    update = {**add(table, "taken")["Update"], "ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(ClientError) as caught:
        client.update_item(**update, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert caught.value.response["Item"]["by"] == {"S": "somebody"}
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=[put(table, "other"), again])
    free, taken = caught.value.response["CancellationReasons"]
    assert free == {"Code": "None"}
    assert (taken["Code"], taken["Item"]["by"]) == ("ConditionalCheckFailed", {"S": "somebody"})


def test_values_of_every_type_but_binary_come_back(client: Any, table: str) -> None:
    values: dict[str, Any] = {
        "text": {"S": "é"},
        "number": {"N": "1.5"},
        "nothing": {"NULL": True},
        "yes": {"BOOL": True},
        "names": {"SS": ["a", "b"]},
        "numbers": {"NS": ["1", "2"]},
        "list": {"L": [{"S": "a"}, {"M": {"inner": {"N": "2"}}}]},
        "map": {"M": {"empty": {"L": []}}},
    }
    client.put_item(TableName=table, Item={**key("all"), **values})
    assert stored(client, table, "all") == {**key("all"), **values}


def test_a_request_token_has_one_effect(client: Any, table: str) -> None:
    token = uuid.uuid4().hex
    for _ in range(3):
        client.transact_write_items(TransactItems=[add(table, "counter")], ClientRequestToken=token)
    assert stored(client, table, "counter")["amount"]["N"] == "1"
    other = [add(table, "counter", "2")]
    mismatch = code_of(lambda: client.transact_write_items(TransactItems=other, ClientRequestToken=token))
    assert mismatch == "IdempotentParameterMismatchException"


def test_a_request_token_is_forgotten_after_ten_minutes_and_never_kept_for_a_refusal() -> None:
    clock, written = [0.0], []
    tokens = RequestTokens(lambda: clock[0])

    def write(token: str, status: int = 200) -> None:
        request = {"ClientRequestToken": token, "TransactItems": []}

        def once() -> Response:
            written.append(token)
            return Response("{}", status)

        tokens.once(request, once)

    write("refused", 400)
    write("refused")
    write("refused")
    assert written == ["refused", "refused"]
    clock[0] = TOKEN_LIFE_SECONDS - 1
    write("refused")
    assert len(written) == 2
    clock[0] = TOKEN_LIFE_SECONDS
    write("refused")
    assert len(written) == 3


@pytest.mark.parametrize(
    ("kind", "operation", "code"),
    [
        ("conflict", "TransactWriteItems", "TransactionCanceledException"),
        ("conflict", "UpdateItem", "TransactionConflictException"),
        ("throttle", "TransactWriteItems", "ProvisionedThroughputExceededException"),
        ("throttle", "UpdateItem", "ProvisionedThroughputExceededException"),
        ("unavailable", "*", "InternalServerError"),
    ],
)
def test_a_fault_refuses_as_often_as_asked_and_writes_nothing(
    aws: EmbeddedAws, client: Any, table: str, kind: Any, operation: str, code: str
) -> None:
    def write() -> None:
        if operation == "UpdateItem":
            client.update_item(**add(table, "counter")["Update"])
        else:
            client.transact_write_items(TransactItems=[add(table, "counter"), put(table, "other")])

    aws.faults.set(Fault(operation, kind, 2))
    assert [code_of(write), code_of(write)] == [code, code]
    assert stored(client, table, "counter") is None
    write()
    assert stored(client, table, "counter")["amount"]["N"] == "1"


def test_a_conflict_names_its_reason(aws: EmbeddedAws, client: Any, table: str) -> None:
    aws.faults.set(Fault("TransactWriteItems", "conflict"))
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=[put(table, "a"), put(table, "b")])
    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == [
        "TransactionConflict",
        "None",
    ]


def test_a_lost_answer_was_done(aws: EmbeddedAws, client: Any, table: str) -> None:
    aws.faults.set(Fault("UpdateItem", "lost-answer"))
    with pytest.raises(BotoCoreError):
        client.update_item(**add(table, "counter")["Update"])
    assert stored(client, table, "counter")["amount"]["N"] == "1"


def test_boto_repeats_a_transaction_whose_answer_was_lost_without_a_second_effect(aws: EmbeddedAws, table: str) -> None:
    client = connect(aws, "dynamodb", attempts=3)
    aws.faults.set(Fault("TransactWriteItems", "lost-answer"))
    client.transact_write_items(TransactItems=[add(table, "counter")])
    assert stored(client, table, "counter")["amount"]["N"] == "1"
    assert aws.calls == {"TransactWriteItems": 2, "GetItem": 1}
    client.close()


def control(aws: EmbeddedAws, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(LOOPBACK, aws.port, timeout=5)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_another_process_sets_faults_and_reads_the_calls(aws: EmbeddedAws, client: Any, table: str) -> None:
    fault = {"operation": "GetItem", "kind": "throttle", "count": 1}
    assert control(aws, "POST", "/embedded/faults", {"faults": [fault]}) == (200, {})
    assert code_of(lambda: stored(client, table, "a")) == "ProvisionedThroughputExceededException"
    stored(client, table, "a")
    assert control(aws, "GET", "/embedded/calls") == (200, {"GetItem": 2})
    control(aws, "DELETE", "/embedded/calls")
    assert control(aws, "GET", "/embedded/calls") == (200, {})
    unusable: list[object] = [{"faults": [{**fault, "kind": "earthquake"}]}, {"faults": [{"kind": "throttle"}]}, [], {}]
    for wrong in unusable:
        assert control(aws, "POST", "/embedded/faults", wrong)[0] == 400
    assert control(aws, "GET", "/embedded/nothing")[0] == 404


def test_it_is_healthy_when_it_is_ready() -> None:
    with EmbeddedAws() as fresh:
        assert control(fresh, "GET", "/embedded/health")[0] == 503
        fresh.ready.set()
        assert control(fresh, "GET", "/embedded/health")[0] == 200


def test_order_events_are_shown_without_what_is_private(capsys: pytest.CaptureFixture[str]) -> None:
    detail = {"orderId": "order-7", "version": 3, "phoneNumber": "2376******77"}
    entry = {
        "EventBusName": "payments",
        "Source": "s",
        "DetailType": "payment.successful",
        "Detail": json.dumps(detail),
    }
    with EmbeddedAws(on_event=print_order_event) as aws:
        client = connect(aws, "events")
        client.create_event_bus(Name="payments")
        assert client.put_events(Entries=[entry])["FailedEntryCount"] == 0
        client.close()
        assert control(aws, "GET", "/embedded/events") == (200, [entry])
    assert capsys.readouterr().out == "order event payment.successful order-7 version 3\n"


def test_it_comes_back_on_its_port_with_its_tables(table: str) -> None:
    lost = EmbeddedAws()
    own = connect(lost, "dynamodb")
    with lost:
        own.put_item(**put(table, "kept")["Put"])
    with pytest.raises(BotoCoreError):
        stored(own, table, "kept")
    with lost:
        assert stored(own, table, "kept")
    own.close()


def test_valkey_comes_back_on_its_port_with_nothing() -> None:
    import redis

    valkey = Valkey()
    with valkey:
        before = redis.Redis(port=valkey.port)
        before.set("payment", "1")
        before.close()
    with valkey:
        after = redis.Redis(port=valkey.port)
        assert after.get("payment") is None
        after.close()
