"""Tests that connected browsers get the newest version after Redis was lost, frozen, emptied or restarted."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chalicelib.domain import contract, redis_names
from chalicelib.domain.payment import PaymentStatus
from chalicelib.runtime.settings_reader import RedisSettings
from local.embedded import Valkey
from socket_gateway.credentials import Credentials
from socket_gateway.metrics import Metrics
from socket_gateway.redis_clients import RedisClients
from socket_gateway.relay import Relay
from socket_gateway.session import Client
from socket_gateway.settings import Settings
from tests.harness.clustered_valkey import clustered_valkey, frozen, on_shard
from tests.harness.gateway_stack import (
    ORIGIN,
    Link,
    LiveStore,
    TrackingServer,
    new_event,
    next_version,
    running,
    settings_for,
    token_for,
    until,
)
from tests.harness.tls import tls_in_front_of, write_certificate

on_each_driver = pytest.mark.usefixtures("driver")
"""For what browsers see. What happens between gateway and Redis is the same whatever carries the browsers."""


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """Starts a Redis that the test may stop."""
    with Valkey() as server:
        yield server


@pytest.fixture
def own_store(own_valkey: Valkey) -> Iterator[LiveStore]:
    store = LiveStore(own_valkey)
    yield store
    store.close()


@on_each_driver
async def test_messages_come_through_tls_too(
    valkey: Valkey, store: LiveStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from ElastiCache. A flood comes as records of TLS that end in the middle of a message."""
    certificate, key = write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    events = [new_event()]
    for _ in range(300):
        events.append(next_version(events[-1], PaymentStatus.PENDING))
    store.put(events[0])
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(tls_in_front_of(valkey.port, certificate, key))
        redis_settings = RedisSettings("localhost", port, tls=True)
        settings = settings_for(valkey, output_compact_bytes=1_000_000, output_close_bytes=2_000_000)
        gateway = await stack.enter_async_context(running(replace(settings, redis=redis_settings)))
        browser = await stack.enter_async_context(gateway.browser())
        await browser.track(events[0]["reference"])
        await asyncio.to_thread(lambda: [store.redis.publish(*message_of(event)) for event in events[1:]])
        await until(lambda: browser.versions(events[0]["reference"]) == list(range(1, 302)))


def message_of(event: contract.PaymentEvent) -> tuple[str, str]:
    return redis_names.payment_channel(event["reference"]), contract.encode(event)


@on_each_driver
async def test_redis_lost_and_back_brings_what_was_missed(own_valkey: Valkey, own_store: LiveStore) -> None:
    event = new_event()
    own_store.put(event)
    async with running(settings_for(own_valkey)) as gateway, gateway.browser() as browser:
        await browser.track(event["reference"])
        own_valkey.stop()
        await until(lambda: not gateway.gateway.relay.connected)
        own_valkey.start()
        own_store.put(next_version(event, PaymentStatus.SUCCESSFUL))
        await until(lambda: browser.versions(event["reference"]) == [1, 2])
        own_store.publish(new_event(event["reference"], 3, PaymentStatus.SUCCESSFUL))
        await until(lambda: len(browser.events(event["reference"])) == 2 + 3 + 3)
        assert browser.versions(event["reference"]) == [1, 2, 3]
        assert browser.connects == 1


@on_each_driver
async def test_redis_back_empty_asks_the_api_a_few_at_a_time(own_valkey: Valkey, own_store: LiveStore) -> None:
    async with TrackingServer() as api, AsyncExitStack() as stack:
        settings = settings_for(own_valkey, api.url, api_concurrency=2, payments_per_socket=20)
        gateway = await stack.enter_async_context(running(settings))
        browser = await stack.enter_async_context(gateway.browser())
        events = [new_event() for _ in range(12)]
        for event in events:
            own_store.put(event)
            await browser.track(event["reference"])
            api.events[event["reference"]] = next_version(event, PaymentStatus.FAILED)
        api.delay = 0.01
        own_valkey.stop()
        own_valkey.start()
        await until(lambda: all(browser.versions(event["reference"]) == [1, 2] for event in events))
        assert sorted(api.asked) == sorted(event["reference"] for event in events)
        assert api.most_at_once == 2


@on_each_driver
async def test_a_long_outage_of_redis_gets_no_gateway_replaced_and_no_browser_closed(own_valkey: Valkey) -> None:
    """If liveness depended on Redis, the load balancer would replace every gateway at once."""
    event = new_event()
    store = LiveStore(own_valkey)
    store.put(event)
    settings = settings_for(own_valkey, probe_seconds=0.1, redis_timeout_seconds=0.3, track_deadline_seconds=60)
    async with running(settings) as gateway, AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url))
        browsers = [gateway.browser() for _ in range(10)]
        for browser, transport in zip(browsers, ["websocket", "polling"] * 5, strict=True):
            await browser.connect(transports=[transport], headers={"Origin": ORIGIN})
            stack.push_async_callback(browser.client.shutdown)
            assert (await browser.track(event["reference"]))["ok"]
        own_valkey.stop()
        await until(lambda: not gateway.gateway.relay.connected)
        while gateway.gateway.relay.probe_age < 50 * settings.timing.probe_seconds:
            assert (await http.get("/healthz")).status_code == 200
            await asyncio.sleep(settings.timing.probe_seconds)
        assert (await http.get("/readyz")).status_code == 503
        newcomer = await stack.enter_async_context(gateway.browser())
        assert await newcomer.track(event["reference"]) == {"ok": True, "payment": event}  # other browsers have seen it
        own_valkey.start()
        await until(lambda: gateway.gateway.ready)
        store.publish(next_version(event, PaymentStatus.FAILED))
        await until(lambda: all(browser.versions(event["reference"]) == [1, 2] for browser in (*browsers, newcomer)))
        assert all(browser.connects == 1 for browser in (*browsers, newcomer))
    store.close()


@on_each_driver
async def test_without_redis_it_starts_and_answers_at_once(own_valkey: Valkey) -> None:
    event = new_event()
    own_valkey.stop()
    async with TrackingServer() as api, AsyncExitStack() as stack:
        settings = settings_for(
            own_valkey, api.url, api_timeout_seconds=60
        )  # a browser that waits for the API would wait too long
        gateway = await stack.enter_async_context(running(settings, connected=False))
        browser = await stack.enter_async_context(gateway.browser())
        api.events[event["reference"]] = event
        api.answering.clear()
        assert await browser.track(event["reference"]) == {"ok": True, "payment": None}
        api.answering.set()
        await until(lambda: browser.versions(event["reference"]) == [1])
        async with httpx.AsyncClient(base_url=gateway.url) as http:
            assert (await http.get("/healthz")).status_code == 200
            assert (await http.get("/readyz")).status_code == 503
            own_valkey.start()
            await until(lambda: gateway.gateway.relay.connected)
            await until(lambda: gateway.gateway.ready)
            assert (await http.get("/readyz")).status_code == 200
        store = LiveStore(own_valkey)
        await until(lambda: store.subscribers(event["reference"]) == 1)
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        await until(lambda: browser.versions(event["reference"]) == [1, 2])
        store.close()


async def test_a_redis_that_hangs_is_away_too(valkey: Valkey) -> None:
    async with TrackingServer() as api, Link(valkey.port) as link, AsyncExitStack() as stack:
        redis = RedisSettings("127.0.0.1", link.port)
        settings = settings_for(valkey, api.url, redis=redis, redis_timeout_seconds=0.2)
        gateway = await stack.enter_async_context(running(settings))
        browser = await stack.enter_async_context(gateway.browser())
        event = new_event()
        api.events[event["reference"]] = event
        link.freeze()
        assert await browser.track(event["reference"]) == {"ok": True, "payment": None}
        await until(lambda: browser.versions(event["reference"]) == [1])


async def test_what_is_published_before_a_late_subscription_is_read(valkey: Valkey, store: LiveStore) -> None:
    async with TrackingServer() as api, Link(valkey.port) as link, AsyncExitStack() as stack:
        redis = RedisSettings("127.0.0.1", link.port)
        settings = settings_for(valkey, api.url, redis=redis, redis_timeout_seconds=0.2, probe_seconds=60.0)
        gateway = await stack.enter_async_context(running(settings))
        browser = await stack.enter_async_context(gateway.browser())
        event = new_event()
        api.events[event["reference"]] = event
        link.freeze()
        assert await browser.track(event["reference"]) == {"ok": True, "payment": None}
        await until(lambda: browser.versions(event["reference"]) == [1])
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        link.thaw()
        await until(lambda: browser.versions(event["reference"]) == [1, 2])
        assert gateway.gateway.relay.connected
        assert "gateway_relay_lost_total 0.0" in gateway.gateway.metrics.text().decode()


async def test_a_half_open_link_is_noticed_and_replaced(valkey: Valkey, store: LiveStore) -> None:
    """On a half-open connection redis-py waits without end: no data arrives and no call fails."""
    event = new_event()
    store.put(event)
    async with Link(valkey.port) as link, AsyncExitStack() as stack:
        redis = RedisSettings("127.0.0.1", link.port)
        settings = settings_for(valkey, redis=redis, probe_seconds=0.1, redis_timeout_seconds=0.5)
        gateway = await stack.enter_async_context(running(settings))
        browser = await stack.enter_async_context(gateway.browser())
        await browser.track(event["reference"])
        link.freeze()
        store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
        await until(lambda: not gateway.gateway.relay.connected)
        assert not gateway.gateway.ready
        link.cut()
        link.thaw()
        await until(lambda: browser.versions(event["reference"]) == [1, 2])
        assert browser.connects == 1


@on_each_driver
async def test_one_missed_probe_reads_all_again_on_the_same_connection(valkey: Valkey, store: LiveStore) -> None:
    event = new_event()
    store.put(event)
    async with running(settings_for(valkey, probe_seconds=1.5)) as gateway, gateway.browser() as browser:
        await browser.track(event["reference"])
        relay = gateway.gateway.relay
        [(_, heard)] = store.redis.pubsub_numsub(redis_names.probe_channel(gateway.gateway.id))
        assert heard == 1
        store.put(next_version(event, PaymentStatus.SUCCESSFUL))  # never published
        relay._probe_channel = b"elsewhere"
        await until(lambda: browser.versions(event["reference"]) == [1, 2])
        relay._probe_channel = redis_names.probe_channel(gateway.gateway.id).encode()
        assert "gateway_relay_lost_total 0.0" in gateway.gateway.metrics.text().decode()


async def test_many_payments_are_resubscribed_in_commands_of_500(own_valkey: Valkey, own_store: LiveStore) -> None:
    settings = settings_for(own_valkey)
    async with running(settings) as gateway:
        watches, relay = gateway.gateway.tracked_payments, gateway.gateway.relay
        references = [f"payment-{number}" for number in range(1201)]
        client = Client("socket", None, 0)  # type: ignore[arg-type]  # it never joins, so that nothing is sent to it
        tracked = [watches.add(client, reference, token_for(reference)) for reference in references]
        assert await relay.confirmed(references[-1])
        own_valkey.stop()
        await until(lambda: not relay.connected)
        own_valkey.start()
        for reference in references:
            own_store.put(new_event(reference))
        await until(lambda: {each.version for each in tracked} == {1})
        info = own_store.redis.info("commandstats")
        assert isinstance(info, dict)
        assert info["cmdstat_subscribe"]["calls"] == 3  # the probe's channel and 1,201 payments
        assert info["cmdstat_get"]["calls"] == len(references)
        for each in tracked:
            watches.remove(each, client)
        await until(lambda: own_store.subscribers(references[0]) == own_store.subscribers(references[-1]) == 0)
        assert len(relay) == 0


async def test_storms_of_reads_go_together(valkey: Valkey, store: LiveStore) -> None:
    async with running(settings_for(valkey)) as gateway:
        snapshots = gateway.gateway.snapshots
        events = [new_event() for _ in range(700)]
        for event in events:
            store.put(event)
        before = reads_of(store)
        versions = await asyncio.gather(*(snapshots.read(event["reference"]) for event in events))
        assert [contract.decode(version.body) for version in versions if version] == events
        assert reads_of(store) - before < 70  # 700 commands


def reads_of(store: LiveStore) -> int:
    """Returns how often the Redis server has read from its sockets."""
    stats = store.redis.info("stats")
    assert isinstance(stats, dict)
    return int(stats["total_reads_processed"])


async def test_a_relay_that_died_fails_the_health_check(valkey: Valkey) -> None:
    async with running(settings_for(valkey)) as gateway, httpx.AsyncClient(base_url=gateway.url) as http:
        assert (await http.get("/healthz")).json() == {"alive": True}
        gateway.gateway._tasks[0].cancel()
        await until(lambda: not gateway.gateway.alive)
        assert (await http.get("/healthz")).status_code == 503
        assert (await http.get("/readyz")).status_code == 503


class ForgetfulClients(RedisClients):
    """Loses every cancellation during a command, as redis-py may on Python 3.11."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.redis, settings.timing, Credentials(settings))
        self.publishing, self.caught_up = asyncio.Event(), asyncio.Event()
        self.commands = cast(Any, self)

    async def publish(self, *_: object) -> None:
        self.publishing.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def test_a_relay_ends_although_a_command_lost_its_cancellation(valkey: Valkey) -> None:
    """The gateway would otherwise never exit: a task group cancels its tasks once."""
    settings = settings_for(valkey)
    clients = ForgetfulClients(settings)
    relay = Relay(clients, "gateway", settings.timing, Metrics())

    async def catch_up() -> None:
        clients.caught_up.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    task = asyncio.create_task(relay.run(lambda *_: None, catch_up))
    await clients.publishing.wait()
    await clients.caught_up.wait()
    task.cancel()
    await until(task.done)
    assert task.cancelled()


async def test_an_error_in_our_own_code_restarts_the_session(valkey: Valkey, store: LiveStore) -> None:
    settings = settings_for(valkey)
    clients = RedisClients(settings.redis, settings.timing, Credentials(settings))
    relay = Relay(clients, "gateway", settings.timing, Metrics())
    event = new_event()
    bodies: list[bytes] = []
    catch_ups: list[bool] = []

    def received(_: bytes, body: bytes) -> None:
        bodies.append(body)
        if len(bodies) == 1:
            raise RuntimeError("in our own code")

    async def catch_up() -> None:
        catch_ups.append(await relay.confirmed(event["reference"]))

    running_relay = asyncio.create_task(relay.run(received, catch_up))
    relay.subscribe(event["reference"])
    await until(lambda: catch_ups == [True])
    store.publish(event)
    await until(lambda: catch_ups == [True, True])
    store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
    await until(lambda: [contract.decode(body)["version"] for body in bodies] == [1, 2])
    running_relay.cancel()
    await asyncio.wait([running_relay])
    await clients.close()


async def test_in_a_cluster_it_works_the_same() -> None:
    with clustered_valkey() as (valkey,):
        store = LiveStore(valkey)
        events = [new_event() for _ in range(3)]
        settings = settings_for(valkey, redis=RedisSettings("127.0.0.1", valkey.port, cluster=True))
        async with running(settings) as gateway, gateway.browser() as browser:
            for event in events:
                store.put(event)
                assert (await browser.track(event["reference"]))["payment"] == event
                store.publish(next_version(event, PaymentStatus.SUCCESSFUL))
            await until(lambda: all(browser.versions(event["reference"]) == [1, 2] for event in events))
            await until(lambda: store.record(redis_names.gateway_key(gateway.gateway.id)))
        store.close()


async def test_a_shard_that_does_not_answer_keeps_no_payment_from_its_screen() -> None:
    """Of a payment whose shard does not answer the API is asked; the others are read as ever."""
    with clustered_valkey(2) as nodes:
        async with TrackingServer() as api, AsyncExitStack() as stack:
            stores = [stack.enter_context(contextlib.closing(LiveStore(node))) for node in nodes]
            settings = settings_for(
                nodes[0],
                api.url,
                redis=RedisSettings("127.0.0.1", nodes[0].port, cluster=True),
                redis_timeout_seconds=0.5,
            )
            gateway = await stack.enter_async_context(running(settings))
            browser = await stack.enter_async_context(gateway.browser())
            near, far = (new_event(on_shard(shard, 2, redis_names.payment_key)) for shard in range(2))
            for store, event in zip(stores, (near, far), strict=True):
                store.put(event)
                await browser.track(event["reference"])
            stores[0].put(next_version(near, PaymentStatus.SUCCESSFUL))
            api.events[far["reference"]] = next_version(far, PaymentStatus.FAILED)
            with frozen(nodes[1]):
                await gateway.gateway.tracked_payments.catch_up()
                await until(lambda: all(browser.versions(event["reference"]) == [1, 2] for event in (near, far)))
            assert api.asked == [far["reference"]]


async def test_a_cluster_that_is_lost_ends_nothing_for_good() -> None:
    """The cluster client raises an error that is no RedisError. It once ended the registry, which fails liveness."""
    with clustered_valkey() as (valkey,):
        settings = settings_for(valkey, redis=RedisSettings("127.0.0.1", valkey.port, cluster=True))
        async with running(settings) as gateway:
            with redis.Redis(host="127.0.0.1", port=valkey.port, retry=Retry(NoBackoff(), 0)) as client:
                client.shutdown(nosave=True)
            async with gateway.browser() as browser:
                await browser.track(new_event()["reference"])
                await until(
                    lambda: not gateway.gateway.relay.connected, 30
                )  # the cluster client retries by itself for a while
                await asyncio.sleep(1.5)  # a flush of the registry, its pause, and the next one
            assert gateway.gateway.alive
