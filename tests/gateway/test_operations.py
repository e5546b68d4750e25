"""Tests the operation of a gateway: health, metrics, registry, drain, signals."""

import asyncio
import contextlib
import copy
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chalicelib.domain import redis_names
from local.embedded import LOOPBACK, Valkey, free_port
from socket_gateway.packets import NAMESPACE
from socket_gateway.registry import Registry
from tests.harness.embedded_metrics import check_metrics
from tests.harness.gateway_process import ended, environment, ready, started
from tests.harness.gateway_stack import (
    Browser,
    LiveStore,
    Running,
    new_event,
    running,
    settings_for,
    token_for,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(valkey: Valkey) -> AsyncIterator[Running]:
    async with running(settings_for(valkey, registry_flush_seconds=0.02)) as gateway:
        yield gateway


async def test_metrics_hold_no_personal_data(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(running(settings_for(valkey)))
        browser = await stack.enter_async_context(gateway.browser())
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url))
        await browser.track(event["reference"])
        await browser.track(event["reference"], token="bad")
        response = await http.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = response.text.splitlines()
        assert "gateway_clients 1.0" in lines
        assert "gateway_payments 1.0" in lines
        assert "gateway_redis_connected 1.0" in lines
        assert "gateway_events_sent_total 2.0" in lines
        assert 'gateway_refusals_total{code="invalid_token"} 1.0' in lines
        for private in (event["reference"], event["phoneNumber"], LOOPBACK, token_for(event["reference"])[:20]):
            assert private not in response.text


async def test_unknown_paths_are_404_in_json(gateway: Running) -> None:
    async with httpx.AsyncClient(base_url=gateway.url) as http:
        for path in ("/", "/socket.iox", "/healthz/x"):
            response = await http.get(path)
            assert (response.status_code, response.json()) == (404, {"status": 404, "code": "not_found"})
            assert response.headers["content-type"] == "application/json"


async def test_the_registry_knows_who_is_here_and_forgets_who_left(gateway: Running, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    inside = gateway.gateway
    async with gateway.browser() as browser:
        key = redis_names.client_key(browser.client.get_sid())
        await until(lambda: store.record(key))
        await browser.track(event["reference"])
        await until(lambda: store.record(key)["payments"] == [event["reference"]])
        record = store.record(key)
        assert set(record) == {"gateway", "connectedAt", "payments"}
        assert record["gateway"] == inside.id
        sockets = redis_names.clients_key(inside.id)
        assert store.redis.zrange(sockets, 0, -1) == [browser.client.get_sid().encode()]
        assert store.redis.zscore(redis_names.gateways_key(), inside.id) == pytest.approx(time.time(), abs=60)
        for index in (sockets, redis_names.gateways_key()):
            assert 86_000 < int(str(store.redis.ttl(index))) <= 86_400
        assert 86_000 < int(str(store.redis.ttl(key))) <= 86_400
        own = redis_names.gateway_key(inside.id)
        await until(lambda: store.record(own)["clients"] == 1)
        assert store.record(own)["payments"] == 1
        assert 25 < int(str(store.redis.ttl(own))) <= 30
        await browser.stop(event["reference"])
        await until(lambda: store.record(key)["payments"] == [])
    await until(lambda: store.record(key) is None)
    assert store.redis.zrange(sockets, 0, -1) == []


async def test_the_registry_writes_thousands_part_by_part(gateway: Running, store: LiveStore) -> None:
    """One pipeline of all of them would block the event loop for as long as it takes to encode and to read."""
    registry, sids = Registry(gateway.gateway.clients, "gateway-of-thousands", 0.01), [f"sid{n}" for n in range(1_000)]
    written_before: list[bool] = []

    def describe(_: str) -> dict[str, Any]:
        written_before.append(store.redis.zcard(redis_names.clients_key("gateway-of-thousands")) != 0)
        return {}

    for sid in sids:
        registry.changed(sid)
    running_on = asyncio.create_task(registry.run(describe, dict))
    await until(lambda: store.redis.zcard(redis_names.clients_key("gateway-of-thousands")) == len(sids))
    running_on.cancel()
    assert written_before.count(False) <= 100
    await registry.remove_all()


class ClosedOnce:
    """Is a client of Redis whose first pipeline meets a connection that has just been closed, as uvloop says it."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self.met = False

    def pipeline(self, **options: bool) -> Any:
        pipeline = self._redis.pipeline(**options)
        if not self.met:
            self.met, pipeline.execute = True, self._fail
        return pipeline

    async def _fail(self) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")


async def test_the_registry_outlives_a_connection_that_is_closed_under_it(gateway: Running, store: LiveStore) -> None:
    clients = copy.copy(gateway.gateway.clients)
    closed: Any = ClosedOnce(clients.commands)
    clients.commands = closed
    registry = Registry(clients, "gateway-of-one", 0.01)
    registry.changed("sid")
    running_on = asyncio.create_task(registry.run(lambda _: {}, dict))
    await until(lambda: store.redis.zcard(redis_names.clients_key("gateway-of-one")) == 1)
    assert closed.met
    assert not running_on.done()
    running_on.cancel()
    await registry.remove_all()


async def test_the_registry_is_written_again_when_redis_comes_back_empty() -> None:
    with Valkey() as own:
        store = LiveStore(own)
        async with running(settings_for(own, registry_flush_seconds=0.02)) as gateway, gateway.browser() as browser:
            key = redis_names.client_key(browser.client.get_sid())
            await until(lambda: store.record(key))
            own.stop()
            async with gateway.browser():
                own.start()
                await until(lambda: store.record(key))
                await until(lambda: len(list(store.redis.scan_iter("client:*"))) == 2)
            await until(lambda: len(list(store.redis.scan_iter("client:*"))) == 1)
        assert list(store.redis.scan_iter("*")) == []  # a gateway that stopped has left no key
        store.close()


async def test_a_disconnect_costs_what_its_own_rooms_cost(gateway: Running) -> None:
    """python-socketio's own manager scans all rooms at each disconnect."""
    rooms = gateway.gateway.stock.server.manager
    for number in range(5_000):
        rooms.basic_enter_room(f"sid{number}", NAMESPACE, None, eio_sid=f"eio{number}")
        rooms.basic_enter_room(f"sid{number}", NAMESPACE, f"sid{number}", eio_sid=f"eio{number}")
        rooms.basic_enter_room(f"sid{number}", NAMESPACE, f"payment:{number // 2}")
    assert set(rooms.get_rooms("sid7", NAMESPACE)) == {"sid7", "payment:3"}
    with pytest.raises(ValueError, match="left"):
        rooms.basic_enter_room("nobody", NAMESPACE, "payment:3")
    started = time.thread_time()
    for number in range(5_000):
        rooms.basic_disconnect(f"sid{number}", NAMESPACE)
    assert time.thread_time() - started < 1  # python-socketio needs 6 s and more
    assert rooms.rooms == {}


async def test_drain_is_unready_at_once_accepts_for_a_while_and_then_closes_spread(valkey: Valkey) -> None:
    settings = settings_for(valkey, drain_accept_seconds=2, drain_close_seconds=2, drain_closes_per_second=0.1)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(running(settings))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url))
        browsers = [await stack.enter_async_context(gateway.browser()) for _ in range(8)]
        began = time.monotonic()
        draining = asyncio.create_task(gateway.gateway.drain.run())
        await until(lambda: gateway.gateway.drain.started)
        unready = await http.get("/readyz")
        assert (unready.status_code, unready.json()) == (503, {"ready": False, "reasons": ["draining"]})
        assert (await http.get("/healthz")).status_code == 200
        browsers.append(await stack.enter_async_context(gateway.browser()))
        assert len(gateway.gateway.connections) == 9
        gone: list[float] = []
        for browser in browsers:
            browser.client.on("disconnect", lambda *_: gone.append(time.monotonic() - began))
        await draining
        await until(lambda: len(gone) == 9)
        assert min(gone) >= 2
        assert max(gone) - min(gone) > 0.05
        assert max(gone) < 30, "the pace alone would take 90"
        refused = await http.get("/socket.io/?EIO=4&transport=polling")
        assert (refused.status_code, refused.json()["code"]) == (503, "draining")
        assert refused.headers["retry-after"] == "5"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_with_0(valkey: Valkey, store: LiveStore, number: signal.Signals) -> None:
    event = new_event()
    store.put(event)
    port = free_port()
    with started(environment(valkey, port)) as process:
        await ready(port, process)
        async with Browser(f"http://{LOOPBACK}:{port}") as browser:
            assert (await browser.track(event["reference"]))["ok"]
            began = time.monotonic()
            process.send_signal(number)
            code, output = await ended(process)
            assert time.monotonic() - began < 9
            await until(lambda: not browser.client.connected)
    assert code == 0, output
    lines = [json.loads(line) for line in output.splitlines()]
    for line in lines:
        assert datetime.fromisoformat(line["time"]).tzinfo == UTC
        assert (line["level"], "trace" in line) == ("INFO", False), line
    assert [line["event"] for line in lines] == [
        *("gateway-started", "client-connected", "payment-tracked", "gateway-draining", "client-disconnected"),
        "gateway-stopped",
    ]
    assert token_for(event["reference"])[:20] not in output
    assert LOOPBACK not in output


async def test_a_second_signal_exits_at_once(valkey: Valkey) -> None:
    port = free_port()
    with started(environment(valkey, port, DRAIN_ACCEPT_SECONDS="60")) as process:
        await ready(port, process)
        process.send_signal(signal.SIGTERM)
        async with httpx.AsyncClient() as http:
            while (await http.get(f"http://{LOOPBACK}:{port}/readyz")).status_code == 200:
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        code, _ = await ended(process)
        assert code == 128 + signal.SIGTERM


async def test_without_settings_it_says_what_is_missing_and_leaves() -> None:
    with started({"PATH": os.environ["PATH"]}) as process:
        code, output = await ended(process)
    assert code == 1
    (line,) = map(json.loads, output.splitlines())
    assert line["event"] == "gateway-not-started"
    assert "TRACKING_TOKEN_KEY is missing; API_URL is missing" in line["reason"]


def events_of(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """Reads the product's log lines: each event with its fields."""
    return [(record.getMessage(), record.__dict__["fields"]) for record in caplog.records if record.name == "payments"]


async def test_connect_track_stop_and_disconnect_are_lines(
    valkey: Valkey, store: LiveStore, caplog: pytest.LogCaptureFixture
) -> None:
    event = new_event()
    store.put(event)
    reference = event["reference"]
    async with running(settings_for(valkey)) as gateway, gateway.browser() as browser:
        sid = browser.client.get_sid()
        await browser.track(reference, token="forged")
        await browser.stop(reference)
        await browser.track(reference)
        await browser.stop(reference)
        await browser.stop(reference)
        await browser.track(reference)
        await browser.client.disconnect()
        await until(lambda: len(gateway.gateway.sockets) == 0)
        *lines, (last, ended) = events_of(caplog)
    assert lines == [
        ("client-connected", {"socket": sid}),
        ("payment-tracked", {"socket": sid, "reference": reference, "version": 1}),
        ("tracking-stopped", {"socket": sid, "reference": reference}),
        ("payment-tracked", {"socket": sid, "reference": reference, "version": 1}),
    ]
    assert (last, ended["socket"], ended["payments"]) == ("client-disconnected", sid, 1)
    assert ended["reason"] in ("client disconnect", "transport close")


async def test_the_lines_of_clients_can_be_switched_off(
    valkey: Valkey, store: LiveStore, caplog: pytest.LogCaptureFixture
) -> None:
    event = new_event()
    store.put(event)
    for log_clients in (True, False):
        caplog.clear()
        async with running(settings_for(valkey, log_clients=log_clients)) as gateway, gateway.browser() as browser:
            await browser.track(event["reference"])
            await browser.stop(event["reference"])
        names = [name for name, _ in events_of(caplog)]
        expected = ["client-connected", "payment-tracked", "tracking-stopped", "client-disconnected"]
        assert names == (expected if log_clients else [])


async def test_the_log_says_when_redis_is_lost_and_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    with Valkey() as own:
        async with running(settings_for(own)) as gateway:
            assert "redis-back" not in caplog.messages, "it was never away"
            for _ in range(2):
                caplog.clear()
                own.stop()
                await until(lambda: not gateway.gateway.relay.connected)
                await until(lambda: gateway.gateway.relay.probe_age > 0.5)  # several attempts to connect are one outage
                own.start()
                await until(lambda: gateway.gateway.relay.connected)
                (lost, back) = events_of(caplog)
                assert lost[0] == "redis-lost"
                assert isinstance(lost[1]["error"], str)
                assert back[0] == "redis-back"
                assert float(str(back[1]["away_seconds"])) > 0


async def test_a_gateway_that_starts_without_redis_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with Valkey() as own:
        own.stop()
        async with running(settings_for(own), connected=False) as gateway:
            await until(lambda: "redis-lost" in caplog.messages)
            own.start()
            await until(lambda: gateway.gateway.relay.connected)
    assert caplog.messages.count("redis-lost") == caplog.messages.count("redis-back") == 1


async def test_a_gateway_logs_that_it_is_not_ready_for_as_long_as_it_is_not(caplog: pytest.LogCaptureFixture) -> None:
    """An alarm counts these lines; the load balancer only checks whether a gateway is alive."""
    with Valkey() as own:
        async with running(settings_for(own, probe_seconds=0.2, unready_log_seconds=0.05)):
            own.stop()
            await until(lambda: caplog.messages.count("gateway-not-ready") >= 3)
    assert dict(events_of(caplog))["gateway-not-ready"] == {"reasons": ["redis"]}


async def test_what_cloudwatch_makes_metrics_of_is_logged_again_and_again(
    valkey: Valkey, store: LiveStore, caplog: pytest.LogCaptureFixture
) -> None:
    event = new_event()
    store.put(event)
    settings = settings_for(valkey, metrics_namespace="shop", metrics_log_seconds=0.1, probe_seconds=0.1)
    async with running(settings) as gateway, gateway.browser() as browser:
        await browser.track(event["reference"])
        await until(
            lambda: any((it["GatewayBrowsers"], it["GatewayPayments"]) == (1, 1) for it in metric_lines(caplog))
        )
    for line in metric_lines(caplog):
        check_metrics(line, "shop")
        assert line["GatewayRelayLag"] < 5_000


async def test_the_relays_lag_grows_while_redis_hands_nothing_back(caplog: pytest.LogCaptureFixture) -> None:
    with Valkey() as own:
        settings = settings_for(own, metrics_namespace="shop", metrics_log_seconds=0.1, probe_seconds=0.1)
        async with running(settings):
            own.stop()
            await until(lambda: any(line["GatewayRelayLag"] > 1_000 for line in metric_lines(caplog)))


def metric_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [fields for event, fields in events_of(caplog) if event == "metrics"]


async def test_a_gateway_that_loses_redis_keeps_its_browsers_and_takes_new_ones() -> None:
    """Liveness must not depend on Redis: a replaced gateway makes all its browsers reconnect."""
    event = new_event()
    with Valkey() as own, contextlib.closing(LiveStore(own)) as store:
        store.put(event)
        async with AsyncExitStack() as stack:
            gateway = await stack.enter_async_context(running(settings_for(own, probe_seconds=0.2)))
            http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url))
            browser = await stack.enter_async_context(gateway.browser())
            assert (await browser.track(event["reference"]))["ok"]
            own.stop()
            await until(lambda: gateway.gateway.reasons == ["redis"])
            assert (await http.get("/readyz")).json() == {"ready": False, "reasons": ["redis"]}
            assert (await http.get("/healthz")).status_code == 200
            newcomer = await stack.enter_async_context(gateway.browser())
            assert newcomer.client.connected
            assert (browser.connects, browser.client.connected) == (1, True)


async def test_a_gateway_that_is_replaced_raises_no_alarm(valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_for(valkey, drain_accept_seconds=0.5, unready_log_seconds=0.01)
    async with running(settings) as gateway:
        await until(lambda: gateway.gateway.ready)  # its first probe of Redis may come back after the first line
        caplog.clear()
        await gateway.gateway.drain.run()
        assert gateway.gateway.reasons == ["draining"]
    assert "gateway-draining" in caplog.messages
    assert "gateway-not-ready" not in caplog.messages


async def test_malformed_requests_are_not_logged(valkey: Valkey) -> None:
    port = free_port()
    with started(environment(valkey, port)) as process:
        await ready(port, process)
        for garbage in (
            b"\x16\x03\x01",
            b"GET / HTTP/9\r\n\r\n",
            b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            b"GET /socket.io/?EIO=4&transport=websocket&j=0 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(garbage + b"\r\n")
            await reader.read(1)
            writer.close()
        process.send_signal(signal.SIGTERM)
        _, output = await ended(process)
    assert [json.loads(line)["event"] for line in output.splitlines()] == [
        *("gateway-started", "gateway-draining", "gateway-stopped"),
    ]
