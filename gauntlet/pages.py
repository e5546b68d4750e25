"""Has customers pay on the pages of two releases in a real browser, and judges what screens and consoles say."""

import random
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import ConsoleMessage, Page
from playwright.sync_api import TimeoutError as WaitedInVain

from gauntlet import ROOT
from gauntlet.shop import AMOUNT, Shop
from tests.harness.browser import CheckoutPage, Chromium, Customer
from tests.harness.stack import NODE

SAID: Mapping[str, Mapping[str | None, str]] = {
    "fr-FR": {
        "SUCCESSFUL": "Paiement reçu, merci\u00a0!",
        "FAILED": "Demande refusée sur le téléphone",
        None: "Confirmation non reçue à temps",
    },
    "en-GB": {
        "SUCCESSFUL": "Payment received, thank you!",
        "FAILED": "Declined on the phone",
        None: "No confirmation in time",
    },
}
"""What the screen says, by its language, to a customer who approves, declines, or does nothing.

Where a release says it in other words than the one before, both stand here.
"""
_SAYS = "(words) => document.body.innerText.includes(words)"
_WAS_PROMPTED = "() => window.pictures.includes('checkPhone')"
PATIENCE_MS = 60_000
"""Longest wait for a screen: where no event comes, a page reads the API every 15 s."""
_UNREACHED = re.compile(
    r"(?:Failed to load resource"
    r"|WebSocket connection to '(?P<url>\S+)' failed: Error (?:during WebSocket handshake|in connection establishment))"
    r": net::ERR_(?:CONNECTION_RESET|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)"
    r"|WebSocket is already in CLOSING or CLOSED state\."
)
_LATE_SECONDS = 1.0
"""How long after a process is back a browser may still say that it was not reached."""


@dataclass
class _Page:
    """The page of a release in a browser's tab.

    `order_id`: what is paid there now; `end`: what its customer does; `shown`: the release whose page is open.
    """

    release: str
    locale: str
    tab: Page
    order_id: str = ""
    end: str | None = None
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.order_id} of the page `{self.release}`, on `{self.shown}` in {self.locale}"


class Pages:
    """Is the pages of some releases, each in each language. `paid`: how many payments were made on them."""

    def __init__(self, shop: Shop, customers: Mapping[tuple[str, str], Customer]) -> None:
        self.paid = 0
        self._shop, self._customers = shop, customers
        self._pages = [_Page(*names, customer.context.new_page()) for names, customer in customers.items()]
        self._locales, self._ends = cycle(SAID), cycle(("SUCCESSFUL", "FAILED", None))
        self._watched: list[_Page] = []
        self._errors: list[ConsoleMessage] = []
        for customer in customers.values():
            customer.context.on("console", self._hear)

    def pay(self) -> None:
        """Has a customer pay on each release's page, in another language each time, and waits for the prompts."""
        locale = next(self._locales)
        pages = [page for page in self._pages if page.locale == locale]
        for page in pages:
            payer = self._shop.customer()
            page.order_id, page.end = payer.order_id, next(self._ends)
            self._open(page, page.release)
            with suppress(WaitedInVain):  # without a form there is no prompt, which is reported
                page.tab.fill(".bp-phone", payer.phone_number)
                page.tab.click(".bp-pay")
        self._watched += [page for page in pages if self._shows(page, _WAS_PROMPTED)]
        self.paid += len(pages)

    def decide(self, chance: random.Random) -> None:
        """Lets the customers do about their prompts what they do: approve, decline, or nothing, each in turn."""
        for page in self._watched:
            reference = self._shop.system.ledger.order(page.order_id).latest
            if page.end and reference:
                self._shop.decide(reference, page.end, webhook=chance.random() < 0.5)

    def judge(self) -> None:
        """Reports the screens that do not say how their payments ended, also once the page is another release's.

        Errors in a console and exceptions are reported too, but for connections to a process that was being replaced.
        """
        said = [page for page in self._watched if self._shows(page, _SAYS, SAID[page.locale][page.end])]
        for page in said:
            self._open(page, next(other.release for other in self._pages if other.release != page.release))
        for page in said:
            self._shows(page, _SAYS, SAID[page.locale][page.end])
        self._watched.clear()
        system = self._shop.system
        away = {system.api: system.parts["api"].away, system.gateway: system.parts["gateway"].away}
        for error in self._errors:
            text, url = error.text, error.location["url"]
            if not is_excused(text, url, error.timestamp / 1000, away):
                self._shop.report(f"a console says {text} {url}")
        self._errors.clear()
        for customer in self._customers.values():
            while customer.errors:
                self._shop.report(f"a page has thrown {customer.errors.pop()}")

    def _open(self, page: _Page, release: str) -> None:
        page.shown = release
        address = f"{self._shop.system.gateway}/payment-test/{release}/index.html"
        page.tab.goto(f"{address}?order={page.order_id}&amount={AMOUNT}", wait_until="commit")

    def _shows(self, page: _Page, script: str, words: str = "") -> bool:
        """Waits until a script says that a page shows what it should. Reports it where it does not."""
        try:
            page.tab.wait_for_function(script, arg=words, timeout=PATIENCE_MS, polling=100)
        except WaitedInVain:
            screen = CheckoutPage(page.tab).screen
            told = screen.words.partition("\n")[0]
            self._shop.report(f"{page} has not shown {words or 'the prompt'}, but {screen.pictures}: {told}")
            return False
        return True

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(message)


def is_excused(text: str, url: str, at: float, away: Mapping[str, Sequence[tuple[float, float]]]) -> bool:
    """Whether a console's error says that a process was not reached while it was being replaced.

    `away`: from when to when each process was away, by its address.
    """
    found = _UNREACHED.fullmatch(text)
    called = (found["url"] or url).replace("ws://", "http://", 1) if found else ""
    return any(
        began <= at <= ended + _LATE_SECONDS
        for address, times in away.items()
        if called.startswith(f"{address}/")
        for began, ended in times
    )


@contextmanager
def pages_of(shop: Shop, releases: Mapping[str, Path]) -> Iterator[Pages]:
    """Builds the page of each release, has the gateway serve them, and yields them in a browser.

    `releases`: the folder of each release's files, by a name. All are built with the packages of this work tree.
    """
    with Chromium() as chromium, TemporaryDirectory(prefix="gauntlet-pages-") as built, ExitStack() as stack:
        for name, folder in releases.items():
            _build(folder / "frontend", Path(built) / name, f"/payment-test/{name}/")
        system = shop.system
        api = system.api.removesuffix("/api/payment")
        addresses = {"FRONTEND_URL": system.gateway, "TEST_PAGE_DIR": built, "TEST_PAGE_API_URL": api}
        system.change(("api", "gateway"), **addresses)
        yield Pages(
            shop,
            {
                (name, locale): stack.enter_context(chromium.customer(system.gateway, locale))
                for name in releases
                for locale in SAID
            },
        )


def _build(frontend: Path, to: Path, base: str) -> None:
    packages = ROOT / "frontend" / "node_modules"
    if not (frontend / "node_modules").exists():
        (frontend / "node_modules").symlink_to(packages)
    vite = [NODE, str(packages / "vite" / "bin" / "vite.js"), "build", "--configLoader", "runner"]
    subprocess.run([*vite, "--outDir", str(to), "--base", base, "--logLevel", "warn"], cwd=frontend, check=True)
