"""Tests the operators' page as the API serves it: with its policy, below the stage's name, and off by default."""

import json
from pathlib import Path

import pytest

from chalicelib.settings import Settings
from chalicelib.web.operator_page import OFF, security_headers
from tests.harness.api_gateway import STAGE, call

HTML = '<script src="/operator/assets/index-1.js"></script><link href="/operator/assets/index-1.css" />'
GATEWAY = "https://live.shop.example"


@pytest.fixture
def page(api: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert not api.operator_page_dir
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(HTML, encoding="utf-8")
    (tmp_path / "assets" / "index-1.js").write_text("// une pièce", encoding="utf-8")
    (tmp_path / "assets" / "index-1.css").write_text("a{}", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("no part of the page", encoding="utf-8")
    monkeypatch.setenv("OPERATOR_PAGE_DIR", str(tmp_path))
    monkeypatch.setenv("GATEWAY_URL", GATEWAY)
    return tmp_path


def test_it_is_served_with_its_policy_below_the_stages_name(page: Path) -> None:
    reply = call("GET", "/operator")
    assert reply.status == 200, page
    assert reply.text == HTML.replace('"/operator', f'"{STAGE}/operator')
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-cache"
    policy = security_headers(GATEWAY, "wss://live.shop.example")
    assert policy.items() <= reply.headers.items()
    assert (
        "connect-src 'self' https://live.shop.example wss://live.shop.example;"
        in reply.headers["Content-Security-Policy"]
    )
    assert json.loads(call("GET", "/operator/addresses.json").text) == {"apiUrl": STAGE, "gatewayUrl": GATEWAY}


@pytest.mark.parametrize(
    ("name", "content_type", "text"),
    [("index-1.js", "text/javascript", "// une pièce"), ("index-1.css", "text/css", "a{}")],
)
def test_its_assets_are_kept_by_browsers(page: Path, name: str, content_type: str, text: str) -> None:
    reply = call("GET", f"/operator/assets/{name}")
    assert (reply.status, reply.text) == (200, text), page
    assert reply.headers["Content-Type"] == f"{content_type}; charset=utf-8"
    assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert security_headers(GATEWAY, "wss://live.shop.example").items() <= reply.headers.items()


@pytest.mark.parametrize("name", ["..", "..%2Fsecret.txt", "secret.txt", "index.html", "index-2.js"])
def test_nothing_else_is_served(page: Path, name: str) -> None:
    reply = call("GET", f"/operator/assets/{name}")
    assert (reply.status, reply.json["code"], reply.json["reason"]) == (404, "not_found", OFF), page


@pytest.mark.parametrize("path", ["/operator", "/operator/addresses.json", "/operator/assets/index-1.js"])
def test_it_is_off_by_default(api: Settings, path: str) -> None:
    assert not api.operator_page_dir
    reply = call("GET", path)
    assert (reply.status, reply.json["code"], reply.json["reason"]) == (404, "not_found", OFF)
