"""Tests the operators’ view of the figures in a real Chromium: how payments go, and what trying again has won."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from local.embedded import Valkey
from tests.browser.test_operator_page import ACT_KEY, VIEW_KEY, looks_well, sign_in
from tests.harness.browser import Chromium, Customer
from tests.harness.stack import OPERATOR_KEY, Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PAYS_WITHOUT_WEBHOOK, PAYS_BY_ORANGE, DECLINES = "237670000002", "237697780002", "237670000009"
"""DECLINES: in the simulator's own words for a lack of funds."""


def has_ended(stack: Stack, order_id: str, phone_number: str, status: str) -> None:
    stack.initiate(order_id, phone_number).raise_for_status()
    wait_until(lambda: stack.status(order_id)["status"] == status, f"{order_id} is {status}")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Has four payments of three orders: three paid, one of them without a webhook, and one declined."""
    keys = f"paul:act:{ACT_KEY},amina:view:{VIEW_KEY}"
    with Valkey() as redis, running(redis, OPERATOR_KEYS=keys) as system:
        has_ended(system, "figures-orange", PAYS_BY_ORANGE, "SUCCESSFUL")
        has_ended(system, "figures-again", DECLINES, "FAILED")
        has_ended(system, "figures-again", "237677780003", "SUCCESSFUL")
        has_ended(system, "figures-mtn", PAYS_WITHOUT_WEBHOOK, "SUCCESSFUL")
        wait_until(lambda: paid_of(system) == 3, "the rollups count them")
        yield system


@pytest.fixture
def operator(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin, "en-GB") as operator:
        yield operator


def paid_of(stack: Stack) -> int:
    shown = stack.session.get(f"{stack.api}/analytics", headers={"X-Api-Key": OPERATOR_KEY}, timeout=10).json()
    paid: int = shown["total"]["paid"]
    return paid


def test_the_owner_sees_how_payments_go_and_what_trying_again_has_won(operator: Customer, stack: Stack) -> None:
    page = sign_in(operator, stack, VIEW_KEY)
    page.get_by_role("navigation").get_by_role("link", name="Figures").click()
    table = page.locator("table.figures")
    expect(table.locator("thead th")).to_have_text(["Figure", "MTN", "Orange", "All"])
    for name, counts in {"started": "314", "paid": "213", "declined": "101", "further": "101"}.items():
        assert "".join(table.locator(f"[data-figure={name}] td").all_inner_texts()) == counts, name
    expect(table.locator("[data-figure=successRate] td").last).to_have_text("75%")
    expect(table.locator("[data-figure=webhooksMissing]")).to_contain_text("before CamPay told us")
    expect(page.locator(".bars li").first).to_contain_text("LOW_BALANCE")
    expect(page.locator("[data-before=declined]")).to_have_text("After a declined one1 of 1 paid")
    page.get_by_label("90 days").check()
    expect(page.locator("table.days tr[data-operator=Orange]")).to_have_count(1)
    assert "period=quarter" in page.url


def test_what_lacks_a_webhook_is_listed_and_said_on_the_day(operator: Customer, stack: Stack) -> None:
    page = sign_in(operator, stack, VIEW_KEY)
    navigation = page.get_by_role("navigation")
    navigation.get_by_role("link", name="Today").click()
    said = page.locator("[data-webhook=missing]")
    expect(said).to_contain_text("Our own checks found them", timeout=30_000)
    said.get_by_role("link").click()
    expect(page.locator("table.payments tbody th")).to_have_text(["figures-mtn"])
    navigation.get_by_role("link", name="Figures").click()
    page.get_by_label("Without a webhook: 1").first.click()
    expect(page.get_by_label("Webhook")).to_have_value("missing")
    expect(page.get_by_label("Operator")).to_have_value("MTN")
    expect(page.locator("table.payments tbody th")).to_have_text(["figures-mtn"])
    expect(page.get_by_role("status").filter(has_text="shown")).to_contain_text("· 1 phone ·")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_and_is_accessible(operator: Customer, stack: Stack, theme: Any, width: int) -> None:
    page = sign_in(operator, stack, VIEW_KEY)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{stack.origin}/operator#/analytics")
    page.locator("table.days").wait_for()
    looks_well(page, f"analytics-{width}-{theme}")
