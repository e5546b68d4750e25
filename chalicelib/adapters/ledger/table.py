"""Defines the ledger's table, its indexes, and the shards of those that list what waits."""

import zlib
from typing import Any

TABLE: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "dueMark", "AttributeType": "S"},
        {"AttributeName": "dueAt", "AttributeType": "N"},
        {"AttributeName": "undeliveredMark", "AttributeType": "S"},
        {"AttributeName": "undeliveredSince", "AttributeType": "N"},
        {"AttributeName": "day", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": name,
            "KeySchema": [
                {"AttributeName": mark, "KeyType": "HASH"},
                {"AttributeName": moment, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        for name, mark, moment in (
            ("due", "dueMark", "dueAt"),
            ("undelivered", "undeliveredMark", "undeliveredSince"),
            ("day", "day", "pk"),
        )
    ],
}
"""The table's only definition, as `create_table` takes it; its name is a setting."""

FORGOTTEN_BY_ATTRIBUTE = "forgottenAt"
"""The time-to-live attribute, in seconds since the epoch; phones and budgets carry it."""

SHARDS = 16
"""Partitions of each index that lists what waits."""


def create_table(client: Any, name: str) -> None:
    """For development and tests; in AWS the stack creates it from the same definition."""
    client.create_table(TableName=name, **TABLE)
    client.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": FORGOTTEN_BY_ATTRIBUTE},
    )


def mark_of(index: str, partition: str) -> str:
    """Returns what puts a row into its shard of an index. `partition`: the row's own, such as payment#<reference>.

    A partition of DynamoDB takes 1,000 writes a second, and an index that cannot keep up throttles the whole table.
    """
    return shard_mark(index, zlib.crc32(partition.encode()) % SHARDS)


def shard_mark(index: str, shard: int) -> str:
    return f"{index}#{shard:02}"
