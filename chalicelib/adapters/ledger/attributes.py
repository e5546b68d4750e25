"""Builds the keys of the ledger's rows, and converts values to and from DynamoDB's attribute format.

A value is a text, a whole number, a truth value, None, a list, a map, or a set of texts or of whole numbers.
"""

from collections.abc import Callable, Mapping
from typing import Any

Item = dict[str, Any]
"""A row: attribute -> value."""


def key_of(partition: str, sort: str = "state") -> Item:
    return {"pk": partition, "sk": sort}


def payment_key(reference: str) -> Item:
    return key_of(f"payment#{reference}")


def reference_of(item: Item) -> str:
    """Returns the reference of the payment that a row belongs to."""
    return str(item["pk"]).removeprefix("payment#")


def to_attributes(item: Mapping[str, Any]) -> Item:
    """Converts a row for DynamoDB. Raises TypeError for what is no value, such as a float."""
    return {name: _attribute(value) for name, value in item.items()}


def to_values(item: Mapping[str, Any]) -> Item:
    return {name: _value(attribute) for name, attribute in item.items()}


def _attribute(value: Any) -> Item:
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, Mapping):
        return {"M": to_attributes(value)}
    if isinstance(value, list | tuple):
        return {"L": [_attribute(each) for each in value]}
    return _set_attribute(value)


def _set_attribute(value: Any) -> Item:
    members = sorted(value) if isinstance(value, set | frozenset) else []
    if members and all(isinstance(each, str) for each in members):
        return {"SS": members}
    if members and all(type(each) is int for each in members):
        return {"NS": [str(each) for each in members]}
    raise TypeError(f"the ledger stores no {type(value).__name__} such as this")


_FROM: Mapping[str, Callable[[Any], Any]] = {
    "S": str,
    "N": int,
    "BOOL": bool,
    "NULL": lambda _: None,
    "M": to_values,
    "L": lambda values: [_value(each) for each in values],
    "SS": set,
    "NS": lambda values: {int(each) for each in values},
}


def _value(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    return _FROM[kind](value)
