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
from chalicelib.domain.errors import LedgerUnavailable, NotFound, ProviderUnavailable
from chalicelib.domain.hints import CheckHint
from chalicelib.domain.payment import Payment
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.read_payment import LookUp, Reading, ReadPayment
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.flows.settle_refunds import SettleRefunds
from chalicelib.flows.statement_search import search_statement
from chalicelib.runtime import deadline, log
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
    settle_refunds: SettleRefunds
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
        look_up = self._look_up_for(stored)
        if look_up is _searched_lately and not stored.payment.is_waiting:
            return  # left due: the next search covers it, and the sweep sends it again
        following = self.schedule.next_check(stored.payment, now)
        check_id = self.ledger.take_check(stored, following)
        if check_id is None:
            return
        try:
            payment = self._read(stored, look_up)
        except ProviderUnavailable as error:
            log.info("check-unanswered", reference=hint.reference, reason=str(error))
            payment = self.commit(stored, Payment.expired, Cause.WAITED_LONG_ENOUGH)
            following = self._again(stored.with_payment(payment), check_id, following)
        if (payment.is_waiting or payment.open_refunds) and following is not None:
            self.queue.check(hint, following)
        self._mark_if_order_is_paid(payment)

    def _read(self, stored: Stored, look_up: LookUp) -> Payment:
        payment = stored.payment
        if not (payment.is_final and payment.open_refunds):
            payment = self.read(stored, Reading(Cause.CHECK), look_up)
        return self.settle_refunds(stored.with_payment(payment), Cause.CHECK)

    def _check_named(self, reference: str, provider_reference: str) -> None:
        """Reads a record that CamPay's statement connects with the payment. One that fails leaves a due check due."""
        try:
            self.settle.recheck(reference, Cause.STATEMENT, named=provider_reference)
        except (NotFound, ProviderUnavailable) as error:
            log.info("check-unanswered", reference=reference, reason=str(error))
            return
        stored = self.ledger.load(reference)
        if stored is not None:
            self._take_made(stored)

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

    def _look_up_for(self, stored: Stored) -> LookUp:
        """Returns how a check looks for the payment's references, and counts the search of CamPay's statement."""
        if not stored.is_unnamed:
            return _nothing
        return self._look_up if self.ledger.spend("statement-searches", 1, _SEARCH_EVERY_MS) else _searched_lately

    def _look_up(self, payment: Payment) -> Sequence[str]:
        """Searches CamPay's statement for this payment and all others that are due without a reference.

        Others that it finds get a hint of their own. Of those that it does not find this was the check.

        Raises ProviderUnavailable where this payment's days cannot be read; LedgerUnavailable.
        """
        others = self._other_unnamed(payment)
        found = search_statement(self.campay, [payment, *(it.payment for it in others)])
        named = found.references.keys() - {payment.reference}
        self.queue.check_all((CheckHint(it, name), 0) for it in named for name in found.references[it])
        self._take_unfound([it for it in others if it.payment.reference not in named | found.unread])
        return found.of(payment)

    def _other_unnamed(self, payment: Payment) -> list[Stored]:
        """Lists the others that are due before the next search.

        One that was refused the last search is due a little later: each search would else find one payment alone.
        """
        until = self.clock.now() + max(_SEARCH_EVERY_MS, UNANSWERED_AGAIN_MS)
        listed = self.ledger.load_many(self.ledger.due(0, until, _SEARCHED_AT_ONCE).keys() - {payment.reference})
        return [it for it in listed if it.is_unnamed]

    def _take_unfound(self, searched: Sequence[Stored]) -> None:
        """Takes due checks that a search has made. What it does not get to is searched for again."""
        try:
            for stored in searched:
                if deadline.is_over(self.clock.now()):
                    return
                self._take_made(stored)
        except LedgerUnavailable:
            log.warning("searched-checks-not-taken")

    def _take_made(self, stored: Stored) -> None:
        """Takes a due check that was made without its own hint. Where the customer is waited for, its hint takes it."""
        now = self.clock.now()
        if stored.is_unnamed and stored.is_due(now) and not stored.payment.is_waiting:
            self.ledger.take_check(stored, self.schedule.next_check(stored.payment, now))


def _nothing(_: Payment) -> Sequence[str]:
    """Stands for a search where none is needed: nobody has begun to send the prompt, or CamPay's reference is known."""
    return ()


def _searched_lately(_: Payment) -> Sequence[str]:
    raise ProviderUnavailable("the statement is searched for all payments at once, a little later")
