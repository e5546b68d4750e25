"""Tests the zip that is deployed, under Lambda's own runtime client, with moto, Valkey and the simulator."""

import asyncio
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
import requests
import socketio

from benchmarks.lambda_cpu.function import Function
from benchmarks.lambda_cpu.payments import OPERATIONS, Payments, services
from chalicelib.settings import Settings
from chalicelib.web.link_page import SERVED
from infra.package import (
    BUILT_LINK_PAGE,
    BUILT_OPERATOR_PAGE,
    LINK_PAGE,
    LOCK,
    OPERATOR_PAGE,
    ROOT,
    Package,
    PackagingFailed,
    build,
)
from infra.stages import STAGES
from local.campay_simulator import CampaySimulator
from local.dynamodb import Fault
from local.embedded import LOOPBACK, EmbeddedAws, Valkey, free_port
from local.processes import is_ready
from local.simulator.transactions import CAMEROON
from local.worker import Shards
from tests.conftest import ORDER, Shop, aws_client, aws_environment, environment_of, order_token
from tests.harness.api_gateway import Reply, event_of, over_http, reply_to
from tests.harness.lambda_runtime import FunctionFailed, LambdaFunction, unpack
from tests.harness.stack import wait_until
from tests.system.test_routes import bearer, signature

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(120)]

SMALL = 4_000_000
SECRET_NAMES = {
    *("ORDER_TOKEN_KEY", "TRACKING_TOKEN_KEY", "PHONE_HASH_KEY", "MERCHANT_API_KEY", "OPERATOR_API_KEY"),
    *("CAMPAY_WEBHOOK_KEY", "CAMPAY_PERMANENT_ACCESS_TOKEN"),
}
SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-24T02:30:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/schedule"],
    "detail": {},
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def task_root(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(package.path, tmp_path_factory.mktemp("lambda") / "task")


@pytest.fixture
def secrets(settings: Settings, aws: EmbeddedAws) -> Iterator[Any]:
    """Yields Secrets Manager's client. One secret, named as the test's table, has all secret settings."""
    values = {name: value for name, value in environment_of(settings, aws).items() if name in SECRET_NAMES}
    client = aws_client("secretsmanager", aws)
    client.create_secret(Name=settings.payments_table, SecretString=json.dumps(values))
    yield client
    client.close()


@pytest.fixture
def configuration(settings: Settings, aws: EmbeddedAws, valkey: Valkey, secrets: Any) -> dict[str, str]:
    """Returns a deployment's environment: without secrets, and without APP_ENV, which means production."""
    assert secrets
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    aws.events.clear()
    known = environment_of(settings, aws) | {"SECRETS_ID": settings.payments_table}
    return {name: value for name, value in known.items() if name not in SECRET_NAMES | {"APP_ENV"}}


@pytest.fixture
def function(task_root: Path, configuration: dict[str, str]) -> Iterator[LambdaFunction]:
    with LambdaFunction(task_root, "app.app", configuration) as running:
        yield running


def ask(function: LambdaFunction, method: str, path: str, body: object = None, **options: Any) -> Reply:
    return reply_to(event_of(method, path, body, **options), function.invoke)


def initiate(function: LambdaFunction, settings: Settings, **changes: object) -> dict[str, Any]:
    headers = {"X-Api-Key": settings.merchant_api_keys[0]}
    reply = ask(function, "POST", "/api/payment/initiate", ORDER | changes, headers=headers)
    assert reply.status == 201, reply.text
    started: dict[str, Any] = reply.json
    return started


def status(function: LambdaFunction, started: Mapping[str, Any]) -> str:
    path, headers = f"/api/payment/tracking/{started['reference']}", bearer(started["trackingToken"])
    return str(ask(function, "GET", path, headers=headers).json["status"])


# --------------------------------------------------------------------------- what is in it


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "clone")], check=True)  # noqa: S607 any git will do
    return tmp_path / "clone"


def test_two_clean_clones_give_the_same_bytes(tmp_path: Path) -> None:
    hashes = set()
    for name in ("clone", "another-clone-elsewhere"):
        subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / name)], check=True)  # noqa: S607 any git will do
        hashes.add(build(tmp_path / f"{name}-packaged", tmp_path / name).sha256)
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("packages", "told"),
    [
        (["hiredis"], r"Could not satisfy the requirement: hiredis==3"),
        (
            ["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six"],
            r"not to be in the zip: boto3, botocore$",
        ),
    ],
    ids=["machine code", "what Lambda brings"],
)
def test_what_does_not_belong_is_refused(clone: Path, packages: list[str], told: str) -> None:
    gateway = (ROOT / "socket_gateway" / LOCK).read_text("utf-8")
    blocks = [
        block for block in re.split(r"^(?=[a-z])", gateway, flags=re.MULTILINE) if block.split("==")[0] in packages
    ]
    assert len(blocks) == len(packages)
    with (clone / LOCK).open("a", encoding="utf-8") as lock:
        lock.writelines(blocks)
    with pytest.raises(PackagingFailed, match=told):
        build(clone / "packaged", clone)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda lock: re.sub(r"--hash=sha256:\w{4}", "--hash=sha256:0000", lock), "DO NOT MATCH THE HASHES"),
        (lambda lock: lock + "six==1.17.0\n", "Hashes are required"),
    ],
    ids=["a replaced package", "a package without a hash"],
)
def test_what_the_lock_does_not_vouch_for_is_refused(clone: Path, spoil: Callable[[str], str], told: str) -> None:
    lock = clone / LOCK
    lock.write_text(spoil(lock.read_text("utf-8")), "utf-8")
    with pytest.raises(PackagingFailed, match=told):
        build(clone / "packaged", clone)


def test_the_lock_is_of_what_is_required() -> None:
    """When a pin changes, the command at the top of the lock makes a new one."""
    named = re.findall(r"^([\w-]+==\S+)", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    locked = re.findall(r"^([\w-]+==\S+)", (ROOT / LOCK).read_text("utf-8"), re.MULTILINE)
    assert sorted(each.lower() for each in named) == sorted(locked)


def test_it_has_what_lambda_lacks_and_nothing_else(package: Package) -> None:
    with zipfile.ZipFile(package.path) as archive:
        names = set(archive.namelist())
        rooms = {name.split("/")[0].split("-")[0] for name in names if not name.endswith(".py")} - {"__pycache__"}
        assert rooms <= {
            *("chalice", "chalicelib", "redis", "jwt", "pyjwt", "PyJWT", "certifi", "urllib3", "async_timeout"),
            *(OPERATOR_PAGE, LINK_PAGE),
        }
        assert {name for name in names if name.startswith("chalice/") and name.endswith(".py")} == {
            *("chalice/__init__.py", "chalice/app.py"),
        }
        assert {"app.py", "chalicelib/adapters/lua/publish_newer.lua"} <= names
        assert [name for name in names if archive.read(name).startswith(b"\x7fELF")] == [], "it fits one processor"
    assert package.size == package.path.stat().st_size < SMALL


def test_every_module_has_its_bytecode_and_nothing_is_dated(package: Package) -> None:
    """A flags field of 1 means unchecked bytecode: Python need not compare it with the source at each cold start."""
    tag = package.runtime.replace("python", "cpython-").replace(".", "")
    with zipfile.ZipFile(package.path) as archive:
        names = archive.namelist()
        sources, compiled = ({it for it in names if it.endswith(end)} for end in (".py", ".pyc"))
        assert {it.replace("__pycache__/", "").replace(f".{tag}.pyc", ".py") for it in compiled} == sources
        heads = {archive.read(name)[:8] for name in compiled}
        assert {(name.date_time, name.external_attr >> 16) for name in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }
    assert {int.from_bytes(head[4:], "little") for head in heads} == {1}
    if tag == sys.implementation.cache_tag:
        assert {head[:4] for head in heads} == {importlib.util.MAGIC_NUMBER}


def test_a_cold_start_compiles_nothing(task_root: Path, configuration: dict[str, str]) -> None:
    before = sorted(task_root.rglob("*"))
    with LambdaFunction(task_root, "app.app", configuration | {"PYTHONVERBOSE": "1"}) as function:
        loaded = [line for line in function.lines if line.startswith("# code object from") and str(task_root) in line]
    assert len(loaded) > 50
    assert [line for line in loaded if not line.endswith(".pyc'")] == []
    assert sorted(task_root.rglob("*")) == before


# --------------------------------------------------------------------------- what it answers


@pytest.mark.parametrize("as_base64", [False, True], ids=["raw", "base64"])
def test_a_shop_page_pays(function: LambdaFunction, settings: Settings, shop: Shop, as_base64: bool) -> None:
    body = {"orderToken": order_token(settings), "phoneNumber": "237677777777", "description": "café"}
    reply = ask(function, "POST", "/api/payment/initiate", body, as_base64=as_base64)
    assert reply.status == 201, reply.text
    assert reply.headers["Access-Control-Allow-Origin"] == settings.frontend_url
    assert [row["externalReference"] for row in shop.transactions] == [reply.json["reference"]]


@pytest.mark.parametrize("kind", ["GET", "JSON", "JSON in base64", "form", "form in base64"])
def test_a_webhook_of_every_kind_settles(function: LambdaFunction, settings: Settings, shop: Shop, kind: str) -> None:
    started = initiate(function, settings)
    (row,) = shop.transactions
    shop.customer(row["reference"], "SUCCESSFUL")
    fields = {"status": "SUCCESSFUL", "reference": row["reference"], "external_reference": started["reference"]}
    fields["signature"] = signature(settings)
    as_base64 = kind.endswith("base64")
    path = "/api/payment/webhook"
    if kind == "GET":
        reply = ask(function, "GET", f"{path}?{urlencode(fields)}")
    elif kind.startswith("form"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = ask(function, "POST", path, urlencode(fields), headers=headers, as_base64=as_base64)
    else:
        reply = ask(function, "POST", path, fields, as_base64=as_base64)
    assert (reply.status, reply.json) == (200, {"received": True})
    assert shop.order_events == [("payment.successful", 3)]
    assert status(function, started) == "SUCCESSFUL"


def test_it_serves_the_operators_page_as_it_was_built(task_root: Path, configuration: dict[str, str]) -> None:
    built = {
        file.relative_to(ROOT / BUILT_OPERATOR_PAGE).as_posix(): file.read_text("utf-8")
        for file in (ROOT / BUILT_OPERATOR_PAGE).rglob("*.*")
    }
    with LambdaFunction(task_root, "app.app", configuration | STAGES["dev"].environment) as function:
        page = ask(function, "GET", "/operator")
        assert (page.status, page.text.replace("/prod/", "/")) == (200, built.pop("index.html"))
        assert len(built) >= 2
        for name, content in built.items():
            assert ask(function, "GET", f"/operator/{name}").text == content


def test_it_serves_the_page_of_payment_links_as_it_was_built(task_root: Path, configuration: dict[str, str]) -> None:
    """The parts before and after what is written into it; without a ledger's answer nothing of a link is."""
    before, after = (ROOT / BUILT_LINK_PAGE / "index.html").read_text("utf-8").split(SERVED)
    with LambdaFunction(task_root, "app.app", configuration | STAGES["dev"].environment) as function:
        page = ask(function, "GET", f"/pay/{'a' * 26}")
    assert page.status == 200
    assert page.text.startswith(before)
    assert page.text.endswith(after)


def test_headers_that_are_sent_twice_count_as_their_last(function: LambdaFunction) -> None:
    """API Gateway passes on every value, and under `headers` the last one."""
    event = event_of("POST", "/api/payment/initiate", ORDER, headers={"X-Api-Key": "b", "Accept-Language": "en"})
    event["multiValueHeaders"] |= {"X-Api-Key": ["a", "b"], "Accept-Language": ["fr", "en"]}
    reply = reply_to(event, function.invoke)
    assert (reply.status, reply.json["code"]) == (401, "invalid_api_key")
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_a_path_parameter_may_be_percent_encoded(function: LambdaFunction, settings: Settings, shop: Shop) -> None:
    """A browser that encodes what it puts into a path writes %3A for the colon of an order."""
    assert shop.transactions == []
    initiate(function, settings, orderId="shop:1")
    headers = {"X-Api-Key": settings.merchant_api_keys[0]}
    for order in ("shop:1", "shop%3A1"):
        reply = ask(function, "GET", f"/api/payment/status/{order}", headers=headers)
        assert (reply.status, reply.json["orderId"]) == (200, "shop:1")


# --------------------------------------------------------------------------- from the call to the browser


@pytest.fixture
def gateway(stage_url: str, configuration: dict[str, str]) -> Iterator[str]:
    """Runs the gateway in production mode, with its key from Secrets Manager; yields its URL."""
    port = free_port()
    own = {"API_URL": stage_url, "API_TIMEOUT_SECONDS": "10", "PORT": str(port), "GATEWAY_HOST": LOOPBACK}
    given = {**os.environ, **configuration, **own}
    given.pop("APP_ENV", None)
    process = subprocess.Popen([sys.executable, "-m", "socket_gateway.asgi"], cwd=ROOT, env=given)
    try:
        url = f"http://{LOOPBACK}:{port}"
        wait_until(lambda: is_ready(f"{url}/readyz"), "the gateway is ready")
        yield url
    finally:
        process.kill()
        process.wait(5)


@pytest.fixture
def stage_url(function: LambdaFunction, simulator: CampaySimulator) -> Iterator[str]:
    """Serves the stage of API Gateway, where CamPay sends its webhooks; yields its URL."""
    with over_http(function.invoke) as url:
        simulator.webhook_url = f"{url}/api/payment/webhook"
        yield url


async def test_a_whole_payment_reaches_the_browser(
    function: LambdaFunction, gateway: str, settings: Settings, shop: Shop, simulator: CampaySimulator
) -> None:
    started = await asyncio.to_thread(initiate, function, settings)
    heard: list[tuple[str, int]] = []
    async with socketio.AsyncSimpleClient() as browser:
        await browser.connect(gateway)
        request = {"reference": started["reference"], "token": started["trackingToken"]}
        ack: dict[str, Any] = await browser.call("track-payment", request, timeout=10)
        assert (ack["ok"], ack["payment"]["status"]) == (True, "PENDING")
        url = f"{simulator.url}/simulator/transactions/{shop.transactions[0]['reference']}/resolve"
        approved = {"status": "SUCCESSFUL", "webhook": True}
        (await asyncio.to_thread(requests.post, url, json=approved, timeout=5)).raise_for_status()
        while not heard or heard[-1][0] != "payment-completed":
            name, payload = await browser.receive(timeout=20)
            if name.startswith("payment-"):
                heard.append((name, payload["version"]))
    assert heard == [
        *(("payment-initiated", 2), ("payment-status", 2)),
        *(("payment-status", 3), ("payment-success", 3), ("payment-completed", 3)),
    ]
    assert shop.order_events == [("payment.successful", 3)]


async def test_what_redis_has_lost_is_asked_of_the_deployed_api(
    function: LambdaFunction, gateway: str, settings: Settings, valkey: Valkey
) -> None:
    started = await asyncio.to_thread(initiate, function, settings)
    with redis.Redis(port=valkey.port) as client:
        client.flushall()
    async with socketio.AsyncSimpleClient() as browser:
        await browser.connect(gateway)
        request = {"reference": started["reference"], "token": started["trackingToken"]}
        ack: dict[str, Any] = await browser.call("track-payment", request, timeout=10)
    assert (ack["ok"], ack["payment"]["status"]) == (True, "PENDING")


# --------------------------------------------------------------------------- queues and schedules


def test_the_changes_of_the_ledger_reach_the_analytics(
    function: LambdaFunction,
    task_root: Path,
    configuration: dict[str, str],
    settings: Settings,
    aws: EmbeddedAws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    initiate(function, settings)
    for name, value in aws_environment(aws).items():
        monkeypatch.setenv(name, value)
    (changes,) = Shards(settings.payments_table).events()
    with LambdaFunction(task_root, "app.rollups", configuration) as rollups:
        answer = rollups.invoke(json.loads(json.dumps(changes, default=str)))
        assert answer == {"state": {}, "batchItemFailures": []}
        assert rollups.invoke({**changes, "Records": [], "isFinalInvokeForWindow": True}) == answer
    operator = {"X-Api-Key": settings.operator_keys[0].secret}
    assert ask(function, "GET", "/api/payment/analytics", headers=operator).json["total"]["started"] == 1


def test_a_check_that_the_sweep_sends_recovers_a_lost_webhook(
    function: LambdaFunction,
    task_root: Path,
    configuration: dict[str, str],
    settings: Settings,
    shop: Shop,
    aws: EmbeddedAws,
) -> None:
    started = initiate(function, settings)
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    sqs, url = aws_client("sqs", aws), settings.checks_queue_url
    sqs.purge_queue(QueueUrl=url)  # the first check's message is lost too
    with (
        LambdaFunction(task_root, "app.sweep", configuration) as sweep,
        LambdaFunction(task_root, "app.checks", configuration) as checks,
    ):

        def is_recovered() -> bool:
            sweep.invoke(SCHEDULED)
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            assert checks.invoke(of_sqs(*(it["Body"] for it in messages))) == {"batchItemFailures": []}
            return bool(shop.order_events)

        wait_until(is_recovered, "the check is overdue", 40)
    assert shop.order_events == [("payment.successful", 3)]
    assert status(function, started) == "SUCCESSFUL"


def test_a_delivery_makes_good_what_the_event_bus_refused(
    function: LambdaFunction,
    task_root: Path,
    configuration: dict[str, str],
    settings: Settings,
    shop: Shop,
    aws: EmbeddedAws,
) -> None:
    """Only the message of a payment that the ledger could not read comes again."""
    started = initiate(function, settings)
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    told = {"external_reference": started["reference"], "signature": signature(settings)}
    aws.faults.set(Fault("PutEvents", "unavailable", 100))
    assert ask(function, "POST", "/api/payment/webhook", told).status == 200
    assert shop.order_events == []
    hint = json.dumps({"reference": started["reference"]})
    with LambdaFunction(task_root, "app.deliveries", configuration) as deliveries:
        aws.faults.set(Fault("GetItem", "unavailable", 100))
        assert deliveries.invoke(of_sqs("malformed", hint)) == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
        aws.faults.set()
        assert deliveries.invoke(of_sqs("malformed", hint)) == {"batchItemFailures": []}
    assert shop.order_events == [("payment.successful", 3)]


def of_sqs(*bodies: str) -> dict[str, Any]:
    """Returns the event with which Lambda hands messages to a function."""
    queue = {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue"}
    sent = {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"}
    messages = [
        {
            **queue,
            "messageId": f"message-{number}",
            "receiptHandle": f"handle-{number}",
            "body": body,
            "attributes": sent,
            "messageAttributes": {},
            "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            "awsRegion": "eu-west-1",
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": messages}


def test_the_statement_is_compared(
    function: LambdaFunction, task_root: Path, configuration: dict[str, str], settings: Settings, shop: Shop
) -> None:
    """A charge that only CamPay has raises an alarm, and nothing else."""
    initiate(function, settings)
    stray = shop.charge_again("of-nobody-here")
    day = datetime.now(CAMEROON).date().isoformat()
    with LambdaFunction(task_root, "app.statement", configuration) as statement:
        statement.invoke(SCHEDULED | {"detail": {"day": day}})
        wait_until(lambda: "campay-balance" in statement.log(), "it has told what it saw", 5)
        assert '"event": "statement-compared"' in statement.log()
        assert stray in statement.log()


def test_every_line_is_json_with_a_time_even_of_a_function_that_failed(
    task_root: Path, configuration: dict[str, str]
) -> None:
    """`timestamp` is what Lambda's own line calls it, in the log format that the stack sets."""
    in_json = configuration | {"AWS_LAMBDA_LOG_FORMAT": "JSON"}
    with LambdaFunction(task_root, "app.statement", in_json) as statement:
        with pytest.raises(FunctionFailed, match="yesterday"):
            statement.invoke(SCHEDULED | {"detail": {"day": "yesterday"}})
        wait_until(lambda: "errorType" in statement.log(), "Lambda's client has written its line", 5)
        lines = [json.loads(line) for line in statement.lines]
    assert "function-failed" in {line.get("event") for line in lines}
    assert all("time" in line or "timestamp" in line for line in lines)


# --------------------------------------------------------------------------- what it refuses


def test_a_name_that_the_secret_lacks_fails_the_start_in_one_line(
    task_root: Path, configuration: dict[str, str], secrets: Any
) -> None:
    identity = configuration["SECRETS_ID"]
    values = json.loads(secrets.get_secret_value(SecretId=identity)["SecretString"])
    del values["MERCHANT_API_KEY"]
    secrets.put_secret_value(SecretId=identity, SecretString=json.dumps(values))
    with pytest.raises(FunctionFailed) as refused, LambdaFunction(task_root, "app.app", configuration):
        pass
    assert (refused.value.error_type, refused.value.message) == ("InvalidSettings", "MERCHANT_API_KEY is missing")


def test_a_secret_that_is_not_there_fails_the_start_in_one_line(task_root: Path, configuration: dict[str, str]) -> None:
    nowhere = configuration | {"SECRETS_ID": "payments/nowhere"}
    with pytest.raises(FunctionFailed) as refused, LambdaFunction(task_root, "app.app", nowhere):
        pass
    assert refused.value.message == "SECRETS_ID payments/nowhere: ResourceNotFoundException"


# --------------------------------------------------------------------------- what is measured of it


def test_the_benchmark_of_its_processor_time_takes_payments(task_root: Path) -> None:
    with services() as running, Function(task_root, "app.app", running.with_table("payments-measured")) as function:
        payments = Payments(function, running)
        payments.pay(2)
        assert all(0 < milliseconds < 1_000 for milliseconds in payments.quartiles().values())
        assert set(payments.quartiles()) == set(OPERATIONS)
