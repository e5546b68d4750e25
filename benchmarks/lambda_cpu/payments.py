"""Takes payments through an instance of the API, with real parts on loopback, and times each call's computing."""

import itertools
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import jwt
import requests

from benchmarks.lambda_cpu.function import Function
from chalicelib.adapters.ledger.table import create_table
from local.campay_simulator import CampaySimulator
from local.embedded import EmbeddedAws, Valkey
from tests.harness.api_gateway import event_of

_PURPOSES = ("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY", "MERCHANT_API_KEY", "OPERATOR_API_KEY")

OPERATIONS = ("initiate", "status, waiting", "webhook that settles", "status, paid")
_WARM_UP = 5


@dataclass(frozen=True)
class Services:
    """What a function calls. `environment`: the function's variables, without its table."""

    campay: CampaySimulator
    secrets: Mapping[str, str]
    environment: Mapping[str, str]

    def with_table(self, name: str) -> dict[str, str]:
        """Creates a table for one instance and returns the instance's environment."""
        client = boto3.client("dynamodb", **_credentials(self.environment["AWS_ENDPOINT_URL"]))
        create_table(client, name)
        return {**self.environment, "PAYMENTS_TABLE": name}


@contextmanager
def services() -> Iterator[Services]:
    with Valkey() as valkey, EmbeddedAws() as aws, CampaySimulator(approve_after=600, slow_approve_after=600) as campay:
        secrets = {name: f"{name.lower()}-that-is-long-enough-for-production" for name in _PURPOSES}
        secrets["CAMPAY_WEBHOOK_KEY"] = campay.settings.webhook_key
        secrets["CAMPAY_PERMANENT_ACCESS_TOKEN"] = campay.settings.permanent_token
        client = boto3.client("secretsmanager", **_credentials(aws.url))
        client.create_secret(Name="payments", SecretString=json.dumps(secrets))
        queues = boto3.client("sqs", **_credentials(aws.url))
        checks, deliveries, shop = (
            queues.create_queue(QueueName=name)["QueueUrl"] for name in ("checks", "deliveries", "shop")
        )
        environment = {
            "SECRETS_ID": "payments",
            "CAMPAY_API_URL": campay.api_url,
            "FRONTEND_URL": "https://shop.example",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(valkey.port),
            "EVENT_BUS": "default",
            "CHECKS_QUEUE_URL": checks,
            "DELIVERIES_QUEUE_URL": deliveries,
            "SHOP_QUEUE_URL": shop,
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        yield Services(campay, secrets, environment)


def _credentials(url: str) -> dict[str, str]:
    return {
        "endpoint_url": url,
        "region_name": "eu-west-1",
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }


class Payments:
    """Pays orders through one instance."""

    def __init__(self, function: Function, services: Services) -> None:
        self._function = function
        self._services = services
        self._numbers = itertools.count()
        self._took: dict[str, list[float]] = {name: [] for name in OPERATIONS}

    def warm_up(self) -> float:
        """Takes the first payments, which open connections. Returns what the very first call took."""
        self.pay(_WARM_UP)
        first = self._took["initiate"][0]
        self._took = {name: [] for name in OPERATIONS}
        return first

    def pay(self, count: int) -> None:
        """Takes `count` payments, one operation after the other: each is called for all of them in turn."""
        orders = [f"order-{next(self._numbers)}" for _ in range(count)]
        started = self._handle("initiate", [self._initiate(order) for order in orders], 201)
        looks = [_status(order, each["trackingToken"]) for order, each in zip(orders, started, strict=True)]
        shown = self._handle("status, waiting", looks, 200)
        assert {each["status"] for each in shown} == {"PENDING"}
        for each in started:
            self._approve(each["reference"])
        settled = self._handle("webhook that settles", [self._webhook(each["reference"]) for each in started], 200)
        assert settled == [{"received": True}] * count
        shown = self._handle("status, paid", looks, 200)
        assert {each["status"] for each in shown} == {"SUCCESSFUL"}

    def quartiles(self) -> dict[str, float]:
        """Returns the lower quartile of each operation's processor time, in milliseconds.

        What else the machine does only adds: it empties the processor's caches.
        """
        return {operation: statistics.quantiles(took, n=4)[0] for operation, took in self._took.items()}

    def _handle(self, operation: str, events: Sequence[object], status: int) -> list[Any]:
        handled = self._function.handle(events)
        self._took[operation] += [took for took, _ in handled]
        wrong = [reply["body"] for _, reply in handled if reply["statusCode"] != status]
        if wrong:
            raise RuntimeError(f"{operation} answered: {wrong[0]}")
        return [json.loads(reply["body"]) for _, reply in handled]

    def _initiate(self, order: str) -> object:
        number = int(order.removeprefix("order-"))
        claims = {"orderId": order, "amount": 5000, "currency": "XAF", "exp": int(time.time()) + 600}
        token = jwt.encode(claims, self._services.secrets["ORDER_TOKEN_KEY"], algorithm="HS256")
        body = {"orderToken": token, "phoneNumber": f"2376777{number:05}", "description": f"Order {order}"}
        address = f"41.202.{number // 250 % 250}.{number % 250}"
        return event_of("POST", "/api/payment/initiate", body, address=address)

    def _approve(self, reference: str) -> None:
        (row,) = self._services.campay.control.transactions(reference)
        url = f"{self._services.campay.url}/simulator/transactions/{row['reference']}/resolve"
        requests.post(url, json={"status": "SUCCESSFUL", "webhook": False}, timeout=5).raise_for_status()

    def _webhook(self, reference: str) -> object:
        (row,) = self._services.campay.control.transactions(reference)
        now = int(time.time())
        claims = {"iat": now, "nbf": now, "exp": now + 3600, "source": "CamPay"}
        signature = jwt.encode(claims, self._services.secrets["CAMPAY_WEBHOOK_KEY"], algorithm="HS256")
        body = {
            "status": "SUCCESSFUL",
            "reference": row["reference"],
            "amount": "5000",
            "currency": "XAF",
            "operator": "MTN",
            "code": "CP20261124",
            "operator_reference": "1880106956",
            "endpoint": "collect",
            "external_reference": reference,
            "external_user": reference,
            "phone_number": row["phoneNumber"],
            "signature": signature,
        }
        return event_of("POST", "/api/payment/webhook", body)


def _status(order: str, token: str) -> object:
    return event_of("GET", f"/api/payment/status/{order}", headers={"Authorization": f"Bearer {token}"})
