"""Drives the test page in a real Chromium as a customer would, and reads its screen."""

import itertools
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize, sync_playwright

from chalicelib.domain import contract
from local.embedded import LOOPBACK, free_port
from tests import ROOT
from tests.harness.stack import Stack

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PAID = {"approved", "lateSuccess", "duplicate"}
SMALL_PHONE: ViewportSize = {"width": 360, "height": 640}
ZOOMED_PHONE: ViewportSize = {"width": 180, "height": 640}
"""A phone of 360 pixels at a zoom of 200 %."""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
AXE = (ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
SLOW_3G = {"offline": False, "latency": 2000, "downloadThroughput": 50_000, "uploadThroughput": 50_000}

# Pictures that were on the screen only for a moment are recorded too.
_REMEMBER_PICTURES = """
window.pictures = [];
new MutationObserver(() => {
  const picture = document.querySelector("section.bp-tracker")?.dataset.picture;
  if (picture && picture !== window.pictures.at(-1)) window.pictures.push(picture);
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-picture"] });
"""
_LOOK = """() => {
  const tracker = document.querySelector("section.bp-tracker");
  return {
    picture: tracker?.dataset.picture ?? null,
    pictures: window.pictures,
    connection: document.querySelector("#connection")?.dataset.connection ?? null,
    notice: document.querySelector(".bp-problem")?.textContent ?? null,
    language: document.documentElement.lang,
    words: (tracker ?? document.body).innerText,
    events: [...document.querySelectorAll("#events li")].reverse()
      .map(({ dataset }) => [dataset.event, Number(dataset.version)]),
  };
}"""
_NUMBERS = itertools.count(1)
PATIENCE = 10.0
"""Longest wait, in seconds, where the time it takes is not what is tested."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The screen at one moment. `picture`: None where the form is shown. `events`: as received over the wire."""

    picture: str | None
    pictures: list[str]
    connection: str | None
    notice: str | None
    language: str
    words: str
    events: list[tuple[str, int]]


class CheckoutPage:
    """A tab with the test page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def screen(self) -> Screen:
        seen: dict[str, Any] = self.page.evaluate(_LOOK)
        return Screen(**seen | {"events": [(name, version) for name, version in seen["events"]]})

    @property
    def connections(self) -> int:
        """Returns how often this tab has connected to the gateway."""
        return [name for name, _ in self.screen.events].count(contract.CONNECTED)

    def pay(self, phone_number: str) -> None:
        self.page.fill(".bp-phone", phone_number)
        self.page.click(".bp-pay")

    def retry(self) -> None:
        self.page.click(".bp-retry")

    def cancel(self) -> None:
        self.page.click(".bp-cancel")

    def what_if(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()

    def shows(self, picture: str, *, within: float = PATIENCE) -> None:
        self._becomes("picture", picture, within)

    def is_connected(self, *, within: float = PATIENCE) -> None:
        self._becomes("connection", "connected", within)

    def loses_connection(self, *, within: float = PATIENCE) -> None:
        self._becomes("connection", "reconnecting", within)

    def notices(self) -> str:
        """Returns what the form says of a call that started nothing."""
        self.page.wait_for_selector(".bp-problem", timeout=PATIENCE * 1000)
        return self.screen.notice or ""

    def tab_to(self, selector: str) -> None:
        """Presses the Tab key until an element has the focus, and checks that the focus is visible."""
        for _ in range(40):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                outline = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"nobody sees that {selector} has the focus"
                return
        raise AssertionError(f"the Tab key does not reach {selector}")

    def has_focus(self, selector: str) -> None:
        """Waits until an element has the focus, which nobody has moved to it by a key."""
        self.page.wait_for_function("(selector) => document.activeElement.matches(selector)", arg=selector)

    def bottom_of(self, selector: str) -> float:
        bottom: float = self.page.locator(selector).evaluate("(element) => element.getBoundingClientRect().bottom")
        return bottom

    def faults_on_small_phone(self) -> list[str]:
        """Returns what axe finds on a small phone, and whether the page scrolls sideways there at twice the size."""
        self.page.set_viewport_size(ZOOMED_PHONE)
        faults = ["scrolls sideways"] if self.page.evaluate(TOO_WIDE) else []
        self.page.set_viewport_size(SMALL_PHONE)
        self.page.evaluate(AXE)
        violations: list[dict[str, Any]] = self.page.evaluate("axe.run(document)")["violations"]
        return faults + [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in violations]

    def is_hidden(self) -> bool:
        hidden: bool = self.page.evaluate("document.visibilityState === 'hidden'")
        return hidden

    def slow_down(self, *, processor: int = 1) -> None:
        """Makes the network slow, and the processor so many times slower than it is."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Network.emulateNetworkConditions", SLOW_3G)
        session.send("Emulation.setCPUThrottlingRate", {"rate": processor})

    def _becomes(self, what: str, wanted: str, within: float) -> None:
        """Waits until the screen shows what is wanted. A check that began in time counts, however long it takes."""
        deadline = time.monotonic() + within
        is_last = False
        while getattr(screen := self.screen, what) != wanted:
            assert not is_last, f"not {wanted} within {within} s: {screen}"
            self.page.wait_for_timeout(25)
            is_last = time.monotonic() > deadline


class Customer:
    """A browser context of its own for each test. `errors`: uncaught exceptions of its pages."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context = context
        self._origin = origin
        self.errors: list[str] = []
        context.add_init_script(_REMEMBER_PICTURES)
        context.on("weberror", lambda thrown: self.errors.append(str(thrown.error)))

    def open(self, order_id: str) -> CheckoutPage:
        """Opens the page in a new tab in front of all others."""
        tab = self.prepare()
        self.go_to(tab, order_id)
        return tab

    def prepare(self) -> CheckoutPage:
        """Opens an empty tab."""
        return CheckoutPage(self.context.new_page())

    def go_to(self, tab: CheckoutPage, order_id: str) -> None:
        tab.page.goto(f"{self._origin}/payment-test?order={order_id}&amount=5000")
        tab.page.wait_for_selector(".bp-phone, section.bp-tracker")

    def duplicate(self, tab: CheckoutPage) -> CheckoutPage:
        """Duplicates a tab as the browser does, with a copy of its session storage."""
        with self.context.expect_page() as opened:
            tab.page.evaluate("void window.open(location.href)")
        opened.value.wait_for_selector(".bp-phone, section.bp-tracker")
        return CheckoutPage(opened.value)

    def lose_network(self) -> None:
        self.context.set_offline(True)

    def regain_network(self) -> None:
        self.context.set_offline(False)

    def lose_api(self) -> None:
        """Makes the API refuse connections, while the browser still reports that it is online."""
        self.context.route("**/api/payment/**", lambda route: route.abort("connectionrefused"))

    def regain_api(self) -> None:
        self.context.unroute("**/api/payment/**")


class Chromium:
    """The machine's Chromium. Tests share its process and nothing else. `arguments`: on its command line."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    def __enter__(self) -> Self:
        self._port = free_port()
        self._manager = sync_playwright()
        self._playwright: Playwright = self._manager.start()
        arguments = [*ARGUMENTS, *self._arguments, f"--remote-debugging-port={self._port}"]
        self._browser: Browser = self._playwright.chromium.launch(executable_path=_executable(), args=arguments)
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()

    @contextmanager
    def customer(self, origin: str, locale: str = "fr-FR") -> Iterator[Customer]:
        context = self._browser.new_context(locale=locale)
        customer = Customer(context, origin)
        yield customer
        context.close()
        assert not customer.errors, customer.errors

    @contextmanager
    def customer_with_real_tabs(self, origin: str) -> Iterator[Customer]:
        """Yields a customer whose background tabs are hidden. By default, Playwright makes every tab visible."""
        browser = self._playwright.chromium.connect_over_cdp(f"http://{LOOPBACK}:{self._port}", no_defaults=True)
        (context,) = browser.contexts[:1]
        customer = Customer(context, origin)
        yield customer
        for page in context.pages:
            page.close()
        browser.close()
        assert not customer.errors, customer.errors


class Order:
    """An order of the test shop, and CamPay's ledger of its transactions.

    `phone_number` belongs to this order alone; its prompts wait until `approve` decides.
    """

    def __init__(self, stack: Stack) -> None:
        self.id = f"order-{uuid.uuid4().hex[:10]}"
        self.phone_number = f"2376712{next(_NUMBERS):05}"
        self._stack = stack
        self._before = len(stack.transactions())

    @property
    def prompts(self) -> list[dict[str, Any]]:
        return self._stack.transactions()[self._before :]

    @property
    def charges(self) -> list[int]:
        return [prompt["amount"] for prompt in self.prompts if prompt["moneyMoved"]]

    @property
    def is_decided(self) -> bool:
        prompts = self.prompts
        return bool(prompts) and prompts[-1]["status"] != "PENDING"

    @property
    def is_paid(self) -> bool:
        return bool(self.charges)

    def approve(self, *, webhook: bool = True) -> None:
        """Approves the newest prompt on the phone."""
        self._stack.resolve(self.prompts[-1]["reference"], "SUCCESSFUL", webhook=webhook)


def _executable() -> str:
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    executable = next(found, None)
    assert executable, "there is no Chromium: `make test-browser` and `make gauntlet` bring one"
    return executable
