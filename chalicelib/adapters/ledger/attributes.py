"""Builds the keys of the ledger's rows, and converts values to and from DynamoDB's attribute format."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

Item = dict[str, Any]
"""A row: attribute -> value."""


def key_of(partition: str, sort: str = "state") -> Item:
    return {"pk": partition, "sk": sort}


def payment_key(reference: str) -> Item:
    return key_of(f"payment#{reference}")


def reference_of(item: Item) -> str:
    """Returns the reference of the payment that a row belongs to."""
    return str(item["pk"]).removeprefix("payment#")


_serialize, _deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize


def to_attributes(item: Mapping[str, Any]) -> Item:
    return {name: _serialize(value) for name, value in item.items()}


def to_values(item: Mapping[str, Any]) -> Item:
    return {name: _whole(_deserialize(value)) for name, value in item.items()}


def _whole(value: Any) -> Any:
    """Converts Decimals, in which boto3 returns numbers, to ints: the ledger stores whole numbers only."""
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list | set):
        return type(value)(_whole(inner) for inner in value)
    return int(value) if isinstance(value, Decimal) else value
