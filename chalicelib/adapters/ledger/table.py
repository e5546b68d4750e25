"""Defines the ledger's table, its indexes and their shards."""

import zlib
from datetime import date
from typing import Any


def _index(name: str, partition: str, sort: str, *projected: str) -> dict[str, Any]:
    """Defines an index. It carries a row's keys and the `projected` attributes, each of which makes writes dearer."""
    projection: dict[str, Any] = {"ProjectionType": "KEYS_ONLY"}
    if projected:
        projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(projected)}
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": partition, "KeyType": "HASH"},
            {"AttributeName": sort, "KeyType": "RANGE"},
        ],
        "Projection": projection,
    }


_INDEXES = [
    _index("due", "dueMark", "dueAt"),
    _index("undelivered", "undeliveredMark", "undeliveredSince"),
    _index("day", "day", "claimedAt", "payment"),
    _index("search", "search", "at"),
    _index("events", "eventDay", "at"),
]
_TYPES = {
    "pk": "S",
    "sk": "S",
    "dueMark": "S",
    "dueAt": "N",
    "undeliveredMark": "S",
    "undeliveredSince": "N",
    "day": "S",
    "claimedAt": "N",
    "search": "S",
    "at": "N",
    "eventDay": "S",
}
TABLE: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in _TYPES.items()],
    "GlobalSecondaryIndexes": _INDEXES,
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}
"""The table's only definition, as `create_table` takes it; its name is a setting."""

FORGOTTEN_BY_ATTRIBUTE = "forgottenAt"
"""The time-to-live attribute, in seconds since the epoch. All but sums and comparisons carry it."""

SHARDS = 16
"""Number of partitions of the indexes `due` and `undelivered`."""


def create_table(client: Any, name: str) -> None:
    """Creates the table in development and tests; in AWS the stack creates it from the same definition."""
    client.create_table(TableName=name, **TABLE)
    client.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": FORGOTTEN_BY_ATTRIBUTE},
    )


def mark_of(index: str, partition: str) -> str:
    """Returns the partition key of a row's shard in an index. `partition`: the row's own, such as payment#<reference>.

    A partition of DynamoDB takes 1,000 writes a second, and an index that cannot keep up throttles the whole table.
    """
    return shard_mark(index, shard_of(partition, SHARDS))


def shard_of(partition: str, shards: int) -> int:
    return zlib.crc32(partition.encode()) % shards


def shard_mark(index: str, shard: int) -> str:
    return f"{index}#{shard:02}"


def day_mark(day: date, shard: int) -> str:
    """Returns the partition key of a shard of a day. The first shard's is the day itself, as with one shard only."""
    return f"{day.isoformat()}#{shard}" if shard else day.isoformat()
