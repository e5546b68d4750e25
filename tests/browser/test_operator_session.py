"""Tests the session of the operators' page in a real Chromium: what scripts of our origins and of others can do."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from chalicelib.web.operator_session import DEVELOPMENT_COOKIE, PAGE_HEADER
from local.embedded import Valkey
from tests.harness.browser import Chromium
from tests.harness.stack import OPERATOR_KEY, Stack, running, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

_FETCH = """async ([url, options]) => {
  const reply = await fetch(url, {credentials: "include", ...options}).catch((error) => ({status: String(error)}));
  return reply.status;
}"""
OF_PAGE = {PAGE_HEADER: "fetch"}
SESSION = "operator/session"
CONNECTIONS = "debug/connections"
RECHECK = "operator/00000000-0000-4000-8000-000000000000/recheck"
"""Answered with 404 where the operator may act."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Valkey() as redis, running(redis) as system:
        yield system


@pytest.fixture
def context(chromium: Chromium, stack: Stack) -> Iterator[BrowserContext]:
    with chromium.customer(stack.origin) as operator:
        yield operator.context


def api_of(stack: Stack) -> str:
    """Returns the API's address under the name that shares a site with the page's."""
    return stack.api.replace("127.0.0.1", "localhost")


def page_of_shop(context: BrowserContext, stack: Stack) -> Page:
    page = context.new_page()
    page.goto(f"{stack.origin}/readyz")
    return page


def page_of_api(context: BrowserContext, stack: Stack) -> Page:
    """Opens the operators' page: the policy of any other answer keeps its scripts from calling anything."""
    page = context.new_page()
    page.goto(f"{api_of(stack).removesuffix('/api/payment')}/operator")
    return page


def page_of_neighbour(context: BrowserContext, stack: Stack) -> Page:
    """Opens a page of another origin on the same site, to which even a Strict cookie is sent."""
    page = context.new_page()
    page.goto(stack.simulator.replace("127.0.0.1", "localhost") + "/health")
    return page


def call(page: Page, stack: Stack, method: str, path: str, **options: Any) -> Any:
    """Returns the status that a script of the page gets, or the browser's own refusal as a text."""
    return page.evaluate(_FETCH, [f"{api_of(stack)}/{path}", {"method": method, **options}])


def sign_in(page: Page, stack: Stack) -> None:
    assert call(page, stack, "POST", SESSION, headers={"X-Api-Key": OPERATOR_KEY}) == 204


@pytest.mark.parametrize("open_page", [page_of_shop, page_of_api])
def test_a_page_of_ours_looks_and_acts_by_its_cookie_until_it_signs_out(
    open_page: Any, context: BrowserContext, stack: Stack
) -> None:
    page = open_page(context, stack)
    assert call(page, stack, "GET", CONNECTIONS) == 401
    sign_in(page, stack)
    assert call(page, stack, "GET", CONNECTIONS) == 200
    assert call(page, stack, "POST", RECHECK, headers=OF_PAGE) == 404
    assert call(page, stack, "POST", RECHECK) == 403
    assert page.evaluate("document.cookie") == ""
    assert call(page, stack, "DELETE", SESSION, headers=OF_PAGE) == 204
    assert call(page, stack, "GET", CONNECTIONS) == 401
    assert context.cookies() == []


def test_the_cookie_goes_to_the_apis_paths_alone(context: BrowserContext, stack: Stack) -> None:
    sign_in(page_of_shop(context, stack), stack)
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["path"], cookie["domain"]) == (DEVELOPMENT_COOKIE, "/api/payment", "localhost")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_a_page_of_another_origin_reads_nothing_and_does_nothing(context: BrowserContext, stack: Stack) -> None:
    sign_in(page_of_shop(context, stack), stack)
    page = page_of_neighbour(context, stack)
    for headers in ({}, OF_PAGE):
        assert "TypeError" in call(page, stack, "GET", CONNECTIONS, headers=headers)
        assert "TypeError" in call(page, stack, "POST", RECHECK, headers=headers)
    assert "TypeError" in call(page, stack, "DELETE", SESSION, headers=OF_PAGE)
    before = len(refusals(stack))
    # What needs no leave of CORS arrives, with the cookie, and is refused.
    call(page, stack, "POST", RECHECK, mode="no-cors")
    wait_until(lambda: len(refusals(stack)) > before, "the API has refused the call")
    assert '"code": "forbidden"' in refusals(stack)[-1]


def refusals(stack: Stack) -> list[str]:
    return [line for line in stack.lines if "call-refused" in line]
