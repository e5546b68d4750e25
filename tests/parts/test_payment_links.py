"""Tests payment links on the ledger: their end, and what happens when shop and customer act at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from chalicelib.adapters.ledger.items import Order, Phone, Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.link_rows import KEPT_MS
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE
from chalicelib.bootstrap import Service
from chalicelib.domain import tokens
from chalicelib.domain.errors import LinkClosed, LinkExists, PaymentInProgress
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.payment_link import LinkGrant, LinkStatus, PaymentLink
from chalicelib.domain.payment_request import PaymentRequest
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt

MONEY = Money(5000, "XAF")
HOUR = 3600


def make(service: Service, order_id: str = "order-1", money: Money = MONEY) -> PaymentLink:
    return service.links.create(order_id, money, "Two chairs", HOUR).link


def request_of(link: PaymentLink, phone_number: str = "237677777777") -> PaymentRequest:
    grant = LinkGrant(link.link_id, link.expires_at)
    return PaymentRequest(link.order_id, link.money, phone_number, link.description, "fr", link=grant)


def status(service: Service, link: PaymentLink) -> LinkStatus:
    return service.links.show(link.link_id).status


def test_a_link_ends_and_the_next_one_takes_its_place(service: Service, clock: HandClock, shop: Shop) -> None:
    link = make(service)
    clock.forward(HOUR - 1)
    assert status(service, link) is LinkStatus.OPEN
    clock.forward(1)
    assert status(service, link) is LinkStatus.EXPIRED
    with pytest.raises(LinkClosed):
        service.initiate(request_of(link))
    other = make(service, money=Money(6000, "XAF"))
    assert (status(service, link), status(service, other)) == (LinkStatus.EXPIRED, LinkStatus.OPEN)
    assert service.links.cancel(link.link_id).status is LinkStatus.EXPIRED
    assert service.initiate(request_of(other)).payment.money == other.money
    assert [row["amount"] for row in shop.transactions] == [6000]


def test_the_token_of_a_link_that_is_over_still_opens_the_order(service: Service, clock: HandClock) -> None:
    link = make(service)
    started = service.initiate(request_of(link)).payment
    clock.forward(2 * HOUR)
    token = tokens.sign_link_token(link, service.settings.order_token_keys, clock.now() + 1000)
    claims = tokens.read_order_token(token, service.settings.order_token_keys, clock.now())
    assert (claims["orderId"], tokens.link_grant_of(claims)) == ("order-1", LinkGrant(link.link_id, link.expires_at))
    shown = service.track.current("order-1")
    assert shown is not None
    assert shown.reference == started.reference


def test_of_many_calls_at_once_one_makes_the_link(service: Service) -> None:
    with ThreadPoolExecutor(8) as calls:
        all_made = [calls.submit(service.links.create, "order-1", MONEY, "Two chairs", HOUR) for _ in range(8)]
        shown = [each.result() for each in all_made]
    assert len({it.link.link_id for it in shown}) == 1
    assert [it.replayed for it in shown].count(False) == 1


def test_two_links_of_one_order_are_never_open_together(service: Service) -> None:
    def ask(amount: int) -> str | None:
        try:
            return make(service, money=Money(amount, "XAF")).link_id
        except LinkExists:
            return None

    with ThreadPoolExecutor(8) as calls:
        made = [link_id for link_id in calls.map(ask, range(1000, 9000, 1000)) if link_id]
    assert len(made) == 1


class ClaimedTooLate(Ledger):
    """Has the shop cancel a link just before each claim, after initiate has read the order."""

    def __init__(self, service: Service, cancelled: str) -> None:
        super().__init__(service.ledger._table.client, service.settings.payments_table, service.clock)
        self._cancel = partial(service.links.cancel, cancelled)

    def claim(self, payment: Payment, order: Order, phone: Phone, key: str | None, check_at: int) -> Stored:
        self._cancel()
        return super().claim(payment, order, phone, key, check_at)


def test_no_prompt_goes_out_once_the_shop_is_told_that_the_link_is_cancelled(service: Service, shop: Shop) -> None:
    link = make(service)
    overtaken = rebuilt(service, ledger=ClaimedTooLate(service, link.link_id))
    with pytest.raises(LinkClosed):
        overtaken.initiate(request_of(link))
    assert not shop.transactions
    assert status(service, link) is LinkStatus.CANCELLED


def test_a_payment_and_a_cancellation_at_once_end_in_one_of_two_ways(service: Service, shop: Shop) -> None:
    link, together = make(service), Barrier(2)

    def pay() -> bool:
        together.wait()
        try:
            return not service.initiate(request_of(link)).replayed
        except LinkClosed:
            return False

    with ThreadPoolExecutor(1) as customer:
        paying = customer.submit(pay)
        together.wait()
        assert service.links.cancel(link.link_id).status is LinkStatus.CANCELLED
    assert len(shop.transactions) == int(paying.result())
    with pytest.raises(LinkClosed if not paying.result() else PaymentInProgress):
        service.initiate(request_of(link, "237699999999"))


@pytest.mark.parametrize("kind", ["lost-answer", "conflict"])
def test_trouble_with_the_ledger_makes_no_second_link(kind: str, service: Service, aws: EmbeddedAws) -> None:
    aws.faults.set({"operation": "TransactWriteItems", "kind": kind, "count": 1})
    link = make(service)
    assert service.ledger.order("order-1").link == link.link_id
    aws.faults.set({"operation": "TransactWriteItems", "kind": kind, "count": 1})
    assert service.links.cancel(link.link_id).status is LinkStatus.CANCELLED
    assert service.ledger.order("order-1").link is None


def test_a_link_row_is_forgotten_after_its_receipt(service: Service, dynamodb: Any) -> None:
    link = make(service)
    key = {"pk": {"S": f"link#{link.link_id}"}, "sk": {"S": "state"}}
    row = dynamodb.get_item(TableName=service.settings.payments_table, Key=key)["Item"]
    assert int(row[FORGOTTEN_BY_ATTRIBUTE]["N"]) * 1000 >= link.expires_at + KEPT_MS - 1000
