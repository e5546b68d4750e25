"""Tests the server of the operators' page: what its browser may do, and that it is off where nobody has a key."""

from pathlib import Path

import httpx
import pytest

from local.embedded import Valkey
from local.gateway_server import with_pages
from local.operator_page import OFF, OperatorPageSettings, read_operator_page_settings
from local.test_page import PageSettings
from socket_gateway.asgi import Mount
from tests.harness.gateway_stack import running, settings_for

pytestmark = pytest.mark.asyncio
API = "http://localhost:1"
GATEWAY = "http://localhost:3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>operators</title>")
    (tmp_path / "assets/index-B1xyz.js").write_text("let page;")
    return tmp_path


def page_of(folder: Path, *, is_on: bool = True) -> Mount:
    test_page = PageSettings(folder / "assets", API, "http://localhost:2")
    return lambda gateway: with_pages(gateway, test_page, OperatorPageSettings(folder, API, GATEWAY, is_on))


async def test_it_is_served_beside_the_test_page(valkey: Valkey, folder: Path) -> None:
    async with running(settings_for(valkey), mount=page_of(folder)) as gateway, httpx.AsyncClient() as http:
        for path in ("/operator", "/operator/", "/operator/index.html"):
            assert (await http.get(f"{gateway.url}{path}")).text == "<title>operators</title>"
        script = await http.get(f"{gateway.url}/operator/assets/index-B1xyz.js")
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await http.get(f"{gateway.url}/operator/addresses.json")).json() == {
            "apiUrl": API,
            "gatewayUrl": GATEWAY,
        }
        assert (await http.post(f"{gateway.url}/operator/addresses.json")).status_code == 405
        assert (await http.get(f"{gateway.url}/payment-test/index-B1xyz.js")).text == "let page;"
        for path in ("/operators", "/operator/nothing", "/operator/..%2foperator"):
            assert (await http.get(f"{gateway.url}{path}")).status_code == 404


async def test_its_scripts_call_itself_and_the_api_alone_and_nobody_frames_it(valkey: Valkey, folder: Path) -> None:
    async with running(settings_for(valkey), mount=page_of(folder)) as gateway, httpx.AsyncClient() as http:
        headers = (await http.get(f"{gateway.url}/operator")).headers
        rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert rules == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' data:",
            "connect-src": f"'self' {API} {GATEWAY} ws://localhost:3",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"


async def test_where_nobody_has_a_key_a_plain_sentence_says_so(valkey: Valkey, folder: Path) -> None:
    mount = page_of(folder, is_on=False)
    async with running(settings_for(valkey), mount=mount) as gateway, httpx.AsyncClient() as http:
        for path in ("/operator", "/operator/addresses.json", "/operator/assets/index-B1xyz.js"):
            answer = await http.get(f"{gateway.url}{path}")
            assert (answer.status_code, answer.text) == (404, f"{OFF}\n")
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("name", ["OPERATOR_KEYS", "OPERATOR_API_KEY"])
async def test_a_key_of_either_kind_switches_it_on(name: str, folder: Path) -> None:
    given = {
        "OPERATOR_PAGE_DIR": str(folder),
        "OPERATOR_PAGE_API_URL": f"{API}/",
        "OPERATOR_PAGE_GATEWAY_URL": f"{GATEWAY}/",
    }
    assert read_operator_page_settings({name: "key"}) is None
    assert read_operator_page_settings(given) == OperatorPageSettings(folder, API, GATEWAY, is_on=False)
    assert read_operator_page_settings({**given, name: "key"}) == OperatorPageSettings(folder, API, GATEWAY, is_on=True)
    usual = read_operator_page_settings({"OPERATOR_PAGE_DIR": str(folder)})
    assert usual == OperatorPageSettings(folder, "http://localhost:8000", "http://localhost:8080", is_on=False)
