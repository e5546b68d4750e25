"""Checks payments at CamPay when they are due, whether or not a webhook has come.

While a payment waits for its customer, each check that leaves it undecided sends the hint for the next one. All later
checks are found by the sweep.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.cause import Cause
from chalicelib.domain.check_schedule import UNANSWERED_AGAIN_MS, CheckSchedule
from chalicelib.domain.errors import NotFound, ProviderUnavailable
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.payment import Payment
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.read_payment import Reading, ReadPayment
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.flows.statement_search import search_statement
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_SEARCH_EVERY_MS = 30_000
"""The statement is searched once in this time, for all payments of which CamPay's reference is not known."""
_SEARCHED_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class CheckPayments:
    """Follows a hint that a payment may be due for a check."""

    campay: Campay
    ledger: Ledger
    settle: SettlePayment
    read: ReadPayment
    commit: CommitPayment
    queue: WorkQueue
    schedule: CheckSchedule
    clock: Clock

    def __call__(self, hint: CheckHint) -> None:
        """Checks the payment, if it is due and nobody else has. Raises LedgerUnavailable."""
        log.note(reference=hint.reference)
        if hint.provider_reference:
            self._check_named(hint.reference, hint.provider_reference)
            return
        stored, now = self.ledger.load(hint.reference), self.clock.now()
        if stored is None or not stored.is_due(now):
            return
        following = self.schedule.next_check(stored.payment, now)
        check_id = self.ledger.take_check(stored, following)
        if check_id is None:
            return
        try:
            payment = self.read(stored, Reading(Cause.CHECK), _nothing if stored.is_unsent else self._look_up)
        except ProviderUnavailable as error:
            log.info("check-unanswered", reference=hint.reference, reason=str(error))
            payment = self.commit(stored, Payment.expired, Cause.WAITED_LONG_ENOUGH)
            following = self._again(stored, check_id, following)
        if payment.is_waiting and following is not None:
            self.queue.check(hint, following)
        self._mark_if_order_is_paid(payment)

    def _check_named(self, reference: str, provider_reference: str) -> None:
        """Reads a record that CamPay's statement connects with the payment. A check that fails comes with the next."""
        try:
            self.settle.recheck(reference, Cause.STATEMENT, named=provider_reference)
        except (NotFound, ProviderUnavailable) as error:
            log.info("check-unanswered", reference=reference, reason=str(error))

    def _again(self, stored: Stored, check_id: str, following: int | None) -> int:
        again = self.clock.now() + UNANSWERED_AGAIN_MS
        if following is not None and following <= again:
            return following
        self.ledger.repeat_check(stored, check_id, following, again)
        return again

    def _mark_if_order_is_paid(self, payment: Payment) -> None:
        """Marks an active attempt whose order another one has paid.

        The commit that paid normally does: this is for where its process died in between.
        """
        if payment.is_active and payment.order_paid_by is None:
            paid = self.ledger.order(payment.order_id).paid
            if paid is not None:
                self.commit.mark_order_paid(payment.reference, paid)

    # ------------------------------------------------------------------ where CamPay's reference is not known

    def _look_up(self, payment: Payment) -> Sequence[str]:
        """Searches CamPay's statement, once in a while for all payments. Others than this one get a hint of their own.

        Raises ProviderUnavailable where the statement was searched a moment ago, or cannot be read.
        """
        if not self.ledger.spend("statement-searches", 1, _SEARCH_EVERY_MS):
            raise ProviderUnavailable("the statement is searched for all payments at once, a little later")
        found = search_statement(self.campay, [payment, *self._other_unnamed(payment)])
        others = found.references.keys() - {payment.reference}
        hints = [CheckHint(reference, named) for reference in others for named in found.references[reference]]
        self.queue.check_all((hint, 0) for hint in hints)
        return found.of(payment)

    def _other_unnamed(self, payment: Payment) -> list[Payment]:
        """Lists the other payments that are due and may have been sent without an answer."""
        now = self.clock.now()
        listed = self.ledger.load_many(self.ledger.due(0, now, _SEARCHED_AT_ONCE).keys() - {payment.reference})
        return [it.payment for it in listed if it.payment.provider_reference is None and not it.is_unsent]


def _nothing(_: Payment) -> Sequence[str]:
    """Stands for a search of the statement for a payment whose prompt nobody has begun to send."""
    return ()
