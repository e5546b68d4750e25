"""Provides the real parts that tests share: a Valkey, an embedded AWS, and a service built on them."""

import asyncio
import itertools
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import jwt
import pytest
import redis
import requests
import uvloop
from botocore.config import Config

from chalicelib import bootstrap
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.bootstrap import Service
from chalicelib.domain.operators import UNNAMED, Operator, OperatorKey, Right
from chalicelib.runtime import log
from chalicelib.runtime.settings_reader import RedisSettings
from chalicelib.settings import CampaySettings, Limits, Settings
from infra.functions import API
from local.campay_simulator import CampaySimulator
from local.embedded import EmbeddedAws, Valkey
from tests import ROOT
from tests.harness.aws_calls import AwsCalls, of_the_ledger
from tests.harness.fakes import HandClock
from tests.harness.service import rebuilt
from tests.harness.stack import NODE
from tests.harness.workers import CHECKS, DELIVERIES, SHOP, HandQueues

hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")  # a busy machine is no fault of the code

# A bare machine has no Node for the CDK, and lacks a library that Playwright's Chromium needs.
os.environ |= {"JSII_NODE": NODE, "PLAYWRIGHT_NODEJS_PATH": NODE}

_TABLES = itertools.count(1)
ORDER = {"orderId": "order-1", "amount": 5000, "currency": "XAF", "phoneNumber": "237677777777"}
"""The body of an initiate call made with the merchant key."""


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(scope="session")
def dynamodb(aws: EmbeddedAws) -> Iterator[Any]:
    client = aws_client("dynamodb", aws)
    yield client
    client.close()


@pytest.fixture(scope="session")
def queue_urls(aws: EmbeddedAws) -> tuple[str, str, str]:
    client = aws_client("sqs", aws)
    checks, deliveries, shop = (client.create_queue(QueueName=name)["QueueUrl"] for name in (CHECKS, DELIVERIES, SHOP))
    return checks, deliveries, shop


@pytest.fixture
def table(dynamodb: Any) -> str:
    name = f"payments-{next(_TABLES)}"
    create_table(dynamodb, name)
    return name


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skips collecting the templates' tests where they are deselected: importing them needs more packages."""
    chosen = str(config.option.markexpr)
    is_deselected = chosen and ("not deploy" in chosen or "deploy" not in chosen)
    return True if is_deselected and collection_path == ROOT / "tests" / "infra" / "templates" else None


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Runs the gateway's tests on the gateway's own event loop, which decides when a transport is closed."""
    is_gateway = item.path.parent.name == "gateway"
    return {"uvloop": uvloop.new_event_loop} if is_gateway else {"asyncio": asyncio.new_event_loop}


@pytest.fixture
def ledger(dynamodb: Any, table: str, clock: HandClock) -> Ledger:
    return Ledger(dynamodb, table, clock)


@pytest.fixture(scope="session", autouse=True)
def _runs_of_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps the systems that tests run from being the developer's last `make run`."""
    os.environ["RUN_DIR"] = str(tmp_path_factory.mktemp("run"))


@pytest.fixture(autouse=True)
def _log_of_product(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="payments")
    log.begin()  # a test that calls the app leaves its invocation's context


def aws_client(service: str, aws: EmbeddedAws) -> Any:
    return boto3.client(
        service,
        endpoint_url=aws.url,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=64, read_timeout=10),
    )


@pytest.fixture
def simulator() -> Iterator[CampaySimulator]:
    """Runs the simulator with customers who do nothing by themselves: a test decides for them."""
    with CampaySimulator(approve_after=600, slow_approve_after=600, late_after=600) as running:
        yield running


@pytest.fixture
def settings(table: str, valkey: Valkey, simulator: CampaySimulator, queue_urls: tuple[str, str, str]) -> Settings:
    return Settings(
        development=False,
        campay=CampaySettings(simulator.api_url, (simulator.settings.webhook_key,), simulator.settings.permanent_token),
        redis=RedisSettings("127.0.0.1", valkey.port),
        frontend_url="http://localhost:8080",
        order_token_keys=("order-token-key-of-thirty-two-bytes-or-more",),
        tracking_token_keys=("tracking-token-key-of-thirty-two-bytes-or-more",),
        phone_hash_keys=("phone-hash-key-of-thirty-two-bytes-or-more",),
        merchant_api_keys=("merchant-api-key-of-thirty-two-bytes-or-more",),
        operator_keys=(
            OperatorKey(UNNAMED, "operator-api-key-of-thirty-two-bytes-or-more"),
            OperatorKey(Operator("amina", Right.VIEW), "key-of-amina-with-thirty-two-bytes-or-more"),
            OperatorKey(Operator("paul", Right.ACT), "key-of-paul-with-thirty-two-bytes-or-more"),
        ),
        payments_table=table,
        event_bus="default",
        limits=Limits(),
        expires_after_seconds=300.0,
        check_ages_seconds=(10.0, 20.0, 30.0, 60.0, 600.0, 86_400.0, 259_200.0),
        checks_queue_url=queue_urls[0],
        deliveries_queue_url=queue_urls[1],
        shop_queue_url=queue_urls[2],
    )


def aws_environment(aws: EmbeddedAws) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


@pytest.fixture
def service(
    settings: Settings, clock: HandClock, valkey: Valkey, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    for name, value in aws_environment(aws).items():
        monkeypatch.setenv(name, value)
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    aws.events.clear()
    aws.faults.set()
    built = bootstrap.build(settings, clock)
    queues: Any = HandQueues(clock)
    urls = (settings.checks_queue_url, settings.deliveries_queue_url)
    work_queue = WorkQueue(lambda: queues, *urls, clock, shop_url=settings.shop_queue_url)
    yield rebuilt(built, work_queue=work_queue)
    built.close()


class Shop:
    """Gives a test access to what is outside the service: CamPay's ledger, the order events, the customers."""

    def __init__(self, simulator: CampaySimulator, aws: EmbeddedAws) -> None:
        self._simulator = simulator
        self._aws = aws

    @property
    def transactions(self) -> list[dict[str, Any]]:
        return self._simulator.control.transactions()

    def customer(self, provider_reference: str | None, status: str) -> None:
        """Approves or declines a prompt on the phone; no webhook is sent."""
        url = f"{self._simulator.url}/simulator/transactions/{provider_reference}/resolve"
        requests.post(url, json={"status": status, "webhook": False}, timeout=5).raise_for_status()

    def charge_again(self, external_reference: str) -> str:
        """Charges a payment at CamPay a second time, which the product never does. Returns CamPay's reference."""
        body = {"amount": "5000", "currency": "XAF", "from": "237677777777", "description": "again"}
        body["external_user"] = external_reference  # a collect with a known external_reference is only repeated
        token = {"Authorization": f"Token {self._simulator.settings.permanent_token}"}
        answer = requests.post(f"{self._simulator.api_url}/collect/", json=body, headers=token, timeout=5)
        reference: str = answer.json()["reference"]
        self.customer(reference, "SUCCESSFUL")
        return reference

    def faults(self, **words: list[str]) -> None:
        requests.post(f"{self._simulator.url}/simulator/faults", json=words, timeout=5).raise_for_status()

    @property
    def order_events(self) -> list[tuple[str, int]]:
        """Lists types and versions of the order events, in the order of publication."""
        return [(event["DetailType"], json.loads(event["Detail"])["version"]) for event in self._aws.events]


@pytest.fixture
def shop(simulator: CampaySimulator, aws: EmbeddedAws) -> Shop:
    return Shop(simulator, aws)


def environment_of(settings: Settings, aws: EmbeddedAws) -> dict[str, str]:
    """Returns the settings as the environment variables of a deployment."""
    assert settings.redis is not None
    return {
        **aws_environment(aws),
        "APP_ENV": "production",
        "CAMPAY_API_URL": settings.campay.api_url,
        "CAMPAY_WEBHOOK_KEY": settings.campay.webhook_keys[0],
        "CAMPAY_PERMANENT_ACCESS_TOKEN": settings.campay.permanent_token,
        "FRONTEND_URL": settings.frontend_url,
        "REDIS_HOST": settings.redis.host,
        "REDIS_PORT": str(settings.redis.port),
        "ORDER_TOKEN_KEY": settings.order_token_keys[0],
        "TRACKING_TOKEN_KEY": settings.tracking_token_keys[0],
        "PHONE_HASH_KEY": settings.phone_hash_keys[0],
        "MERCHANT_API_KEY": settings.merchant_api_keys[0],
        "OPERATOR_API_KEY": settings.operator_keys[0].secret,
        "OPERATOR_KEYS": ",".join(
            f"{key.operator.name}:{key.operator.right}:{key.secret}" for key in settings.operator_keys[1:]
        ),
        "PAYMENTS_TABLE": settings.payments_table,
        "EVENT_BUS": settings.event_bus,
        "CHECKS_QUEUE_URL": settings.checks_queue_url,
        "DELIVERIES_QUEUE_URL": settings.deliveries_queue_url,
        "SHOP_QUEUE_URL": settings.shop_queue_url,
        "REFUNDS": str(settings.refunds).lower(),
    }


@pytest.fixture
def api(settings: Settings, aws: EmbeddedAws, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Builds the process's service in production mode, as `app.py` does, and yields its settings.

    The test fails where it made a call to DynamoDB that the API's role does not allow, since AWS would refuse it.
    """
    for name, value in environment_of(settings, aws).items():
        monkeypatch.setenv(name, value)
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    aws.events.clear()
    with AwsCalls.recording() as calls:
        yield settings
    bootstrap.process.close()
    needed = {it for it in calls.permissions.get(API.name, ()) if it.action.startswith("dynamodb:")}
    assert needed - of_the_ledger(API, settings.payments_table) == set(), "see infra/functions.py"


@pytest.fixture
def merchant(api: Settings) -> dict[str, str]:
    return {"X-Api-Key": api.merchant_api_keys[0]}


@pytest.fixture
def operator(api: Settings) -> dict[str, str]:
    return {"X-Api-Key": api.operator_keys[0].secret}


def order_token(settings: Settings, **claims: object) -> str:
    order = {"orderId": "order-1", "amount": 5000, "currency": "XAF", "exp": int(time.time()) + 600}
    return jwt.encode(order | claims, settings.order_token_keys[0], algorithm="HS256")
