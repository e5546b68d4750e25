"""Defines as data what the customer of each phone number does with a prompt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["PENDING", "SUCCESSFUL", "FAILED"]
Pace = Literal["soon", "slow", "late"]

DECLINED_REASON = "REJECTED"
_MTN = re.compile(r"237(67|65[0-4]|68[0-4])")
_ORANGE = re.compile(r"237(69|65[5-9]|640|68[5-9])")


@dataclass(frozen=True, slots=True)
class Announcement:
    """Describes one webhook.

    `claims` is the status in it; None stands for the true one. `at` is when it is sent, as a multiple of the time that
    the customer takes; from 1.0 on it follows the decision.
    """

    claims: Status | None = None
    at: float = 1.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Describes what a customer, and CamPay, do with a prompt, or CamPay with a payout.

    `decision` is None where it is never decided. `fault` spoils the answer to the call that asked for it: a name of
    `faults.FAULTS["collect"]`, and of "withdraw".
    """

    decision: Status | None = "SUCCESSFUL"
    pace: Pace = "soon"
    reason: str | None = None
    announcements: tuple[Announcement, ...] = (Announcement(),)
    fault: str | None = None
    shows_other_amount: bool = False


_APPROVED = Behaviour()
_DECLINED = Behaviour(decision="FAILED", reason=DECLINED_REASON)
_CANCELLED = Behaviour(decision=None, announcements=())
_WEBHOOK_LOST = Behaviour(announcements=())
_OUT_OF_ORDER = (
    Announcement("FAILED", at=0.5),
    Announcement("PENDING"),
    Announcement("SUCCESSFUL"),
    Announcement("SUCCESSFUL"),
    Announcement("SUCCESSFUL", at=1.5),
)
_FORGED_FIRST = (Announcement("SUCCESSFUL", at=0.5), Announcement())

# CamPay's demo host has these four numbers; only their records show an amount of 0.00 there.
DEMO_NUMBERS: Mapping[str, Behaviour] = {
    "237677777777": _APPROVED,
    "237699999999": _APPROVED,
    "237677777770": _DECLINED,
    "237699999990": _DECLINED,
}
_NUMBERS: Mapping[str, Behaviour] = {
    **DEMO_NUMBERS,
    "237670000001": _CANCELLED,
    "237655000001": _CANCELLED,
    "237670000002": _WEBHOOK_LOST,
    "237655000002": _WEBHOOK_LOST,
    "237670000003": Behaviour(pace="late"),
    "237670000004": Behaviour(fault="reset-after-accept"),
    "237670000005": Behaviour(announcements=_OUT_OF_ORDER),
    "237670000006": Behaviour(shows_other_amount=True),
    "237670000007": Behaviour(decision="FAILED", reason=DECLINED_REASON, announcements=_FORGED_FIRST),
    "237670000008": Behaviour(fault="502-after-accept"),
    "237670000009": Behaviour(decision="FAILED", reason="LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED"),
    "237670000010": _APPROVED,
    "237670000011": _APPROVED,
}
_PAYOUTS: Mapping[str, Behaviour] = {
    "237670000010": Behaviour(decision="FAILED", reason="PAYEE_NOT_ALLOWED_TO_RECEIVE"),
    "237670000011": _CANCELLED,
}
_ANYBODY = Behaviour(pace="slow")


def behaviour_of(phone_number: str, *, is_payout: bool = False) -> Behaviour:
    """Returns what becomes of a prompt to a phone number or of a payout: approved slowly, where no entry has it.

    A payout goes as a prompt would, but for the numbers that are there to be charged and not paid back.
    """
    prompted = _NUMBERS.get(phone_number, _ANYBODY)
    return _PAYOUTS.get(phone_number, prompted) if is_payout else prompted


def operator_of(phone_number: str) -> str | None:
    """Returns MTN or Orange, in CamPay's spelling; None for a carrier that CamPay does not serve."""
    if _MTN.match(phone_number):
        return "MTN"
    return "Orange" if _ORANGE.match(phone_number) else None
