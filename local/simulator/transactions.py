"""Keeps the simulator's ledger: every transaction, and whether its money has moved."""

import itertools
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Literal

from local.simulator.phone_numbers import Announcement, Behaviour, Status, behaviour_of

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

    `asked`: how often a call has asked for it. Only the first call sends a prompt. `announcements`: the webhooks that
    are still to be sent. `is_of_link`: it belongs to a payment link, and no call finds it by its external reference.
    """

    number: int
    reference: str
    prompt: Prompt
    created_at: datetime
    status: Status = "PENDING"
    reason: str | None = None
    asked: int = 1
    announcements: tuple[Announcement, ...] = ()
    is_of_link: bool = False

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

    `now`: returns the time in Cameroon. `known`: the transactions of an earlier process.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(CAMEROON),
        known: Iterable[Transaction] = (),
    ) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._transactions = {it.reference: it for it in known}
        self._by_external_reference = {
            it.prompt.external_reference: it.reference
            for it in self._transactions.values()
            if it.prompt.external_reference and not it.is_of_link
        }
        self._numbers = itertools.count(1 + max((it.number for it in self._transactions.values()), default=0))

    def open(self, prompt: Prompt, reference: str = "") -> tuple[Transaction, bool]:
        """Returns the transaction of a prompt's external reference, opened if need be, and whether it is new.

        An empty external reference always opens a new one. `reference` is that of a payment link, which has one
        transaction of its own, whatever others have its external reference.
        """
        with self._lock:
            known = reference or self._by_external_reference.get(prompt.external_reference, "")
            if known in self._transactions:
                again = self._transactions[known]
                return self._keep(replace(again, asked=again.asked + 1)), False
            new = Transaction(
                next(self._numbers), reference or str(uuid.uuid4()), prompt, self._now(), is_of_link=bool(reference)
            )
            opened = self._keep(replace(new, announcements=new.behaviour.announcements))
            if prompt.external_reference and not reference:
                self._by_external_reference[prompt.external_reference] = opened.reference
            return opened, True

    def knows(self, external_reference: str) -> bool:
        """Says whether a transaction has this external reference."""
        with self._lock:
            return external_reference in self._by_external_reference

    def settle(
        self,
        reference: str,
        status: Status,
        reason: str | None,
        announcements: tuple[Announcement, ...] | None = None,
    ) -> Transaction | None:
        """Gives a pending transaction its final status. Returns None where it is final or unknown.

        `announcements`: the webhooks to be sent from now on, if they are others than the phone number's.
        """
        with self._lock:
            transaction = self._transactions.get(reference)
            if transaction is None or transaction.status != "PENDING":
                return None
            owed = transaction.announcements if announcements is None else announcements
            return self._keep(replace(transaction, status=status, reason=reason, announcements=owed))

    def announced(self, reference: str, announcement: Announcement) -> None:
        """Takes that a webhook has been sent. Of two that are equal it is the very one that is named."""
        with self._lock:
            transaction = self._transactions.get(reference)
            if transaction is not None:
                left = tuple(it for it in transaction.announcements if it is not announcement)
                self._keep(replace(transaction, announcements=left))

    def put(self, transaction: Transaction) -> None:
        """Takes a transaction in the place of the one that has its reference, for a test."""
        with self._lock:
            self._keep(transaction)

    def find(self, reference: str) -> Transaction | None:
        """Returns the transaction of CamPay's reference; None where there is none."""
        with self._lock:
            return self._transactions.get(reference)

    def all(self) -> list[Transaction]:
        """Lists all transactions, oldest first."""
        with self._lock:
            return list(self._transactions.values())

    def age_of(self, transaction: Transaction) -> float:
        """Returns for how many seconds a transaction has been there."""
        return (self._now() - transaction.created_at).total_seconds()

    def clear(self) -> None:
        with self._lock:
            self._transactions.clear()
            self._by_external_reference.clear()

    def _keep(self, transaction: Transaction) -> Transaction:
        """Takes a new state of a transaction, and returns it. The lock is held."""
        self._transactions[transaction.reference] = transaction
        return transaction
