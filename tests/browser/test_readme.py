"""Runs the README's steps into a shop as they stand, in a real Chromium on the whole system.

The shop's page is nothing but the code of steps 3 and 4, with the official Socket.IO client; its order is signed by the
code of step 1.
"""

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from playwright.sync_api import Page

from local.embedded import Valkey
from tests import ROOT
from tests.harness.browser import PATIENCE, Chromium, Order
from tests.harness.folder_server import serving
from tests.harness.markdown import blocks
from tests.harness.stack import Stack, running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

README = (ROOT / "README.md").read_text("utf-8")
SOCKET_IO = ROOT / "frontend" / "node_modules" / "socket.io-client" / "dist" / "socket.io.js"
ORDER_TOKEN_KEY = "order-token-key-of-the-test-with-enough-bytes"
DECLINES = "237677777770"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serves a page without content; yields its origin."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "index.html").touch()
    with serving(folder) as origin:
        yield origin


@pytest.fixture(scope="module")
def stack(shop: str) -> Iterator[Stack]:
    settings = {"SIMULATOR_SLOW_APPROVE_AFTER": "600", "CHECK_AGES_SECONDS": "300"}
    with Valkey() as redis, running(redis, FRONTEND_URL=shop, ORDER_TOKEN_KEY=ORDER_TOKEN_KEY, **settings) as system:
        yield system


@pytest.fixture
def page(chromium: Chromium, shop: str, stack: Stack, order: Order) -> Iterator[Page]:
    """Opens the shop's page, which notes what it is to show."""
    known = f"""
        const apiUrl = "{stack.api.removesuffix("/api/payment")}", gatewayUrl = "{stack.gateway}";
        const orderToken = "{signed(order.id)}";
        const shown = [], show = ({{ status, version }}) => shown.push(`${{status}} ${{version}}`);
    """
    with chromium.customer(shop) as customer:
        page = customer.context.new_page()
        page.goto(shop)
        page.add_script_tag(path=SOCKET_IO)
        for script in (known, *blocks(README, "js")):
            page.add_script_tag(content=script)
        yield page


def signed(order_id: str) -> str:
    """Returns the order token that the code of step 1 makes."""
    (code,) = blocks(README, "python")
    names: dict[str, Any] = {"jwt": jwt, "time": time, "ORDER_TOKEN_KEY": ORDER_TOKEN_KEY}
    exec(code.replace('"order-1"', repr(order_id)), names)  # noqa: S102 - it is the README's own
    return str(names["order_token"])


def pay(page: Page, *phone_numbers: str) -> None:
    """Taps on Pay, as often as there are numbers, without waiting for an answer."""
    page.evaluate("numbers => Promise.all(numbers.map((number) => pay(number)))", list(phone_numbers))


def shows(page: Page, status: str) -> None:
    page.wait_for_function("status => shown.some((it) => it.startsWith(status))", arg=status, timeout=PATIENCE * 1000)


def test_two_taps_are_one_payment_and_its_page_sees_each_change(page: Page, order: Order) -> None:
    pay(page, order.phone_number, order.phone_number)
    shows(page, "PENDING")
    order.approve()
    shows(page, "SUCCESSFUL")
    assert len(order.prompts) == 1
    assert order.charges == [5000]


def test_a_further_attempt_after_a_decline_pays_the_order_once(page: Page, order: Order) -> None:
    pay(page, DECLINES)
    shows(page, "FAILED")
    pay(page, order.phone_number)
    shows(page, "PENDING")
    order.approve()
    shows(page, "SUCCESSFUL")
    assert [prompt["status"] for prompt in order.prompts] == ["FAILED", "SUCCESSFUL"]
    assert order.charges == [5000]


def test_after_a_refusal_that_was_recorded_the_next_attempt_is_a_new_one(
    page: Page, stack: Stack, order: Order
) -> None:
    stack.faults(collect=["filter"])
    pay(page, order.phone_number)
    pay(page, order.phone_number)
    shows(page, "PENDING")
    order.approve()
    shows(page, "SUCCESSFUL")
    assert order.charges == [5000]
