"""Tests the examples of a shop's calls, in three languages, with the API over HTTP."""

import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import app as application
from chalicelib.domain.contract import to_iso
from chalicelib.settings import Settings
from local.api_server import ApiServer
from tests import ROOT
from tests.conftest import Shop
from tests.harness.api_gateway import call
from tests.harness.ledger_rows import write_earlier
from tests.harness.openapi import operations
from tests.harness.stack import NODE
from tests.system.test_routes import signature

HOUR_MS = 3_600_000
ORDER = "order.1:a"
"""It is escaped in a path."""


@dataclass
class Example:
    """Runs an example in a folder of its own, as a shop's server would."""

    command: list[str]
    environment: dict[str, str]
    folder: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            env={**os.environ, **self.environment, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def __call__(self, *arguments: str) -> list[str]:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture(params=["py", "mjs", "php"])
def example(request: pytest.FixtureRequest, api: Settings, tmp_path: Path) -> Iterator[Example]:
    php = shutil.which("php") or "php of apt-get install php-cli"
    program = {"py": sys.executable, "mjs": NODE, "php": php}[request.param]
    kind = type(application.app)
    with ApiServer(application.app) as server:
        environment = {"API_URL": server.url, "MERCHANT_API_KEY": api.merchant_api_keys[0]}
        yield Example([program, str(ROOT / "examples" / f"call_api.{request.param}")], environment, tmp_path)
    application.app.__class__ = kind


def test_a_shops_server_calls_each_route_that_is_for_it(
    example: Example, api: Settings, shop: Shop, dynamodb: Any
) -> None:
    assert example("current", ORDER) == ["none"]
    (begun,) = example("initiate", ORDER, "5000", "237677777777")
    status, reference = begun.split(" ")
    assert status == "PENDING"
    assert example("initiate", ORDER, "5000", "237677777777") == [begun], "the same call again is the same payment"
    assert len(shop.transactions) == 1
    assert example("current", ORDER) == [begun]

    charge = shop.transactions[0]["reference"]
    shop.customer(charge, "SUCCESSFUL")
    told = {"reference": charge, "external_reference": reference, "signature": signature(api)}
    assert call("POST", "/api/payment/webhook", told).status == 200
    assert example("status", ORDER) == example("tracking", reference) == ["SUCCESSFUL"]
    assert example("current", ORDER) == [f"SUCCESSFUL {reference}"]

    (url,) = example("link", "order-2", "7500")
    assert re.fullmatch(r"http.+/pay/[a-z2-7]{26}", url)
    assert call("GET", f"/api/payment/links/{url[-26:]}").json["status"] == "open"
    assert example("cancel", url) == ["cancelled"]
    assert call("GET", f"/api/payment/links/{url[-26:]}").json["status"] == "cancelled"

    write_earlier(dynamodb, api.payments_table, reference, HOUR_MS)
    since = to_iso(time.time_ns() // 1_000_000 - 40 * 24 * HOUR_MS)  # more days than a page looks at
    assert example("events", since) == [f"{reference}:3 payment.successful {ORDER}"]
    assert example("events", since) == [], "the cursor was kept"


def test_no_route_that_the_merchant_key_opens_is_missing() -> None:
    """Whoever adds one adds a call to the examples, and to the test above."""
    opened = {it.id for it in operations() if {"merchantKey": []} in it.content.get("security", [])}
    assert opened == {"initiate", "current", "orderStatus", "tracking", "makeLink", "cancelLink", "orderEvents"}


def test_a_refusal_is_told_by_its_code(example: Example) -> None:
    done = example.run("initiate", ORDER, "0", "237677777777")
    assert (done.returncode, done.stderr.strip()) == (1, "400 invalid_request")
    done = example.run("tracking", str(uuid.uuid4()))
    assert (done.returncode, done.stderr.strip()) == (1, "404 not_found")
    done = example.run("status", ORDER, MERCHANT_API_KEY="x" * 40)
    assert (done.returncode, done.stderr.strip()) == (1, "401 invalid_token")
