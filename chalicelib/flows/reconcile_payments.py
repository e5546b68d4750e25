"""Sweeps the ledger: checks the payments that are due, delivers the changes that are undelivered."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.errors import LedgerUnavailable, PaymentError
from chalicelib.flows.deliver_payment import DeliverPayment
from chalicelib.flows.read_payment import LookUp
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.flows.statement_search import Found, search_statement
from chalicelib.runtime import deadline, log
from chalicelib.runtime.clock import Clock

UNDELIVERED_AFTER_MS = 2_000
"""Age at which the sweep takes over a delivery. Normally the process that made the change has delivered it by then."""
_BEHIND_SECONDS = 60
"""A wait that long is logged, for the alarms."""
RUN_SECONDS = 55
_DUE_AT_ONCE = 200
_UNDELIVERED_AT_ONCE = 2_000
"""Larger than `_DUE_AT_ONCE`: deliveries accumulate while Redis is down; an order event must not wait behind them."""
_WORKERS = 8


@dataclass(frozen=True, slots=True)
class ReconcilePayments:
    """Finds in the ledger what is due and what is undelivered, and hands each payment to its flow."""

    campay: Campay
    ledger: Ledger
    deliver: DeliverPayment
    settle: SettlePayment
    clock: Clock
    tick_seconds: float

    def run(self) -> None:
        """Ticks for just under the minute after which the schedule starts it again."""
        ends_at = deadline.earliest(self.clock.now() + RUN_SECONDS * 1000)
        with deadline.until(ends_at):
            while True:
                began_at = self.clock.now()
                self.tick()
                next_at = max(began_at + int(self.tick_seconds * 1000), self.clock.now())
                if next_at >= ends_at:
                    return
                self.clock.sleep((next_at - self.clock.now()) / 1000)

    def tick(self) -> None:
        """Sweeps once. A payment that fails does not hold up the others.

        What fails, and what the deadline leaves undone, stays due and comes again.
        """
        now = self.clock.now()
        try:
            undelivered = self.ledger.undelivered(now - UNDELIVERED_AFTER_MS, _UNDELIVERED_AT_ONCE)
            due = self.ledger.due(now, _DUE_AT_ONCE)
            stored = self.ledger.load_many(due)
        except LedgerUnavailable:
            log.warning("sweep-without-ledger")
            return
        _log_delay(now, due, undelivered)
        unnamed = [it for it in stored if it.payment.provider_reference is None]
        named = [it for it in stored if it.payment.provider_reference is not None]
        with ThreadPoolExecutor(_WORKERS) as workers:
            for reference in undelivered:
                workers.submit(_alone, self.deliver.undelivered, reference)
            self._check(named, Found().of, workers)
            if unnamed:
                sent = [it.payment for it in unnamed if not it.is_unsent]
                self._check(unnamed, search_statement(self.campay, sent).of, workers)

    def _check(self, payments: Iterable[Stored], look_up: LookUp, workers: Executor) -> None:
        for stored in payments:
            workers.submit(copy_context().run, _alone, partial(self._check_one, look_up), stored.payment.reference)

    def _check_one(self, look_up: LookUp, reference: str) -> None:
        if not deadline.is_over(self.clock.now()):
            self.settle.check_due(reference, look_up)


def _log_delay(now: int, due: Mapping[str, int], undelivered: Mapping[str, int]) -> None:
    """Logs how long the oldest of each has waited, where that is too long: alarms read the line."""
    due_seconds, undelivered_seconds = ((now - min(it.values(), default=now)) // 1000 for it in (due, undelivered))
    if max(due_seconds, undelivered_seconds) >= _BEHIND_SECONDS:
        log.warning("sweep-behind", due_seconds=due_seconds, undelivered_seconds=undelivered_seconds)


def _alone(work: Callable[[str], object], reference: str) -> None:
    try:
        work(reference)
    except PaymentError as error:
        log.info("sweep-waits", reference=reference, code=error.code)
    except Exception:
        log.failure("sweep-failed", reference=reference)
