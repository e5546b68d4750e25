"""Tests outages in a real Chromium on the whole system: once they end, the screen is correct again."""

import time
from collections.abc import Iterator

import pytest

from local.embedded import Valkey, free_port
from tests.harness.browser import PAID, CheckoutPage, Chromium, Customer, Order
from tests.harness.stack import SpareGateway, Stack, running, wait_until
from tests.harness.weak_link import WeakLink

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SOON = 3.0
"""Seconds within which the screen has to be correct again."""
SETTINGS = {
    "PAYMENT_EXPIRES_SECONDS": "120",
    "SIMULATOR_SLOW_APPROVE_AFTER": "600",
    # The sweep's first check is due after 300 s: until then only reads by the page and the gateway recover changes.
    "CHECK_AGES_SECONDS": "300",
}


@pytest.fixture(scope="module")
def redis() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(scope="module")
def gateway_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def link(gateway_port: int) -> Iterator[WeakLink]:
    with WeakLink(gateway_port) as link:
        yield link


@pytest.fixture(scope="module")
def origin(link: WeakLink) -> str:
    return f"http://localhost:{link.port}"


@pytest.fixture(scope="module")
def stack(redis: Valkey, origin: str) -> Iterator[Stack]:
    with running(redis, FRONTEND_URL=origin, **SETTINGS) as system:
        yield system


@pytest.fixture(scope="module")
def gateway(stack: Stack, redis: Valkey, gateway_port: int, origin: str) -> Iterator[SpareGateway]:
    with SpareGateway(stack, redis, gateway_port, origin) as gateway:
        yield gateway


@pytest.fixture
def customer(chromium: Chromium, gateway: SpareGateway) -> Iterator[Customer]:
    with chromium.customer(gateway.origin) as customer:
        yield customer


@pytest.fixture
def page(customer: Customer, order: Order) -> CheckoutPage:
    return waiting_for_pin(customer, order)


def waiting_for_pin(customer: Customer, order: Order) -> CheckoutPage:
    page = customer.open(order.id)
    page.pay(order.phone_number)
    page.shows("checkPhone")
    page.is_connected()
    return page


def assert_paid_once(page: CheckoutPage, order: Order) -> None:
    assert page.screen.picture in PAID
    assert order.charges == [5000]
    assert len(order.prompts) == 1


def test_the_gateway_is_killed_and_comes_back(page: CheckoutPage, order: Order, gateway: SpareGateway) -> None:
    """The gateway is away until all retry delays are at their longest; the approval is then pushed."""
    gateway.kill()
    page.loses_connection()
    page.page.wait_for_timeout(8_000)
    assert page.screen.picture == "checkPhone"
    gateway.start()
    page.is_connected()
    before = len(page.screen.events)
    order.approve()
    page.shows("approved", within=SOON)
    wait_until(lambda: len(page.screen.events) > before, "it was pushed")
    assert_paid_once(page, order)


def test_the_customer_approves_while_the_gateway_is_away(
    page: CheckoutPage, order: Order, gateway: SpareGateway
) -> None:
    gateway.kill()
    page.loses_connection()
    order.approve()
    gateway.start()
    page.shows("approved", within=SOON)
    page.is_connected()
    assert_paid_once(page, order)


def test_redis_stops_and_comes_back(page: CheckoutPage, order: Order, redis: Valkey, stack: Stack) -> None:
    redis.stop()
    wait_until(lambda: stack.health() == "degraded", "the loss was noticed")
    order.approve()
    wait_until(lambda: stack.status(order.id)["status"] == "SUCCESSFUL", "our side knows")
    redis.start()
    page.shows("approved", within=SOON)
    wait_until(lambda: stack.health() == "healthy", "everything is as before")
    assert_paid_once(page, order)


def test_redis_hangs(page: CheckoutPage, order: Order, stack: Stack) -> None:
    """Redis keeps its connections and answers none, by the page's own button."""
    page.what_if("Redis hangs for 15 s")
    hung = time.monotonic()
    wait_until(lambda: stack.health() == "degraded", "the hang was noticed")
    page.what_if("the customer approves now")
    page.shows("approved", within=15 + SOON - (time.monotonic() - hung))
    assert_paid_once(page, order)
    wait_until(lambda: stack.health() == "healthy", "everything is as before", 20)


def test_the_socket_is_cut(page: CheckoutPage, order: Order) -> None:
    page.what_if("the socket is cut")
    wait_until(lambda: page.connections == 2, "the browser is back")
    page.what_if("the customer approves now")
    page.shows("approved", within=SOON)
    page.what_if("ask CamPay")
    page.page.wait_for_selector('#truth[data-status="SUCCESSFUL"]')
    assert_paid_once(page, order)


def test_the_next_webhook_is_lost(page: CheckoutPage, order: Order) -> None:
    with page.page.expect_response("**/simulator/faults"):
        page.what_if("the next webhook is lost")
    page.what_if("the customer approves now")
    wait_until(lambda: bool(order.charges), "money has moved")
    page.page.wait_for_timeout(6_000)
    assert page.screen.picture == "checkPhone", "nothing can have told"
    page.what_if("read again")
    page.shows("approved", within=SOON)
    assert_paid_once(page, order)


def test_a_tap_without_a_network_sends_nothing_until_it_is_back(customer: Customer, order: Order) -> None:
    page = customer.open(order.id)
    customer.lose_network()
    page.pay(order.phone_number)
    page.shows("unsent")
    assert "Rien n’a encore été envoyé" in page.screen.words
    page.cancel()
    page.page.wait_for_selector(".bp-phone")
    page.pay(order.phone_number)
    page.shows("unsent")
    assert order.prompts == []
    customer.regain_network()
    page.shows("checkPhone")
    order.approve()
    page.shows("approved", within=SOON)
    assert_paid_once(page, order)


def test_a_tap_while_the_api_is_away_may_be_cancelled_or_goes_by_itself(customer: Customer, order: Order) -> None:
    page = customer.open(order.id)
    customer.lose_api()
    page.pay("237699999999")
    page.shows("unsent")
    page.cancel()
    page.page.wait_for_selector(".bp-phone")
    page.pay(order.phone_number)
    page.shows("unsent")
    assert "unknown" not in page.screen.pictures
    customer.regain_api()
    page.shows("checkPhone")
    order.approve()
    page.shows("approved", within=SOON)
    assert_paid_once(page, order)


def test_a_browser_that_was_offline_for_half_a_minute(page: CheckoutPage, order: Order, customer: Customer) -> None:
    customer.lose_network()
    page.page.wait_for_timeout(15_000)
    order.approve()
    page.page.wait_for_timeout(15_000)
    assert page.screen.picture == "checkPhone", "nothing can have come"
    customer.regain_network()
    page.shows("approved", within=SOON)
    assert_paid_once(page, order)


def test_a_browser_that_comes_back_in_another_network(
    page: CheckoutPage, order: Order, customer: Customer, link: WeakLink
) -> None:
    """The old connection looks alive and is dead. The screen is correct sooner than the page's own read."""
    customer.lose_network()
    link.strand()
    order.approve()
    page.page.wait_for_timeout(7_000)
    assert page.screen.picture == "checkPhone", "nothing can have come"
    customer.regain_network()
    page.shows("approved", within=SOON)
    wait_until(lambda: page.connections == 2, "it has connected again", 20)
    assert_paid_once(page, order)


def test_a_phone_that_slept(
    chromium: Chromium, gateway: SpareGateway, order: Order, link: WeakLink, stack: Stack
) -> None:
    """The browser gets no notice that its connection is dead, and has to test it when the page is shown again."""
    with chromium.customer_with_real_tabs(gateway.origin) as customer:
        page = waiting_for_pin(customer, order)
        page.page.context.new_page()
        wait_until(page.is_hidden, "another tab is in front")
        link.strand()
        order.approve()
        wait_until(lambda: stack.status(order.id)["status"] == "SUCCESSFUL", "our side knows")
        assert page.screen.picture == "checkPhone", "nothing can have come"
        page.page.bring_to_front()
        page.shows("approved", within=SOON)
        wait_until(lambda: page.connections == 2, "it has connected again", 20)
        assert_paid_once(page, order)
