"""Tests the operators' views Today and Connections in a real Chromium on the whole system, while customers pay."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.rollup import Detail, Figure, Group, day_of
from chalicelib.runtime.clock import Clock
from local.embedded import Valkey, free_port
from tests import ROOT
from tests.browser.test_operator_page import ACT_KEY, OTHER_AMOUNT, VIEW_KEY, sign_in, small_picture
from tests.harness.browser import Chromium, Customer
from tests.harness.payment_stream import paying
from tests.harness.stack import SpareGateway, Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
RATE = 20
PATIENCE_SECONDS = 60  # a busy machine starts fewer than it should
PATIENCE_MS = PATIENCE_SECONDS * 1000
LIVE = "Live: what changes shows by itself."
NEVER_ANSWERS, NEVER_ANSWERS_EITHER, DECLINES = "237670000001", "237655000001", "237670000009"


@pytest.fixture(scope="module")
def redis() -> Iterator[Valkey]:
    with Valkey() as redis:
        yield redis


@pytest.fixture(scope="module")
def gateway_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stack(redis: Valkey, gateway_port: int) -> Iterator[Stack]:
    """Runs a system whose operators' page is told of changes by a gateway of its own, which a test may kill."""
    keys = f"paul:act:{ACT_KEY},amina:view:{VIEW_KEY}"
    address = f"http://localhost:{gateway_port}"
    with running(redis, OPERATOR_KEYS=keys, OPERATOR_PAGE_GATEWAY_URL=address) as system:
        yield system


@pytest.fixture(scope="module")
def gateway(stack: Stack, redis: Valkey, gateway_port: int) -> Iterator[SpareGateway]:
    keys = f"paul:act:{ACT_KEY},amina:view:{VIEW_KEY}"
    gateway = SpareGateway(stack, redis, gateway_port, stack.origin, OPERATOR_KEYS=keys)
    gateway.start()
    yield gateway
    gateway.kill()


@pytest.fixture
def operator(chromium: Chromium, stack: Stack, gateway: SpareGateway) -> Iterator[Customer]:  # noqa: ARG001 it runs
    with chromium.customer(stack.origin, "en-GB") as operator:
        yield operator


def open_today(operator: Customer, stack: Stack, key: str = VIEW_KEY) -> Page:
    page = sign_in(operator, stack, key)
    page.get_by_role("navigation").get_by_role("link", name="Today").click()
    expect(page.locator(".live")).to_have_text(LIVE, timeout=PATIENCE_MS)
    return page


def figures(stack: Stack) -> dict[str, Any]:
    day = (datetime.now(UTC) + timedelta(hours=1)).date().isoformat()
    reply = stack.session.get(
        f"{stack.api}/analytics", params={"from": day, "to": day}, headers={"X-Api-Key": VIEW_KEY}, timeout=10
    )
    total: dict[str, Any] = reply.json()["total"]
    return total


def tile(page: Page, name: str) -> str:
    return page.locator(f"[data-figure={name}]").inner_text()


def test_while_customers_pay_the_view_follows_and_a_conflicted_payment_is_found_and_resolved(
    operator: Customer, stack: Stack
) -> None:
    page = open_today(operator, stack, ACT_KEY)
    with paying(stack, "stream", RATE) as stream:
        wait_until(lambda: len(stream.references) > RATE // 4, "payments are started", PATIENCE_SECONDS)
        stack.initiate("conflicted-in-the-stream", OTHER_AMOUNT).raise_for_status()
        page.locator(".strip").click(timeout=PATIENCE_MS)  # long before the minute after which the page asks by itself
        page.get_by_role("main").get_by_role("link", name="conflicted-in-the-stream").click()
        expect(page.locator(".verdict")).to_have_attribute("data-verdict", "differs", timeout=PATIENCE_MS)
        page.get_by_role("button", name="Decide").click()
        page.get_by_label("Accept: the order is paid").check()
        page.get_by_label("Reason").fill("rest paid in cash")
        page.get_by_role("button", name="Confirm").click()
        expect(page.locator(".verdict")).to_have_attribute("data-verdict", "reviewedPaid", timeout=PATIENCE_MS)
        page.get_by_role("navigation").get_by_role("link", name="Today").click()
        expect(page.locator("[data-figure=paid]")).to_be_visible(timeout=PATIENCE_MS)
        shown = {tile(page, "paid")}
        wait_until(
            lambda: len(shown | {tile(page, "paid")}) > 1, "what is paid changes without a hand", PATIENCE_SECONDS
        )
    assert stream.refused == 0
    wait_until(lambda: figures(stack)["waiting"] == 0, "every payment has ended", PATIENCE_SECONDS)
    paid = figures(stack)["paid"]
    assert paid >= len(stream.references)
    expect(page.locator("[data-figure=paid]")).to_contain_text(f"{paid} payments", timeout=PATIENCE_MS)
    expect(page.locator("[data-figure=waiting]")).to_contain_text("0", timeout=PATIENCE_MS)
    assert page.locator("[data-figure=rate]").inner_text().count("%") == 2


def test_it_says_since_when_the_oldest_payment_waits(operator: Customer, stack: Stack) -> None:
    page = open_today(operator, stack)
    reference = stack.initiate("waits-long", NEVER_ANSWERS).json()["reference"]
    expect(page.locator(f"tr[data-reference='{reference}']")).to_contain_text("Waits", timeout=PATIENCE_MS)
    expect(page.locator("[data-figure=waiting]")).to_contain_text("the oldest for", timeout=PATIENCE_MS)


def test_a_lost_connection_is_said_and_the_figures_still_come(
    operator: Customer, stack: Stack, gateway: SpareGateway
) -> None:
    page = open_today(operator, stack)
    gateway.kill()
    said = page.locator(".live")
    expect(said).to_contain_text("Nothing has come by itself since", timeout=PATIENCE_MS)
    reference = stack.initiate("while-lost", "237677777712").json()["reference"]
    expect(page.locator(f"tr[data-reference='{reference}']")).to_be_visible(timeout=PATIENCE_MS)
    expect(said).to_contain_text("The figures are of")
    gateway.start()
    expect(said).to_have_text(LIVE, timeout=PATIENCE_MS)


def test_whoever_signs_in_again_is_told_again(operator: Customer, stack: Stack) -> None:
    page = open_today(operator, stack)
    operator.context.clear_cookies()
    stack.initiate("ends-the-session", "237677777713").raise_for_status()  # the figures are read, and refused
    expect(page.get_by_text("Your session has ended.")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_label("Your key").fill(VIEW_KEY)
    page.keyboard.press("Enter")
    expect(page.locator(".live")).to_have_text(LIVE, timeout=PATIENCE_MS)
    reference = stack.initiate("after-the-session", "237677777714").json()["reference"]
    expect(page.locator(f"tr[data-reference='{reference}']")).to_be_visible(timeout=PATIENCE_MS)


def test_the_connections_say_in_words_how_it_stands(operator: Customer, stack: Stack) -> None:
    page = sign_in(operator, stack, VIEW_KEY)
    page.get_by_role("navigation").get_by_role("link", name="Connections").click()
    expect(page.locator("[data-health=well]")).to_contain_text("Customers see each change as it happens.")
    # One that was killed is gone within half a minute.
    expect(page.locator("table.numbers tbody tr")).to_have_count(2, timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def days_before(stack: Stack) -> None:
    """Counts payments of the two weeks before today, as if they had been made."""
    client = stack.dynamodb()
    clock = Clock()
    rollups, today = Ledger(client, "payments", clock, 1).rollups, day_of(clock.now())
    for back in range(1, 14):
        day = today - timedelta(days=back)
        figures = {
            (Group(day, operator), rollups.generations([day])[day].current.number): of_day(back, share)
            for operator, share in (("MTN", 3), ("Orange", 2))
        }
        assert rollups.add("days-before", back - 1, back, figures, clock.now())


@pytest.fixture(scope="module")
def day_as_it_goes(stack: Stack) -> None:
    """Has customers pay, decline, and wait, so that the views of today have something to show."""
    customers = [f"2376{operator}77790{number}" for number in range(6) for operator in ("77", "97")]
    for number, phone in enumerate([*customers, DECLINES, NEVER_ANSWERS_EITHER]):
        stack.initiate(f"today-{number}", phone).raise_for_status()
    wait_until(lambda: figures(stack)["paid"] >= len(customers), "they have paid", PATIENCE_SECONDS)
    wait_until(lambda: figures(stack)["declined"] > 0, "one has declined", PATIENCE_SECONDS)


def of_day(back: int, share: int) -> Counter[str]:
    """Makes up the figures of a day: more at the end of a week, and one bad day."""
    started = share * (18 + 7 * (back % 4))
    paid = started * (45 if back == 5 and share == 2 else 80 + 3 * (back % 5)) // 100
    return Counter(
        {
            Figure.STARTED.value: started,
            Figure.PAID.value: paid,
            Figure.DECLINED.value: started - paid,
            Detail.AMOUNT.of("XAF"): paid * 7_500,
        }
    )


@pytest.mark.usefixtures("days_before", "day_as_it_goes")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_each_view_fits_and_is_accessible(operator: Customer, stack: Stack, theme: Any, width: int) -> None:
    page = open_today(operator, stack)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    axe = (ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    folder = ROOT / "frontend" / "screenshots" / "operator"
    folder.mkdir(parents=True, exist_ok=True)
    for name, ready in {"today": ".chart canvas", "connections": "[data-health]"}.items():
        page.goto(f"{stack.origin}/operator#/{name}")
        page.locator(ready).first.wait_for()
        page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
        (folder / f"{name}-{width}-{theme}.webp").write_bytes(small_picture(page))
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
        if name == "today":
            for summary in page.locator(".chart summary").all():
                summary.click()  # the same figures as a table
        page.evaluate(axe)
        violations = page.evaluate("axe.run(document)")["violations"]
        assert [(it["id"], [node["html"][:120] for node in it["nodes"]]) for it in violations] == [], name
