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
    """Decides a payment that is under review."""


def allowed_actions(payment: Payment) -> list[OperatorAction]:
    """Lists the actions that the payment's state allows. Only `resolve` is ever refused."""
    return [action for action in OperatorAction if action is not OperatorAction.RESOLVE or payment.resolutions]
