"""Tests what a payment link is at each moment, and how it is named."""

from dataclasses import replace

import pytest

from chalicelib.domain.money import Money
from chalicelib.domain.payment_link import LinkStatus, PaymentLink, is_link_id, link_id_of

LINK = PaymentLink("a" * 26, "order-1", Money(5000, "XAF"), "Two chairs", created_at=1_000, expires_at=2_000)
CANCELLED = replace(LINK, cancelled_at=1_500)


@pytest.mark.parametrize(
    ("link", "now", "status"),
    [
        (LINK, 1_999, LinkStatus.OPEN),
        (LINK, 2_000, LinkStatus.EXPIRED),
        (CANCELLED, 1_600, LinkStatus.CANCELLED),
        (CANCELLED, 2_000, LinkStatus.CANCELLED),
    ],
)
def test_a_link_is_open_until_it_is_over_or_cancelled(link: PaymentLink, now: int, status: LinkStatus) -> None:
    assert link.status(now, order_is_paid=False) is status
    assert link.is_open(now) is (status is LinkStatus.OPEN)
    assert link.status(now, order_is_paid=True) is LinkStatus.PAID


def test_a_link_asks_for_one_amount_under_one_description() -> None:
    assert LINK.asks_for(Money(5000, "XAF"), "Two chairs")
    assert not LINK.asks_for(Money(5000, "XOF"), "Two chairs")
    assert not LINK.asks_for(Money(5000, "XAF"), "Three chairs")


def test_the_id_of_a_link_is_its_random_bits_in_small_letters() -> None:
    assert link_id_of(bytes(16)) == "a" * 26
    assert link_id_of(bytes([255] * 16)) == "7" * 25 + "4"
    assert is_link_id(link_id_of(bytes(range(16))))


@pytest.mark.parametrize("text", ["", "a" * 25, "a" * 27, "A" * 26, "1" * 26, "a" * 26 + "\n", "0" + "a" * 25])
def test_no_id_of_a_link(text: str) -> None:
    assert not is_link_id(text)
