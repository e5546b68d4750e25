"""Simulates the customers: some time after a prompt each decides as its phone number says."""

import logging
from collections.abc import Iterable
from functools import partial

from local.simulator.phone_numbers import DECLINED_REASON, Announcement, Status
from local.simulator.settings import SimulatorSettings
from local.simulator.timers import Timers
from local.simulator.transactions import Transaction, TransactionLedger
from local.simulator.webhooks import Webhooks

logger = logging.getLogger(__name__)


class Customers:
    """Decides prompts, after the time that a phone number takes, and sends their webhooks."""

    def __init__(
        self, settings: SimulatorSettings, ledger: TransactionLedger, timers: Timers, webhooks: Webhooks
    ) -> None:
        self._ledger = ledger
        self._timers = timers
        self._webhooks = webhooks
        self._seconds = {
            "soon": settings.approve_after,
            "slow": settings.slow_approve_after,
            "late": settings.late_after,
        }

    def prompt(self, transaction: Transaction) -> None:
        """Sends a prompt to a customer. Returns at once; the decision and the webhooks follow on the timers.

        Of a transaction of an earlier process follows what is left, at once where its time has passed.
        """
        if transaction.status != "PENDING":
            self._announce_in_time(transaction, transaction.announcements)
            return
        self._announce_in_time(transaction, [it for it in transaction.announcements if it.at < 1])
        if decision := transaction.behaviour.decision:
            self._timers.after(self._seconds_until(transaction, 1), partial(self._decide, transaction, decision))

    def decide_by_hand(self, reference: str, decision: Status, *, is_announced: bool) -> Transaction | None:
        """Decides a transaction now, for a test or a developer. Returns None where it is final or unknown.

        One that fails has the reason of its phone number; declined, where that has none.
        """
        prompted = self._ledger.find(reference)
        reason = (prompted.behaviour.reason if prompted else None) or DECLINED_REASON
        announcements = (Announcement(at=0),) if is_announced else ()
        settled = self._settle(reference, decision, reason if decision == "FAILED" else None, announcements)
        for it in settled.announcements if settled else ():
            self._announce(reference, it)
        return settled

    def _decide(self, transaction: Transaction, decision: Status) -> None:
        if settled := self._settle(transaction.reference, decision, transaction.behaviour.reason):
            self._announce_in_time(settled, [it for it in settled.announcements if it.at >= 1])

    def _settle(
        self,
        reference: str,
        decision: Status,
        reason: str | None,
        announcements: tuple[Announcement, ...] | None = None,
    ) -> Transaction | None:
        settled = self._ledger.settle(reference, decision, reason, announcements)
        if settled:
            logger.info("customer -> %s", decision)
        return settled

    def _announce_in_time(self, transaction: Transaction, announcements: Iterable[Announcement]) -> None:
        for it in announcements:
            seconds = self._seconds_until(transaction, it.at)
            self._timers.after(seconds, partial(self._announce, transaction.reference, it))

    def _seconds_until(self, transaction: Transaction, at: float) -> float:
        """Returns the time that is left until a multiple of the time that the customer takes; 0 where it has passed."""
        return max(0.0, self._seconds[transaction.behaviour.pace] * at - self._ledger.age_of(transaction))

    def _announce(self, reference: str, announcement: Announcement) -> None:
        if transaction := self._ledger.find(reference):
            announced = partial(self._ledger.announced, reference, announcement)
            self._webhooks.announce(transaction, announcement.claims, announced)
