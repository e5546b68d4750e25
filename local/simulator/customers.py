"""Simulates the customers: some time after a prompt each decides as its phone number says."""

import logging
from functools import partial

from local.simulator.phone_numbers import DECLINED_REASON, Behaviour, Status
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
        """Sends a prompt to a customer. Returns at once; the decision and the webhooks follow on the timers."""
        behaviour = transaction.behaviour
        seconds = self._seconds[behaviour.pace]
        for early in (it for it in behaviour.announcements if it.at < 1):
            self._announce_after(seconds * early.at, transaction.reference, early.claims)
        if behaviour.decision:
            self._timers.after(seconds, partial(self._decide, transaction.reference, behaviour, behaviour.decision))

    def decide_by_hand(self, reference: str, decision: Status, *, is_announced: bool) -> Transaction | None:
        """Decides a transaction now, for a test or a developer. Returns None where it is final or unknown.

        One that fails has the reason of its phone number; declined, where that has none.
        """
        prompted = self._ledger.find(reference)
        reason = (prompted.behaviour.reason if prompted else None) or DECLINED_REASON
        settled = self._settle(reference, decision, reason if decision == "FAILED" else None)
        if settled and is_announced:
            self._webhooks.announce(settled)
        return settled

    def _decide(self, reference: str, behaviour: Behaviour, decision: Status) -> None:
        if self._settle(reference, decision, behaviour.reason):
            for announcement in (it for it in behaviour.announcements if it.at >= 1):
                seconds = self._seconds[behaviour.pace] * (announcement.at - 1)
                self._announce_after(seconds, reference, announcement.claims)

    def _settle(self, reference: str, decision: Status, reason: str | None) -> Transaction | None:
        settled = self._ledger.settle(reference, decision, reason)
        if settled:
            logger.info("customer -> %s", decision)
        return settled

    def _announce_after(self, seconds: float, reference: str, claims: Status | None) -> None:
        self._timers.after(seconds, partial(self._announce, reference, claims))

    def _announce(self, reference: str, claims: Status | None) -> None:
        if transaction := self._ledger.find(reference):
            self._webhooks.announce(transaction, claims)
