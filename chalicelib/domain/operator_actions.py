"""Says what an operator may do to a payment. Pure."""

from enum import StrEnum

from chalicelib.domain.payment import Payment


class OperatorAction(StrEnum):
    """What an operator may do to one payment."""

    RECHECK = "recheck"
    """Reads CamPay's record now."""
    REDELIVER = "redeliver"
    """Publishes and announces the newest version again."""
    RESOLVE = "resolve"
    """Decides a payment that is under review, or a refund that CamPay has never told of."""
    ACKNOWLEDGE = "acknowledge"
    """Says that a duplicate has been dealt with."""
    REFUND = "refund"
    """Pays a charge back, whole or in part."""


def allowed_actions(payment: Payment, now: int, *, refunds: bool) -> list[OperatorAction]:
    """Lists the actions that the payment's state allows. `recheck` and `redeliver` are never refused.

    `refunds`: whether money is paid back through this API.
    """
    refused = set()
    if not payment.resolutions(now):
        refused.add(OperatorAction.RESOLVE)
    if not payment.may_be_acknowledged:
        refused.add(OperatorAction.ACKNOWLEDGE)
    if not (refunds and payment.may_be_refunded):
        refused.add(OperatorAction.REFUND)
    return [action for action in OperatorAction if action not in refused]
