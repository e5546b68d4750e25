"""Ends the wait for a prompt that the customer will not answer, so that another attempt may start."""

from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import NotFound
from chalicelib.domain.payment import Payment
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.settle_payment import LOOK_SECONDS, SettlePayment


@dataclass(frozen=True, slots=True)
class GiveUpPayment:
    """Ends a customer's wait, after CamPay was asked once more."""

    ledger: Ledger
    settle: SettlePayment
    commit: CommitPayment

    def __call__(self, reference: str) -> Payment:
        """Returns the payment as CamPay's record makes it, else EXPIRED with the reason `given_up`.

        CamPay keeps a prompt that was cancelled on the phone PENDING for ever. Ending the wait frees the order and
        the phone; the payment is watched like every expired one, so that an approval that comes later is not lost. A
        payment that nobody waits for stays as it is.

        Raises NotFound, LedgerUnavailable and, with nothing changed, ProviderUnavailable.
        """
        stored = self.ledger.load(reference)
        if stored is None:
            raise NotFound
        if stored.payment.is_waiting:
            with self.settle.campay.within(LOOK_SECONDS):
                payment = self.settle.recheck(reference, Cause.GIVEN_UP)
            stored = stored.with_payment(payment)
        return self.commit(stored, Payment.given_up, Cause.GIVEN_UP)
