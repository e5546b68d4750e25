"""Exercises every route, schedule and process of the product that calls AWS, in this process.

Each step asserts its outcome, so that a call that is refused early does not count as exercised.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import boto3
import jwt
import pytest
from chalice.local import LambdaContext

import app
from chalicelib import bootstrap
from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.table import create_table
from chalicelib.domain.contract import to_iso
from chalicelib.domain.event_signature import write_secret
from chalicelib.domain.hints import DeliveryHint, ShopHint
from infra.functions import CHECKS, DELIVERIES, LATE_PAYMENTS, ROLLUPS, SHOP, STATEMENT, SWEEP, Function, Work
from local.campay_simulator import CampaySimulator
from local.dynamodb import Fault
from local.embedded import LOOPBACK, EmbeddedAws, Valkey
from local.simulator.transactions import CAMEROON
from local.worker import Shards
from socket_gateway import settings as gateway_settings
from tests.conftest import Shop, aws_environment
from tests.harness import api_gateway
from tests.harness.aws_calls import AwsCalls, Permission
from tests.harness.fakes import Answer, ScriptedServer
from tests.harness.ledger_rows import write_earlier
from tests.harness.stack import wait_until

GATEWAY = "Gateway"
TABLE, BUS, SECRET = "payments-of-the-drive", "default", "secret-of-the-drive"
QUEUES = {work: f"{work.lower()}-of-the-drive" for work in Work}
OF_VARIABLE = {
    TABLE: "PAYMENTS_TABLE",
    BUS: "EVENT_BUS",
    SECRET: "SECRETS_ID",
    **{name: f"{work.upper()}_QUEUE_URL" for work, name in QUEUES.items()},
}
"""The environment variable in which a stack passes the name, or the URL, of each of these to its functions."""
OTHER_AMOUNT_NUMBER = "237670000006"
"""The simulator charges it another amount than was asked for."""
_SCHEDULED = {
    "version": "0",
    "id": "an-id",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "eu-west-1",
    "resources": ["a-rule"],
    "detail": {},
}

_TAKE: Mapping[Work, tuple[Function, Callable[..., Any]]] = {
    Work.CHECKS: (CHECKS, app.checks),
    Work.DELIVERIES: (DELIVERIES, app.deliveries),
    Work.SHOP: (SHOP, app.shop),
}


@dataclass
class Drive:
    """Calls the product and records its calls. `routes`: method and path of each called route."""

    calls: AwsCalls
    aws: EmbeddedAws
    shop: Shop
    keys: Mapping[str, str]
    routes: set[tuple[str, str]] = field(default_factory=set)
    _phones: Iterator[int] = field(default_factory=lambda: iter(range(237677777000, 237677777700)))

    def everything(self) -> None:
        """Runs every step once. Steps that depend on each other share a method."""
        self._pay_by_webhook()
        self._give_up()
        self._send_link()
        self._operate()
        self._pay_back()
        self._look_around()
        self._sweep()
        self._check()
        self._deliver()
        self._tell_shop()
        self._find_late_payments()
        self._compare_statement()
        self._count_changes()
        self._start_gateway()

    # ------------------------------------------------------------------ the API

    def _pay_by_webhook(self) -> None:
        started = self._paid_and_unannounced()
        self._webhook(started, self.shop.charge_again(started["reference"]))
        looked = self._call("GET", "/api/payment/status/{order_id}", 200, of={"order_id": started["orderId"]})
        assert (looked["status"], looked["duplicate"]) == ("SUCCESSFUL", True)
        self._call("GET", "/api/payment/tracking/{reference}", 200, of=started)
        self._call("GET", "/api/payment/current", 200, query=f"?orderId={started['orderId']}")
        self._ask_for_events(started)

    def _ask_for_events(self, paid: Mapping[str, Any]) -> None:
        """Asks for the order events of a payment that was paid twice, a minute later."""
        write_earlier(boto3.client("dynamodb"), TABLE, paid["reference"], 3_600_000)
        since = to_iso(time.time_ns() // 1_000_000 - 2 * 3_600_000)
        told = self._call("GET", "/api/payment/events", 200, query=f"?since={since}")
        assert [it["type"] for it in told["events"]] == ["payment.successful", "payment.duplicate"]

    def _give_up(self) -> dict[str, Any]:
        started = self._initiate()
        grant = {"Authorization": f"Bearer {started['trackingToken']}"}
        self._call("POST", "/api/payment/tracking/{reference}/give-up", 200, of=started, headers=grant)
        return started

    def _send_link(self) -> None:
        """Makes a link, pays by it, and cancels another."""
        first, other = (self._link(f"order-{secrets.token_hex(4)}") for _ in range(2))
        shown = self._call("GET", "/api/payment/links/{link_id}", 200, of={"link_id": first["linkId"]})
        body = {"orderToken": shown["orderToken"], "phoneNumber": str(next(self._phones))}
        paying = api_gateway.call("POST", "/api/payment/initiate", body)
        assert paying.status == 201, paying.text
        self._call("GET", "/pay/{link_id}", 404, of={"link_id": first["linkId"]})
        of = {"link_id": other["linkId"]}
        cancelled = self._call("DELETE", "/api/payment/links/{link_id}", 200, of=of)
        assert cancelled["status"] == "cancelled"
        assert self._call("GET", "/api/payment/links/{link_id}", 404, of={"link_id": "a" * 26})["code"] == "not_found"

    def _link(self, order_id: str) -> Any:
        order = {"orderId": order_id, "amount": 5000, "currency": "XAF"}
        return self._call("POST", "/api/payment/links", 201, order)

    def _operate(self) -> None:
        started = self._initiate(OTHER_AMOUNT_NUMBER)
        self._approve(started)
        operator = {"X-Api-Key": self.keys["OPERATOR_API_KEY"]}
        path = "/api/payment/operator/{reference}/{action}"
        of = {**started, "action": "recheck"}
        seen = self._call("POST", path, 200, of=of, headers=operator)
        decision = {"status": "SUCCESSFUL", "reason": "rest paid in cash", "version": seen["version"]}
        for action, body in (("resolve", decision), ("redeliver", None)):
            self._call("POST", path, 200, body, of={**started, "action": action}, headers=operator)
        self._call("GET", "/api/payment/attention", 200, headers=operator)
        story = self._call("GET", "/api/payment/operator/{reference}", 200, of=started, headers=operator)
        assert [it["cause"] for it in story["versions"]][-1] == "operator"
        for wanted in ({"orderId": started["orderId"]}, {"phoneNumber": OTHER_AMOUNT_NUMBER}):
            found = self._call("POST", "/api/payment/operator/search", 200, wanted, headers=operator)
            assert [it["reference"] for it in found["payments"]] == [started["reference"]]

    def _pay_back(self) -> None:
        """Pays a part of a charge back, and has an operator ask what became of it."""
        started = self._initiate()
        charge = self._approve(started)
        named = self.keys["OPERATOR_KEYS"].removeprefix("paul:act:")
        operator, path = {"X-Api-Key": named}, "/api/payment/operator/{reference}/{action}"
        recheck, refund = ({**started, "action": action} for action in ("recheck", "refund"))
        paid = self._call("POST", path, 200, of=recheck, headers=operator)
        body = {"charge": charge, "amount": 3000, "reason": "braids came undone", "version": paid["version"]}
        (claimed,) = self._call("POST", path, 200, body, of=refund, headers=operator)["refunds"]
        self._approve(claimed)
        assert self._call("POST", path, 200, of=recheck, headers=operator)["refundedAmount"] == 3000

    def _look_around(self) -> None:
        operator = {"X-Api-Key": self.keys["OPERATOR_API_KEY"]}
        self._call("GET", "/api/payment/health", 200)
        self._call("GET", "/api/payment/debug/connections", 200, headers=operator)
        self._call("GET", "/api/payment/history", 200, headers=operator)
        for method in ("POST", "DELETE"):
            self._call(method, "/api/payment/operator/session", 204, headers=operator)
        self._call("GET", "/api/payment/operator/session", 200, headers=operator)
        self._call("GET", "/operator/addresses.json", 200)
        for path in ("/operator", "/operator/assets/{name}"):
            self._call("GET", path, 404, of={"name": "index.js"})
        self._call("POST", "/api/payment/test/simulate", 404, {"outcome": "approved"})

    # ------------------------------------------------------------------ what runs by itself

    def _sweep(self) -> None:
        """Sweeps until it has sent a check and a delivery, of payments whose webhooks were lost or not announced."""
        self._approve(self._initiate())
        self._paid_and_unannounced()

        def has_sent_both() -> bool:
            self._sweep_once()
            return all(self._has_sent(SWEEP, work) for work in SWEEP.sends)

        wait_until(has_sent_both, "the sweep sends checks and deliveries", 60)

    def _sweep_once(self) -> None:
        with self._started(SWEEP.name):
            app.sweep(_SCHEDULED, LambdaContext("sweep", 512, max_runtime_ms=50_000))

    def _check(self) -> None:
        """Checks payments whose webhooks were lost until all are settled and one that waits is to be checked again.

        CamPay's reference of one of them is only found in the statement. The event bus is away, so that their
        deliveries have to wait; another one, which was given up, has two versions to deliver.
        """
        self._initiate()
        with self._without_event_bus():
            lost = [self._initiate(), self._initiate(outcome="502-after-accept"), self._give_up()]
            for each in lost:
                self._approve(each)

            def are_checked() -> bool:
                self._sweep_once()
                self._take(Work.CHECKS)
                return self._are_final(lost) and all(self._has_sent(CHECKS, work) for work in CHECKS.sends)

            wait_until(are_checked, "checks settle all of them", 60)

    def _deliver(self) -> None:
        """Delivers, once in vain, a payment of two versions that the event bus had refused."""
        unannounced = self._paid_and_unannounced()
        with self._without_event_bus():
            self._webhook(unannounced, self.shop.charge_again(unannounced["reference"]))
            self._take(Work.DELIVERIES, DeliveryHint(unannounced["reference"]).to_body())
        self._take(Work.DELIVERIES, DeliveryHint().to_body())

        def is_delivered() -> bool:
            self._take(Work.DELIVERIES)
            stored = self._stored(unannounced)
            return stored.delivered_version == stored.payment.version

        wait_until(is_delivered, "it is delivered", 60)

    def _tell_shop(self) -> None:
        """Tells the shop of a payment, first in vain: its name leads to this machine. Its message is put off."""
        paid = self._paid_and_unannounced()
        body = ShopHint(paid["reference"]).to_body()
        boto3.client("sqs").send_message(QueueUrl=os.environ[OF_VARIABLE[QUEUES[Work.SHOP]]], MessageBody=body)
        (message,) = self._messages(Work.SHOP)
        record = {"messageId": "1", "body": body, "receiptHandle": message["ReceiptHandle"]}
        with self._started(SHOP.name):
            answer = app.shop({"Records": [record]}, LambdaContext(SHOP.name, 512, max_runtime_ms=60_000))
        assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
        with ScriptedServer() as server, pytest.MonkeyPatch.context() as patch:
            server.answer("/", Answer())
            patch.setenv("ORDER_EVENTS_URL", server.url)
            patch.setenv("APP_ENV", "development")
            patch.setenv("ORDER_EVENTS_KEY", self.keys["ORDER_EVENTS_KEY"])
            other = self._paid_and_unannounced()
            self._take(Work.SHOP, ShopHint(other["reference"]).to_body())
            assert len(server.seen) == 1
        bootstrap.process.close()

    def _find_late_payments(self) -> None:
        """Finds in the statement a payment whose webhook was lost, and checks it."""
        late = self._initiate()
        self._approve(late)
        with self._started(LATE_PAYMENTS.name):
            app.late_payments(_SCHEDULED, LambdaContext("late_payments", 512, max_runtime_ms=600_000))
        assert self._has_sent(LATE_PAYMENTS, Work.CHECKS)

    def _compare_statement(self) -> None:
        """Compares a statement with a payment whose webhook was lost, and a second charge of an unannounced payment.

        The event bus is away, so that the deliveries have to wait.
        """
        lost, twice = self._initiate(), self._paid_and_unannounced()
        self._approve(lost)
        self.shop.charge_again(twice["reference"])
        event = {**_SCHEDULED, "detail": {"day": datetime.now(CAMEROON).date().isoformat()}}
        with self._without_event_bus(), self._started(STATEMENT.name):
            app.statement(event, LambdaContext("statement", 512, max_runtime_ms=300_000))
        assert self._are_final([lost])
        assert self._stored(twice).payment.duplicate
        operator = {"X-Api-Key": self.keys["OPERATOR_API_KEY"]}
        shown = self._call("GET", "/api/payment/statement", 200, headers=operator)
        (day,) = (it for it in shown["days"] if it["isOpen"])
        signed = {"day": day["day"], "fingerprint": day["fingerprint"], "reason": "looked at"}
        assert not self._call("POST", "/api/payment/statement", 200, signed, headers=operator)["isOpen"]

    def _count_changes(self) -> None:
        """Counts the changes of the steps before, in two batches between which payments go on; shows the figures."""
        with self._started(ROLLUPS.name):
            for event in Shards(TABLE).events():
                half = len(event["Records"]) // 2
                for records in (event["Records"][:half], event["Records"][half:]):
                    app.rollups({**event, "Records": records}, LambdaContext("rollups", 512, max_runtime_ms=60_000))
        operator = {"X-Api-Key": self.keys["OPERATOR_API_KEY"]}
        shown = self._call("GET", "/api/payment/analytics", 200, headers=operator)
        assert shown["total"]["duplicate"] > 0

    def _take(self, work: Work, *bodies: str) -> None:
        """Invokes a queue's function with messages, as Lambda does. Without `bodies`, with those of the queue."""
        function, handler = _TAKE[work]
        records = [
            {"messageId": str(number), "body": body} for number, body in enumerate(bodies or self._received(work))
        ]
        with self._started(function.name):
            answer = handler({"Records": records}, LambdaContext(function.name, 512, max_runtime_ms=60_000))
        assert answer == {"batchItemFailures": []}

    def _received(self, work: Work) -> Iterator[str]:
        client, url = boto3.client("sqs"), os.environ[OF_VARIABLE[QUEUES[work]]]
        for message in self._messages(work):
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield message["Body"]

    def _messages(self, work: Work) -> list[Any]:
        url = os.environ[OF_VARIABLE[QUEUES[work]]]
        return list(boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []))

    def _has_sent(self, function: Function, work: Work) -> bool:
        return Permission("sqs:SendMessage", QUEUES[work]) in self.calls.permissions.get(function.name, ())

    def _are_final(self, all_started: Iterable[Mapping[str, Any]]) -> bool:
        return all(self._stored(each).payment.is_final for each in all_started)

    @contextmanager
    def _started(self, function: str) -> Iterator[None]:
        """Starts a process, which reads its secrets at the start."""
        bootstrap.process.close()
        with self.calls.made_by(function):
            yield

    def _start_gateway(self) -> None:
        with self.calls.made_by(GATEWAY):
            gateway_settings.read_settings()

    # ------------------------------------------------------------------ steps

    def _initiate(self, phone_number: str = "", outcome: str = "") -> dict[str, Any]:
        self.shop.faults(collect=[outcome] if outcome else [])
        order = {
            "orderId": f"order-{secrets.token_hex(4)}",
            "amount": 5000,
            "currency": "XAF",
            "phoneNumber": phone_number or str(next(self._phones)),
        }
        started = self._call("POST", "/api/payment/initiate", 202 if outcome else 201, order)
        return {**started, "orderId": order["orderId"]}

    def _approve(self, started: Mapping[str, Any]) -> str:
        """Approves a payment on the phone, or CamPay a refund, and loses the webhook. Returns CamPay's reference."""
        rows = self.shop.transactions
        (reference,) = (row["reference"] for row in rows if row["externalReference"] == started["reference"])
        self.shop.customer(reference, "SUCCESSFUL")
        return str(reference)

    def _paid_and_unannounced(self) -> dict[str, Any]:
        """Makes a paid payment whose version the event bus has refused: the next delivery has two."""
        started = self._initiate()
        with self._without_event_bus():
            self._webhook(started, self._approve(started))
        return started

    @contextmanager
    def _without_event_bus(self) -> Iterator[None]:
        self.aws.faults.set(Fault("PutEvents", "unavailable", 100))
        yield
        self.aws.faults.set()

    def _webhook(self, started: Mapping[str, Any], campay_reference: str) -> None:
        """Sends a webhook in both ways that CamPay uses, POST and GET."""
        now = int(time.time())
        claims = {"iat": now, "nbf": now, "exp": now + 3600, "source": "CamPay"}
        signature = jwt.encode(claims, self.keys["CAMPAY_WEBHOOK_KEY"], algorithm="HS256")
        told = {"external_reference": started["reference"], "reference": campay_reference, "signature": signature}
        self._call("POST", "/api/payment/webhook", 200, told)
        self._call("GET", "/api/payment/webhook", 200, query=f"?{urlencode(told)}")

    def _stored(self, started: Mapping[str, Any]) -> Stored:
        stored = bootstrap.service().ledger.load(started["reference"])
        assert stored is not None
        return stored

    def _call(
        self,
        method: str,
        route: str,
        status: int,
        body: object = None,
        *,
        of: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Any:
        """Calls a route. `of`: the values of the path's parameters. Without `headers`, the merchant key is sent."""
        self.routes.add((method, route))
        path = route.format_map(of or {}) + query
        merchant = {"X-Api-Key": self.keys["MERCHANT_API_KEY"]}
        reply = api_gateway.call(method, path, body, headers=headers or merchant)
        assert reply.status == status, f"{method} {path}: {reply.text}"
        return reply.json if "json" in reply.headers.get("Content-Type", "") else None


@contextmanager
def driven(aws: EmbeddedAws, valkey: Valkey) -> Iterator[Drive]:
    """Runs every step once, with a service that reads its keys from Secrets Manager, as in AWS."""
    with pytest.MonkeyPatch.context() as patch, CampaySimulator(approve_after=600) as simulator:
        keys = _keys(simulator)
        for name, value in _environment(aws, valkey, simulator).items():
            patch.setenv(name, value)
        sqs = boto3.client("sqs")
        for name in QUEUES.values():
            patch.setenv(OF_VARIABLE[name], sqs.create_queue(QueueName=name)["QueueUrl"])
        with AwsCalls.recording() as calls:
            create_table(boto3.client("dynamodb"), TABLE)
            boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(keys))
            bootstrap.process.close()
            drive = Drive(calls, aws, Shop(simulator, aws), keys)
            try:
                drive.everything()
                yield drive
            finally:
                bootstrap.process.close()
                boto3.client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)


def _keys(simulator: CampaySimulator) -> dict[str, str]:
    names = ("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "MERCHANT_API_KEY", "OPERATOR_API_KEY")
    return {
        **{name: secrets.token_hex(32) for name in names},
        "OPERATOR_KEYS": f"paul:act:{secrets.token_hex(32)}",
        "ORDER_EVENTS_KEY": write_secret(secrets.token_bytes(32)),
        "PHONE_HASH_KEY": f"{secrets.token_hex(32)},{secrets.token_hex(32)}",  # two keys, as during a rotation
        "CAMPAY_WEBHOOK_KEY": simulator.settings.webhook_key,
        "CAMPAY_PERMANENT_ACCESS_TOKEN": simulator.settings.permanent_token,
    }


def _environment(aws: EmbeddedAws, valkey: Valkey, simulator: CampaySimulator) -> dict[str, str]:
    return {
        **aws_environment(aws),
        **{variable: value for value, variable in OF_VARIABLE.items()},
        "APP_ENV": "production",
        "API_URL": "https://api.shop.example",
        "CAMPAY_API_URL": simulator.api_url,
        "FRONTEND_URL": "https://shop.example",
        "ORDER_EVENTS_URL": "https://localhost.localdomain/events",
        "OPERATOR_PAGE_DIR": "no-page-of-the-drive",
        "REFUNDS": "true",
        "REDIS_HOST": LOOPBACK,
        "REDIS_PORT": str(valkey.port),
        "CHECK_AGES_SECONDS": "1,2,3,6,600",
    }
