"""Keeps the simulator's ledger: every transaction, and whether its money has moved."""

import itertools
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Literal

from local.simulator.phone_numbers import Behaviour, Status, behaviour_of

Endpoint = Literal["collect", "withdraw"]
CAMEROON = timezone(timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Prompt:
    """Holds an accepted collect or withdraw. `amount` is in whole francs; `echoed` has fields that records repeat."""

    phone_number: str
    operator: str
    amount: int
    external_reference: str
    echoed: Mapping[str, str]
    endpoint: Endpoint = "collect"


@dataclass(frozen=True, slots=True)
class Transaction:
    """Holds one transaction. When it is approved, the prompt's amount moves, whatever the record shows.

    `asked`: how often a call has asked for it. Only the first call sends a prompt.
    """

    number: int
    reference: str
    prompt: Prompt
    created_at: datetime
    status: Status = "PENDING"
    reason: str | None = None
    asked: int = 1

    @property
    def is_payout(self) -> bool:
        return self.prompt.endpoint == "withdraw"

    @property
    def behaviour(self) -> Behaviour:
        return behaviour_of(self.prompt.phone_number, is_payout=self.is_payout)

    @property
    def money_moved(self) -> bool:
        return self.status == "SUCCESSFUL"

    @property
    def shown_amount(self) -> int:
        """Returns the amount in records: one franc off where the phone number stands for a wrong record."""
        amount = self.prompt.amount
        if not self.behaviour.shows_other_amount:
            return amount
        return amount - 1 if amount > 1 else amount + 1


class TransactionLedger:
    """Keeps all transactions. Threads may share it; the transactions that it returns never change.

    `now`: returns the time in Cameroon.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(CAMEROON)) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._transactions: dict[str, Transaction] = {}
        self._by_external_reference: dict[str, str] = {}

    def open(self, prompt: Prompt, reference: str = "") -> tuple[Transaction, bool]:
        """Returns the transaction of a prompt's external reference, opened if need be, and whether it is new.

        An empty external reference always opens a new one. `reference` is that of a payment link, which has one
        transaction of its own, whatever others have its external reference.
        """
        with self._lock:
            known = reference or self._by_external_reference.get(prompt.external_reference, "")
            if known in self._transactions:
                again = self._transactions[known]
                self._transactions[known] = again = replace(again, asked=again.asked + 1)
                return again, False
            new = reference or str(uuid.uuid4())
            transaction = Transaction(next(self._numbers), new, prompt, self._now())
            self._transactions[transaction.reference] = transaction
            if prompt.external_reference and not reference:
                self._by_external_reference[prompt.external_reference] = transaction.reference
            return transaction, True

    def knows(self, external_reference: str) -> bool:
        """Says whether a transaction has this external reference."""
        with self._lock:
            return external_reference in self._by_external_reference

    def settle(self, reference: str, status: Status, reason: str | None) -> Transaction | None:
        """Gives a pending transaction its final status. Returns None where it is final or unknown."""
        with self._lock:
            transaction = self._transactions.get(reference)
            if transaction is None or transaction.status != "PENDING":
                return None
            settled = replace(transaction, status=status, reason=reason)
            self._transactions[reference] = settled
            return settled

    def put(self, transaction: Transaction) -> None:
        """Takes a transaction in the place of the one that has its reference, for a test."""
        with self._lock:
            self._transactions[transaction.reference] = transaction

    def find(self, reference: str) -> Transaction | None:
        """Returns the transaction of CamPay's reference; None where there is none."""
        with self._lock:
            return self._transactions.get(reference)

    def all(self) -> list[Transaction]:
        """Lists all transactions, oldest first."""
        with self._lock:
            return list(self._transactions.values())

    def clear(self) -> None:
        with self._lock:
            self._transactions.clear()
            self._by_external_reference.clear()
