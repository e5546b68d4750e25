"""The real parts that tests share: a Valkey, an embedded AWS, and a service built on them."""

import itertools
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from chalicelib.ledger import Ledger, create_table
from local.embedded import EmbeddedAws, Valkey
from tests.fakes import HandClock

_TABLES = itertools.count(1)


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture
def dynamodb(aws: EmbeddedAws) -> Iterator[Any]:
    client = aws_client("dynamodb", aws)
    yield client
    client.close()


@pytest.fixture
def table(dynamodb: Any) -> str:
    name = f"payments-{next(_TABLES)}"
    create_table(dynamodb, name)
    return name


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(dynamodb: Any, table: str, clock: HandClock) -> Ledger:
    return Ledger(dynamodb, table, clock)


@pytest.fixture(autouse=True)
def _log_of_product(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="payments")


def aws_client(service: str, aws: EmbeddedAws) -> Any:
    return boto3.client(
        service,
        endpoint_url=aws.url,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=64, read_timeout=10),
    )
