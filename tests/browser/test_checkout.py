"""Tests checkouts in a real Chromium on the whole system: the screen agrees with CamPay, which charges once."""

import re
import time
from collections.abc import Iterator

import pytest

from local.embedded import Valkey
from tests.harness.browser import PAID, PATIENCE, SMALL_PHONE, CheckoutPage, Chromium, Customer, Order
from tests.harness.stack import Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SOON = 3.0
"""Seconds within which the screen has to show CamPay's outcome."""
STEADY = {
    "PAYMENT_EXPIRES_SECONDS": "120",
    "SIMULATOR_APPROVE_AFTER": "4",
    "SIMULATOR_SLOW_APPROVE_AFTER": "600",
    "SIMULATOR_HOLD_SECONDS": "3",
    # The sweep's first check is due after 300 s: until then only the page's own reads recover a lost webhook.
    "CHECK_AGES_SECONDS": "300",
}
HASTY = {
    **STEADY,
    "PAYMENT_EXPIRES_SECONDS": "6",
    "SIMULATOR_LATE_AFTER": "12",
    "CHECK_AGES_SECONDS": ",".join(str(age) for age in range(1, 30)),
}


@pytest.fixture(scope="module")
def redis() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(scope="module")
def stack(redis: Valkey) -> Iterator[Stack]:
    with running(redis, **STEADY) as system:
        yield system


@pytest.fixture(scope="module")
def hasty_stack() -> Iterator[Stack]:
    """Runs a system in which a payment expires within seconds."""
    with Valkey() as redis, running(redis, **HASTY) as system:
        yield system


@pytest.fixture
def customer(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin) as customer:
        yield customer


@pytest.fixture
def page(customer: Customer, order: Order) -> CheckoutPage:
    return customer.open(order.id)


@pytest.fixture
def hasty_customer(chromium: Chromium, hasty_stack: Stack) -> Iterator[Customer]:
    with chromium.customer(hasty_stack.origin, "en-GB") as customer:
        yield customer


def assert_true(page: CheckoutPage, order: Order, *, prompts: int = 1) -> None:
    """Asserts that the screen says paid if and only if money moved, and that the order was charged once at most."""
    assert (page.screen.picture in PAID) is order.is_paid
    assert order.charges in ([], [5000])
    assert len(order.prompts) == prompts


def wait_for_decision(order: Order) -> None:
    wait_until(lambda: order.is_decided, "the customer has decided")


# What the customer decides


@pytest.mark.parametrize(("locale", "words"), [("fr-FR", "merci"), ("en-GB", "thank you")])
def test_success(chromium: Chromium, stack: Stack, order: Order, locale: str, words: str) -> None:
    with chromium.customer(stack.origin, locale) as customer:
        page = customer.open(order.id)
        page.pay("237677777777")
        page.shows("checkPhone")
        wait_for_decision(order)
        page.shows("approved", within=SOON)
        assert page.screen.pictures == ["sending", "checkPhone", "approved"]
        assert page.screen.language == locale[:2]
        assert words in page.screen.words
        wait_until(lambda: [version for _, version in page.screen.events[-3:]] == [3, 3, 3], "all its events came")
        assert_true(page, order)
        assert order.charges == [5000]


@pytest.mark.parametrize(
    ("number", "words"), [("237677777770", "Demande refusée sur le téléphone"), ("237670000009", "Solde insuffisant")]
)
def test_no_success(page: CheckoutPage, order: Order, number: str, words: str) -> None:
    page.pay(number)
    page.shows("checkPhone")
    wait_for_decision(order)
    page.shows("failed", within=SOON)
    assert words in page.screen.words
    assert_true(page, order)
    assert order.charges == []


def test_a_forged_webhook_changes_nothing(page: CheckoutPage, order: Order) -> None:
    page.pay("237670000007")
    wait_for_decision(order)
    page.shows("failed", within=SOON)
    assert page.screen.pictures == ["sending", "checkPhone", "failed"]
    assert_true(page, order)


def test_a_lost_webhook_is_recovered_while_the_page_is_open(page: CheckoutPage, order: Order) -> None:
    page.pay("237670000002")
    page.shows("checkPhone")
    wait_for_decision(order)
    page.shows("approved", within=20)
    assert_true(page, order)


# What time does


def test_expiry_and_retry(hasty_customer: Customer, hasty_stack: Stack) -> None:
    order = Order(hasty_stack)
    page = hasty_customer.open(order.id)
    page.pay(order.phone_number)
    page.shows("checkPhone")
    page.shows("expired", within=float(HASTY["PAYMENT_EXPIRES_SECONDS"]) + SOON)
    assert_true(page, order)
    page.retry()
    page.shows("checkPhone")
    order.approve()
    page.shows("approved", within=SOON)
    assert [prompt["moneyMoved"] for prompt in order.prompts] == [False, True]
    assert_true(page, order, prompts=2)


def test_a_late_success_after_expiry(hasty_customer: Customer, hasty_stack: Stack) -> None:
    order = Order(hasty_stack)
    page = hasty_customer.open(order.id)
    page.pay("237670000003")
    page.shows("checkPhone")
    page.shows("expired", within=float(HASTY["PAYMENT_EXPIRES_SECONDS"]) + SOON)
    wait_for_decision(order)
    page.shows("lateSuccess", within=SOON)
    assert_true(page, order)
    assert order.charges == [5000]


# What impatience does


def test_a_double_click_on_pay(page: CheckoutPage, order: Order) -> None:
    page.page.fill(".bp-phone", order.phone_number)
    page.page.dblclick(".bp-pay")
    page.shows("checkPhone")
    order.approve()
    page.shows("approved", within=SOON)
    assert_true(page, order)


def test_many_clicks_on_pay_in_one_moment(page: CheckoutPage, order: Order) -> None:
    page.page.fill(".bp-phone", order.phone_number)
    page.page.eval_on_selector(".bp-pay", "(pay) => { for (let click = 0; click < 20; click++) pay.click(); }")
    page.shows("checkPhone")
    order.approve()
    page.shows("approved", within=SOON)
    assert_true(page, order)


def test_a_reload_in_the_middle(page: CheckoutPage, order: Order) -> None:
    page.pay(order.phone_number)
    page.shows("checkPhone")
    page.page.reload()
    page.shows("checkPhone", within=SOON)
    order.approve()
    page.shows("approved", within=SOON)
    page.page.reload()
    page.shows("approved", within=SOON)
    assert_true(page, order)


def test_reloads_while_campay_keeps_us_waiting(page: CheckoutPage, order: Order, stack: Stack) -> None:
    """The first call's answer is lost with its page; the reloaded page repeats the same attempt."""
    stack.faults(collect=["timeout"])
    page.pay(order.phone_number)
    for _ in range(3):
        page.page.reload()
        page.page.wait_for_selector("section.bp-tracker")
    wait_until(lambda: bool(order.prompts), "the prompt is on the phone")
    order.approve()
    page.shows("approved", within=SOON)
    assert_true(page, order)


def test_two_tabs_of_one_order(customer: Customer, page: CheckoutPage, order: Order) -> None:
    """The second tab has no data of the first: its tap starts no second payment, and it then shows the first."""
    other = customer.open(order.id)
    page.pay(order.phone_number)
    page.shows("checkPhone")
    other.pay("237699999999")
    other.shows("checkPhone")
    order.approve()
    for each in (page, other):
        each.shows("approved", within=SOON)
        assert_true(each, order)


def test_a_customer_who_comes_back_in_a_new_tab(customer: Customer, page: CheckoutPage, order: Order) -> None:
    page.pay(order.phone_number)
    page.shows("checkPhone")
    page.page.close()
    back = customer.open(order.id)
    back.shows("checkPhone")
    order.approve()
    back.shows("approved", within=SOON)
    assert_true(back, order)
    customer.open(order.id).shows("approved", within=SOON)


def test_a_phone_that_has_a_prompt_is_refused_with_the_time_to_wait(customer: Customer, stack: Stack) -> None:
    first, second = Order(stack), Order(stack)
    page = customer.open(first.id)
    page.pay(first.phone_number)
    page.shows("checkPhone")
    other = customer.open(second.id)
    other.pay(first.phone_number)
    notice = other.notices()
    assert notice.startswith("Une demande de paiement est déjà sur ce téléphone")
    assert re.search(r"Réessayez dans [12]:\d\d\.$", notice), notice
    wait_until(lambda: other.screen.notice not in (None, notice), "it counts down")
    first.approve()
    page.shows("approved", within=SOON)
    other.pay(first.phone_number)
    other.shows("checkPhone")
    assert len(second.prompts) == 2, "one for each order"


def test_a_tab_and_its_duplicate(customer: Customer, page: CheckoutPage, order: Order) -> None:
    page.pay(order.phone_number)
    page.shows("checkPhone")
    other = customer.duplicate(page)
    other.shows("checkPhone", within=SOON)
    order.approve()
    page.shows("approved", within=SOON)
    other.shows("approved", within=SOON)
    assert_true(other, order)


# How the customer is there, and how not


@pytest.mark.parametrize("webhook", [True, False])
def test_a_tab_that_is_hidden_during_the_whole_payment(
    chromium: Chromium, stack: Stack, order: Order, webhook: bool
) -> None:
    """The customer is at the phone's prompt. A hidden tab reads nothing, so that showing it again has to."""
    with chromium.customer_with_real_tabs(stack.origin) as customer:
        page = customer.open(order.id)
        page.pay(order.phone_number)
        page.page.context.new_page()
        wait_until(page.is_hidden, "another tab is in front")
        page.shows("checkPhone")
        prompted = time.monotonic()
        order.approve(webhook=webhook)
        wait_until(lambda: time.monotonic() > prompted + 6, "CamPay may be asked again")
        assert page.is_hidden()
        page.page.bring_to_front()
        page.shows("approved", within=SOON)
        assert_true(page, order)


def test_a_slow_network(customer: Customer, order: Order) -> None:
    page = customer.prepare()
    page.slow_down()
    customer.go_to(page, order.id)
    page.pay(order.phone_number)
    page.shows("checkPhone", within=20)
    page.is_connected(within=20)
    order.approve()
    page.shows("approved", within=SOON)
    assert_true(page, order)


def test_the_payment_is_followed_by_reading_where_socket_io_client_does_not_come(
    customer: Customer, order: Order
) -> None:
    """It is a file of its own, which a weak network may lose when the form is there already."""
    customer.context.route("**/assets/esm-*.js", lambda route: route.abort())
    page = customer.open(order.id)
    page.pay(order.phone_number)
    page.shows("checkPhone")
    order.approve()
    page.shows("approved", within=PATIENCE + SOON)  # the longest pause between two reads
    assert page.connections == 0
    assert_true(page, order)


def test_a_keyboard_is_enough(page: CheckoutPage, order: Order) -> None:
    page.tab_to(".bp-phone")
    page.page.keyboard.type("6 77")
    page.tab_to(".bp-pay")
    page.page.keyboard.press("Enter")
    page.has_focus(".bp-phone[aria-invalid=true]")
    page.page.keyboard.type(" 77 77 70")
    page.tab_to(".bp-pay")
    page.page.keyboard.press("Enter")
    page.has_focus(".bp-title")
    page.shows("failed")
    page.tab_to(".bp-change-number")
    page.page.keyboard.press("Space")
    page.has_focus(".bp-phone")
    page.page.keyboard.press("ControlOrMeta+A")
    page.page.keyboard.type("677777777")
    page.page.keyboard.press("Enter")
    page.shows("approved")
    assert_true(page, order, prompts=2)
    page.tab_to(".bp-continue")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector(".bp-phone")
    assert order.id not in page.page.url


def test_the_page_fits_a_small_phone(page: CheckoutPage, order: Order) -> None:
    """Nothing scrolls sideways at a zoom of 200 %, each picture is accessible, and the amount needs no scrolling."""
    assert page.faults_on_small_phone() == []
    page.pay(order.phone_number)
    page.shows("checkPhone")
    assert page.faults_on_small_phone() == []
    assert page.bottom_of(".bp-amount") < SMALL_PHONE["height"]
    order.approve()
    page.shows("approved")
    assert page.faults_on_small_phone() == []
    assert page.page.locator("h1").count() == 1
    assert page.page.locator("[data-sonner-toast]").count() == 0, "a toast says what the tracker says"


def test_a_toast_says_what_the_tracker_out_of_sight_says(page: CheckoutPage, order: Order) -> None:
    page.page.set_viewport_size(SMALL_PHONE)
    page.pay(order.phone_number)
    page.shows("checkPhone")
    page.page.locator("#connection").scroll_into_view_if_needed()
    page.page.wait_for_function("document.querySelector('.bp-title').getBoundingClientRect().bottom < 0")
    order.approve()
    toast = page.page.locator("[data-sonner-toast]")
    toast.wait_for()
    assert toast.all_inner_texts() == ["Paiement reçu, merci\u00a0!"]
