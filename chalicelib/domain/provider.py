"""States what a payment provider says of its transactions, in our words."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.money import Money


class RecordStatus(StrEnum):
    PENDING = "PENDING"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    """A word that we do not know: it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectRecord:
    """What CamPay says of one of its transactions, in our words.

    `money` is None where CamPay's amount or currency cannot be read. `simulated`: one of the demo
    host's own numbers, whose records come back with 0.00: then the amount proves nothing and is
    not compared.
    """

    campay_reference: str
    external_reference: str | None
    status: RecordStatus
    money: Money | None
    direction: str | None
    operator: str | None = None
    operator_reference: str | None = None
    reason: str | None = None
    simulated: bool = False
