"""Loses a system's ledger and Redis, and does what the page says then: each command runs, or has a stand-in here.

What needs AWS is done on the embedded one. A command that is not known here ends the row: nobody tries the page's step.
"""

import json
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.adapters.ledger.attributes import to_values
from chalicelib.adapters.ledger.table import TABLE
from chalicelib.domain.comparison import Kind
from chalicelib.runtime.clock import Clock
from gauntlet.runbook import Step, fields_of, recipe
from gauntlet.shop import Shop

_DAY, _MINUTE = "2026-01-31", "2026-01-31T12:00"
"""What the page has in place of the day and the last good minute."""
_LAMBDA = """
import json, sys
import app
from chalice.local import LambdaContext
from chalicelib.bootstrap import service
service()
app.statement(json.loads(sys.argv[1]), LambdaContext("statement", 512, max_runtime_ms=60_000))
"""
FIELDS = {"prompts_paused", "restored_table", "traffic_shift"}
"""Fields of infra/stages.py that the page may set."""
_WRITTEN_AT_ONCE = 25
"""The most rows that DynamoDB takes in one BatchWriteItem."""
_LOGGED = ("api", "worker", "gateway")


@dataclass(frozen=True)
class Compared:
    """What the comparison with CamPay's statement lacks: how many charges, and those that it names."""

    count: int
    named: frozenset[str]


class Recovery:
    """Has the backup, and what the commands of the page have said so far."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._system = shop, shop.system
        self._rows: list[dict[str, Any]] = []
        self._backed_up_at = 0
        self._fields: dict[str, str] = {}
        self._known: frozenset[str] = frozenset()
        self.moved: frozenset[str] = frozenset()
        self.compared: list[Compared] = []

    def back_up(self) -> None:
        """Copies the table, as it is at one moment."""
        self._backed_up_at = Clock().now()
        client = self._system.table_client
        start: dict[str, Any] = {}
        while True:
            page = client.scan(TableName=self._table, ConsistentRead=True, **start)
            self._rows += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        rows = map(to_values, self._rows)
        self._known = frozenset(it["payment"]["reference"] for it in rows if it["sk"] == "state" and "payment" in it)

    def lose_everything(self) -> None:
        """Takes the table away, and all that Redis has. `moved`: what CamPay has charged since the backup."""
        charges = self._system.charges()
        self.moved = frozenset(it["reference"] for it in charges if it["externalReference"] not in self._known)
        self._system.table_client.delete_table(TableName=self._table)
        self._system.parts["redis"].restart()

    def follow(self, step: Step) -> set[str]:
        """Does what a step says. Returns its commands, by their first two words."""
        done = set()
        for block in step.blocks:
            if block.language == "diff":
                self._fields |= fields_of(block)
                continue
            for line in block.lines:
                command = shlex.split(line)
                handler_of(command)(self, command)
                done.add(" ".join(command[:2]))
        return done

    @property
    def _table(self) -> str:
        return self._system.environment["PAYMENTS_TABLE"]

    # ------------------------------------------------------------------ make

    def deploy(self, _: Sequence[str]) -> None:
        """Does by variables of the environment what a deployment does by the fields of infra/stages.py."""
        if unknown := self._fields.keys() - FIELDS:
            raise ValueError(f"the page sets what the row does not know: {unknown}")
        changed = {"PROMPTS_PAUSED": self._fields.get("prompts_paused", "False").lower()}
        if restored := self._fields.get("restored_table"):
            changed["PAYMENTS_TABLE"] = restored.partition('name="')[2].partition('"')[0]
        self._system.change(("api", "worker"), **changed)

    def examine(self, _: Sequence[str]) -> None:
        health = self._shop.system.calls.get(f"{self._system.api}/health", timeout=30).json()
        if health["status"] != "healthy":
            self._shop.report(f"the API is {health['status']} on the restored table")

    def recover(self, command: Sequence[str]) -> None:
        """Recovers twice: the second run must find nothing more to do."""
        minute = f"{datetime.fromtimestamp(self._backed_up_at / 1000, UTC):%Y-%m-%dT%H:%M}"
        given = [it.replace(_MINUTE, minute) for it in command]
        first, again = (self._make(given).splitlines()[0] for _ in range(2))
        self._shop.note(f"make recover: {first}")
        if not again.startswith("0 payments are there again, 0 have a new version"):
            self._shop.report(f"the second run of make recover did something: {again}")

    def count(self, command: Sequence[str]) -> None:
        days = self._system.days
        given = [
            it.replace(f"FROM={_DAY}", f"FROM={days[0]}").replace(f"TO={_DAY}", f"TO={days[-1]}") for it in command
        ]
        self._make(given)

    def _make(self, command: Sequence[str]) -> str:
        """Runs a target for this system in place of the stage."""
        words = [it for it in command if not it.startswith("STAGE=")]
        with tempfile.TemporaryDirectory() as folder:
            self._write_last_run(Path(folder))
            return self._system.run(recipe(words), RUN_DIR=folder)

    def _write_last_run(self, folder: Path) -> None:
        """Writes what `make run` leaves of a run: where its ledger is, and the log of all parts in one file."""
        (folder / "ledger.json").write_text(json.dumps(dict(self._system.environment)), "utf-8")
        lines = (f"{part} {line}\n" for part in _LOGGED for line in self._system.lines_of(part))
        (folder / "log").write_text("".join(lines), "utf-8")

    # ------------------------------------------------------------------ aws

    def restore(self, command: Sequence[str]) -> None:
        given = _options(command)
        if (given["source-table-name"], given["restore-date-time"]) != ("PAYMENTS", f"{_MINUTE}:00Z"):
            raise ValueError("the page restores another table than PAYMENTS, or another moment")
        table = {name: value for name, value in TABLE.items() if name != "StreamSpecification"}
        client, name = self._system.table_client, given["target-table-name"]
        client.create_table(TableName=name, **table)
        for start in range(0, len(self._rows), _WRITTEN_AT_ONCE):
            puts = [{"PutRequest": {"Item": row}} for row in self._rows[start : start + _WRITTEN_AT_ONCE]]
            if client.batch_write_item(RequestItems={name: puts})["UnprocessedItems"]:
                raise RuntimeError("the embedded DynamoDB has not taken all rows")

    def wait(self, command: Sequence[str]) -> None:
        self._system.table_client.get_waiter(command[3].replace("-", "_")).wait(
            TableName=_options(command)["table-name"]
        )

    def update_time_to_live(self, command: Sequence[str]) -> None:
        given = _options(command)
        self._system.table_client.update_time_to_live(
            TableName=given["table-name"], TimeToLiveSpecification=_fields(given["time-to-live-specification"])
        )

    def update_backups(self, command: Sequence[str]) -> None:
        given = _options(command)
        self._system.table_client.update_continuous_backups(
            TableName=given["table-name"],
            PointInTimeRecoverySpecification=_fields(given["point-in-time-recovery-specification"]),
        )

    def update_table(self, command: Sequence[str]) -> None:
        given = _options(command)
        self._system.table_client.update_table(
            TableName=given["table-name"], StreamSpecification=_fields(given["stream-specification"])
        )

    def describe(self, command: Sequence[str]) -> None:
        given = _options(command)
        found = self._system.table_client.describe_table(TableName=given["table-name"])
        for name in given["query"].split("."):
            found = found[name]
        if not found:
            raise ValueError(f"there is no {given['query']}")

    def compare(self, command: Sequence[str]) -> None:
        payload = _options(command)["payload"]
        for day in self._system.days:
            self._system.run(["python", "-c", _LAMBDA, payload.replace(_DAY, day.isoformat())])

    def read_comparison(self, command: Sequence[str]) -> None:
        """Calls a route as the page's curl does: with the operator's key, and the days for its day."""
        *_, url = command
        path, days = url.removeprefix("$API_URL/api/payment/"), self._system.days
        path = path.replace(f"from={_DAY}", f"from={days[0]}").replace(f"to={_DAY}", f"to={days[-1]}")
        key = self._system.environment["OPERATOR_API_KEY"]
        answer = self._system.calls.get(f"{self._system.api}/{path}", headers={"X-Api-Key": key}, timeout=30)
        answer.raise_for_status()
        missing = [day["findings"][Kind.MISSING_HERE] for day in answer.json()["days"]]
        named = frozenset(it["providerReference"] for each in missing for it in each["found"])
        self.compared.append(Compared(sum(each["count"] for each in missing), named))


Handler = Callable[[Recovery, Sequence[str]], None]
_HANDLERS: Mapping[tuple[str, ...], Handler] = {
    ("make", "deploy"): Recovery.deploy,
    ("make", "doctor"): Recovery.examine,
    ("make", "recover"): Recovery.recover,
    ("make", "rollups"): Recovery.count,
    ("aws", "dynamodb", "restore-table-to-point-in-time"): Recovery.restore,
    ("aws", "dynamodb", "wait"): Recovery.wait,
    ("aws", "dynamodb", "update-time-to-live"): Recovery.update_time_to_live,
    ("aws", "dynamodb", "update-continuous-backups"): Recovery.update_backups,
    ("aws", "dynamodb", "update-table"): Recovery.update_table,
    ("aws", "dynamodb", "describe-table"): Recovery.describe,
    ("aws", "lambda", "invoke"): Recovery.compare,
    ("curl",): Recovery.read_comparison,
}


def handler_of(command: Sequence[str]) -> Handler:
    """Returns what is done for a command. Raises ValueError for one that is not known here."""
    for words, handler in _HANDLERS.items():
        if tuple(command[: len(words)]) == words:
            return handler
    raise ValueError(f"the page says what the row does not know: {' '.join(command)}")


def _options(command: Sequence[str]) -> dict[str, str]:
    """Returns the options of a command of AWS's command line, each of which has a value."""
    start = next(place for place, word in enumerate(command) if word.startswith("--"))
    words = command[start:]
    return {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=False)}


def _fields(shorthand: str) -> dict[str, Any]:
    """Reads a structure as AWS's command line writes it: `Enabled=true,AttributeName=forgottenAt`."""
    pairs = dict(pair.split("=", 1) for pair in shorthand.split(","))
    return {name: value == "true" if value in ("true", "false") else value for name, value in pairs.items()}
