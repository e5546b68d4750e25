"""Composes the gateway from its parts and runs it: `python -m socket_gateway.asgi`."""

import asyncio
import functools
import gc
import logging
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from chalicelib.domain.redis_names import operators_channel
from chalicelib.runtime import log, metrics
from chalicelib.runtime.settings_reader import InvalidSettings
from socket_gateway import metrics as prometheus
from socket_gateway.admission import Admission, raise_descriptor_limit
from socket_gateway.asgi_http import Application, Receive, Scope, Send, refuse, respond, respond_json
from socket_gateway.broadcast import Broadcast
from socket_gateway.connections import Connections
from socket_gateway.credentials import Credentials
from socket_gateway.drain import Drain
from socket_gateway.engine.driver import Engine
from socket_gateway.every_process import EveryProcess
from socket_gateway.inbox import Inbox
from socket_gateway.moving import Moving
from socket_gateway.operators import Operators
from socket_gateway.packets import new_id as new_session_id
from socket_gateway.processes import Supervisor, Worker
from socket_gateway.redis_clients import RedisClients
from socket_gateway.refusals import Refusal
from socket_gateway.registry import Registry
from socket_gateway.relay import Relay
from socket_gateway.server import GatewayServer
from socket_gateway.settings import Settings, read_settings
from socket_gateway.snapshots import Snapshots
from socket_gateway.sockets import Sockets
from socket_gateway.stock.driver import StockDriver
from socket_gateway.tracked_payments import TrackedPayments
from socket_gateway.tracking_api import TrackingApi

_PATH = "/socket.io/"
_OPERATORS = operators_channel().encode()


class Gateway:
    """Serves Socket.IO, health, readiness and metrics: an ASGI application.

    Its lifespan starts and stops the background tasks: the relay, the registry, the output monitor, the heartbeat.
    """

    def __init__(self, settings: Settings, id_prefix: str = "") -> None:
        """`id_prefix`: what the ids of its sessions begin with."""
        self.settings = settings
        self.id = secrets.token_hex(8)
        self.metrics = prometheus.Metrics()
        self.admission = Admission(settings, self.metrics)
        self.connections = Connections(settings.bounds, self.metrics, self.admission.most_sockets)
        self.drain = Drain(self.connections, settings.timing)
        self.credentials = Credentials(settings)
        self.clients = RedisClients(settings.redis, settings.timing, self.credentials)
        self.relay = Relay(self.clients, self.id, settings.timing, self.metrics)
        self.api = TrackingApi(settings, self.metrics)
        self.snapshots = Snapshots(self.clients)
        self.broadcast = Broadcast(self.metrics)
        self.tracked_payments = TrackedPayments(self.relay, self.snapshots, self.api, self.broadcast)
        self.registry = Registry(self.clients, self.id, settings.timing.registry_flush_seconds)
        self.sockets = Sockets(
            self.connections, self.tracked_payments, self.registry, self.credentials, settings, self.metrics
        )
        self.operators = Operators(self.connections, self.credentials, self.relay, self.clients, settings, self.metrics)
        self.inbox = Inbox(self.connections, self.sockets, self.operators, settings.bounds, self.metrics)
        new_id = functools.partial(new_session_id, id_prefix)
        self.stock = StockDriver(
            self.connections, self.inbox, self.sockets, self.operators, settings, self.metrics, new_id
        )
        self.engine = Engine(
            self.stock, self.admission, self.connections, self.inbox, self.sockets, self.operators, settings, new_id
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._register_gauges()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        with self.admission.request(scope) as admitted:
            if admitted:
                await self._route(scope, receive, send)
            else:
                await refuse(scope, send, Refusal.TOO_MANY_SOCKETS, close=True)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (scope["path"] + "/").startswith(_PATH):
            await self.stock(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            await self._http(scope, send)

    @property
    def alive(self) -> bool:
        """Says whether every background task is running; none of them may end before shutdown."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    @property
    def ready(self) -> bool:
        """Says whether new browsers may be sent here."""
        return not self.reasons

    @property
    def reasons(self) -> list[str]:
        """Lists why the gateway is not ready; empty when it is.

        Without Redis a gateway still serves the browsers that come; draining and full it refuses new ones.
        """
        stale = self.relay.probe_age >= 2.5 * self.settings.timing.probe_seconds
        found = {"dead": not self.alive, "draining": self.drain.started, "full": self.connections.full, "redis": stale}
        return [reason for reason, holds in found.items() if holds]

    async def _http(self, scope: Scope, send: Send) -> None:
        if scope["path"] == "/healthz":
            await respond_json(send, 200 if self.alive else 503, alive=self.alive)
        elif scope["path"] == "/readyz":
            reasons = self.reasons
            await respond_json(send, 503 if reasons else 200, ready=not reasons, reasons=reasons)
        elif scope["path"] == "/metrics":
            await respond(send, 200, self.metrics.text(), prometheus.CONTENT_TYPE)
        else:
            await respond_json(send, 404, status=404, code="not_found")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._start(
            self.relay.run(self._received, self._catch_up, self.operators.connection_changed),
            self.operators.run(),
            self.operators.watch_keys(),
            self.registry.run(self.sockets.describe, self._totals),
            self.connections.outputs.run(),
            self.engine.heartbeat.run(),
            self._log_unready(),
            *([self._log_metrics()] if self.settings.metrics_namespace else []),
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _start(self, *work: Coroutine[Any, Any, None]) -> None:
        for each in work:
            task = asyncio.create_task(each)
            task.add_done_callback(_ended)
            self._tasks.append(task)

    async def _stop(self) -> None:
        running = set(self._tasks)
        while running:  # Python 3.11: a task group loses a cancellation that arrives together with a task's error
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=0.2)
        await self.tracked_payments.close()
        await self.operators.close()
        await self.registry.remove_all()
        await self.api.close()
        await self.stock.shutdown()
        await self.clients.close()

    async def _log_unready(self) -> None:
        """Logs one line per interval while the gateway is not ready. Draining is intended and logs none."""
        while True:
            await asyncio.sleep(self.settings.timing.unready_log_seconds)
            if (reasons := self.reasons) and not self.drain.started:
                log.warning("gateway-not-ready", reasons=reasons)

    async def _log_metrics(self) -> None:
        """Logs what CloudWatch makes metrics of. With several processes each logs its own part."""
        while True:
            await asyncio.sleep(self.settings.timing.metrics_log_seconds)
            measured = [
                ((), "GatewayBrowsers", metrics.COUNT, len(self.sockets)),
                ((), "GatewayPayments", metrics.COUNT, len(self.tracked_payments)),
                ((), "GatewayRelayLag", metrics.MILLISECONDS, round(self.relay.lag * 1000, 1)),
            ]
            metrics.write(self.settings.metrics_namespace, measured)

    def _received(self, channel: bytes, body: bytes) -> None:
        if channel == _OPERATORS:
            self.operators.received(body)
        else:
            self.tracked_payments.received(channel, body)

    async def _catch_up(self) -> None:
        self.operators.connection_changed()
        self.registry.rewrite(self.sockets.sids())
        await self.tracked_payments.catch_up()

    def _register_gauges(self) -> None:
        self.metrics.gauge("gateway_tcp_connections", "TCP connections", lambda: len(self.admission))
        self.metrics.gauge("gateway_connections", "Engine.IO sessions", lambda: len(self.connections))
        self.metrics.gauge("gateway_clients", "Socket.IO clients", lambda: len(self.sockets))
        self.metrics.gauge("gateway_operators", "Operators who watch all payments", lambda: len(self.operators))
        self.metrics.gauge("gateway_payments", "Payments that are tracked", lambda: len(self.tracked_payments))
        self.metrics.gauge("gateway_redis_connected", "Subscription to Redis", lambda: self.relay.connected)
        self.metrics.gauge("gateway_probe_age_seconds", "Since Redis proved alive", lambda: self.relay.probe_age)

    def _totals(self) -> dict[str, int]:
        return {"clients": len(self.sockets), "payments": len(self.tracked_payments)}


Mount = Callable[[Gateway], Application]
"""Gives the application that is served for a gateway: the gateway itself, or what is mounted in front of it."""


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.failure("endless-task-ended", task.exception())


def create_server(gateway: Gateway, application: Application, moving: Moving | None = None) -> GatewayServer:
    """Creates the server of a gateway. `serve()` starts it; it listens to signals once `handle_signals()` was called.

    `application` is the gateway itself, or what is mounted in front of it. `moving`: where several processes serve.
    """
    return GatewayServer(
        application, gateway.settings, gateway.drain, gateway.engine, gateway.admission, gateway.metrics, moving
    )


async def serve(settings: Settings, mount: Mount, worker: Worker | None = None) -> None:
    """Runs a gateway until SIGTERM or SIGINT has drained it. `worker`: set where it is one of several processes."""
    raise_descriptor_limit(settings.bounds.max_connections)
    moving = Moving(worker.number, worker.mailboxes) if worker else None
    gateway = Gateway(settings, moving.id_prefix if moving else "")
    application = EveryProcess(mount(gateway), moving) if moving else mount(gateway)
    server = create_server(gateway, application, moving)
    server.handle_signals()
    # The garbage collector would stop the loop for 0.3 s at some thousands of browsers: objects that live as long as
    # the process are exempted, and the others are examined less often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    number = worker.number if worker else 0
    most = gateway.admission.most
    log.info("gateway-started", gateway=gateway.id, process=number, port=settings.port, connections=most)
    if worker is None:
        await server.serve()
    else:
        reporting = asyncio.create_task(worker.report(lambda: gateway.alive, server.leave))
        await server.serve(sockets=[worker.listener])
        reporting.cancel()
    log.info("gateway-stopped", gateway=gateway.id)


def main(mount: Mount = lambda gateway: gateway) -> None:
    """Reads the settings and runs a gateway. Exits with 1, and one line in the log, where they are wrong."""
    log.configure()
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # its warnings are about malformed requests
    try:
        settings, worker = read_settings(), None
        if settings.processes > 1:
            hang_seconds = settings.timing.process_hang_seconds
            worker = Supervisor(settings.host, settings.port, settings.processes, hang_seconds).run()
            settings = read_settings().of_one_process()  # a restarted worker takes the secrets as they are by now
    except (InvalidSettings, OSError) as error:
        log.alarm("gateway-not-started", reason=str(error))
        raise SystemExit(1) from None
    uvloop.run(serve(settings, mount, worker))


if __name__ == "__main__":
    main()
