"""Says what a payment link is, and what its page shows. Pure.

A link lets a shop without a checkout of its own be paid: whoever opens it sees the order, and pays it once.
"""

import base64
import re
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.money import Money

LINK_PATH = "/pay"
"""What stands before a link's id in its URL, at the API's own address."""
ID_BYTES = 16
_ID = re.compile(r"[a-z2-7]{26}")
SHORTEST_SECONDS, USUAL_SECONDS, LONGEST_SECONDS = 300, 3 * 86_400, 30 * 86_400
"""How long a link is good for: at least, without a wish, and at most."""


class LinkStatus(StrEnum):
    """What has become of a link."""

    OPEN = "open"
    PAID = "paid"
    """Its order is paid, by this link or otherwise."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """A link that asks for an order's money. Times are milliseconds since the epoch.

    `link_id`: whoever knows it may see the order and pay it. `cancelled_at`: None as long as the shop stands by it.
    """

    link_id: str
    order_id: str
    money: Money
    description: str
    created_at: int
    expires_at: int
    cancelled_at: int | None = None

    def is_open(self, now: int) -> bool:
        """Whether a payment may still begin by it, if its order is unpaid."""
        return self.cancelled_at is None and now < self.expires_at

    def status(self, now: int, *, order_is_paid: bool) -> LinkStatus:
        if order_is_paid:
            return LinkStatus.PAID
        if self.cancelled_at is not None:
            return LinkStatus.CANCELLED
        return LinkStatus.OPEN if now < self.expires_at else LinkStatus.EXPIRED

    def asks_for(self, money: Money, description: str) -> bool:
        return (self.money, self.description) == (money, description)


@dataclass(frozen=True, slots=True)
class LinkGrant:
    """What the order token of a link says beside the order: which link it is of, and until when it may be paid."""

    link_id: str
    pay_until: int


def link_id_of(random: bytes) -> str:
    """Writes 128 random bits for a URL that people copy: small letters and digits, none of which looks like another."""
    return base64.b32encode(random).decode().rstrip("=").lower()


def is_link_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
