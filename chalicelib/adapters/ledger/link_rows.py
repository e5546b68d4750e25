"""Keeps the payment links, and which one is an order's newest.

    link#<id>       state   what the link asks for, until when, and when it was cancelled
    order#<order>   state   `link`: the id of the order's newest link, unless that was cancelled

A link and its order change in one transaction, which raises the order's revision: a claim of the order that has read it
before is refused. Every method raises LedgerUnavailable.
"""

import uuid

from chalicelib.adapters.ledger.attributes import Item, key_of
from chalicelib.adapters.ledger.items import Order
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE
from chalicelib.adapters.ledger.table_client import TableClient, Written
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.money import Money
from chalicelib.domain.payment_link import PaymentLink

KEPT_MS = 90 * 86_400_000
"""How long after its end a link's page still shows the receipt."""


class LinkRows:
    """Reads and writes the rows of payment links."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def load(self, link_id: str) -> PaymentLink | None:
        row = self._table.get(key_of(_partition(link_id)))
        return _read(link_id, row) if row else None

    def open(self, link: PaymentLink, order: Order) -> bool:
        """Makes a link the order's newest. Returns False where the order has changed since it was read."""
        commit_id = uuid.uuid4().hex
        row = {
            **key_of(_partition(link.link_id)),
            "orderId": link.order_id,
            "amount": link.money.amount,
            "currency": link.money.currency,
            "description": link.description,
            "createdAt": link.created_at,
            "expiresAt": link.expires_at,
            "commitId": commit_id,
            FORGOTTEN_BY_ATTRIBUTE: (link.expires_at + KEPT_MS) // 1000,
        }
        newest = Update(f"order#{order.order_id}").next_after(order.revision).set(link=link.link_id)
        items = [self._table.put(row, "attribute_not_exists(pk)"), newest.item(self._table.name)]
        return isinstance(self._table.transact(items, commit_id), Written)

    def cancel(self, link: PaymentLink, order: Order, now: int) -> bool:
        """Cancels a link. Returns False where it was cancelled, or its order has changed, since they were read."""
        commit_id = uuid.uuid4().hex
        cancelled = Update(_partition(link.link_id)).set(cancelledAt=now, commitId=commit_id)
        cancelled.only_if("attribute_exists(pk) AND attribute_not_exists(#cancelledAt)")
        newest = Update(f"order#{order.order_id}").next_after(order.revision)
        if order.link == link.link_id:
            newest.remove("link")
        items = [cancelled.item(self._table.name), newest.item(self._table.name)]
        return isinstance(self._table.transact(items, commit_id), Written)


def _partition(link_id: str) -> str:
    return f"link#{link_id}"


def _read(link_id: str, row: Item) -> PaymentLink:
    money = Money(row["amount"], row["currency"])
    times = (row["createdAt"], row["expiresAt"], row.get("cancelledAt"))
    return PaymentLink(link_id, row["orderId"], money, row["description"], *times)
