"""Tests the server of the test page: what it serves, what it refuses, and the call that cuts every connection."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from chalicelib.domain.payment import PaymentStatus
from local.embedded import LOOPBACK, Valkey, free_port
from local.gateway_server import with_pages
from local.processes import is_ready
from local.test_page import PageSettings, read_page_settings
from socket_gateway.asgi import Mount
from tests import ROOT
from tests.harness.gateway_stack import LiveStore, Running, new_event, next_version, running, settings_for, until
from tests.harness.stack import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCRIPT = "assets/index-B1xyz.js"
NOT_FOUND = {"status": 404, "code": "not_found"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a folder as a build leaves it, beside a file that must not be served."""
    outside = tmp_path_factory.mktemp("frontend")
    (outside / "secret.txt").write_text("secret")
    built = outside / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<title>page</title>")
    (built / SCRIPT).write_text("let page;")
    (built / "assets/index-C2xyz.css").write_text("body {}")
    (built / "mark.png").write_bytes(b"\x89PNG")
    return built


def page_of(folder: Path) -> Mount:
    settings = PageSettings(folder, "http://localhost:1", "http://localhost:2")
    return lambda gateway: with_pages(gateway, settings)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(valkey: Valkey, folder: Path) -> AsyncIterator[Running]:
    async with running(settings_for(valkey), mount=page_of(folder)) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module")
async def http(gateway: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/payment-test", "/payment-test/", "/payment-test?order=1", "/payment-test/index.html"]
)
async def test_the_page_is_asked_for_each_time(http: httpx.AsyncClient, path: str) -> None:
    page = await http.get(path)
    assert (page.status_code, page.text) == (200, "<title>page</title>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    head = await http.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.text, head.headers["content-length"]) == (200, "", "19")


async def test_what_has_a_hash_in_its_name_is_kept(http: httpx.AsyncClient) -> None:
    script = await http.get(f"/payment-test/{SCRIPT}")
    assert (script.status_code, script.text) == (200, "let page;")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    style = await http.get("/payment-test/assets/index-C2xyz.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [("gzip, deflate, br, zstd", True), ("identity", False), ("gzip;q=0, br", False), ("", False)],
)
async def test_texts_are_compressed_for_whoever_accepts_that(
    http: httpx.AsyncClient, accepted: str, is_compressed: bool
) -> None:
    script = await http.get(f"/payment-test/{SCRIPT}", headers={"Accept-Encoding": accepted})
    assert (script.status_code, script.text) == (200, "let page;")
    assert script.headers["vary"] == "Accept-Encoding"
    assert (script.headers.get("content-encoding") == "gzip") is is_compressed
    assert (int(script.headers["content-length"]) == len("let page;")) is not is_compressed


async def test_a_picture_is_sent_as_it_is(http: httpx.AsyncClient) -> None:
    picture = await http.get("/payment-test/mark.png", headers={"Accept-Encoding": "gzip"})
    assert picture.content == b"\x89PNG"
    assert "content-encoding" not in picture.headers


async def test_the_page_is_told_where_the_others_are(http: httpx.AsyncClient) -> None:
    addresses = await http.get("/payment-test/addresses.json")
    assert addresses.json() == {"apiUrl": "http://localhost:1", "simulatorUrl": "http://localhost:2"}


@pytest.mark.parametrize(
    "path",
    [
        *("/payment-test/nothing", "/payment-test/assets", "/payment-test/assets/", "/payment-testing", "/assets/x"),
        *("/payment-test/../secret.txt", "/payment-test/%2e%2e/secret.txt", "/payment-test/..%2fsecret.txt"),
        *("/payment-test/assets/../../secret.txt", "/payment-test//etc/passwd", "/payment-test/%2fetc%2fpasswd"),
        *("/payment-test/index.html%00.js", "/payment-test/..%5csecret.txt", "/payment-test/%252e%252e/secret.txt"),
    ],
)
async def test_nothing_else_is_served(gateway: Running, path: str) -> None:
    """Sent byte for byte, since an HTTP client would normalise such a path."""
    reader, writer = await asyncio.open_connection(LOOPBACK, gateway.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in answer.partition(b"\r\n\r\n")[2]
    assert b"root:" not in answer


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/payment-test", "GET, HEAD"),
        ("DELETE", f"/payment-test/{SCRIPT}", "GET, HEAD"),
        ("PUT", "/payment-test/addresses.json", "GET, HEAD"),
        ("GET", "/payment-test/cut", "POST"),
    ],
)
async def test_other_methods_are_refused(http: httpx.AsyncClient, method: str, path: str, allowed: str) -> None:
    answer = await http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json() == {"status": 405, "code": "method_not_allowed"}


async def test_a_cut_takes_every_connection_and_the_browsers_come_back(
    gateway: Running, http: httpx.AsyncClient, valkey: Valkey
) -> None:
    event = new_event()
    store = LiveStore(valkey)
    store.put(event)
    async with gateway.browser() as browser, gateway.browser() as other:
        await browser.track(event["reference"])
        assert (await http.post("/payment-test/cut")).json() == {"closed": 2}
        await until(lambda: browser.reconnected and other.reconnected)
        following = next_version(event, PaymentStatus.SUCCESSFUL)
        store.put(following)
        ack = await browser.track(event["reference"])
        assert ack["payment"]["version"] == following["version"]
    store.close()


@pytest.mark.parametrize("module", ["socket_gateway.asgi", "local.gateway_server"])
async def test_production_has_no_page(valkey: Valkey, folder: Path, module: str) -> None:
    """Neither program serves the page in production, whatever TEST_PAGE_DIR says."""
    production = {
        "APP_ENV": "production",
        "FRONTEND_URL": "https://shop.example",
        "REDIS_HOST": LOOPBACK,
        "REDIS_PORT": str(valkey.port),
        "TRACKING_TOKEN_KEY": "a" * 32,
        "API_URL": "https://api.example",
        "GATEWAY_HOST": LOOPBACK,
        "PORT": str(free_port()),
        "TEST_PAGE_DIR": str(folder),
    }
    url = f"http://{LOOPBACK}:{production['PORT']}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=ROOT, env={**os.environ, **production}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await asyncio.to_thread(wait_until, lambda: is_ready(f"{url}/readyz"), "the gateway is ready")
        async with httpx.AsyncClient(base_url=url) as http:
            for method, path in (("GET", ""), ("GET", "/"), ("GET", "/addresses.json"), ("POST", "/cut")):
                answer = await http.request(method, f"/payment-test{path}")
                assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
            answer = await http.get("/docs")
            assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    finally:
        process.kill()
        await process.wait()


async def test_development_has_it_where_the_environment_says_so(folder: Path) -> None:
    assert read_page_settings({"TEST_PAGE_DIR": ""}) is None
    usual = PageSettings(folder, "http://localhost:8000", "http://localhost:8090")
    assert read_page_settings({"TEST_PAGE_DIR": str(folder)}) == usual
    moved = {"TEST_PAGE_API_URL": "http://localhost:1/", "TEST_PAGE_SIMULATOR_URL": "http://localhost:2"}
    page = read_page_settings({"TEST_PAGE_DIR": str(folder), **moved})
    assert page == PageSettings(folder, "http://localhost:1", "http://localhost:2")


async def test_a_page_that_is_not_built_is_one_clear_line(valkey: Valkey, tmp_path: Path) -> None:
    async with (
        running(settings_for(valkey), mount=page_of(tmp_path / "dist")) as gateway,
        httpx.AsyncClient() as http,
    ):
        answer = await http.get(f"{gateway.url}/payment-test")
        assert (answer.status_code, len(answer.text.splitlines())) == (404, 1)
        assert "make run" in answer.text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
