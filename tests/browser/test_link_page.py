"""Tests the page of a payment link in a real Chromium on the whole system: from link to receipt, charged once."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, ViewportSize

from chalicelib.adapters.ledger.attributes import key_of, to_attributes
from chalicelib.runtime.clock import Clock
from local.embedded import Valkey
from tests.harness.browser import AXE, PATIENCE, TOO_WIDE, Chromium, Customer, Order
from tests.harness.stack import Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SETTINGS = {
    "SIMULATOR_SLOW_APPROVE_AFTER": "600",
    "CHECK_AGES_SECONDS": "300",
    "MERCHANT_NAME": "Chez Awa",
    "MERCHANT_SUPPORT": "+237 6 99 00 11 22",
}
ENDS_IN_MS = 8_000
"""Long enough for the page to show its form."""
SMALLEST_PHONE: ViewportSize = {"width": 320, "height": 568}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Valkey() as redis, running(redis, **SETTINGS) as system:
        yield system


@pytest.fixture
def phone(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin) as customer:
        yield customer


@pytest.fixture
def other_phone(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin) as customer:
        yield customer


def make_link(stack: Stack, order: Order) -> dict[str, Any]:
    body = {"orderId": order.id, "amount": 5000, "currency": "XAF", "description": "Deux chaises"}
    reply = stack.session.post(f"{stack.api}/links", json=body, timeout=10)
    assert reply.status_code == 201, reply.text
    link: dict[str, Any] = reply.json()
    return link


def cancel(stack: Stack, link: dict[str, Any]) -> None:
    assert stack.session.delete(f"{stack.api}/links/{link['linkId']}", timeout=10).json()["status"] == "cancelled"


def ends_soon(stack: Stack, link: dict[str, Any]) -> None:
    """Has the link end in a few seconds. The API makes none that is good for less than five minutes."""
    client = stack.dynamodb()
    client.update_item(
        TableName="payments",
        Key=to_attributes(key_of(f"link#{link['linkId']}")),
        UpdateExpression="SET expiresAt = :soon",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues={":soon": {"N": str(Clock().now() + ENDS_IN_MS)}},
    )
    client.close()


def status_of(stack: Stack, link: dict[str, Any]) -> str:
    return str(stack.session.get(f"{stack.api}/links/{link['linkId']}", timeout=10).json()["status"])


def opened(customer: Customer, link: dict[str, Any]) -> Page:
    page = customer.context.new_page()
    page.set_viewport_size(SMALLEST_PHONE)
    page.goto(link["url"])
    return page


def shows(page: Page, selector: str) -> None:
    page.wait_for_selector(selector, timeout=PATIENCE * 1000)


def pay(page: Page, phone_number: str) -> None:
    page.fill(".bp-phone", phone_number)
    page.click(".bp-pay")


def is_for_everybody(page: Page) -> None:
    """Asserts that the page has no sideways scroll, and that axe finds nothing, best practices included."""
    assert not page.evaluate(TOO_WIDE)
    page.evaluate(AXE)
    violations: list[dict[str, Any]] = page.evaluate("axe.run(document)")["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations]


def test_from_the_link_to_the_receipt_though_the_tab_was_closed(phone: Customer, stack: Stack, order: Order) -> None:
    link = make_link(stack, order)
    page = opened(phone, link)
    shows(page, ".bp-phone")
    words = page.inner_text("main")
    assert all(word in words for word in ("Chez Awa", "Deux chaises", order.id, "5\u202f000")), words
    is_for_everybody(page)
    pay(page, order.phone_number)
    shows(page, "[data-picture=checkPhone]")
    is_for_everybody(page)
    page.close()
    page = opened(phone, link)
    shows(page, "[data-picture=checkPhone]")
    order.approve()
    shows(page, "[data-picture=approved]")
    assert order.id in page.inner_text(".bp-facts")
    shows(page, ".bp-print")
    is_for_everybody(page)
    assert order.charges == [5000]


def test_opened_on_two_phones_it_charges_once(
    phone: Customer, other_phone: Customer, stack: Stack, order: Order
) -> None:
    """The second phone knows nothing of the first one's payment when it pays, and is shown it then."""
    link = make_link(stack, order)
    first, second = opened(phone, link), opened(other_phone, link)
    shows(second, ".bp-phone")
    pay(first, order.phone_number)
    shows(first, "[data-picture=checkPhone]")
    pay(second, "237699999999")
    shows(second, "[data-picture=checkPhone]")
    order.approve()
    for page in (first, second):
        shows(page, "[data-picture=approved]")
    assert len(order.prompts) == 1
    assert order.charges == [5000]


def test_a_paid_link_shows_its_receipt_and_no_form(
    phone: Customer, other_phone: Customer, stack: Stack, order: Order
) -> None:
    link = make_link(stack, order)
    page = opened(phone, link)
    pay(page, order.phone_number)
    shows(page, "[data-picture=checkPhone]")
    order.approve()
    shows(page, "[data-picture=approved]")
    again = opened(other_phone, link)
    shows(again, "[data-picture=approved]")
    assert again.query_selector(".bp-phone") is None


def test_a_link_that_is_cancelled_while_its_page_is_open_starts_nothing(
    phone: Customer, stack: Stack, order: Order
) -> None:
    link = make_link(stack, order)
    page = opened(phone, link)
    shows(page, ".bp-phone")
    cancel(stack, link)
    pay(page, order.phone_number)
    shows(page, ".bp-problem")
    page.reload()
    shows(page, ".over")
    assert "annulé" in page.inner_text(".over")
    assert page.query_selector(".bp-phone") is None
    is_for_everybody(page)
    assert order.prompts == []


def test_a_link_whose_time_ends_while_its_page_is_open_starts_nothing(
    phone: Customer, stack: Stack, order: Order
) -> None:
    link = make_link(stack, order)
    ends_soon(stack, link)
    page = opened(phone, link)
    shows(page, ".bp-phone")
    wait_until(lambda: status_of(stack, link) == "expired", "the link's time is over", seconds=30)
    pay(page, order.phone_number)
    shows(page, ".bp-problem")
    assert "plus valable" in page.inner_text(".bp-problem")
    page.reload()
    shows(page, ".over")
    assert "plus valable" in page.inner_text(".over")
    assert page.query_selector(".bp-phone") is None
    is_for_everybody(page)
    assert order.prompts == []


def test_a_payment_goes_on_though_its_link_is_cancelled(phone: Customer, stack: Stack, order: Order) -> None:
    link = make_link(stack, order)
    page = opened(phone, link)
    pay(page, order.phone_number)
    shows(page, "[data-picture=checkPhone]")
    cancel(stack, link)
    page.reload()
    shows(page, "[data-picture=checkPhone]")
    order.approve()
    shows(page, "[data-picture=approved]")
    assert order.charges == [5000]


def test_a_further_attempt_after_a_decline(phone: Customer, stack: Stack, order: Order) -> None:
    page = opened(phone, make_link(stack, order))
    pay(page, "237677777770")
    shows(page, "[data-picture=failed]")
    page.click(".bp-change-number")
    pay(page, "237677777777")
    shows(page, "[data-picture=approved]")
    assert [prompt["status"] for prompt in order.prompts] == ["FAILED", "SUCCESSFUL"]
    assert order.charges == [5000]


def test_an_address_without_a_link_says_so(phone: Customer, stack: Stack) -> None:
    page = opened(phone, {"url": f"{stack.api.removesuffix('/api/payment')}/pay/{'a' * 26}"})
    shows(page, "main p")
    assert "n’existe" in page.inner_text("main")
    is_for_everybody(page)


def test_a_page_that_reaches_nothing_says_so_and_tries_again(phone: Customer, stack: Stack, order: Order) -> None:
    """Where the server could not read the link, the page asks for it, as often as the customer wants."""
    link = make_link(stack, order)
    page = phone.context.new_page()
    page.set_viewport_size(SMALLEST_PHONE)
    page.route(link["url"], _without_link)
    phone.lose_api()
    page.goto(link["url"])
    shows(page, "button")
    is_for_everybody(page)
    phone.regain_api()
    page.click("button")
    shows(page, ".bp-phone")


def _without_link(route: Route) -> None:
    """Serves the page as it is where the ledger is away."""
    reply = route.fetch()
    before, rest = reply.text().split('id="served">', 1)
    route.fulfill(response=reply, body=f'{before}id="served">null</script>{rest.split("</script>", 1)[1]}')
