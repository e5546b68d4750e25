"""Tests unanswered prompts in a real Chromium on the whole system: the customer can give up, and no money is lost."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.embedded import Valkey
from tests.harness.browser import CheckoutPage, Chromium, Customer, Order
from tests.harness.stack import Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SETTINGS = {
    "PAYMENT_EXPIRES_SECONDS": "900",
    "SIMULATOR_SLOW_APPROVE_AFTER": "600",
    # The sweep's first check is due after 300 s: until then only the page's calls read CamPay's record.
    "CHECK_AGES_SECONDS": "300",
}
ASKED_WITHIN = 60.0
"""Seconds until the page must have asked; it asks after 45."""


class OrderAmongOthers(Order):
    """An order that is told from concurrent ones by its two phone numbers."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.other_number = Order(stack).phone_number

    @property
    def prompts(self) -> list[dict[str, Any]]:
        numbers = (self.phone_number, self.other_number)
        return [prompt for prompt in super().prompts if prompt["phoneNumber"] in numbers]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Valkey() as redis, running(redis, **SETTINGS) as system:
        yield system


@pytest.fixture(scope="module")
def waiting(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Iterator[tuple[CheckoutPage, OrderAmongOthers]]]:
    """Opens a tab for each test. All wait together until the page asks whether the prompt arrived."""

    def start(customer: Customer) -> tuple[CheckoutPage, OrderAmongOthers]:
        order = OrderAmongOthers(stack)
        page = customer.open(order.id)
        page.pay(order.phone_number)
        page.shows("checkPhone")
        return page, order

    tests = [item for item in request.session.items if item.path == request.path]
    with Chromium() as chromium, chromium.customer(stack.origin, "en-GB") as customer:
        yield iter([start(customer) for _ in tests])


@pytest.fixture
def page_and_order(
    waiting: Iterator[tuple[CheckoutPage, OrderAmongOthers]],
) -> Iterator[tuple[CheckoutPage, OrderAmongOthers]]:
    page, order = next(waiting)
    page.page.bring_to_front()
    page.page.wait_for_selector(".bp-question", timeout=ASKED_WITHIN * 1000)
    yield page, order
    page.page.close()


@pytest.fixture
def page(page_and_order: tuple[CheckoutPage, OrderAmongOthers]) -> CheckoutPage:
    return page_and_order[0]


@pytest.fixture
def order(page_and_order: tuple[CheckoutPage, OrderAmongOthers]) -> OrderAmongOthers:
    return page_and_order[1]


def test_one_that_was_refused_is_given_up_and_tried_again(page: CheckoutPage, order: OrderAmongOthers) -> None:
    page.page.click(".bp-give-up")
    page.shows("givenUp")
    page.retry()
    page.shows("checkPhone")
    order.approve()
    page.shows("approved")
    assert [prompt["moneyMoved"] for prompt in order.prompts] == [False, True]


def test_the_number_is_changed(page: CheckoutPage, order: OrderAmongOthers) -> None:
    page.page.click(".bp-change-number")
    page.page.wait_for_selector(".bp-phone")
    assert page.page.input_value(".bp-phone") == order.phone_number
    page.pay(order.other_number)
    page.shows("checkPhone")
    order.approve()
    page.shows("approved")
    assert [prompt["moneyMoved"] for prompt in order.prompts] == [False, True]


@pytest.mark.parametrize("button", [".bp-give-up", ".bp-change-number"])
def test_one_that_was_approved_is_shown_as_paid(page: CheckoutPage, order: OrderAmongOthers, button: str) -> None:
    order.approve(webhook=False)
    page.page.click(button)
    page.shows("approved")
    assert order.charges == [5000]


def test_an_approval_after_it_is_shown_as_late(page: CheckoutPage, order: OrderAmongOthers) -> None:
    page.page.click(".bp-give-up")
    page.shows("givenUp")
    order.approve()
    page.shows("lateSuccess")
    assert order.charges == [5000]


def test_an_approval_at_the_form_is_shown(page: CheckoutPage, order: OrderAmongOthers) -> None:
    page.page.click(".bp-change-number")
    page.page.wait_for_selector(".bp-phone")
    order.approve()
    page.shows("lateSuccess")
    assert order.charges == [5000]


def test_an_approval_of_the_first_prompt_stops_the_second(
    page: CheckoutPage, order: OrderAmongOthers, stack: Stack
) -> None:
    page.page.click(".bp-give-up")
    page.shows("givenUp")
    page.retry()
    page.shows("checkPhone")
    stack.resolve(order.prompts[0]["reference"], "SUCCESSFUL", webhook=True)
    page.shows("orderPaidElsewhere")
    assert order.charges == [5000]


def test_where_campay_cannot_be_asked_nothing_ends(page: CheckoutPage, order: OrderAmongOthers, stack: Stack) -> None:
    stack.faults(transaction=["502"] * 50)
    page.page.click(".bp-give-up")
    wait_until(lambda: "could not check" in page.screen.words, "it is told")
    assert page.screen.picture == "checkPhone"
    stack.faults(transaction=["ok"])
    page.page.click(".bp-give-up")
    page.shows("givenUp")
    assert order.charges == []
