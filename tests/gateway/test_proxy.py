"""Two gateways behind the proxy of compose.yaml: what it takes for healthy, and what it shows of them."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from local.embedded import LOOPBACK, Valkey, free_port
from local.processes import is_ready
from tests import ROOT
from tests.gateway.test_operations import environment, ready, started
from tests.harness.container_engine import require_tools, tool
from tests.harness.gateway_stack import PATIENCE_SECONDS, Browser, LiveStore, new_event, until
from tests.harness.stack import wait_until

pytestmark = pytest.mark.deploy
Gateways = list[tuple[int, subprocess.Popen[str]]]


@pytest.fixture
def redis() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
async def gateways(redis: Valkey) -> AsyncIterator[Gateways]:
    """Each one's port and process."""
    with contextlib.ExitStack() as stack:
        both = []
        for port in (free_port(), free_port()):
            variables = environment(redis, port, DRAIN_ACCEPT_SECONDS="60", TRUSTED_PROXIES="1", PROBE_SECONDS="0.1")
            both.append((port, stack.enter_context(started(variables))))
        for port, process in both:
            await ready(port, process)
        yield both


@pytest.fixture
def proxy(gateways: Gateways) -> Iterator[str]:
    require_tools("haproxy")
    port = free_port()
    one, two = (f"{LOOPBACK}:{gateway}" for gateway, _ in gateways)
    variables = {**os.environ, "PROXY_PORT": str(port), "GATEWAY_ONE": one, "GATEWAY_TWO": two}
    command = [str(tool("haproxy")), "-db", "-f", str(ROOT / "socket_gateway" / "proxy" / "haproxy.cfg")]
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_ready(f"http://{LOOPBACK}:{port}/proxy-health"), "the proxy is ready")
        yield f"http://{LOOPBACK}:{port}"
    finally:
        process.kill()
        process.wait(5)


async def test_only_sockets_are_on_the_internet(proxy: str) -> None:
    async with httpx.AsyncClient(base_url=proxy) as http:
        for path in ("/", "/metrics", "/readyz", "/healthz", "/socket.iox", "/payment-test/"):
            assert (await http.get(path)).status_code == 404, path
        assert (await http.get("/socket.io/?EIO=4&transport=polling")).status_code == 200


async def test_without_redis_browsers_stay_and_newcomers_get_in(proxy: str, redis: Valkey, gateways: Gateways) -> None:
    event = new_event()
    store = LiveStore(redis)
    store.put(event)
    async with Browser(proxy) as browser, httpx.AsyncClient() as http:
        assert (await browser.track(event["reference"]))["ok"]
        redis.stop()
        for port, _ in gateways:
            while (answer := await http.get(f"http://{LOOPBACK}:{port}/readyz")).status_code == 200:
                continue
            assert answer.json() == {"ready": False, "reasons": ["redis"]}
        async with httpx.AsyncClient(base_url=proxy) as newcomer:
            for _ in range(30):  # the proxy asks each gateway once a second
                assert (await newcomer.get("/socket.io/?EIO=4&transport=polling")).status_code == 200
                await asyncio.sleep(0.1)
        assert browser.connects == 1
        assert browser.client.connected
    store.close()


async def test_one_that_drains_gets_no_newcomers(proxy: str, gateways: Gateways) -> None:
    leaving, process = gateways[0]
    process.send_signal(signal.SIGTERM)
    async with httpx.AsyncClient() as http:
        while (await http.get(f"http://{LOOPBACK}:{leaving}/readyz")).status_code == 200:
            continue

        async def comes_to_it(number: int) -> bool:
            http.cookies.clear()
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            came = await http.get(f"{proxy}/socket.io/?EIO=4&transport=polling", headers=headers)
            assert came.status_code == 200
            return came.cookies["gateway"] == "one"

        addresses = range(1, 21)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any([await comes_to_it(number) for number in addresses]):
                await asyncio.sleep(0.1)


async def test_without_any_gateway_it_is_not_healthy(proxy: str, gateways: Gateways) -> None:
    for _, process in gateways:
        process.kill()
    await until(lambda: not is_ready(f"{proxy}/proxy-health"))
