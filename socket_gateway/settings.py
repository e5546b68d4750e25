"""Reads the gateway's settings from the environment, and reports every missing or wrong one in one error."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar
from urllib.parse import urlsplit

from chalicelib.domain.operators import UNNAMED, OperatorKey
from chalicelib.runtime.environment import Number
from chalicelib.runtime.settings_reader import LAST_PORT, RedisSettings, SettingsReader, split, with_secrets

_RANGE = "range"
DRIVERS = ("auto", "stock")
T = TypeVar("T")


def _bounded(usual: Number, minimum: Number, maximum: Number) -> Number:
    """Declares a field that the variable of its name, in capitals, sets within these limits."""
    return field(default=usual, metadata={_RANGE: (minimum, maximum)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits what one browser, one address or one payment may take. Each has its usual value, minimum and maximum.

    `output_..._bytes` count what waits for one browser in this process, not in the kernel. `events_...` count the
    Socket.IO packets that a browser sends; over the burst they are refused, and read no faster than the rate.
    """

    max_message_bytes: int = _bounded(8192, 1024, 1024 * 1024)
    payments_per_socket: int = _bounded(16, 1, 1000)
    sockets_per_payment: int = _bounded(16, 1, 100_000)
    sockets_per_address: int = _bounded(500, 1, 1_000_000)
    """Sessions and connections of one address. A polling browser has up to two TCP connections."""
    operators_per_address: int = _bounded(50, 1, 10_000)
    """Connections of the shop's people who watch all payments."""
    max_sockets: int = _bounded(20_000, 1, 1_000_000)
    """Engine.IO sessions. At this number new handshakes are refused with 503 and `/readyz` fails."""
    max_connections: int = _bounded(45_000, 2, 1_000_000)
    """Open TCP connections. Fewer where the process may open fewer files."""
    request_seconds: float = _bounded(10.0, 1.0, 300.0)
    """For a whole request: line, headers and body. Each step of an upgrade to WebSocket has as long."""
    track_deadline_seconds: float = _bounded(10.0, 1.0, 3600.0)
    events_per_second: float = _bounded(5.0, 0.1, 10_000.0)
    events_burst: int = _bounded(20, 2, 100_000)
    malformed_packets: int = _bounded(3, 1, 1000)
    output_compact_bytes: int = _bounded(64 * 1024, 1024, 64 * 1024 * 1024)
    output_close_bytes: int = _bounded(256 * 1024, 1024, 64 * 1024 * 1024)
    output_stall_seconds: float = _bounded(10.0, 1.0, 3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Sets times, in seconds, and one rate. Each has its usual value, minimum and maximum.

    `drain_accept_seconds`: how long the gateway still accepts after SIGTERM. `drain_close_seconds`: the longest that
    its closes take. `secrets_reload_interval_seconds`: the shortest time between two reads of the secrets.
    `unready_log_seconds`: between two lines that say that the gateway is not ready; the alarm expects one a minute.
    """

    probe_seconds: float = _bounded(3.0, 0.1, 60.0)
    redis_timeout_seconds: float = _bounded(1.0, 0.1, 60.0)
    reconnect_max_seconds: float = _bounded(2.0, 0.05, 60.0)
    api_timeout_seconds: float = _bounded(2.0, 0.1, 60.0)
    registry_flush_seconds: float = _bounded(0.2, 0.01, 10.0)
    drain_accept_seconds: float = _bounded(15.0, 0.0, 600.0)
    drain_close_seconds: float = _bounded(45.0, 0.0, 3600.0)
    drain_closes_per_second: float = _bounded(100.0, 1.0, 100_000.0)
    secrets_reload_interval_seconds: float = _bounded(60.0, 0.0, 86_400.0)
    unready_log_seconds: float = _bounded(20.0, 0.01, 30.0)
    metrics_log_seconds: float = _bounded(60.0, 0.1, 300.0)
    """Between two lines of metrics, where METRICS_NAMESPACE is set."""
    process_hang_seconds: float = _bounded(30.0, 2.0, 3600.0)
    """Without a sign of life, after which one of several processes is killed and started again."""
    ping_interval_seconds: float = _bounded(25.0, 0.5, 300.0)
    """Between a browser's answer to a ping of Engine.IO and the next ping."""
    ping_timeout_seconds: float = _bounded(20.0, 0.5, 300.0)
    """A browser that has not answered a ping in this time has gone."""
    keep_alive_seconds: int = _bounded(130, 1, 3600)
    """Between two requests of one connection. Longer than the load balancer keeps an idle connection, so that it never
    sends a request into one that is being closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Holds the gateway's settings.

    `tracking_token_keys`: each of them verifies tokens. `operator_keys`: of those who may watch all payments; where
    there is none, nobody can. `trusted_proxies`: how many hops of X-Forwarded-For our own
    proxies add. `driver`: `auto` lets the engine carry ordinary WebSockets, `stock` has python-engineio carry
    everything. `processes`: how many serve the port. `log_clients`: logs a line for each connect, track, stop and
    disconnect.
    """

    development: bool
    origins: tuple[str, ...]
    redis: RedisSettings
    tracking_token_keys: tuple[str, ...]
    api_url: str
    operator_keys: tuple[OperatorKey, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8080
    processes: int = 1
    trusted_proxies: int = 0
    api_concurrency: int = 8
    secrets_id: str = ""
    metrics_namespace: str = ""
    log_clients: bool = True
    driver: str = "auto"
    bounds: Bounds = field(default_factory=Bounds)
    timing: Timing = field(default_factory=Timing)

    def of_one_process(self) -> "Settings":
        """Returns the settings of one of `processes`: it has its part of what all of them may take, or do to others."""
        bounds, timing = self.bounds, self.timing
        return replace(
            self,
            api_concurrency=self._part(self.api_concurrency),
            bounds=replace(
                bounds,
                max_sockets=self._part(bounds.max_sockets),
                max_connections=self._part(bounds.max_connections),
            ),
            timing=replace(timing, drain_closes_per_second=timing.drain_closes_per_second / self.processes),
        )

    def _part(self, number: int) -> int:
        return -(-number // self.processes)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the environment and, where it has SECRETS_ID, Secrets Manager. Raises InvalidSettings."""
    return _Reader(with_secrets(os.environ if environment is None else environment)).settings()


class _Reader(SettingsReader):
    def settings(self) -> Settings:
        port = self.number("PORT", 8080, 1, LAST_PORT)
        settings = Settings(
            development=self.development,
            origins=self._origins(port),
            redis=self.redis(self.text("REDIS_HOST", in_development="127.0.0.1")),
            tracking_token_keys=self.keys("TRACKING_TOKEN_KEY"),
            operator_keys=self._operator_keys(),
            api_url=self.text("API_URL", in_development="http://127.0.0.1:8000").rstrip("/"),
            host=self.optional("GATEWAY_HOST") or ("127.0.0.1" if self.development else "0.0.0.0"),  # noqa: S104 a container's port is published by its engine
            port=port,
            processes=self._processes(),
            trusted_proxies=self.number("TRUSTED_PROXIES", 0 if self.development else 1, 0, 10),
            api_concurrency=self.number("API_CONCURRENCY", 8, 1, 1000),
            secrets_id=self.optional("SECRETS_ID"),
            metrics_namespace=self.optional("METRICS_NAMESPACE"),
            driver=self.choice("GATEWAY_DRIVER", DRIVERS),
            log_clients=self.switch("LOG_CLIENTS", usual=True),
            bounds=self._fields(Bounds()),
            timing=self._fields(
                Timing(drain_accept_seconds=0.0, drain_close_seconds=1.0) if self.development else Timing()
            ),
        )
        self.refuse_faults()
        return settings

    def _operator_keys(self) -> tuple[OperatorKey, ...]:
        unnamed = self.keys("OPERATOR_API_KEY") if self.parts("OPERATOR_API_KEY") else ()
        return (*(OperatorKey(UNNAMED, secret) for secret in unnamed), *self.named_operator_keys())

    def _processes(self) -> int:
        processes = self.number("GATEWAY_PROCESSES", 1, 1, 64)
        if processes > 1 and sys.platform != "linux":
            self.faults.append("GATEWAY_PROCESSES above 1 needs Linux")
        return processes

    def _origins(self, port: int) -> tuple[str, ...]:
        own = (f"http://localhost:{port}", f"http://127.0.0.1:{port}") if self.development else ()
        shops = split(self.text("FRONTEND_URL", in_development=""))
        if any("*" in shop or "://" not in shop for shop in shops):
            self.faults.append("FRONTEND_URL must be exact origins such as https://shop.example")
        return (*(shop.rstrip("/") for shop in shops), *own, *self._origin_of_api())

    def _origin_of_api(self) -> tuple[str, ...]:
        """Returns the API's origin, at which the operators' page and those of payment links may be.

        A developer's browser may know this machine by its name.
        """
        api = urlsplit(self.optional("API_URL"))
        own = (f"{api.scheme}://{api.netloc}",) if api.netloc else ()
        is_here = self.development and api.hostname == "127.0.0.1"
        return (*own, f"{api.scheme}://localhost:{api.port}") if is_here else own

    def _fields(self, usual: T) -> T:
        """Returns the same dataclass of numbers, with the environment's value of each field that it sets."""
        values = {
            each.name: self.number(each.name.upper(), getattr(usual, each.name), *each.metadata[_RANGE])
            for each in fields(usual)  # type: ignore[arg-type]  # T is one of the two dataclasses above
        }
        return type(usual)(**values)
