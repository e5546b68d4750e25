"""Carries out what an operator may do to one payment. The log and the payment's history name who did what."""

from dataclasses import dataclass

from chalicelib.adapters.ledger.items import Act, Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import NotAllowed, NotFound, PaymentChanged
from chalicelib.domain.operator_actions import OperatorAction
from chalicelib.domain.payment import InvalidTransition, Payment, PaymentStatus
from chalicelib.flows.commit_payment import CommitPayment, Decide
from chalicelib.flows.deliver_payment import DeliverPayment
from chalicelib.flows.settle_payment import SettlePayment
from chalicelib.flows.settle_refunds import SettleRefunds
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class OperatePayment:
    """Re-reads, redelivers, resolves or acknowledges a payment. `by`: the operator's name.

    Each method raises NotFound and LedgerUnavailable.
    """

    ledger: Ledger
    settle: SettlePayment
    settle_refunds: SettleRefunds
    commit: CommitPayment
    deliver: DeliverPayment
    clock: Clock

    def recheck(self, reference: str, *, by: str) -> Payment:
        """Re-reads CamPay now, of an open refund too. Raises ProviderUnavailable."""
        stored = self._begin(OperatorAction.RECHECK, reference, by)
        payment = self.settle.recheck(reference, Cause.OPERATOR, note="recheck", by=by)
        return self.settle_refunds(stored.with_payment(payment), Cause.OPERATOR, by=by)

    def redeliver(self, reference: str, *, by: str) -> Payment:
        """Publishes and announces the newest version once more, under the same id."""
        self._begin(OperatorAction.REDELIVER, reference, by)
        self.ledger.mark_undelivered(reference)
        self.deliver(self._load(reference))
        return self._load(reference).payment

    def resolve(self, reference: str, status: PaymentStatus, reason: str, *, version: int, by: str) -> Payment:
        """Decides a CONFLICTED payment, or a refund that CamPay has never told of: SUCCESSFUL or FAILED.

        `version`: the one that the operator has seen. Raises NotAllowed for any other status, and PaymentChanged.
        """
        stored = self._begin(OperatorAction.RESOLVE, reference, by, status=status.value, note=reason, version=version)
        return self._decide(stored, lambda payment, now: payment.resolved(status, now), reason, version, by)

    def acknowledge(self, reference: str, reason: str, *, version: int, by: str) -> Payment:
        """Records that a duplicate has been dealt with: the customer has the money back.

        `version`: the one that the operator has seen. Raises NotAllowed where there is none, and PaymentChanged.
        """
        stored = self._begin(OperatorAction.ACKNOWLEDGE, reference, by, note=reason, version=version)
        return self._decide(stored, Payment.acknowledge, reason, version, by)

    def _decide(self, stored: Stored, decide: Decide, reason: str, version: int, by: str) -> Payment:
        reference = stored.payment.reference

        def decide_of_version(payment: Payment, now: int) -> Payment | None:
            if payment.version != version:
                raise PaymentChanged(reference=reference)
            return decide(payment, now)

        try:
            return self.commit(stored, decide_of_version, Cause.OPERATOR, note=reason, by=by)
        except InvalidTransition as error:
            raise NotAllowed(str(error), reference=reference) from error

    def _begin(
        self,
        action: OperatorAction,
        reference: str,
        by: str,
        *,
        status: str = "",
        note: str = "",
        version: int | None = None,
    ) -> Stored:
        """Writes down what an operator asks for; what cannot be written down is not done."""
        stored = self._load(reference)
        if version not in (None, stored.payment.version):
            raise PaymentChanged(reference=reference)
        self.ledger.note_act(reference, Act(action, by, self.clock.now(), status, note))
        decision = {"status": status} if status else {}
        log.info("operator-action", action=action, reference=reference, by=by, **decision)
        return stored

    def _load(self, reference: str) -> Stored:
        stored = self.ledger.load(reference)
        if stored is None:
            raise NotFound
        return stored
