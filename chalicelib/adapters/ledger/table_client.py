"""Sends requests to the ledger's table, and returns each outcome as a type.

Every method raises LedgerUnavailable where DynamoDB cannot be reached or will not answer.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.ledger.attributes import Item, to_attributes, to_values
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeysAndAttributesUnionTypeDef, TransactWriteItemTypeDef

ATTEMPTS = 12
"""Attempts of a request that conflicts with other writers; with the pauses between them some five seconds."""
BATCH = 100
"""The most keys that DynamoDB takes in one BatchGetItem."""


@dataclass(frozen=True, slots=True)
class Written:
    """The update was done. `item`: the row after it, where the caller asked for it."""

    item: Item


@dataclass(frozen=True, slots=True)
class Refused:
    """The update's condition did not hold. `item`: the row as it stands, empty where there is none."""

    item: Item


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The transaction wrote nothing. `reasons`: one for each of its items, with the row where a condition failed."""

    reasons: Sequence[Item]

    @property
    def by_condition(self) -> bool:
        """Whether a condition failed; otherwise the transaction only conflicted with another writer."""
        return "ConditionalCheckFailed" in {reason["Code"] for reason in self.reasons}


class TableClient:
    """One table behind boto3's client; one per process, threads may share it."""

    def __init__(self, client: "DynamoDBClient", name: str, clock: Clock) -> None:
        self.client = client
        self.name = name
        self._clock = clock

    def get(self, key: Item) -> Item | None:
        """Reads one row, consistently."""
        with _unavailable():
            answer = self.client.get_item(TableName=self.name, Key=to_attributes(key), ConsistentRead=True)
        return to_values(answer["Item"]) if answer.get("Item") else None

    def get_many(self, keys: Sequence[Item]) -> list[Item]:
        """Reads at most BATCH rows, consistently. Returns those that exist, in any order."""
        request: KeysAndAttributesUnionTypeDef
        request = {"Keys": [to_attributes(key) for key in keys], "ConsistentRead": True}
        items: list[Item] = []
        for attempt in range(ATTEMPTS):
            with _unavailable():
                answer = self.client.batch_get_item(RequestItems={self.name: request})
            items += map(to_values, answer["Responses"].get(self.name, []))
            if not answer.get("UnprocessedKeys"):
                return items
            request = answer["UnprocessedKeys"][self.name]
            self.pause(attempt)
        raise LedgerUnavailable("the ledger is throttled")

    def page(self, condition: str, values: Mapping[str, Any], **options: Any) -> tuple[list[Item], Item]:
        """Reads one page of a query. Returns its rows and the key that the next page starts at, empty after the last.

        `condition`: DynamoDB's key condition, with a # before names and a : before `values`. `options`: boto3's; a
        FilterExpression is spelled in the same way.
        """
        spelled = f"{condition} {options.get('FilterExpression', '')}"
        names = {f"#{name}": name for name in re.findall(r"#(\w+)", spelled)}
        with _unavailable():
            answer = self.client.query(
                TableName=self.name,
                KeyConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_attributes({f":{name}": value for name, value in values.items()}),
                **options,
            )
        return [to_values(item) for item in answer["Items"]], answer.get("LastEvaluatedKey", {})

    def partition(self, partition: str) -> list[Item]:
        """Reads all rows of a partition, consistently, in the order of their sort keys."""
        rows, following = self.page("#pk = :pk", {"pk": partition}, ConsistentRead=True)
        while following:
            more, following = self.page(
                "#pk = :pk", {"pk": partition}, ConsistentRead=True, ExclusiveStartKey=following
            )
            rows += more
        return rows

    def delete(self, key: Item, condition: str, values: Mapping[str, Any]) -> None:
        """Deletes a row, if its condition holds. The condition has a : before the names of `values`."""
        try:
            with _unavailable():
                self.client.delete_item(
                    TableName=self.name,
                    Key=to_attributes(key),
                    ConditionExpression=condition,
                    ExpressionAttributeValues=to_attributes({f":{name}": value for name, value in values.items()}),
                )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise LedgerUnavailable("too many conflicts") from error

    def update(self, update: Update, *, returns_item: bool = False) -> Written | Refused:
        """Changes one row, if its condition holds."""
        returns: Any = "ALL_NEW" if returns_item else "NONE"
        for attempt in range(ATTEMPTS):
            try:
                with _unavailable():
                    answer = self.client.update_item(**update.arguments(self.name), ReturnValues=returns)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                    return Refused(to_values(cast(Item, error.response).get("Item") or {}))
                self.pause(attempt)
            else:
                return Written(to_values(answer.get("Attributes") or {}))
        raise LedgerUnavailable("too many conflicts")

    def put(self, item: Item, condition: str | None = None) -> Item:
        """Returns the part of a transaction that writes a whole row."""
        put = {"TableName": self.name, "Item": to_attributes(item)}
        if condition:
            put |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        return {"Put": put}

    def transact(self, items: Sequence[Item], commit_id: str, attempt: int = 0) -> Written | Cancelled:
        """Writes all items or none.

        Where it is cancelled and the first row carries `commit_id`, an earlier attempt had succeeded and only its
        answer was lost.
        """
        token = f"{commit_id[:32]}-{attempt}"
        try:
            with _unavailable():
                parts = cast("Sequence[TransactWriteItemTypeDef]", items)
                self.client.transact_write_items(TransactItems=parts, ClientRequestToken=token)
        except ClientError as error:
            reasons = [dict(reason) for reason in cast(Item, error.response)["CancellationReasons"]]
            for reason in reasons:
                reason["Item"] = to_values(reason["Item"]) if reason.get("Item") else None
            is_ours = (reasons[0]["Item"] or {}).get("commitId") == commit_id
            return Written({}) if is_ours else Cancelled(reasons)
        return Written({})

    def pause(self, attempt: int) -> None:
        """Waits after a write conflict, for a random time, so that the two writers do not collide again."""
        self._clock.sleep(random.uniform(0.5, 1) * min(0.02 * 2**attempt, 0.5))  # noqa: S311 - jitter, no secret


_CONDITIONS_AND_CONFLICTS = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}
)


@contextmanager
def _unavailable() -> Iterator[None]:
    """Passes failed conditions and conflicts on; translates every other failure to LedgerUnavailable."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _CONDITIONS_AND_CONFLICTS:
            raise
        log.warning("ledger-refused", code=code)
        raise LedgerUnavailable("the ledger does not answer") from error
    except BotoCoreError as error:
        log.warning("ledger-unreachable", error=type(error).__name__)
        raise LedgerUnavailable("the ledger cannot be reached") from error
