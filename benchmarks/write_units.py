"""Counts the DynamoDB write units that a payment costs, as AWS bills them.

A write costs one unit for each started KB of the larger of the item before and after it, and twice that in a
transaction; a refused write costs as much. Each index costs one for each started KB of an entry that is added, removed
or changed, and twice that where the entry's key changes (DynamoDB developer guide, "Read and write operations" and
"Using Global Secondary Indexes").
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.adapters.ledger.table import TABLE

Item = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's own form: attribute -> {type: value}."""
_KEYS = ("pk", "sk")
_KB = 1024


class WriteUnits:
    """Adds up the write units of one client. `reader`: another client, which reads the items before and after.

    `units`: of the table and its indexes; `of_index`: those of each index; `reads`: the calls of `reader`.
    """

    def __init__(self, client: Any, reader: Any, table: str) -> None:
        self._reader = reader
        self._table = table
        self._lock = threading.Lock()
        self.reset()
        for operation in ("UpdateItem", "PutItem", "TransactWriteItems"):
            client.meta.events.register(f"before-call.dynamodb.{operation}", self._before)
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._after)

    def reset(self) -> None:
        self.units = self.writes = self.reads = 0
        self.of_index: Counter[str] = Counter()

    def _before(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        request = json.loads(params["body"])
        context["written"] = [(key, self._read(key)) for key in _keys_of(request)]
        context["factor"] = 2 if "TransactItems" in request else 1

    def _after(self, context: Mapping[str, Any], **_: Any) -> None:
        units = 0
        of_index: Counter[str] = Counter()
        for key, before in context["written"]:
            after = self._read(key)
            units += context["factor"] * _units(max(item_size(before), item_size(after)))
            for index in TABLE["GlobalSecondaryIndexes"]:
                of_index[index["IndexName"]] += _index_units(index, before, after)
        with self._lock:
            self.units += units + of_index.total()
            self.of_index += of_index
            self.writes += 1

    def _read(self, key: Item) -> Item:
        with self._lock:
            self.reads += 1
        item: Item = self._reader.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
        return item


def _keys_of(request: Mapping[str, Any]) -> Iterator[Item]:
    if "TransactItems" not in request:
        yield request.get("Key") or {name: request["Item"][name] for name in _KEYS}
        return
    for write in request["TransactItems"]:
        ((_, body),) = write.items()
        yield body.get("Key") or {name: body["Item"][name] for name in _KEYS}


def _index_units(index: Mapping[str, Any], before: Item, after: Item) -> int:
    old, new = _entry(index, before), _entry(index, after)
    if old == new:
        return 0
    keys = (*(part["AttributeName"] for part in index["KeySchema"]), *_KEYS)
    if old and new and any(old[name] != new[name] for name in keys):
        return _units(item_size(old)) + _units(item_size(new))
    return _units(max(item_size(old), item_size(new)))


def _entry(index: Mapping[str, Any], item: Item) -> Item:
    """Returns an item's entry in an index; empty where the item lacks a key of the index."""
    keys = {part["AttributeName"] for part in index["KeySchema"]}
    if not keys <= item.keys():
        return {}
    kept = keys | {*_KEYS, *index["Projection"].get("NonKeyAttributes", ())}
    return {name: value for name, value in item.items() if name in kept}


def _units(size: int) -> int:
    return -(-size // _KB) or 1


def item_size(item: Item) -> int:
    """Returns the bytes of an item in DynamoDB's own form, names included."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content.lstrip("-")) // 2 + 2
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_size(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + _value_size(inner) for inner in content)
    if kind in ("SS", "NS"):
        return sum(_value_size({kind[0]: inner}) for inner in content)
    raise ValueError(f"the ledger writes no {kind}")
