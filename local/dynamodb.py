"""Extends moto's DynamoDB: transactions are atomic and idempotent, and take the same time at any table size.

moto itself copies the whole table for each transaction and restores the copy when it is cancelled, which undoes what
others have committed meanwhile; it ignores request tokens, and sorts the whole table for each query. Conflicts,
throttling, lost responses and outages, which moto does not have, can be set as faults.
"""

import copy
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from moto.core.utils import get_service_model
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    MockValidationException,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
)
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.dynamo_type import Item as StoredItem
from moto.dynamodb.models.table import StreamShard, Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from local import faster_moto, queues
from local.direct_calls import is_made_directly, made_directly
from local.one_at_a_time import Busy, OneAtATime

Item = dict[str, Any]

MOST_ITEMS = 100
"""Items in one transaction, as in AWS."""
TOKEN_LIFE_SECONDS = 600
"""How long a ClientRequestToken is remembered, as in AWS."""


class BoundedShard(StreamShard):
    """Keeps the newest records only, `most` at least: those of a long run would fill the memory."""

    most = 20_000

    def add(self, old: StoredItem | None, new: StoredItem | None) -> None:
        super().add(old, new)
        if len(self.items) >= 2 * self.most:
            self.starting_sequence_number += self.most
            del self.items[: self.most]


class IndexedTable(Table):
    """Queries only the items of the partition that a query names. moto's own table reads and sorts all for each."""

    def begin(self) -> None:
        """Prepares a table that moto has just built; moto has no place for another class."""
        self._keys: dict[tuple[str, DynamoType], dict[tuple[DynamoType, DynamoType | None], None]] = {}
        self._of_partition: list[StoredItem] | None = None
        schemas = (index.schema for index in self.all_indexes())
        self._partitions = {key["AttributeName"] for schema in schemas for key in schema if key["KeyType"] == "HASH"}

    def note(self, item: StoredItem) -> None:
        """Notes which partitions of the indexes an item is in. A query leaves out what has left its partition since."""
        for name in self._partitions & item.attrs.keys():
            self._keys.setdefault((name, item.attrs[name]), {})[item.hash_key, item.range_key] = None

    def query(self, hash_key: DynamoType | None, *arguments: Any, **named: Any) -> Any:
        ((name, value), *_) = named["hash_key_conditions"]
        if name in self._partitions:
            found = (self.get_item(*key) for key in self._keys.get((name, value), ()))
            self._of_partition = [item for item in found if item]
        else:
            self._of_partition = list(self.items[value].values()) if value in self.items else []
        try:
            return super().query(hash_key, *arguments, **named)
        finally:
            self._of_partition = None

    def all_items(self) -> list[StoredItem]:
        return super().all_items() if self._of_partition is None else self._of_partition


class AtomicBackend(DynamoDBBackend):
    """Checks all conditions of a transaction before it writes anything. The caller must hold the lock."""

    __module__ = DynamoDBBackend.__module__  # moto derives the URLs of the service from it

    def create_table(self, *arguments: Any, **named: Any) -> Table:
        table = super().create_table(*arguments, **named)
        if table.stream_shard:
            table.stream_shard = BoundedShard(self.account_id, table)
        table.__class__ = IndexedTable  # type: ignore[type-abstract]  # moto has left nothing abstract in it
        cast(IndexedTable, table).begin()
        return table

    def put_item(self, table_name: str, *arguments: Any, **named: Any) -> StoredItem:
        return self._noted(table_name, super().put_item(table_name, *arguments, **named))

    def update_item(self, table_name: str, *arguments: Any, **named: Any) -> StoredItem:
        return self._noted(table_name, super().update_item(table_name, *arguments, **named))

    def _noted(self, table_name: str, item: StoredItem) -> StoredItem:
        cast(IndexedTable, self.get_table(table_name)).note(item)
        return item

    def transact_write_items(self, transact_items: Sequence[Item]) -> None:
        if len(transact_items) > MOST_ITEMS:
            raise TooManyTransactionsException
        writes = [next(iter(entry.items())) for entry in transact_items]
        targets = [(write["TableName"], self._key(kind, write)) for kind, write in writes]
        if len({(table, json.dumps(key, sort_keys=True)) for table, key in targets}) < len(targets):
            raise MultipleTransactionsException
        reasons = [self._reason(write, *target) for (_, write), target in zip(writes, targets, strict=True)]
        if any(code for code, _, _ in reasons):
            raise TransactionCanceledException(reasons)
        with self._all_or_nothing(targets):
            for (kind, write), target in zip(writes, targets, strict=True):
                self._apply(kind, write, *target)

    def _key(self, kind: str, write: Item) -> Item:
        if kind != "Put":
            return dict(write["Key"])
        table = self.get_table(write["TableName"])
        names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
        if any(name not in write["Item"] for name in names):
            raise MockValidationException("One of the required keys was not given a value")
        return {name: write["Item"][name] for name in names}

    def _reason(self, write: Item, table: str, key: Item) -> tuple[str | None, str | None, Item | None]:
        condition = get_filter_expression(
            write.get("ConditionExpression"),
            write.get("ExpressionAttributeNames"),
            write.get("ExpressionAttributeValues"),
        )
        stored = self.get_item(table, key)
        if condition.expr(stored):
            return None, None, None
        wanted = write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        attributes = stored.to_json()["Attributes"] if stored and wanted else None
        return "ConditionalCheckFailed", "The conditional request failed", attributes

    def _apply(self, kind: str, write: Item, table: str, key: Item) -> None:
        if kind == "Put":
            self.put_item(table, write["Item"], overwrite=True)
        elif kind == "Delete":
            self.delete_item(table, key)
        elif kind == "Update":
            self.update_item(
                table,
                key,
                update_expression=write["UpdateExpression"],
                expression_attribute_names=write.get("ExpressionAttributeNames", {}),
                expression_attribute_values=write.get("ExpressionAttributeValues", {}),
            )

    @contextmanager
    def _all_or_nothing(self, targets: Sequence[tuple[str, Item]]) -> Iterator[None]:
        before = [copy.deepcopy(self.get_item(*target)) for target in targets]
        try:
            yield
        except Exception:
            for (table, key), item in zip(targets, before, strict=True):
                self.delete_item(table, key)
                if item is not None:
                    self.put_item(table, item.to_json()["Attributes"], overwrite=True)
            raise


class RequestTokens:
    """Remembers the transaction of each ClientRequestToken, so that a repeated one has no second effect."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._done: dict[str, tuple[float, Any]] = {}

    def once(self, request: Item, write: Callable[[], Response]) -> Response:
        """Runs a transaction unless its token is known. Only successes are remembered; a refused one runs again."""
        token, items = request.get("ClientRequestToken"), request["TransactItems"]
        self._forget_old()
        if token in self._done:
            return _repetition(self._done[token][1] == items)
        response = write()
        if token and response.status_code == 200:
            self._done[token] = (self._now(), items)
        return response

    def _forget_old(self) -> None:
        oldest = self._now() - TOKEN_LIFE_SECONDS
        while self._done:
            token, (written_at, _) = next(iter(self._done.items()))
            if written_at > oldest:
                return
            del self._done[token]


def _repetition(same: bool) -> Response:
    if same:
        return Response("{}", content_type="application/x-amz-json-1.0")
    return _refusal("IdempotentParameterMismatchException", "The token was used with other parameters.")


FaultKind = Literal["conflict", "throttle", "lost-answer", "unavailable"]
"""Kinds of faults. `conflict`: another transaction is under way on the item. `throttle`: the capacity is exceeded.
`lost-answer`: the call takes effect, but the connection closes without a response. `unavailable`: the response is 500.
Only `lost-answer` takes effect."""


@dataclass
class Fault:
    """Makes the next `count` calls of `operation` fail; `*` stands for any operation."""

    operation: str
    kind: FaultKind
    count: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind) or type(self.count) is not int:
            raise ValueError("no such fault")


class Faults:
    """Queues the faults of future calls, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def set(self, *faults: Fault | Mapping[str, Any]) -> None:
        """Replaces all faults; without arguments every call works again. Raises TypeError or ValueError."""
        waiting = [fault if isinstance(fault, Fault) else Fault(**fault) for fault in faults]
        with self._lock:
            self._waiting = waiting

    def take(self, operation: str) -> FaultKind | None:
        """Takes the fault of this call; None where it has none."""
        with self._lock:
            for fault in self._waiting:
                if fault.count > 0 and fault.operation in (operation, "*"):
                    fault.count -= 1
                    return fault.kind
        return None


def refusal_of(kind: FaultKind, operation: str, body: bytes) -> Response:
    """Returns AWS's response to a call with this fault."""
    if kind == "throttle":
        return _refusal("ProvisionedThroughputExceededException", "The throughput of the table was exceeded.")
    if kind != "conflict":
        return _refusal("InternalServerError", "Internal server error", status=500)
    if operation != "TransactWriteItems":
        return _refusal("TransactionConflictException", "Transaction is ongoing for the item")
    free = [{"Code": "None"} for _ in json.loads(body)["TransactItems"][1:]]
    held = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    message = "Transaction cancelled, please refer cancellation reasons for specific reasons"
    return _refusal("TransactionCanceledException", message, CancellationReasons=[held, *free])


def _refusal(code: str, message: str, *, status: int = 400, **more: object) -> Response:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message, **more}
    return Response(json.dumps(body), status=status, content_type="application/x-amz-json-1.0")


class Moto:
    """Serves all of moto's AWS with one method.

    `calls` counts the calls of each operation, with retries and calls that had a fault. `is_direct`: whether frequent
    calls are made without moto's web framework.
    """

    def __init__(self, *, is_direct: bool = True) -> None:
        self._is_direct = is_direct
        dynamodb_backends.backend = AtomicBackend
        faster_moto.install()
        queues.install()
        # Attribute values are passed through as JSON instead of parsed: calls are three times as fast, and reading a
        # stream ten times. Binary values, which no table of ours has, cannot be read then.
        for service in ("dynamodb", "dynamodbstreams"):
            description = get_service_model(service)._service_description  # noqa: SLF001 - moto has no such switch
            description["shapes"]["AttributeValue"]["document"] = True
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._dispatcher = DomainDispatcherApplication(create_backend_app)
        self._apps: dict[str, Any] = {}

    def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[Response, bool]:
        """Handles one HTTP call. Returns the response, and whether the caller must get none."""
        service, _, operation = headers.get("X-Amz-Target", "").partition(".")
        with self._counting:
            self.calls[operation] += 1
        fault = self.faults.take(operation)
        if fault is not None and fault != "lost-answer":
            return refusal_of(fault, operation, body), False

        def forward() -> Response:
            if self._is_direct and is_made_directly(operation):
                return made_directly(operation, headers, body)
            environ = EnvironBuilder(path, method=method, headers=list(headers.items()), data=body).get_environ()
            return Response.from_app(self._app_of(service, environ), environ, buffered=True)

        try:
            if service.startswith("DynamoDB"):
                response = alone(lambda: _once(operation, body, forward))
            else:
                response = queues.alone(forward)
        except Busy:
            response = refusal_of("unavailable", operation, body)
        return response, fault is not None

    def _app_of(self, service: str, environ: dict[str, Any]) -> Any:
        """Returns the application of a service. moto looks for it among all its services at each call."""
        if not service:
            return self._dispatcher
        if service not in self._apps:
            self._apps[service] = self._dispatcher.get_application(environ)
        return self._apps[service]


_LONGEST_WAIT_SECONDS = 4.0
"""As long as the product waits for DynamoDB."""
_tokens = RequestTokens()
alone = OneAtATime(_LONGEST_WAIT_SECONDS)
"""Makes a call of DynamoDB, reads too, so that none sees half a transaction: one per process, as moto's memory is."""


def _once(operation: str, body: bytes, forward: Callable[[], Response]) -> Response:
    """Makes a transaction once, however often it is sent."""
    return _tokens.once(json.loads(body), forward) if operation == "TransactWriteItems" else forward()
