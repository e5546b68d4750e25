"""Counts what a client reads of DynamoDB: calls, and read units as AWS bills them.

A read costs one unit for each started 4 KB, half of it where it is eventually consistent: a query for all that it has
read together, also what its filter leaves out, a batch for each item (DynamoDB developer guide, "Read and write
operations").
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from benchmarks.write_units import item_size

_UNIT_BYTES = 4_096


class ReadUnits:
    """Adds up the reads of one client. `reader`: another client, which repeats each query without its filter."""

    def __init__(self, client: Any, reader: Any) -> None:
        self._reader = reader
        self.reset()
        for operation in ("GetItem", "BatchGetItem", "Query"):
            client.meta.events.register(f"before-call.dynamodb.{operation}", self._before)
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._after)

    def reset(self) -> None:
        self.calls, self.units = 0, 0.0

    def _before(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = json.loads(params["body"])

    def _after(self, parsed: Mapping[str, Any], context: Mapping[str, Any], **_: Any) -> None:
        asked = context["asked"]
        self.calls += 1
        if "RequestItems" in asked:
            ((table, request),) = asked["RequestItems"].items()
            sizes = [item_size(item) for item in parsed["Responses"][table]]
            found = len(request["Keys"]) - len(sizes)
            self.units += sum(_units(size, request) for size in [*sizes, *[1] * found])
        elif "KeyConditionExpression" in asked:
            items = self._all_read(asked) if "FilterExpression" in asked else parsed["Items"]
            self.units += _units(sum(map(item_size, items)), asked)
        else:
            self.units += _units(item_size(parsed.get("Item", {})), asked)

    def _all_read(self, asked: Mapping[str, Any]) -> list[Any]:
        """Returns what a query with a filter has read: the names and values of the filter are left out too."""
        condition = asked["KeyConditionExpression"]
        options = {name: value for name, value in asked.items() if name != "FilterExpression"}
        for kind in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            options[kind] = {name: it for name, it in asked[kind].items() if _stands_in(name, condition)}
        items: list[Any] = self._reader.query(**options)["Items"]
        return items


def _stands_in(name: str, condition: str) -> bool:
    return name in condition.replace(",", " ").split()


def _units(size: int, request: Mapping[str, Any]) -> float:
    return max(1, math.ceil(size / _UNIT_BYTES)) * (1 if request.get("ConsistentRead") else 0.5)
