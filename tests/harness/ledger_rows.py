"""Writes payments straight into the ledger's table, many at once, as claims and commits leave them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from chalicelib.adapters.ledger.attributes import payment_key, to_attributes
from chalicelib.adapters.ledger.items import VERSION, need_term, write_payment
from chalicelib.adapters.ledger.table import day_mark, shard_of
from chalicelib.domain.attention import need_of
from chalicelib.domain.payment import Payment

_AT_ONCE = 25
"""The most rows that DynamoDB takes in one BatchWriteItem."""


def put_payments(dynamodb: Any, table: str, payments: Iterable[Payment], day_shards: int = 1) -> None:
    """Writes the newest version of each payment, delivered and checked for the last time."""
    puts = ({"PutRequest": {"Item": to_attributes(row_of(payment, day_shards))}} for payment in payments)
    while batch := list(islice(puts, _AT_ONCE)):
        answer = dynamodb.batch_write_item(RequestItems={table: batch})
        assert not answer["UnprocessedItems"]


def write_earlier(dynamodb: Any, table: str, reference: str, by: int) -> None:
    """Makes the versions of a payment as old, in the list of order events, as if written `by` milliseconds earlier."""
    found = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :version)",
        ExpressionAttributeValues={":pk": {"S": f"payment#{reference}"}, ":version": {"S": VERSION}},
    )
    for row in found["Items"]:
        if "eventDay" in row:
            at = int(row["at"]["N"]) - by
            day = datetime.fromtimestamp(at / 1000, UTC).date()
            dynamodb.put_item(TableName=table, Item=row | to_attributes({"at": at, "eventDay": day_mark(day, 0)}))


def row_of(payment: Payment, day_shards: int = 1) -> dict[str, Any]:
    """Returns the row of a payment's newest version, delivered and checked for the last time."""
    key, need = payment_key(payment.reference), need_of(payment)
    day = datetime.fromtimestamp(payment.created_at / 1000, UTC).date()
    return {
        **key,
        "payment": write_payment(payment),
        "commitId": "a-commit",
        "deliveredVersion": payment.version,
        "announcedVersion": payment.version,
        "readNumber": 0,
        "readDone": 0,
        "readAt": payment.updated_at,
        "day": day_mark(day, shard_of(key["pk"], day_shards)),
        "claimedAt": payment.created_at,
        **({"search": need_term(need), "at": payment.updated_at} if need else {}),
    }
