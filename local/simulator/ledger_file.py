"""Keeps the simulator's ledger in a file, so that it outlives the process, as CamPay's own does."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from local.simulator.phone_numbers import Announcement
from local.simulator.transactions import Prompt, Transaction, TransactionLedger


class FileLedger(TransactionLedger):
    """Appends each state of each transaction to a file before anybody learns of it, and begins with those found there.

    The file has a line of JSON for each; only its owner may read it. What was appended is there after `kill -9`, not
    after a loss of power. Raises ValueError where the file cannot be used, or is of something else.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.touch(0o600)
            known = _read(path)
        except OSError as error:
            raise ValueError(f"the ledger cannot be kept in {path}: {error.strerror}") from error
        super().__init__(known=known)
        self._path = path

    def clear(self) -> None:
        super().clear()
        self._path.write_bytes(b"")

    def _keep(self, transaction: Transaction) -> Transaction:
        fields = asdict(transaction) | {"created_at": transaction.created_at.isoformat()}
        with self._path.open("ab", buffering=0) as file:
            file.write(json.dumps(fields).encode() + b"\n")
        return super()._keep(transaction)


def _read(path: Path) -> Iterable[Transaction]:
    """Returns the newest state of each transaction, oldest first. A last line that was not finished is cut off."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        with path.open("r+b") as file:
            file.truncate(len(whole))
    newest: dict[str, Transaction] = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            transaction = _transaction(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"line {number} of {path} is no transaction") from error
        newest[transaction.reference] = transaction
    return newest.values()


def _transaction(fields: dict[str, Any]) -> Transaction:
    nested = {
        "prompt": Prompt(**fields["prompt"]),
        "created_at": datetime.fromisoformat(fields["created_at"]),
        "announcements": tuple(Announcement(**it) for it in fields["announcements"]),
    }
    return Transaction(**fields | nested)
