"""Tests the page of a payment link in a real Chromium as AWS serves it: by the API, with TLS, below the stage."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from chalice.local import LambdaContext
from playwright.sync_api import Page, expect

import app as application
from chalicelib.settings import Settings
from tests import ROOT
from tests.conftest import Shop
from tests.harness.api_gateway import DOMAIN, call, over_http
from tests.harness.browser import Chromium
from tests.harness.tls import write_certificate
from tests.system.test_links import LINK, cancel, made

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def chromium(api: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chromium]:
    assert not api.development
    monkeypatch.setenv("LINK_PAGE_DIR", str(ROOT / "frontend" / "dist-hosted"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*write_certificate(tmp_path))
    with over_http(lambda event: application.app(event, LambdaContext("api", 512, max_runtime_ms=28_000)), tls) as url:
        rules = f"--host-resolver-rules=MAP {DOMAIN} {urlsplit(url).netloc}"
        with Chromium(rules, "--ignore-certificate-errors") as browser:
            yield browser


def pay(page: Page, number: str) -> None:
    page.get_by_role("textbox").fill(number)
    page.get_by_role("button", name="Pay").click()


def test_a_link_is_paid_on_one_of_two_phones_and_followed_on_both(
    chromium: Chromium, merchant: dict[str, str], shop: Shop
) -> None:
    link = made(merchant)
    with chromium.customer(link["url"], "en-GB") as customer, chromium.customer(link["url"], "en-GB") as other:
        pages = [each.prepare().page for each in (customer, other)]
        refused: list[str] = []
        asked: list[str] = []
        for page in pages:
            page.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
            page.on("request", lambda request: asked.append(urlsplit(request.url).path))
            page.goto(link["url"])
            expect(page.get_by_text("Two chairs")).to_be_visible()
        assert not [path for path in asked if "/api/payment/links/" in path], "the page has its link from the server"
        for page, number in zip(pages, ("677 77 77 77", "699 99 99 99"), strict=True):
            pay(page, number)
            expect(page.locator(".bp-tracker")).to_have_attribute("data-picture", "checkPhone")
        (charge,) = shop.transactions
        assert (charge["amount"], charge["phoneNumber"]) == (LINK["amount"], "237677777777")
        assert refused == [], "the two policies allow all that the page needs"


def test_a_cancelled_link_has_no_form(chromium: Chromium, merchant: dict[str, str]) -> None:
    link = made(merchant)
    cancel(link, merchant)
    with chromium.customer(link["url"], "en-GB") as customer:
        page = customer.prepare().page
        page.goto(link["url"])
        expect(page.get_by_text("The shop has cancelled this payment link.")).to_be_visible()
        expect(page.get_by_role("textbox")).to_have_count(0)
        page.goto(link["url"].replace(link["linkId"], "a" * 26))
        expect(page.get_by_text("There is no such payment link")).to_be_visible()
    assert call("GET", f"/api/payment/links/{link['linkId']}").json["status"] == "cancelled"
