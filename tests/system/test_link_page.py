"""Tests the page of a payment link as the API serves it: what is written into it, and who may keep or frame it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import Settings
from chalicelib.web.link_page import OFF, SERVED
from local.dynamodb import Fault
from local.embedded import EmbeddedAws
from tests.harness.api_gateway import call
from tests.system.test_links import LINK, cancel, made, opened

HTML = f"<!doctype html><main></main>{SERVED}<script>run()</script>"
GATEWAY = "https://live.shop.example"


@pytest.fixture
def page(api: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert not api.link_page_dir
    (tmp_path / "index.html").write_text(HTML, encoding="utf-8")
    monkeypatch.setenv("LINK_PAGE_DIR", str(tmp_path))
    monkeypatch.setenv("GATEWAY_URL", GATEWAY)
    return tmp_path


class Scripts(HTMLParser):
    """Collects the text of each script, as a browser reads it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._is_in_one = False
        self.feed(text)

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self._is_in_one = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._is_in_one:
            self.texts.append(data)
            self._is_in_one = False


def served(link_id: str) -> dict[str, Any]:
    """Returns what is written into the page."""
    reply = call("GET", f"/pay/{link_id}")
    assert reply.status == 200, reply.text
    told, script = Scripts(reply.text).texts
    assert script == "run()"
    return dict(json.loads(told))


@pytest.mark.usefixtures("page")
def test_the_page_has_all_that_it_shows(merchant: dict[str, str]) -> None:
    link = made(merchant)
    told = served(link["linkId"])
    assert told["gatewayUrl"] == GATEWAY
    assert {**told["link"], "orderToken": ""} == {**opened(link), "orderToken": ""}
    paying = {"orderToken": told["link"]["orderToken"], "phoneNumber": "237677777777"}
    assert call("POST", "/api/payment/initiate", paying).status == 201
    cancel(link, merchant)
    assert served(link["linkId"])["link"]["status"] == "cancelled"


@pytest.mark.usefixtures("page")
def test_nobody_keeps_frames_or_lists_it(merchant: dict[str, str]) -> None:
    headers = call("GET", f"/pay/{made(merchant)['linkId']}").headers
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert (headers["Cache-Control"], headers["X-Robots-Tag"]) == ("no-store", "noindex")
    assert headers["Referrer-Policy"] == "no-referrer", "the shop's chat must not learn the link"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith(f"connect-src 'self' {GATEWAY} wss://live.shop.example;")
    assert policy.endswith("frame-ancestors 'none'")


@pytest.mark.usefixtures("page")
def test_no_description_ends_the_script(merchant: dict[str, str]) -> None:
    evil = "</script><script>alert(1)</script><!-- \u2028 & « deux chaises »"
    link = call("POST", "/api/payment/links", LINK | {"description": evil.replace("\u2028", "")}, headers=merchant).json
    assert served(link["linkId"])["link"]["description"] == link["description"]


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("link_id", ["a" * 26, "A" * 26, "..%2F..%2Fetc", "health"])
def test_of_a_link_that_is_not_there_the_page_gets_nothing(link_id: str) -> None:
    assert served(link_id) == {"gatewayUrl": GATEWAY, "link": None}


@pytest.mark.usefixtures("page")
def test_who_tries_ids_learns_nothing_from_the_page_either(api: Settings) -> None:
    for _ in range(api.limits.address_refusals_per_minute):
        served("b" * 26)
    assert served("b" * 26) == {"gatewayUrl": GATEWAY, "link": None}
    assert call("GET", f"/api/payment/links/{'b' * 26}").status == 429


@pytest.mark.usefixtures("page")
def test_while_the_ledger_is_away_the_page_asks_again_itself(merchant: dict[str, str], aws: EmbeddedAws) -> None:
    link = made(merchant)
    aws.faults.set(Fault("GetItem", "unavailable", 100))
    assert served(link["linkId"])["link"] is None
    aws.faults.set()
    assert served(link["linkId"])["link"] is not None


def test_it_is_off_by_default(api: Settings, merchant: dict[str, str]) -> None:
    assert not api.link_page_dir
    reply = call("GET", f"/pay/{made(merchant)['linkId']}")
    assert (reply.status, reply.json["code"], reply.json["reason"]) == (404, "not_found", OFF)


def test_its_place_in_the_page_is_the_one_that_is_filled() -> None:
    assert len(re.findall("null", SERVED)) == 1
