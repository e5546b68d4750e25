"""Records the calls that the product makes of AWS, and derives the permissions that they need."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, NamedTuple, Self

from chalicelib.runtime import aws
from infra.functions import Function
from tests import ROOT

PRODUCT = (ROOT / "chalicelib", ROOT / "socket_gateway")
_ACTION_OF_WRITE = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}


class Permission(NamedTuple):
    """An IAM permission. `resource`: name or id of a table (with `/index/<name>`), a bus, a secret or a queue."""

    action: str
    resource: str


class Site(NamedTuple):
    """A line of the product on the stack of a call. `path` is relative to the repository's root."""

    path: str
    line: int


@dataclass
class AwsCalls:
    """The recorded calls. `permissions`: function name -> the permissions that its calls need."""

    permissions: dict[str, set[Permission]] = field(default_factory=dict)
    sites: set[Site] = field(default_factory=set)
    _caller: ClassVar[str] = ""

    @classmethod
    @contextmanager
    def recording(cls) -> Iterator[Self]:
        """Records the calls that the product's clients make inside."""
        recorded = cls()
        aws.watchers.append(recorded._record)
        try:
            yield recorded
        finally:
            aws.watchers.remove(recorded._record)

    @classmethod
    @contextmanager
    def made_by(cls, function: str) -> Iterator[None]:
        """Attributes the calls inside, of every thread, to a function. Calls outside are not recorded."""
        AwsCalls._caller = function
        try:
            yield
        finally:
            AwsCalls._caller = ""

    def _record(self, service: str, operation: str, parameters: Mapping[str, Any]) -> None:
        sites = _sites() if self._caller else set()
        if sites:  # calls of the test itself are not recorded
            needed = permissions_of(service, operation, parameters)
            self.permissions.setdefault(self._caller, set()).update(needed)
            self.sites |= sites


def of_the_ledger(function: Function, table: str) -> set[Permission]:
    """Returns what a function's role allows on the ledger's table."""
    return {
        *(Permission(action, table) for action in function.ledger_actions),
        *(Permission("dynamodb:Query", f"{table}/index/{index}") for index in function.indexes),
    }


def permissions_of(service: str, operation: str, parameters: Mapping[str, Any]) -> set[Permission]:
    """Returns the permissions that AWS requires, as the Service Authorization Reference has them."""
    match service, operation:
        case "dynamodb", "BatchGetItem":
            return {Permission("dynamodb:BatchGetItem", table) for table in parameters["RequestItems"]}
        case "dynamodb", "TransactWriteItems":
            writes = [write for entry in parameters["TransactItems"] for write in entry.items()]
            return {Permission(_ACTION_OF_WRITE[kind], write["TableName"]) for kind, write in writes}
        case "dynamodb", "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "Query" | "Scan":
            index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
            return {Permission(f"dynamodb:{operation}", f"{parameters['TableName']}{index}")}
        case "events", "PutEvents":
            return {Permission("events:PutEvents", entry["EventBusName"]) for entry in parameters["Entries"]}
        case "secretsmanager", "GetSecretValue":
            return {Permission("secretsmanager:GetSecretValue", parameters["SecretId"])}
        case "sqs", "SendMessage" | "SendMessageBatch":
            return {Permission("sqs:SendMessage", parameters["QueueUrl"].rpartition("/")[2])}
        case "sqs", "ChangeMessageVisibilityBatch":
            return {Permission("sqs:ChangeMessageVisibility", parameters["QueueUrl"].rpartition("/")[2])}
    raise NotImplementedError(f"say here which permissions {service}'s {operation} needs")


def _sites() -> set[Site]:
    """Returns the lines of the product on the stack of the current call."""
    found: set[Site] = set()
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if any(path.is_relative_to(place) for place in PRODUCT):
            found.add(Site(path.relative_to(ROOT).as_posix(), frame.f_lineno))
        frame = frame.f_back
    return found
