"""Tests the operators' page in a real Chromium as AWS serves it: by the API, with TLS, below the stage's name."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from chalice.local import LambdaContext
from playwright.sync_api import expect

import app as application
from chalicelib.settings import Settings
from chalicelib.web.operator_session import COOKIE
from tests import ROOT
from tests.conftest import Shop
from tests.harness.api_gateway import DOMAIN, STAGE, call, over_http
from tests.harness.browser import Chromium
from tests.harness.stack import wait_until
from tests.harness.tls import write_certificate
from tests.system.test_openapi_examples import payment_under_review

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

PAGE = f"https://{DOMAIN}{STAGE}/operator"
OTHER_SITE = "https://other-api.execute-api.eu-west-1.amazonaws.com"


@pytest.fixture
def chromium(api: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chromium]:
    """Yields a Chromium that finds the stage at its domain, and at that of another site."""
    assert not api.development
    monkeypatch.setenv("OPERATOR_PAGE_DIR", str(ROOT / "frontend" / "dist-operator"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*write_certificate(tmp_path))
    with over_http(lambda event: application.app(event, LambdaContext("api", 512, max_runtime_ms=28_000)), tls) as url:
        here = urlsplit(url).netloc
        rules = f"--host-resolver-rules=MAP *.execute-api.eu-west-1.amazonaws.com {here}"
        with Chromium(rules, "--ignore-certificate-errors") as browser:
            yield browser


def test_a_payment_is_found_and_decided_with_the_cookie_of_production(
    chromium: Chromium, api: Settings, shop: Shop, merchant: dict[str, str]
) -> None:
    payment = payment_under_review(shop, merchant, api)
    (paul,) = (key for key in api.operator_keys if key.operator.name == "paul")
    with chromium.customer(PAGE, "en-GB") as operator:
        page = operator.prepare().page
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(PAGE)
        page.get_by_label("Your key").fill(paul.secret)
        page.keyboard.press("Enter")
        page.get_by_label("What has the customer given you?").fill(payment["reference"])
        page.keyboard.press("Enter")
        expect(page.locator(".verdict")).to_have_attribute("data-verdict", "differs")
        page.get_by_role("button", name="Decide").click()
        page.get_by_label("Accept: the order is paid").check()
        page.get_by_label("Reason").fill("rest paid in cash")
        page.get_by_role("button", name="Confirm").click()
        expect(page.locator(".verdict")).to_have_attribute("data-verdict", "reviewedPaid")

        (cookie,) = operator.context.cookies()
        assert (cookie["name"], cookie["domain"], cookie["path"]) == (COOKIE, DOMAIN, f"{STAGE}/api/payment")
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
        assert page.evaluate("document.cookie") == ""
        assert errors == [], "the policy allows all that the page needs"
    tracking = {"Authorization": f"Bearer {payment['trackingToken']}"}
    path = f"/api/payment/tracking/{payment['reference']}"
    assert call("GET", path, headers=tracking).json["status"] == "SUCCESSFUL"


def test_a_page_of_another_site_is_sent_no_cookie_and_none_of_ours_is_framed(chromium: Chromium, api: Settings) -> None:
    with chromium.customer(PAGE, "en-GB") as operator:
        page = operator.prepare().page
        page.goto(PAGE)
        page.get_by_label("Your key").fill(api.operator_keys[1].secret)
        page.keyboard.press("Enter")
        page.get_by_label("What has the customer given you?").wait_for()
        stranger = operator.prepare().page
        stranger.goto(OTHER_SITE)  # outside the stage: a page without a policy, as the stranger's would be
        history = f"https://{DOMAIN}{STAGE}/api/payment/history"
        fetch = "(url) => fetch(url, {credentials: 'include', mode: 'no-cors'})"
        with stranger.expect_response(history) as answered:
            stranger.evaluate(fetch, history)
        assert answered.value.status == 401
        frame = "(url) => document.body.append(Object.assign(document.createElement('iframe'), {src: url}))"
        stranger.evaluate(frame, PAGE)

        def is_refused() -> bool:
            stranger.evaluate("")  # Playwright notes what has happened whenever it is called
            return [each.url for each in stranger.frames[1:]] == ["chrome-error://chromewebdata/"]

        wait_until(is_refused, "the page is not framed")
