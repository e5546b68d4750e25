"""Carries out what an operator may do to one payment. The log and the payment's history name who did what."""

from dataclasses import dataclass

from chalicelib.adapters.ledger.items import Act, Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import NotAllowed, NotFound
from chalicelib.domain.operator_actions import OperatorAction
from chalicelib.domain.payment import InvalidTransition, Payment, PaymentStatus
from chalicelib.flows.commit_payment import CommitPayment
from chalicelib.flows.deliver_payment import DeliverPayment
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class OperatePayment:
    """Re-reads, redelivers or resolves a payment. `by`: the operator's name.

    Each method raises NotFound and LedgerUnavailable.
    """

    ledger: Ledger
    settle: SettlePayment
    commit: CommitPayment
    deliver: DeliverPayment
    clock: Clock

    def recheck(self, reference: str, *, by: str) -> Payment:
        """Re-reads CamPay now. Raises ProviderUnavailable."""
        self._begin(OperatorAction.RECHECK, reference, by)
        return self.settle.recheck(reference, Cause.OPERATOR, note="recheck", by=by)

    def redeliver(self, reference: str, *, by: str) -> Payment:
        """Publishes and announces the newest version once more, under the same id."""
        self._begin(OperatorAction.REDELIVER, reference, by)
        self.ledger.mark_undelivered(reference)
        self.deliver(self._load(reference))
        return self._load(reference).payment

    def resolve(self, reference: str, status: PaymentStatus, reason: str, *, by: str) -> Payment:
        """Decides a CONFLICTED payment: SUCCESSFUL or FAILED. Raises NotAllowed for any other."""
        stored = self._begin(OperatorAction.RESOLVE, reference, by, status=status.value, note=reason)
        try:
            return self.commit(
                stored, lambda payment, now: payment.resolved(status, now), Cause.OPERATOR, note=reason, by=by
            )
        except InvalidTransition as error:
            raise NotAllowed(str(error), reference=reference) from error

    def _begin(self, action: OperatorAction, reference: str, by: str, *, status: str = "", note: str = "") -> Stored:
        """Writes down what an operator asks for; what cannot be written down is not done."""
        stored = self._load(reference)
        self.ledger.note_act(reference, Act(action, by, self.clock.now(), status, note))
        decision = {"status": status} if status else {}
        log.info("operator-action", action=action, reference=reference, by=by, **decision)
        return stored

    def _load(self, reference: str) -> Stored:
        stored = self.ledger.load(reference)
        if stored is None:
            raise NotFound
        return stored
