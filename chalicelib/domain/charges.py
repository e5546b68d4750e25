"""Says what the provider took for a payment, and what it kept, charge by charge. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.provider import RecordStatus
from chalicelib.domain.version import Version


@dataclass(frozen=True, slots=True)
class RecordedCharge:
    """A charge as the provider's record tells it.

    `money`: what the customer paid. `fee`: what the provider kept of it, in the same minor units; None: not known.
    """

    provider_reference: str
    money: Money
    fee: int | None = None


def charges_of(history: Sequence[Version]) -> Iterator[RecordedCharge]:
    """Yields each charge of a payment, from its versions in order.

    What counts is that money came in by the provider's record, whatever has become of the payment: a second charge, a
    late one, one under review and one that an operator has refused are charges too.
    """
    if not history:
        return
    payment = history[-1].payment
    records = {it.evidence["providerReference"]: it.evidence for it in history if it.evidence}
    for reference, record in records.items():
        if record["status"] == RecordStatus.SUCCESSFUL and record["isIncoming"]:
            yield RecordedCharge(reference, _charged(payment, reference, record), record.get("fee"))
    for reference in payment.charges:
        if reference not in records:
            yield RecordedCharge(reference, payment.money)


def _charged(payment: Payment, reference: str, record: Mapping[str, Any]) -> Money:
    """Returns the record's amount where it disagrees with the claim and can be read; else the claim's.

    A record that agrees may show another one, as on a demo system.
    """
    if reference in payment.disputed and record["amount"] is not None:
        return Money(record["amount"], record["currency"])
    return payment.money
