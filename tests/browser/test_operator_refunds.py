"""Tests in a real Chromium that a person pays a duplicate back in two taps, and that the customer sees it at once."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from chalicelib.domain import contract
from local.embedded import Valkey
from tests.browser.test_operator_attention import approve, given_up, tracked
from tests.browser.test_operator_page import ACT_KEY, VIEW_KEY, looks_well, sign_in
from tests.harness.browser import CheckoutPage, Chromium, Customer, Order
from tests.harness.stack import Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

_NOBODY_ANSWERS = {"SIMULATOR_APPROVE_AFTER": "3600", "SIMULATOR_SLOW_APPROVE_AFTER": "3600"}
_CHECKED_WITHIN = 60_000
"""Milliseconds until a check has read what became of a refund; the first ones are due after 10, 20 and 30 s."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Runs a system that pays back, and whose customers do nothing by themselves."""
    keys = f"paul:act:{ACT_KEY},amina:view:{VIEW_KEY}"
    with Valkey() as redis, running(redis, OPERATOR_KEYS=keys, REFUNDS="true", **_NOBODY_ANSWERS) as system:
        yield system


@pytest.fixture
def customer(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin, "en-GB") as customer:
        yield customer


@pytest.fixture
def operator(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin, "en-GB") as operator:
        yield operator


def pays_twice(customer: Customer, stack: Stack, order: Order) -> tuple[CheckoutPage, str]:
    """Has a customer pay an order that an earlier attempt pays too. Returns the open screen and its payment."""
    earlier = given_up(stack, order.id)
    tab = customer.open(order.id)
    tab.pay(order.phone_number)
    tab.shows("checkPhone")
    reference = tab.page.inner_text(".bp-fact-reference code")
    approve(stack, earlier)
    tab.shows("orderPaidElsewhere")
    approve(stack, reference)
    tab.shows("duplicate")
    return tab, reference


def refund_of(stack: Stack, reference: str) -> str:
    """Returns CamPay's reference of the only refund of a payment."""
    (refund,) = tracked(stack, reference)["refunds"]
    (payout,) = stack.transactions(refund["reference"])
    return str(payout["reference"])


def pay_back(page: Page) -> Locator:
    """The button of the second look, which says how much."""
    return page.get_by_role("button", name=re.compile("^Pay back FCFA.5,000$"))


def test_a_duplicate_is_paid_back_in_two_taps_and_the_customer_sees_it(
    customer: Customer, operator: Customer, stack: Stack, order: Order
) -> None:
    tab, reference = pays_twice(customer, stack, order)
    page = sign_in(operator, stack, ACT_KEY)
    page.goto(f"{stack.origin}/operator#/payment/{reference}")
    expect(page.locator(".verdict")).to_contain_text("“Pay back” sends the money to the customer")
    page.get_by_role("button", name="Pay back").click()
    pay_back(page).click()

    expect(page.locator(".refunds li")).to_have_attribute("data-refund", "PENDING")
    expect(page.locator(".verdict")).to_contain_text("do not pay it back a second time")
    expect(page.get_by_role("button", name="Pay back")).to_have_count(0)
    expect(tab.page.locator(".bp-notice")).to_contain_text("On its way back to you")
    stack.resolve(refund_of(stack, reference), "SUCCESSFUL", webhook=False)

    expect(tab.page.locator(".bp-notice")).to_contain_text("Paid back to you", timeout=_CHECKED_WITHIN)
    assert contract.PAYMENT_REFUNDED in [name for name, _ in tab.screen.events]
    assert tab.screen.picture == "duplicate"
    assert tab.page.locator(".bp-receipt").is_visible()
    assert tab.faults_on_small_phone() == []
    expect(page.locator(".refunds li")).to_have_attribute("data-refund", "SUCCESSFUL")
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "paidTwiceSettled")
    expect(page.locator(".timeline")).to_contain_text("A person asked to pay back by paul")
    expect(page.locator(".customer-words p[lang=en]")).to_contain_text("back to you for order")
    assert tracked(stack, reference)["refundedAmount"] == 5000
    assert len(order.prompts) == 3, "two charges and one payout"


def test_what_somebody_else_has_paid_back_meanwhile_is_not_paid_back_again(
    customer: Customer, operator: Customer, stack: Stack, order: Order
) -> None:
    _, reference = pays_twice(customer, stack, order)
    tabs = [sign_in(operator, stack, ACT_KEY)]
    tabs.append(operator.prepare().page)
    for page in tabs:
        page.goto(f"{stack.origin}/operator#/payment/{reference}")
        page.get_by_role("button", name="Pay back").click()
        pay_back(page).wait_for()
    pay_back(tabs[0]).click()
    expect(tabs[0].locator(".refunds li")).to_have_count(1)
    pay_back(tabs[1]).click()
    expect(tabs[1].locator(".actions").get_by_role("status")).to_contain_text(
        "Nothing was done: this is its new state."
    )
    expect(tabs[1].locator(".refunds li")).to_have_count(1)
    wait_until(lambda: refund_of(stack, reference) != "", "CamPay has one payout")


def test_who_may_only_look_is_told_what_is_missing(
    customer: Customer, operator: Customer, stack: Stack, order: Order
) -> None:
    _, reference = pays_twice(customer, stack, order)
    page = sign_in(operator, stack, VIEW_KEY)
    page.goto(f"{stack.origin}/operator#/payment/{reference}")
    expect(page.locator(".verdict")).to_contain_text("that takes the right to act")
    assert page.locator(".actions").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_second_look_fits_and_is_accessible(
    customer: Customer, operator: Customer, stack: Stack, order: Order, theme: Any, width: int
) -> None:
    _, reference = pays_twice(customer, stack, order)
    page = sign_in(operator, stack, ACT_KEY)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{stack.origin}/operator#/payment/{reference}")
    page.get_by_role("button", name="Pay back").click()
    pay_back(page).wait_for()
    looks_well(page, f"refund-{width}-{theme}")
