"""Runs a gateway in the test's event loop, with real parts around it: Redis, the tracking route, browsers."""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Any, Self
from uuid import uuid4

import redis
import socketio
from aiohttp import web

from chalicelib.domain import contract, redis_names
from chalicelib.domain.contract import PaymentEvent
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.tokens import TrackingGrant, sign_tracking_token
from chalicelib.runtime.settings_reader import RedisSettings
from local.embedded import LOOPBACK, Valkey
from socket_gateway.asgi import Gateway, Mount, create_server
from socket_gateway.settings import DRIVERS, Bounds, Settings, Timing
from tests.harness.asyncapi import check_ack, check_message

KEY = "tracking-key-of-the-tests-0123456789"
ORIGIN = "https://shop.example"
PATIENCE_SECONDS = 15.0
"""Longest wait of a test. A busy machine may pause for a second or two, but not for longer."""
_KEPT_SECONDS = 300
"""How long Redis keeps a snapshot: longer than any client is idle."""


def driver() -> str:
    """Returns the driver on which the tests' gateways run, as GATEWAY_DRIVER says."""
    return os.environ.get("GATEWAY_DRIVER", DRIVERS[0])


async def until(holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Waits until the condition holds; fails the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.005)


def new_event(
    reference: str | None = None, version: int = 1, status: PaymentStatus = PaymentStatus.PENDING
) -> PaymentEvent:
    now = time.time_ns() // 1_000_000
    payment = Payment(
        reference=reference or str(uuid4()),
        order_id="order-1",
        money=Money(5000, "XAF"),
        phone_mask="2376******77",
        phone_hash="hash",
        locale="fr",
        provider="campay",
        created_at=now,
        updated_at=now,
        expires_at=now + 600_000,
        status=status,
        version=version,
    )
    return contract.to_event(payment, now)


def next_version(event: PaymentEvent, status: PaymentStatus) -> PaymentEvent:
    return new_event(event["reference"], event["version"] + 1, status)


def token_for(reference: str, key: str = KEY, seconds: float = 60) -> str:
    expires_at = int((time.time() + seconds) * 1000)
    return sign_tracking_token(TrackingGrant(reference, "order-1"), [key], expires_at)


async def left(gateway: Gateway, eio_sid: str | None) -> None:
    """Waits until the gateway has noticed that a session was closed."""
    await until(lambda: eio_sid not in gateway.connections.sessions())


class LiveStore:
    """Writes to Redis as the API does: the newest version under its key, and on its channel."""

    def __init__(self, valkey: Valkey) -> None:
        self.redis = redis.Redis(host=LOOPBACK, port=valkey.port)

    def put(self, event: PaymentEvent) -> None:
        self.redis.set(redis_names.payment_key(event["reference"]), contract.encode(event), ex=_KEPT_SECONDS)

    def publish(self, event: PaymentEvent) -> None:
        self.put(event)
        self.redis.publish(redis_names.payment_channel(event["reference"]), contract.encode(event))

    def publish_all(self, events: Iterable[PaymentEvent]) -> None:
        """Publishes in one round trip."""
        pipeline = self.redis.pipeline(transaction=False)
        for event in events:
            pipeline.set(redis_names.payment_key(event["reference"]), contract.encode(event), ex=_KEPT_SECONDS)
            pipeline.publish(redis_names.payment_channel(event["reference"]), contract.encode(event))
        pipeline.execute()

    def subscribers(self, reference: str) -> int:
        reply: Any = self.redis.pubsub_numsub(redis_names.payment_channel(reference))
        return int(reply[0][1])

    def record(self, key: str) -> Any:
        text: Any = self.redis.get(key)
        return None if text is None else json.loads(text)

    def close(self) -> None:
        self.redis.close()


class TrackingServer:
    """Serves the API's tracking route.

    It answers while `answering` is set, `delay` seconds later. A `status` other than 200 refuses every call.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.events: dict[str, PaymentEvent] = {}
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.delay = 0.0
        self.answering = asyncio.Event()
        self.answering.set()
        self.status = 200
        self.at_once = 0
        self.most_at_once = 0

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/api/payment/tracking/{reference}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self.url = f"http://{LOOPBACK}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        reference = request.match_info["reference"]
        self.asked.append(reference)
        self.tokens.append(request.headers.get("authorization", ""))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.answering.wait()
            await asyncio.sleep(self.delay)
        finally:
            self.at_once -= 1
        if self.status != 200:
            return web.json_response({}, status=self.status)
        event = self.events.get(reference)
        return web.json_response(event or {}, status=200 if event else 404)


class SocketClient(socketio.AsyncClient):  # type: ignore[misc]  # python-socketio has no types
    """Closes its HTTP session when it is shut down: python-socketio forgets to where a connection was lost before."""

    async def shutdown(self) -> None:
        await super().shutdown()
        if self.eio.http is not None:
            await self.eio.http.close()


class Browser:
    """Connects with python-socketio's client and default options, and keeps the events that it received.

    Where it is given a `gateway` it waits, when it closes, until that has noticed: the next test starts without it.
    """

    def __init__(self, url: str, gateway: Gateway | None = None) -> None:
        self.url = url
        self._gateway = gateway
        self.client = SocketClient()
        self.received: list[tuple[str, Any]] = []
        self._checked = 0
        self.connects = 0
        self.client.on("*", self._receive)
        self.client.on("connect", self._connect)

    async def __aenter__(self) -> Self:
        await self.connect(headers={"Origin": ORIGIN})
        return self

    async def __aexit__(self, *_: object) -> None:
        sid = self.client.eio.sid
        await self.client.shutdown()
        if self._gateway is not None:
            await left(self._gateway, sid)

    async def connect(self, **options: Any) -> None:
        await self.client.connect(self.url, wait_timeout=PATIENCE_SECONDS, **options)

    @property
    def reconnected(self) -> bool:
        """Returns whether the client has reconnected; its own flag is set shortly after its event."""
        return self.connects >= 2 and bool(self.client.connected)

    async def _receive(self, event: str, payload: Any) -> None:
        self.received.append((event, payload))

    async def _connect(self) -> None:
        self.connects += 1

    async def track(self, reference: str, token: str | None = None, **request: Any) -> Any:
        return await self._call(
            contract.TRACK, {"reference": reference, "token": token or token_for(reference), **request}
        )

    async def stop(self, reference: str) -> Any:
        return await self._call(contract.STOP_TRACKING, {"reference": reference})

    async def _call(self, name: str, request: dict[str, Any]) -> Any:
        ack = await self.client.call(name, request, timeout=PATIENCE_SECONDS)
        check_ack(name, ack)
        return ack

    def events(self, reference: str) -> list[tuple[str, int]]:
        """Lists names and versions of a payment's events. Raises ValidationError where one is not as documented."""
        for message in self.received[self._checked :]:
            check_message(*message)
        self._checked = len(self.received)
        return [
            (name, payload["version"])
            for name, payload in self.received
            if name != contract.CONNECTED and payload["reference"] == reference
        ]

    def versions(self, reference: str) -> list[int]:
        """Lists each version of a payment once, in the order of arrival."""
        return list(dict.fromkeys(version for _, version in self.events(reference)))


class Running:
    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"

    def browser(self) -> Browser:
        return Browser(self.url, self.gateway)


def settings_for(valkey: Valkey, api_url: str = "http://127.0.0.1:9", **changes: Any) -> Settings:
    """Makes settings for a test. `changes` may name any field of Settings, Bounds or Timing."""
    bounds = Bounds()
    timing = Timing(
        redis_timeout_seconds=5,
        api_timeout_seconds=5,
        reconnect_max_seconds=0.2,
        drain_accept_seconds=0,
        drain_close_seconds=1,
    )
    parts = {"bounds": bounds, "timing": timing}
    for name, part in parts.items():
        own = {key: changes.pop(key) for key in tuple(changes) if hasattr(part, key)}
        parts[name] = replace(part, **own)  # type: ignore[type-var]  # both are dataclasses
    return Settings(
        **{
            "driver": driver(),
            "development": True,
            "origins": (ORIGIN,),
            "redis": RedisSettings(LOOPBACK, valkey.port),
            "tracking_token_keys": (KEY,),
            "api_url": api_url,
            "host": LOOPBACK,
            "port": 0,
            **parts,
            **changes,
        }
    )


@contextlib.asynccontextmanager
async def running(
    settings: Settings, *, connected: bool = True, mount: Mount = lambda gateway: gateway
) -> AsyncIterator[Running]:
    """Runs a gateway in this event loop. `connected`: yields only once its relay is."""
    gateway = Gateway(settings)
    server = create_server(gateway, mount(gateway))
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or serving.done())
        port = server.servers[0].sockets[0].getsockname()[1]
        if connected:
            await until(lambda: gateway.ready)
        yield Running(gateway, port)
    finally:
        server.should_exit = True
        await serving


class Link:
    """Forwards TCP connections to a server on loopback. While frozen, it keeps them open and forwards nothing."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.thaw()
        self.cut()

    def freeze(self) -> None:
        self._open.clear()

    def thaw(self) -> None:
        self._open.set()

    def cut(self) -> None:
        for writer in tuple(self._writers):
            writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._to)
        self._writers |= {writer, there_writer}
        await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))
        self._writers -= {writer, there_writer}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
