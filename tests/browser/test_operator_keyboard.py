"""Tests the operators' page by keyboard alone in a real Chromium: where the focus goes, and what is announced."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from local.embedded import Valkey
from tests.browser.test_operator_page import ACT_KEY, conflicted
from tests.harness.browser import Chromium, Customer
from tests.harness.stack import Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

BOX = "What has the customer given you?"
AWAY = "The service does not answer. Check your connection and try again."
CASES = "To handle"
MOST_TABS = 60
# What screen readers announce: each text that comes into a live region.
_LISTEN = """
window.announced = [];
const regions = "[role=status], [role=alert]";
const texts = new Map();
new MutationObserver((changes) => {
  for (const region of document.querySelectorAll(regions)) {
    const isNew = changes.some(({ addedNodes }) => [...addedNodes].some((node) => region.contains(node)));
    const text = [...region.querySelectorAll("p, h1")].map(({ textContent }) => textContent).join(" ")
      || region.textContent;
    if (text && (isNew || texts.get(region) !== text)) window.announced.push(text);
    texts.set(region, text);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
_IS_SEEN = """(element) => {
  const shown = element.matches(".choice input") ? element.parentElement : element;
  const box = shown.getBoundingClientRect();
  return getComputedStyle(shown).outlineStyle !== "none" && box.width > 0 && box.height > 0
    && box.bottom > 0 && box.top < innerHeight;
}"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Valkey() as redis, running(redis, OPERATOR_KEYS=f"paul:act:{ACT_KEY}") as system:
        yield system


class Keyboard:
    """A tab in which a person uses the keyboard alone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.add_init_script(_LISTEN)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def paste(self, text: str) -> None:
        self.page.keyboard.insert_text(text)

    def tab_to(self, wanted: Locator, key: str = "Tab") -> None:
        """Presses Tab until an element has the focus. On the way each element that has it can be seen to have it."""
        for _ in range(MOST_TABS):
            self.press(key)
            focused = self.page.locator("*:focus")
            assert focused.evaluate(_IS_SEEN), focused.evaluate("(element) => element.outerHTML.slice(0, 200)")
            if wanted.evaluate("(element) => element === document.activeElement"):
                return
        raise AssertionError(f"the Tab key does not reach {wanted}")

    def announced(self) -> list[str]:
        """Returns what the view has announced since the last call: how many cases there are, is another test's."""
        said: list[str] = self.page.evaluate("window.announced.splice(0)")
        return [text for text in said if not text.startswith(CASES)]

    def sign_in(self, stack: Stack) -> None:
        self.page.goto(f"{stack.origin}/operator")
        expect(self.page.get_by_label("Your key")).to_be_focused()
        self.paste(ACT_KEY)
        self.press("Enter")
        expect(self.page.get_by_label(BOX)).to_be_focused()


@pytest.fixture
def keyboard(chromium: Chromium, stack: Stack) -> Iterator[Keyboard]:
    with chromium.customer(stack.origin, "en-GB") as operator:
        yield Keyboard(operator.context.new_page())


def test_a_payment_is_found_read_and_decided(keyboard: Keyboard, stack: Stack) -> None:
    payment = conflicted(stack, "keys-decided")
    page = keyboard.page
    keyboard.sign_in(stack)
    keyboard.announced()
    keyboard.paste("no-such-order")
    keyboard.press("Enter")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    assert keyboard.announced() == ["Nothing found"]
    expect(page.get_by_label(BOX)).to_be_focused()

    sms = f"You have paid BRAIDSTER. Financial Transaction Id: {payment['operatorReference']}. Balance: 1 XAF."
    keyboard.press("Control+A")
    keyboard.paste(sms)
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Order keys-decided")).to_be_focused()
    assert page.title() == "Payment · BraidSter"
    keyboard.announced()

    decide = page.get_by_role("button", name="Decide")
    keyboard.tab_to(decide)
    keyboard.press("Enter")
    form = page.get_by_role("form", name="Decide")
    expect(form).to_be_focused()
    keyboard.press("Escape")
    expect(decide).to_be_focused()
    expect(form).to_be_hidden()

    keyboard.press("Enter")
    keyboard.tab_to(page.get_by_role("button", name="Confirm"))
    keyboard.press("Enter")
    first = page.get_by_label("Accept: the order is paid")
    expect(first).to_be_focused()
    keyboard.press("Space")
    keyboard.tab_to(page.get_by_role("button", name="Confirm"))
    keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    assert keyboard.announced() == ["Choose a decision.", "Give the reason."]
    keyboard.paste("rest paid in cash")
    keyboard.press("Enter")
    expect(page.locator(".verdict h2")).to_be_focused()
    expect(page.locator(".verdict h2")).to_have_text("Accepted by a decision")
    assert keyboard.announced() == ["It is decided."]
    assert stack.status("keys-decided")["status"] == "SUCCESSFUL"

    page.go_back()
    expect(page.get_by_role("link", name="keys-decided")).to_be_focused()
    expect(page.get_by_label(BOX)).to_have_value(sms)


def test_the_list_is_filtered_and_a_way_back_leads_to_the_payment_that_was_read(
    keyboard: Keyboard, stack: Stack
) -> None:
    conflicted(stack, "keys-listed")
    page = keyboard.page
    keyboard.sign_in(stack)
    keyboard.tab_to(page.get_by_role("navigation").get_by_role("link", name="Payments"), "Shift+Tab")
    keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    row = page.get_by_role("link", name="keys-listed")
    row.wait_for()
    assert page.title() == "Payments · BraidSter"
    keyboard.tab_to(page.get_by_label("Today"))
    keyboard.press("ArrowRight")
    expect(page.get_by_label("Last hour")).to_be_focused()
    keyboard.tab_to(page.get_by_label("State"))
    keyboard.press("T", "o", "Space", "d")
    expect(page.get_by_label("State")).to_have_value("CONFLICTED")
    row.wait_for()
    keyboard.tab_to(page.get_by_label("Largest amount"))
    keyboard.announced()
    keyboard.press("1", "Enter")
    row.wait_for(state="detached")
    expect(page.get_by_label("Largest amount")).to_be_focused()
    expect(page.get_by_text("0 shown, that is all")).to_be_visible()
    keyboard.press("Backspace", "Enter")
    row.wait_for()
    said = keyboard.announced()
    assert [line.split()[0] for line in said] == ["0", str(page.locator("tbody tr").count())], said
    keyboard.tab_to(row)
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Order keys-listed")).to_be_focused()
    page.go_back()
    expect(row).to_be_focused()


def test_while_the_api_is_away_the_page_says_so_and_the_person_goes_on(keyboard: Keyboard, stack: Stack) -> None:
    payment = conflicted(stack, "keys-away")
    page = keyboard.page
    keyboard.sign_in(stack)
    operator = Customer(page.context, stack.origin)
    operator.lose_api()
    keyboard.announced()
    page.evaluate("(href) => { location.hash = href }", f"#/payment/{payment['reference']}")
    again = page.get_by_role("button", name="Try again")
    again.wait_for()
    assert keyboard.announced() == [AWAY]
    keyboard.tab_to(again)
    keyboard.press("Enter")
    wait_until(lambda: AWAY in page.evaluate("window.announced"), "a further failure is announced too")
    assert keyboard.announced() == [AWAY]
    expect(again).to_be_focused()
    operator.regain_api()
    keyboard.press("Enter")
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "differs")
    expect(again).to_be_hidden()
    expect(page.locator("main *:focus, main:focus")).to_be_visible()


def test_a_session_that_ends_soon_is_announced_and_what_was_typed_stays(keyboard: Keyboard, stack: Stack) -> None:
    payment = conflicted(stack, "keys-soon")
    page = keyboard.page
    page.clock.install()
    keyboard.sign_in(stack)
    page.evaluate("(href) => { location.hash = href }", f"#/payment/{payment['reference']}")
    expect(page.get_by_role("heading", name="Order keys-soon")).to_be_focused()
    keyboard.tab_to(page.get_by_role("button", name="Decide"))
    keyboard.press("Enter")
    reason = page.get_by_label("Reason")
    keyboard.tab_to(reason)
    keyboard.paste("half a sent")
    keyboard.announced()
    page.clock.fast_forward(14 * 60_000)
    expect(page.get_by_text("Your session ends at")).to_be_visible()
    (said,) = keyboard.announced()
    assert "What you have typed will stay." in said
    expect(reason).to_be_focused()

    keyboard.tab_to(page.get_by_role("button", name="Sign in again now"), "Shift+Tab")
    keyboard.press("Enter")
    expect(page.get_by_label("Your key")).to_be_focused()
    keyboard.paste(ACT_KEY)
    keyboard.press("Enter")
    expect(page.get_by_text("Your session ends at")).to_be_hidden()
    expect(page.get_by_role("main")).to_be_focused()
    expect(reason).to_have_value("half a sent")

    keyboard.tab_to(reason)
    page.clock.fast_forward(16 * 60_000)
    expect(page.get_by_label("Your key")).to_be_focused()
    keyboard.paste(ACT_KEY)
    keyboard.press("Enter")
    expect(reason).to_be_focused()
    expect(reason).to_have_value("half a sent")
