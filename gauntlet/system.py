"""Runs the whole system as processes that may be killed and started again, with a wire between any two of them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import boto3
import requests

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.order_event import order_events_after
from chalicelib.domain.payment import Payment
from chalicelib.domain.rollup import day_of
from chalicelib.runtime.clock import Clock
from gauntlet import ROOT
from gauntlet.invariants import Evidence, Histories
from gauntlet.part import Part
from gauntlet.receiver import Receiver
from gauntlet.redis_cluster import SHARDS, Cluster, node_options
from gauntlet.wire import Wire, Wires, carry_on
from local.__main__ import Ports, environment, redis_server
from local.embedded import LOOPBACK, free_port

_REDIS_OPTIONS = ("--bind", LOOPBACK, "--save", "", "--loglevel", "warning")
SETTINGS: Mapping[str, str] = {
    "PAYMENT_EXPIRES_SECONDS": "8",
    "CHECK_AGES_SECONDS": ",".join(str(age) for age in (*range(1, 60, 2), *range(60, 3600, 60))),
    # A sweep is 24 queries: one each second was most of what an idle system computed.
    "SWEEP_SECONDS": "2",
    # Nobody decides before a row does: `System.decide`.
    "SIMULATOR_APPROVE_AFTER": "86400",
    "SIMULATOR_SLOW_APPROVE_AFTER": "86400",
    # Longer than the API waits for CamPay.
    "SIMULATOR_HOLD_SECONDS": "25",
    "ADDRESS_PROMPTS_PER_MINUTE": "1000000",
    "ADDRESS_REFUSALS_PER_MINUTE": "1000000",
    "SOCKETS_PER_ADDRESS": "10000",
    "SOCKETS_PER_PAYMENT": "1000",
    "DRAIN_ACCEPT_SECONDS": "0",
    "DRAIN_CLOSE_SECONDS": "5",
    "LOG_CLIENTS": "false",
}


class System:
    """Is a running system. Its parts: redis, aws, simulator, api, worker, gateway; rows may add a second gateway.

    Its wires are named by both ends: `api-aws`, `worker-redis`, `simulator-api`. Customers call the API by `shop-api`
    and the gateway by `browser-gateway`; the worker posts order events to the shop's `receiver` by `worker-shop`.
    """

    def __init__(self, **settings: str) -> None:
        self._logs = Path(tempfile.mkdtemp(prefix="gauntlet-"))
        self._keeps_logs = False
        self.wires = Wires()
        self.parts: dict[str, Part] = {}
        self.wire: dict[str, Wire] = {}
        self._closing = ExitStack()
        self._settings = {**SETTINGS, **settings}
        self.environment: Mapping[str, str] = {}
        self._stores_of_gateway: Mapping[str, str] = {}
        self.calls = requests.Session()
        self._began = day_of(Clock().now())

    # ------------------------------------------------------------------ start and end

    def __enter__(self) -> Self:
        self._closing.callback(self.wires.close)
        self._closing.callback(self.calls.close)
        try:
            self._start()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._closing.close()
        if kind is None and not self._keeps_logs:
            shutil.rmtree(self._logs)

    def _start(self) -> None:
        ports = Ports(api=free_port(), gateway=free_port(), simulator=free_port(), aws=free_port(), redis=free_port())
        self.ports = ports
        mine = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        defaults = environment(mine, ports)
        self.receiver = Receiver(defaults["ORDER_EVENTS_KEY"])
        self._closing.callback(self.receiver.close)
        told_at = {"ORDER_EVENTS_URL": self._wired("worker-shop", self.receiver.port) + "/order-events"}
        self.environment = {**defaults, **told_at, **self._settings}
        to_api = {"API_URL": self._wired("gateway-api", ports.api)}
        self._add("redis", [redis_server(), *_REDIS_OPTIONS, "--port", str(ports.redis)], {}, f"tcp:{ports.redis}")
        self._add("aws", _module("local.embedded"), {}, f"{ports.aws}/embedded/health")
        of_campay = {
            "SIMULATOR_WEBHOOK_URL": self._wired("simulator-api", ports.api) + "/api/payment/webhook",
            "SIMULATOR_LEDGER_FILE": str(self._logs / "campay-ledger.jsonl"),
        }
        self._add(*("simulator", _module("local.campay_simulator"), of_campay), f"{ports.simulator}/simulator/health")
        self._add("api", _module("local.api_server"), self._stores_of("api"), f"{ports.api}/api/payment/health")
        self._add("worker", _module("local.worker"), self._stores_of("worker"), "")
        self._stores_of_gateway = {"REDIS_PORT": self._wired("gateway-redis", ports.redis).rpartition(":")[2], **to_api}
        self._add_gateway("gateway", ports.gateway)
        self._wired("shop-api", ports.api)
        self._wired("browser-gateway", ports.gateway)
        self.parts["redis"].start()
        self.parts["redis"].wait()
        for name in ("aws", "simulator", "api", "gateway"):
            self.parts[name].start()
        for name in ("aws", "simulator", "api", "gateway"):
            self.parts[name].wait()
        self.parts["worker"].start()

    def start_second_gateway(self) -> int:
        """Starts a further replica of the gateway, the part `gateway-2`, and returns its port."""
        port = free_port()
        self._add_gateway("gateway-2", port)
        self.parts["gateway-2"].restart()
        return port

    def start_redis_cluster(self) -> Cluster:
        """Starts a cluster's nodes, the parts `redis-0` and so on, and has all processes use it in place of `redis`."""
        ports = [free_port() for _ in range(2 * SHARDS)]
        for number, port in enumerate(ports):
            command = [redis_server(), *_REDIS_OPTIONS, *node_options(self._logs, port)]
            self._add(f"redis-{number}", command, {}, f"tcp:{port}")
            self.parts[f"redis-{number}"].restart()
        cluster = Cluster(ports)
        cluster.form()
        self.change(("api", "worker", "gateway"), REDIS_PORT=str(ports[0]), REDIS_CLUSTER="true")
        return cluster

    def _add_gateway(self, name: str, port: int) -> None:
        changed = {"PORT": str(port), **self._stores_of_gateway}
        self._add(name, _module("local.gateway_server"), changed, f"{port}/readyz")

    def _stores_of(self, part: str) -> dict[str, str]:
        """Returns the variables by which a part reaches Redis, AWS and CamPay, each by a wire of its own."""
        aws = self._wired(f"{part}-aws", self.ports.aws)
        queues = {
            f"{name}_QUEUE_URL": f"{aws}/{self.environment[f'{name}_QUEUE_URL'].split('/', 3)[3]}"
            for name in ("CHECKS", "DELIVERIES", "SHOP")
        }
        return {
            "REDIS_PORT": self._wired(f"{part}-redis", self.ports.redis).rpartition(":")[2],
            "AWS_ENDPOINT_URL": aws,
            "CAMPAY_API_URL": self._wired(f"{part}-campay", self.ports.simulator) + "/api",
            **queues,
        }

    def _wired(self, name: str, to_port: int) -> str:
        self.wire[name] = self.wires.wire(name, to_port)
        return f"http://{LOOPBACK}:{self.wire[name].port}"

    def _add(self, name: str, command: list[str], changed: Mapping[str, str], ready: str) -> None:
        url = (
            ""
            if not ready
            else f"tcp://{LOOPBACK}:{ready[4:]}"
            if ready[:4] == "tcp:"
            else f"http://{LOOPBACK}:{ready}"
        )
        part = Part(name, command, {**self.environment, **changed}, url, self._logs / f"{name}.log")
        self.parts[name] = part
        self._closing.callback(part.close)

    # ------------------------------------------------------------------ what rows do

    @property
    def api(self) -> str:
        """Returns where customers call the API."""
        return f"http://{LOOPBACK}:{self.wire['shop-api'].port}/api/payment"

    @property
    def gateway(self) -> str:
        return f"http://{LOOPBACK}:{self.wire['browser-gateway'].port}"

    def carry_on(self) -> None:
        """Ends the faults of all wires."""
        for wire in self.wire.values():
            wire.fault = carry_on

    def transactions(self) -> list[dict[str, Any]]:
        """Lists CamPay's ledger."""
        rows: list[dict[str, Any]] = self._control("GET", "transactions").json()
        return rows

    def charges(self) -> list[dict[str, Any]]:
        """Lists those of CamPay's ledger that have taken money from a customer."""
        return [it for it in self.transactions() if it["endpoint"] == "collect" and it["status"] == "SUCCESSFUL"]

    def transaction(self, reference: str) -> dict[str, Any]:
        """Returns the one transaction at CamPay that names a payment."""
        (row,) = self.transactions_of(reference)
        return row

    def transactions_of(self, reference: str) -> list[dict[str, Any]]:
        """Lists the transactions at CamPay that name a payment; there is none where the prompt never came."""
        rows: list[dict[str, Any]] = self._control("GET", f"transactions?externalReference={reference}").json()
        return rows

    def decide(self, transaction: str, status: str, *, webhook: bool) -> None:
        """Lets the customer of a transaction approve (SUCCESSFUL) or decline (FAILED), with or without a webhook."""
        self._control("POST", f"transactions/{transaction}/resolve", {"status": status, "webhook": webhook})

    def campay_faults(self, **faults: list[str]) -> None:
        """Sets the faults of CamPay's next calls, as local/simulator/faults.py names them."""
        self._control("POST", "faults", faults)

    def _control(self, method: str, path: str, body: object = None) -> requests.Response:
        url = f"http://{LOOPBACK}:{self.ports.simulator}/simulator/{path}"
        answer = self.calls.request(method, url, json=body, timeout=30)
        answer.raise_for_status()
        return answer

    # ------------------------------------------------------------------ what was seen

    @property
    def days(self) -> list[date]:
        """Returns the days in Cameroon's time that the run has a part of so far."""
        first, last = self._began, day_of(Clock().now())
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]

    def change(self, parts: Sequence[str], **changed: str) -> None:
        """Starts parts again with other values of the environment, which are the system's from then on."""
        self.environment = {**self.environment, **changed}
        self.__dict__.pop("ledger", None)  # of the table from before
        for name in parts:
            self.parts[name].restart(**changed)

    def run(self, command: Sequence[str], **changed: str) -> str:
        """Runs a command of the product in the system's environment. Returns what it prints, or raises RuntimeError."""
        environment = {**self.environment, **changed}
        done = subprocess.run(
            [sys.executable, *command[1:]] if command[0] == "python" else command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
        return done.stdout

    def evidence(self, histories: Histories | None = None) -> Evidence:
        """Reads both ledgers, the payments' histories and what the shop was told.

        `histories`: what was read of them before, to which what is read now is added. One that is complete is not read
        again.
        """
        histories = {} if histories is None else histories
        ledger, today = self.ledger, datetime.now(UTC).date()
        claimed = [payment for day in (today - timedelta(days=1), today) for payment in ledger.claimed_on(day)]
        for it in claimed:
            if it.reference not in histories or len(histories[it.reference]) != it.version:
                histories[it.reference] = ledger.versions_of(it.reference)
        events = self.calls.get(f"http://{LOOPBACK}:{self.ports.aws}/embedded/events", timeout=30).json()
        return Evidence(
            transactions=self.transactions(),
            payments={it.reference: it for it in claimed},
            versions={it.reference: histories[it.reference] for it in claimed},
            told=[*self.receiver.taken],
            announced=[(it["DetailType"], json.loads(it["Detail"])) for it in events],
            refused=[*self.receiver.refused],
        )

    def payment(self, reference: str) -> Payment:
        """Reads a payment from the product's ledger."""
        stored = self.ledger.load(reference)
        if stored is None:
            raise LookupError(reference)
        return stored.payment

    def is_settled(self, reference: str) -> bool:
        """Whether a payment waits for nobody, and the browsers and the shop have been told."""
        stored, telling = self.ledger.load(reference), self.ledger.shop.load(reference)
        if stored is None or stored.payment.is_waiting or not stored.is_announced:
            return False
        versions = self.ledger.versions(reference, max(telling.told.version - 1, 0), stored.payment.version)
        return not telling.turn_id and not order_events_after(telling.told, versions)

    @cached_property
    def ledger(self) -> Ledger:
        """Is a ledger that reads the system's table past all wires."""
        return Ledger(self.table_client, self.environment["PAYMENTS_TABLE"], Clock())

    @cached_property
    def table_client(self) -> Any:
        """Is a client of DynamoDB that reads past all wires."""
        return self._client("dynamodb")

    @cached_property
    def work_queue(self) -> WorkQueue:
        """Sends to the system's queues past all wires."""
        checks, deliveries = (self.environment[f"{name}_QUEUE_URL"] for name in ("CHECKS", "DELIVERIES"))
        return WorkQueue(lambda: self._client("sqs"), checks, deliveries, Clock())

    def _client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "eu-west-1"}
        return boto3.client(service, endpoint_url=f"http://{LOOPBACK}:{self.ports.aws}", **keys)

    def keep_logs(self) -> Path:
        """Returns the folder of the parts' logs, which is then left when the system ends."""
        self._keeps_logs = True
        return self._logs

    def lines_of(self, part: str) -> list[str]:
        """Returns what a part has logged, line by line."""
        return (self._logs / f"{part}.log").read_text("utf-8", "replace").splitlines()

    def output(self) -> str:
        """Returns all that the parts have logged."""
        return "".join(log.read_text("utf-8", "replace") for log in sorted(self._logs.glob("*.log")))


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
