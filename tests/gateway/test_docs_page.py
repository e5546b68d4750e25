"""Tests the page of the API's documents, as a developer's gateway serves it."""

import html
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
import pytest_asyncio

from local.embedded import Valkey
from local.gateway_server import with_pages
from tests.harness.asyncapi import DOCUMENT as ASYNCAPI
from tests.harness.gateway_stack import running, settings_for
from tests.harness.openapi import DOCUMENT as OPENAPI
from tests.harness.openapi import operations

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def answer(valkey: Valkey) -> AsyncIterator[httpx.Response]:
    async with (
        running(settings_for(valkey), mount=lambda it: with_pages(it, None)) as gateway,
        httpx.AsyncClient() as http,
    ):
        refused = await http.post(f"{gateway.url}/docs")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        yield await http.get(f"{gateway.url}/docs", timeout=30)


class Read(HTMLParser):
    """Reads a page: its anchors, what its links lead to, the headings of its sections, and the tags that are open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: list[str] = []
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.headings: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.anchors += [str(given["id"])] if "id" in given else []
        self.targets += [str(given[name]) for name in ("href", "src") if name in given]
        self.headings += [""] if tag in ("h3", "h2") else []

    def handle_data(self, data: str) -> None:
        if self.headings:
            self.headings[-1] += data


async def test_each_route_and_each_event_is_on_it(answer: httpx.Response) -> None:
    assert answer.status_code == 200
    page = Read(answer.text)
    for operation in operations():
        assert f"openapi-{operation.id}" in page.anchors
        assert any(it.startswith(f"{operation.method} {operation.path}") for it in page.headings), operation.id
        for parameter in operation.parameters:
            assert f"<code>{parameter['name']}</code>" in answer.text
    for channel in ASYNCAPI["channels"].values():
        for name in channel["messages"]:
            assert f"asyncapi-{name}" in page.anchors
    assert f"<p>{html.escape(OPENAPI['paths']['/api/payment/events']['get']['summary'])}</p>" in answer.text


async def test_every_link_leads_to_a_place_of_the_page_and_nothing_comes_from_elsewhere(answer: httpx.Response) -> None:
    page = Read(answer.text)
    assert len(page.anchors) == len(set(page.anchors))
    assert {it.removeprefix("#") for it in page.targets} <= set(page.anchors)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "url(" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")


async def test_references_and_fields_are_shown(answer: httpx.Response) -> None:
    assert "$ref" not in answer.text
    event = answer.text.partition("id='openapi-schemas-PaymentEvent'>")[2].partition("</section>")[0]
    shown = re.findall(r"<dt><code>(\w+)</code>", event)
    assert set(OPENAPI["components"]["schemas"]["PaymentEvent"]["required"]) <= set(shown)
    assert "&quot;orderId&quot;: &quot;order-1042&quot;" in answer.text, "examples are there"
