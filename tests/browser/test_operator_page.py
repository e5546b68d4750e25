"""Tests the operators' page in a real Chromium on the whole system: a payment is found, understood and decided."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from local.embedded import Valkey
from tests import ROOT
from tests.harness.browser import Chromium, Customer
from tests.harness.stack import Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

ACT_KEY = "key-of-paul-who-acts-with-enough-bytes"
VIEW_KEY = "key-of-amina-who-looks-with-enough-bytes"
OTHER_AMOUNT = "237670000006"
"""The simulator charges another amount than was asked for."""
REASON = "rest paid in cash"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    keys = f"paul:act:{ACT_KEY},amina:view:{VIEW_KEY}"
    with Valkey() as redis, running(redis, OPERATOR_KEYS=keys) as system:
        yield system


@pytest.fixture
def operator(chromium: Chromium, stack: Stack) -> Iterator[Customer]:
    with chromium.customer(stack.origin, "en-GB") as operator:
        yield operator


def conflicted(stack: Stack, order_id: str) -> dict[str, Any]:
    stack.initiate(order_id, OTHER_AMOUNT).raise_for_status()
    wait_until(lambda: stack.status(order_id)["status"] == "CONFLICTED", "CamPay's record disagrees")
    return stack.status(order_id)


def sign_in(operator: Customer, stack: Stack, key: str) -> Page:
    page = operator.prepare().page
    page.goto(f"{stack.origin}/operator")
    page.get_by_label("Your key").fill(key)
    page.keyboard.press("Enter")
    page.get_by_label("What has the customer given you?").wait_for()
    return page


def small_picture(page: Page) -> bytes:
    """Returns the whole page as WebP, as docs/operator keeps it."""
    options = {"format": "webp", "quality": 70, "captureBeyondViewport": True}
    return base64.b64decode(page.context.new_cdp_session(page).send("Page.captureScreenshot", options)["data"])


def looks_well(page: Page, name: str) -> None:
    """Keeps a picture of the page, and checks that it fits the screen and is accessible."""
    folder = ROOT / "frontend" / "screenshots" / "operator"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
    (folder / f"{name}.webp").write_bytes(small_picture(page))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    page.evaluate((ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    violations = page.evaluate("axe.run(document)")["violations"]
    assert [(it["id"], [node["html"][:120] for node in it["nodes"]]) for it in violations] == [], name


def test_a_conflicted_payment_is_found_by_its_sms_understood_and_resolved(operator: Customer, stack: Stack) -> None:
    payment = conflicted(stack, "page-conflicted")
    page = sign_in(operator, stack, ACT_KEY)
    sms = f"You have paid BRAIDSTER. Financial Transaction Id: {payment['operatorReference']}. Balance: 12,450 XAF."
    page.get_by_label("What has the customer given you?").fill(sms)
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "differs")
    expect(page.locator(".difference").first).to_contain_text("the order asks for")
    expect(page.locator("section.bp-tracker")).to_have_attribute("data-picture", "underReview")

    page.get_by_role("button", name="Decide").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a decision.")
    page.get_by_label("Accept: the order is paid").check()
    page.get_by_label("Reason").fill(REASON)
    page.get_by_role("button", name="Confirm").click()

    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "reviewedPaid")
    expect(page.locator(".acts")).to_contain_text("paul")
    expect(page.locator(".acts")).to_contain_text(REASON)
    expect(page.locator(".timeline li").last).to_contain_text("by paul")
    assert stack.status("page-conflicted")["status"] == "SUCCESSFUL"
    kept = page.evaluate("JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.cookie])")
    assert ACT_KEY not in kept
    assert payment["operatorReference"] not in kept
    assert ACT_KEY not in stack.log()


def test_who_may_only_look_sees_no_action_and_a_direct_call_is_refused(operator: Customer, stack: Stack) -> None:
    payment = conflicted(stack, "page-viewed")
    page = sign_in(operator, stack, VIEW_KEY)
    page.goto(f"{stack.origin}/operator#/payment/{payment['reference']}")
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "differs")
    assert page.locator(".actions").count() == 0
    url = f"{stack.api.replace('127.0.0.1', 'localhost')}/operator/{payment['reference']}/recheck"
    call = """async (url) => (await fetch(url, {
      method: "POST", credentials: "include", headers: {"X-Requested-With": "fetch"} })).status"""
    assert page.evaluate(call, url) == 403
    assert stack.status("page-viewed")["status"] == "CONFLICTED"


def test_a_session_that_ends_asks_for_the_key_and_the_person_goes_on(operator: Customer, stack: Stack) -> None:
    payment = conflicted(stack, "page-expired")
    page = sign_in(operator, stack, ACT_KEY)
    page.goto(f"{stack.origin}/operator#/payment/{payment['reference']}")
    page.get_by_role("button", name="Decide").click()
    page.get_by_label("Reason").fill(REASON)
    page.get_by_label("Accept: the order is paid").check()
    operator.context.clear_cookies()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    expect(page.locator(".verdict")).to_be_hidden()
    page.get_by_label("Your key").fill(ACT_KEY)
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "reviewedPaid")


def test_filters_stand_in_the_address_and_the_way_back_leads_past_them(operator: Customer, stack: Stack) -> None:
    payment = conflicted(stack, "page-filtered")
    page = sign_in(operator, stack, VIEW_KEY)
    page.get_by_role("navigation").get_by_role("link", name="Payments").click()
    row = page.get_by_role("link", name=payment["orderId"])
    row.wait_for()
    page.get_by_label("State").select_option("EXPIRED")
    row.wait_for(state="detached")
    page.get_by_label("State").select_option("CONFLICTED")
    row.click()
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "differs")
    page.go_back()
    expect(page.get_by_label("State")).to_have_value("CONFLICTED")
    page.go_back()
    expect(page.get_by_label("What has the customer given you?")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_each_view_fits_and_is_accessible(operator: Customer, stack: Stack, theme: Any, width: int) -> None:
    payment = conflicted(stack, f"page-{theme}-{width}")
    page = sign_in(operator, stack, ACT_KEY)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    for name, address in {"home": "", "payments": "payments", "payment": f"payment/{payment['reference']}"}.items():
        page.goto(f"{stack.origin}/operator#/{address}")
        page.locator("table.payments, .verdict").first.wait_for()
        looks_well(page, f"{name}-{width}-{theme}")
    page.get_by_role("button", name="Decide").click()
    looks_well(page, f"decision-{width}-{theme}")
    page.locator("summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Your key").wait_for()
    looks_well(page, f"sign-in-{width}-{theme}")


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (1440, "dark")])
def test_in_french_it_fits_too(chromium: Chromium, stack: Stack, theme: Any, width: int) -> None:
    payment = conflicted(stack, f"page-french-{width}")
    with chromium.customer(stack.origin, "fr-CM") as operator:
        page = operator.prepare().page
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{stack.origin}/operator#/payment/{payment['reference']}")
        page.get_by_label("Votre clé").fill(ACT_KEY)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Décider").click()
        looks_well(page, f"french-{width}-{theme}")
        assert rows_of_menu(page) <= 2
        page.get_by_role("link", name="Encaissements").click()  # the longest name, in bold where it is open
        page.get_by_role("heading", name="Encaissements").wait_for()
        assert rows_of_menu(page) <= 2


def rows_of_menu(page: Page) -> int:
    rows: int = page.evaluate("new Set([...document.querySelectorAll('nav a')].map((link) => link.offsetTop)).size")
    return rows


@pytest.mark.parametrize("width", [390, 1440])
def test_the_longest_words_fit(operator: Customer, stack: Stack, width: int) -> None:
    payment = conflicted(stack, f"page-long-{width}")
    long = "1234567890" * 10
    words = {"orderId": long, "providerReference": long, "operatorReference": long, "reason": long}

    def lengthen(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["payment"] |= words
        told["order"]["attempts"][0]["payment"] |= words
        told["versions"][-1]["evidence"] |= {"operatorReference": long, "reason": long}
        route.fulfill(response=answer, json=told)

    page = sign_in(operator, stack, ACT_KEY)
    page.set_viewport_size({"width": width, "height": 900})
    page.route(f"**/api/payment/operator/{payment['reference']}", lengthen)
    page.goto(f"{stack.origin}/operator#/payment/{payment['reference']}")
    expect(page.locator(".evidence").last).to_contain_text(long)
    looks_well(page, f"long-{width}")
