"""The simulator's own books: every transaction, and whether money moved."""

import itertools
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Literal

from local.simulator.phone_numbers import Status, behaviour_of

Endpoint = Literal["collect", "withdraw"]
CAMEROON = timezone(timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Prompt:
    """A collect or withdraw request that was accepted. `amount` is whole XAF; `echoed` is shown again as it came."""

    phone_number: str
    operator: str
    amount: int
    external_reference: str
    echoed: Mapping[str, str]
    endpoint: Endpoint = "collect"


@dataclass(frozen=True, slots=True)
class Transaction:
    """Money moves when the customer approves, by the amount of the prompt, whatever the record shows."""

    number: int
    reference: str
    prompt: Prompt
    created_at: datetime
    status: Status = "PENDING"
    reason: str | None = None

    @property
    def is_payout(self) -> bool:
        return self.prompt.endpoint == "withdraw"

    @property
    def money_moved(self) -> bool:
        return self.status == "SUCCESSFUL"

    @property
    def shown_amount(self) -> int:
        """One franc off where the number asks for a wrong record."""
        amount = self.prompt.amount
        if not behaviour_of(self.prompt.phone_number).shows_other_amount:
            return amount
        return amount - 1 if amount > 1 else amount + 1


class TransactionLedger:
    """Threads may share it; what it hands out is a snapshot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._transactions: dict[str, Transaction] = {}
        self._by_external_reference: dict[str, str] = {}

    def open(self, prompt: Prompt, reference: str = "") -> tuple[Transaction, bool]:
        """The transaction of this external reference, and whether it is a new one. An empty external reference is
        always new. `reference`: of a payment link, which is one transaction whatever else has its external reference.
        """
        with self._lock:
            known = reference or self._by_external_reference.get(prompt.external_reference, "")
            if known in self._transactions:
                return self._transactions[known], False
            now = datetime.now(CAMEROON)
            transaction = Transaction(next(self._numbers), reference or str(uuid.uuid4()), prompt, now)
            self._transactions[transaction.reference] = transaction
            if prompt.external_reference and not reference:
                self._by_external_reference[prompt.external_reference] = transaction.reference
            return transaction, True

    def knows(self, external_reference: str) -> bool:
        with self._lock:
            return external_reference in self._by_external_reference

    def settle(self, reference: str, status: Status, reason: str | None) -> Transaction | None:
        """None where it is final already, or forgotten."""
        with self._lock:
            transaction = self._transactions.get(reference)
            if transaction is None or transaction.status != "PENDING":
                return None
            settled = replace(transaction, status=status, reason=reason)
            self._transactions[reference] = settled
            return settled

    def find(self, reference: str) -> Transaction | None:
        with self._lock:
            return self._transactions.get(reference)

    def all(self) -> list[Transaction]:
        """The oldest first."""
        with self._lock:
            return list(self._transactions.values())

    def clear(self) -> None:
        with self._lock:
            self._transactions.clear()
            self._by_external_reference.clear()
