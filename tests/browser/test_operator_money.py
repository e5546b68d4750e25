"""Tests the operators’ views of money and of the statement in a real Chromium: what came in, and who signs a night."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from chalicelib.adapters.campay.client import Campay
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.comparison import Comparison
from chalicelib.flows.compare_statement import CompareStatement
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings
from local.embedded import Valkey
from local.simulator.transactions import CAMEROON
from tests.browser.test_operator_page import ACT_KEY, OTHER_AMOUNT, VIEW_KEY, looks_well, sign_in
from tests.harness.browser import Chromium, Customer
from tests.harness.stack import OPERATOR_KEY, Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TOKEN = "permanent-token-of-the-test-with-enough-bytes"
_PHONES = itertools.count(237677780000)
_ORANGE_PHONES = itertools.count(237697780000)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    keys = f"paul:act:{ACT_KEY},amina:view:{VIEW_KEY}"
    with Valkey() as redis, running(redis, OPERATOR_KEYS=keys, CAMPAY_PERMANENT_ACCESS_TOKEN=TOKEN) as system:
        yield system


@pytest.fixture
def operator(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin, "en-GB") as operator:
        yield operator


def paid(stack: Stack, order_id: str, phone_number: int) -> None:
    stack.initiate(order_id, str(phone_number)).raise_for_status()
    wait_until(lambda: stack.status(order_id)["status"] == "SUCCESSFUL", "it is paid")


def api_of(stack: Stack) -> str:
    return stack.simulator.removesuffix("/simulator") + "/api"


def stray(stack: Stack) -> str:
    """Has money come to CamPay that is no payment of ours. Returns CamPay's reference."""
    body = {"amount": "700", "currency": "XAF", "from": str(next(_PHONES)), "description": "by hand"}
    headers = {"Authorization": f"Token {TOKEN}"}
    reference = requests.post(f"{api_of(stack)}/collect/", json=body, headers=headers, timeout=5).json()["reference"]

    def moved() -> bool:
        return any(it["reference"] == reference and it["moneyMoved"] for it in stack.transactions())

    wait_until(moved, "the customer has approved it")
    return str(reference)


def compare(stack: Stack) -> Comparison:
    """Compares today, as the nightly function does; all payments are settled, so that there is none to make good."""
    clock = Clock()
    client = stack.dynamodb()
    campay = Campay(CampaySettings(api_of(stack), (), permanent_token=TOKEN), clock)
    nobody: Any = None
    comparison = CompareStatement(campay, Ledger(client, "payments", clock), nobody, clock)(
        datetime.now(CAMEROON).date()
    )
    campay.close()
    client.close()
    return comparison


def money_of(stack: Stack) -> dict[str, Any]:
    shown = stack.session.get(f"{stack.api}/analytics", headers={"X-Api-Key": OPERATOR_KEY}, timeout=10).json()
    money: dict[str, Any] = shown["total"]["money"].get("XAF", {"gross": 0})
    return money


def total(page: Page, name: str) -> str:
    """Returns a total without the spaces between its digits."""
    return "".join(page.locator(f"[data-total={name}] b").inner_text().split())


def test_the_owner_sees_what_came_in_and_what_campay_kept(operator: Customer, stack: Stack) -> None:
    before = money_of(stack)["gross"]
    paid(stack, "money-mtn", next(_PHONES))
    paid(stack, "money-orange", next(_ORANGE_PHONES))
    wait_until(lambda: money_of(stack)["gross"] == before + 10_000, "the rollups count it")
    money = money_of(stack)
    page = sign_in(operator, stack, VIEW_KEY)
    page.get_by_role("navigation").get_by_role("link", name="Money").click()
    page.locator("table.money").wait_for()
    for name in ("gross", "fee", "net"):
        assert total(page, name) == f"FCFA{money[name]:,}"
    assert total(page, "charges") == str(money["charges"])
    assert money["fee"] == money["charges"] * 100
    expect(page.locator("[data-total=net]")).to_contain_text("gross less fee")
    expect(page.locator("tr[data-operator=Orange] .net")).to_contain_text("4,900")
    page.get_by_label("30 days").check()
    expect(page.locator("tr[data-operator=Orange] .net")).to_contain_text("4,900")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download (CSV)").click()
    header, *rows = saved.value.path().read_text("utf-8-sig").splitlines()
    assert header == "Day,Operator,Currency,Charges,Gross,CamPay’s fee,Net,Fees unknown"
    assert f"{datetime.now(CAMEROON).date()},Orange,XAF,1,5000,100,4900,0" in rows


def test_a_person_signs_the_differences_that_were_seen_and_no_others(operator: Customer, stack: Stack) -> None:
    stack.initiate("statement-differs", OTHER_AMOUNT).raise_for_status()
    wait_until(lambda: stack.status("statement-differs")["status"] == "CONFLICTED", "CamPay's record disagrees")
    first = stray(stack)
    count = compare(stack).difference_count
    page = sign_in(operator, stack, ACT_KEY)
    page.get_by_role("navigation").get_by_role("link", name="To handle").click()
    page.locator("[data-kind=statementDifference]").get_by_role("link").first.click()
    day = page.locator(f"[data-day='{datetime.now(CAMEROON).date()}']")
    expect(day.locator("h2")).to_contain_text(f"{count} to look at")
    expect(day.locator("[data-kind=missingHere]")).to_contain_text(first)
    expect(day.locator("[data-kind=amountDiffers]")).to_contain_text("CamPay says FCFA 4,999, the order asks for")
    day.get_by_role("button", name="Sign off").click()
    day.get_by_role("button", name="Confirm").click()
    expect(day.get_by_role("alert")).to_have_text("Give the reason.")
    day.get_by_label("Reason").fill("sold at the counter")

    second = stray(stack)
    compare(stack)
    day.get_by_role("button", name="Confirm").click()
    expect(day.get_by_role("alert")).to_contain_text("The differences have changed meanwhile")
    expect(day.locator("[data-kind=missingHere]")).to_contain_text(second)
    expect(day.locator(".signatures")).to_have_count(0)
    day.get_by_role("button", name="Confirm").click()
    expect(day.locator(".signatures")).to_contain_text("paul")
    expect(day.locator(".signatures")).to_contain_text("sold at the counter")
    expect(day.locator("h2")).to_contain_text(f"{count + 1} signed")
    expect(day.get_by_role("button", name="Sign off")).to_have_count(0)

    day.get_by_role("link", name="Payment").click()
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "differs")


def test_who_may_only_look_reads_the_night_and_cannot_sign(operator: Customer, stack: Stack) -> None:
    stray(stack)
    compare(stack)
    page = sign_in(operator, stack, VIEW_KEY)
    page.goto(f"{stack.origin}/operator#/statement")
    expect(page.locator("[data-day] h2")).to_contain_text("to look at")
    expect(page.get_by_role("button", name="Sign off")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_both_views_fit_and_are_accessible(operator: Customer, stack: Stack, theme: Any, width: int) -> None:
    paid(stack, f"fits-{theme}-{width}-mtn", next(_PHONES))
    paid(stack, f"fits-{theme}-{width}-orange", next(_ORANGE_PHONES))
    stray(stack)
    compare(stack)
    page = sign_in(operator, stack, ACT_KEY)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    for name, shown in (("money", "table.money"), ("statement", "[data-kind]")):
        page.goto(f"{stack.origin}/operator#/{name}")
        page.locator(shown).first.wait_for()
        looks_well(page, f"{name}-{width}-{theme}")
    page.get_by_role("button", name="Sign off").first.click()
    looks_well(page, f"statement-signing-{width}-{theme}")
