"""Is DynamoDB's client on one table in memory: the operations, conditions and refusals that the ledger knows.

Every call takes effect whole, at once, and its indexes with it. Its answers and refusals are those of DynamoDB
(tests/parts/test_simulated_table.py compares them).
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.ledger.table import TABLE
from gauntlet.simulation.expressions import (
    MalformedExpression,
    Row,
    Scope,
    comparable,
    condition,
    update,
)
from gauntlet.simulation.refusal import refusal

_Key = tuple[str, str]
_KEYS = ("pk", "sk")
_PARTITION = re.compile(r"\s*(#?\w+) = (:\w+)")
_NO_CONDITION = "The conditional request failed"


class _Index:
    """Lists the rows that have its two attributes, with what it carries of them."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.partition, self.sort = (each["AttributeName"] for each in definition["KeySchema"])
        carried = definition["Projection"].get("NonKeyAttributes", [])
        self._carried = {*_KEYS, self.partition, self.sort, *carried}
        self.rows: dict[str, dict[_Key, Row]] = defaultdict(dict)

    def change(self, key: _Key, before: Row, after: Row) -> None:
        if self._lists(before):
            del self.rows[before[self.partition]["S"]][key]
        if self._lists(after):
            carried = {name: value for name, value in after.items() if name in self._carried}
            self.rows[after[self.partition]["S"]][key] = carried

    def _lists(self, row: Row) -> bool:
        return self.partition in row and self.sort in row


class Table:
    """One table. It takes the calls of boto3's client that the ledger makes."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Row]] = defaultdict(dict)
        self._indexes = {it["IndexName"]: _Index(it) for it in TABLE["GlobalSecondaryIndexes"]}
        self._done: dict[str, Any] = {}
        """The transactions that were done, by their tokens."""

    # ------------------------------------------------------------------ reads

    def get_item(self, *, Key: Row, **_: Any) -> dict[str, Any]:  # noqa: N803 boto3's
        row = self._row(_key_of(Key))
        return {"Item": row} if row else {}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 boto3's
        ((table, request),) = RequestItems.items()
        keys = [_key_of(key) for key in request["Keys"]]
        if len(set(keys)) != len(keys) or len(keys) > 100:
            raise refusal("BatchGetItem", "ValidationException", "too many keys, or one key twice")
        return {"Responses": {table: [row for key in keys if (row := self._row(key))]}, "UnprocessedKeys": {}}

    def query(self, **request: Any) -> dict[str, Any]:
        text, values = request["KeyConditionExpression"], request["ExpressionAttributeValues"]
        names = request.get("ExpressionAttributeNames", {})
        wanted, kept = condition(text), condition(request.get("FilterExpression", ""))
        match = _PARTITION.match(text)
        if match is None:
            raise refusal("Query", "ValidationException", "the partition is missing")
        sort, partition = self._partition(request.get("IndexName"), values[match[2]]["S"])
        if not partition:
            return {"Items": []}  # of most shards of an index, of which a sweep asks each
        found = [row for row in partition if wanted(Scope(row, names, values))]
        found.sort(key=lambda row: _place(row, sort), reverse=not request.get("ScanIndexForward", True))
        if start := request.get("ExclusiveStartKey"):
            forward, place = request.get("ScanIndexForward", True), _place(start, sort)
            found = [row for row in found if (_place(row, sort) > place if forward else _place(row, sort) < place)]
        limit = request.get("Limit", len(found) + 1)
        page, more = found[:limit], len(found) > limit
        answer: dict[str, Any] = {"Items": [row for row in page if kept(Scope(row, names, values))]}
        if more:
            attributes = {*_KEYS, sort, names.get(match[1], match[1])}
            answer["LastEvaluatedKey"] = {name: value for name, value in page[-1].items() if name in attributes}
        return answer

    def _partition(self, index: str | None, partition: str) -> tuple[str, Sequence[Row]]:
        """Returns the sort key's name, and the rows of a partition of the table or of an index."""
        if index is None:
            return "sk", list(self.rows.get(partition, {}).values())
        return self._indexes[index].sort, list(self._indexes[index].rows.get(partition, {}).values())

    # ------------------------------------------------------------------ writes

    def update_item(self, **request: Any) -> dict[str, Any]:
        returns = request.pop("ReturnValues", "NONE")
        key, before = _key_of(request["Key"]), self._row(_key_of(request["Key"]))
        if not _holds(request, before):
            item = {"Item": before} if before and _wants_row(request) else {}
            raise refusal("UpdateItem", "ConditionalCheckFailedException", _NO_CONDITION, **item)
        after = _updated("UpdateItem", request, before)
        self._write(key, after)
        return {"Attributes": after} if returns == "ALL_NEW" else {}

    def transact_write_items(
        self,
        *,
        TransactItems: Sequence[Mapping[str, Any]],  # noqa: N803 boto3's
        ClientRequestToken: str = "",  # noqa: N803 boto3's
    ) -> dict[str, Any]:
        if ClientRequestToken in self._done:
            if self._done[ClientRequestToken] == TransactItems:
                return {}
            raise refusal("TransactWriteItems", "IdempotentParameterMismatchException", "another transaction")
        parts = [next(iter(item.items())) for item in TransactItems]
        keys = [_key_of(part["Item"] if kind == "Put" else part["Key"]) for kind, part in parts]
        if len(set(keys)) != len(keys) or len(keys) > 100:
            raise refusal("TransactWriteItems", "ValidationException", "too many rows, or one row twice")
        before = [self._row(key) for key in keys]
        holds = [_holds(part, row) for (_, part), row in zip(parts, before, strict=True)]
        if not all(holds):
            reasons = map(_reason, holds, (part for _, part in parts), before)
            raise cancelled(list(reasons))
        after = [_after_part(kind, part, row) for (kind, part), row in zip(parts, before, strict=True)]
        for key, row in zip(keys, after, strict=True):
            self._write(key, row)
        if ClientRequestToken:
            self._done[ClientRequestToken] = TransactItems
        return {}

    def _row(self, key: _Key) -> Row:
        """Returns a row; an empty one where there is none."""
        return self.rows[key[0]].get(key[1], {}) if key[0] in self.rows else {}

    def _write(self, key: _Key, row: Row) -> None:
        before = self._row(key)
        if row is before:
            return
        for index in self._indexes.values():
            index.change(key, before, row)
        self.rows[key[0]][key[1]] = row


def cancelled(reasons: Sequence[Mapping[str, Any]]) -> ClientError:
    """Returns the refusal of a transaction, with a reason for each of its parts."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return refusal("TransactWriteItems", "TransactionCanceledException", message, CancellationReasons=reasons)


def _key_of(row: Row) -> _Key:
    return row["pk"]["S"], row["sk"]["S"]


def _place(row: Row, sort: str) -> tuple[Any, str, str]:
    return comparable(row[sort]), *_key_of(row)


def _holds(request: Mapping[str, Any], row: Row) -> bool:
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    return condition(request.get("ConditionExpression", ""))(Scope(row, names, values))


def _wants_row(request: Mapping[str, Any]) -> bool:
    return request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _reason(holds: bool, part: Mapping[str, Any], row: Row) -> dict[str, Any]:
    if holds:
        return {"Code": "None"}
    item = {"Item": row} if row and _wants_row(part) else {}
    return {"Code": "ConditionalCheckFailed", "Message": _NO_CONDITION, **item}


def _after_part(kind: str, part: Mapping[str, Any], row: Row) -> Row:
    if kind == "Put":
        return dict(part["Item"])
    return row if kind == "ConditionCheck" else _updated("TransactWriteItems", part, row)


def _updated(operation: str, request: Mapping[str, Any], row: Row) -> Row:
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    try:
        changed = update(request["UpdateExpression"])(Scope(row, names, values))
    except MalformedExpression as error:
        raise refusal(operation, "ValidationException", str(error)) from error
    return {**request["Key"], **changed}
