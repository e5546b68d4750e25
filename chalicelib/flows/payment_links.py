"""Makes payment links, cancels them, and tells what has become of one."""

import secrets
from collections.abc import Set
from dataclasses import dataclass, replace

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.errors import CurrencyNotSupported, LedgerUnavailable, LinkExists, NotFound, OrderAlreadyPaid
from chalicelib.domain.money import Money
from chalicelib.domain.payment_link import ID_BYTES, LinkStatus, PaymentLink, link_id_of
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

_ROUNDS = 7
"""Attempts at a change of an order that others keep changing."""


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link, and what has become of it. `replayed`: it was there before the call that asked for it."""

    link: PaymentLink
    status: LinkStatus
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class PaymentLinks:
    """Keeps at most one open link of an order. Each method raises LedgerUnavailable."""

    ledger: Ledger
    clock: Clock
    currencies: Set[str]

    def create(self, order_id: str, money: Money, description: str, seconds: int) -> ShownLink:
        """Returns a new link of the order, or its open one where that asks for the same.

        Raises CurrencyNotSupported, OrderAlreadyPaid, and LinkExists where the open one asks for something else.
        """
        if money.currency not in self.currencies:
            raise CurrencyNotSupported(self.currencies)
        for round_number in range(_ROUNDS):
            order, now = self.ledger.order(order_id), self.clock.now()
            if order.paid:
                raise OrderAlreadyPaid(reference=order.paid)
            known = self.ledger.links.load(order.link) if order.link else None
            if known and known.is_open(now):
                if not known.asks_for(money, description):
                    raise LinkExists(f"Its link is {known.link_id}.")
                return ShownLink(known, LinkStatus.OPEN, replayed=True)
            link_id = link_id_of(secrets.token_bytes(ID_BYTES))
            link = PaymentLink(link_id, order_id, money, description, now, now + seconds * 1000)
            if self.ledger.links.open(link, order):
                log.info("link-made", order=order_id)
                return ShownLink(link, LinkStatus.OPEN)
            self.ledger.pause(round_number)
        raise LedgerUnavailable("too many conflicts")

    def show(self, link_id: str) -> ShownLink:
        """Raises NotFound."""
        link = self._load(link_id)
        order = self.ledger.order(link.order_id)
        return ShownLink(link, link.status(self.clock.now(), order_is_paid=order.paid is not None))

    def cancel(self, link_id: str) -> ShownLink:
        """Ends a link that is open: no payment begins by it from now on. One that is on its way goes on.

        A link that is paid, expired or cancelled stays so. Raises NotFound.
        """
        for round_number in range(_ROUNDS):
            link, now = self._load(link_id), self.clock.now()
            order = self.ledger.order(link.order_id)
            status = link.status(now, order_is_paid=order.paid is not None)
            if status is not LinkStatus.OPEN:
                return ShownLink(link, status)
            if self.ledger.links.cancel(link, order, now):
                log.info("link-cancelled", order=link.order_id)
                return ShownLink(replace(link, cancelled_at=now), LinkStatus.CANCELLED)
            self.ledger.pause(round_number)
        raise LedgerUnavailable("too many conflicts")

    def _load(self, link_id: str) -> PaymentLink:
        link = self.ledger.links.load(link_id)
        if link is None:
            raise NotFound
        return link
