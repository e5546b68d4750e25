"""Holds what a caller of initiate asks for."""

from dataclasses import dataclass
from hashlib import sha256

from chalicelib.domain.money import Money
from chalicelib.domain.payment_link import LinkGrant


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A checked request. `address`: the caller's network address; None with the merchant key.

    `link`: the payment link that the customer has opened.
    """

    order_id: str
    money: Money
    phone_number: str
    description: str
    locale: str
    idempotency_key: str | None = None
    address: str | None = None
    link: LinkGrant | None = None


def key_hash(key: str) -> str:
    """Returns what the log has in place of an idempotency key, which may be any text of the shop's."""
    return f"sha256:{sha256(key.encode()).hexdigest()[:32]}"
