"""Tests that calls which are made directly are answered as moto answers them over its web framework."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from local.dynamodb import Moto

DYNAMODB, SQS = "DynamoDB_20120810", "AmazonSQS"
ROW = {"pk": {"S": "p"}, "sk": {"S": "1"}}
NEW = {"ConditionExpression": "attribute_not_exists(pk)"}
SET = {"UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": {"#n": "n"}}
KEYS = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "p"}}}
Call = tuple[str, str, dict[str, Any]]
Answer = tuple[int, Any, set[tuple[str, str]]]


def of_table(table: str) -> list[Call]:
    """Lists calls of a table, each of which succeeds or fails by those before it."""
    put = {"Put": {"TableName": table, "Item": {**ROW, "n": {"N": "7"}}, **NEW}}
    on = {"TableName": table, "Key": ROW}
    value = {"ExpressionAttributeValues": {":n": {"N": "8"}}}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("TransactWriteItems", {"TransactItems": [put]}),
        ("TransactWriteItems", {"TransactItems": [put, {"Update": {**on, **SET, **value}}]}),
        ("TransactWriteItems", {"TransactItems": [{"Update": {**on, **SET, **value}}], "ClientRequestToken": table}),
        (
            "PutItem",
            {"TableName": table, "Item": {**ROW, "sk": {"S": "2"}, "m": {"M": {"l": {"L": [{"NULL": True}]}}}}},
        ),
        ("PutItem", {"TableName": table, "Item": ROW, **NEW, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
        ("PutItem", {"TableName": table, "Item": {"pk": {"S": "p"}}}),
        ("UpdateItem", {**on, **SET, **value, "ReturnValues": "ALL_NEW"}),
        ("UpdateItem", {**on, **SET, **value, "ConditionExpression": "#n < :n"}),
        ("UpdateItem", {**on, "UpdateExpression": "SET nonsense"}),
        ("GetItem", {**on, "ConsistentRead": True}),
        ("GetItem", {**on, "ProjectionExpression": "sk", "ReturnConsumedCapacity": "TOTAL"}),
        ("GetItem", {"TableName": table, "Key": {**ROW, "sk": {"S": "none"}}}),
        ("GetItem", {"TableName": "no-such-table", "Key": ROW}),
        ("BatchGetItem", {"RequestItems": {table: {"Keys": [ROW, {**ROW, "sk": {"S": "2"}}]}}}),
        ("Query", {"TableName": table, **KEYS, "Limit": 1}),
        ("Query", {"TableName": table, **KEYS, "ExclusiveStartKey": ROW, "ScanIndexForward": True}),
        ("Query", {"TableName": table, **KEYS, "Select": "COUNT"}),
        ("Query", {"TableName": table, **KEYS, "IndexName": "no-such-index"}),
        ("Scan", {"TableName": table}),
        ("DeleteItem", {**on, "ReturnValues": "ALL_OLD"}),
        ("DeleteItem", {**on, "ConditionExpression": "attribute_exists(pk)"}),
    ]
    return [(DYNAMODB, operation, parameters) for operation, parameters in calls]


def of_queue(url: str) -> list[Call]:
    entries = [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "b", "DelaySeconds": 900}]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("SendMessageBatch", {"QueueUrl": url, "Entries": entries}),
        ("SendMessageBatch", {"QueueUrl": url, "Entries": []}),
        ("ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["ApproximateReceiveCount"]}),
        ("ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}),
        ("ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 11}),
        ("DeleteMessageBatch", {"QueueUrl": url, "Entries": [{"Id": "1", "ReceiptHandle": "none"}]}),
        ("ReceiveMessage", {"QueueUrl": f"{url}-that-is-not-there"}),
    ]
    return [(SQS, operation, parameters) for operation, parameters in calls]


def asked(moto: Moto, service: str, operation: str, parameters: dict[str, Any]) -> Answer:
    """Returns the status, the body and the headers of an answer, without what is drawn by chance."""
    signed_for = f"local/20260131/eu-west-1/{'sqs' if service == SQS else 'dynamodb'}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={signed_for}, Signature=0",
        "Content-Type": "application/x-amz-json-1.0",
        "Host": "127.0.0.1",
        "X-Amz-Target": f"{service}.{operation}",
    }
    answer, _ = moto.call("POST", "/", headers, json.dumps(parameters).encode())
    text = re.sub(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[a-zA-Z0-9+/]{56,}={0,2}",
        "by chance",
        answer.get_data(as_text=True),
    )
    by_chance = {"x-amzn-requestid", "x-amz-crc32", "content-length", "access-control-allow-origin"}
    kept = {(name.lower(), value) for name, value in answer.headers if name.lower() not in by_chance}
    return answer.status_code, json.loads(text), kept


def table_of(moto: Moto, name: str) -> list[Call]:
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    keys = {"KeySchema": schema, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST"}
    asked(moto, DYNAMODB, "CreateTable", {"TableName": name, **keys})
    return of_table(name)


def queue_of(moto: Moto, name: str) -> list[Call]:
    status, told, _ = asked(moto, SQS, "CreateQueue", {"QueueName": name})
    assert status == 200
    return of_queue(told["QueueUrl"])


@pytest.mark.parametrize("begin", [table_of, queue_of])
def test_each_answer_is_the_same(begin: Callable[[Moto, str], list[Call]]) -> None:
    name = f"of-{uuid.uuid4().hex[:8]}"
    moto, framework = Moto(), Moto(is_direct=False)
    direct = [asked(moto, *call) for call in begin(moto, f"{name}-1")]
    of_moto = [asked(framework, *call) for call in begin(framework, f"{name}-2")]
    assert len({status for status, _, _ in direct}) > 1
    for one, other in zip(direct, of_moto, strict=True):
        assert json.loads(json.dumps(one[1]).replace(f"{name}-1", f"{name}-2")) == other[1]
        assert (one[0], one[2]) == (other[0], other[2])
