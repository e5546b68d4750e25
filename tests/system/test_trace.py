"""Tests `make trace`: one payment's whole story, of a local run and of a deployed stage."""

import json
import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import boto3
import pytest

from chalicelib.settings import Settings
from infra.commands.payment_story.sources import of_stage
from infra.commands.payment_story.timeline import Found, story
from infra.deployment import STACK_NAME, Deployment
from local.embedded import Valkey
from tests.conftest import ORDER, Shop
from tests.harness.api_gateway import call
from tests.harness.commands import command_of
from tests.harness.stack import running, wait_until
from tests.system.test_routes import signature

LOST_WEBHOOK = "237670000002"
STEP = re.compile(r"\d\d:\d\d:\d\d\.\d{3} +(?P<ms>\d+) +\+(?P<step>\d+)  ")


trace = command_of("infra.commands.payment_story")


def assert_steps_add_up(text: str) -> None:
    steps = [(int(found["ms"]), int(found["step"])) for found in map(STEP.match, text.splitlines()) if found]
    assert len(steps) > 4
    assert steps[0] == (0, 0)
    assert all(after == before + step for (before, _), (after, step) in pairwise(steps))


def test_a_local_payment_whose_webhook_is_lost(valkey: Valkey, tmp_path: Path) -> None:
    quick = {"CHECK_AGES_SECONDS": "1,2,3,60", "SWEEP_TICK_SECONDS": "0.5"}
    with running(valkey, RUN_DIR=str(tmp_path), **quick) as stack:
        started = stack.initiate("order-7", LOST_WEBHOOK).json()
        wait_until(lambda: '"status": "SUCCESSFUL"' in stack.log(), "a check finds the payment", 30)
        wait_until(lambda: "payment.successful" in stack.log(), "the order event is published", 10)
        told = trace(tmp_path, started["reference"])
    assert told.returncode == 0, told.stderr
    text = told.stdout
    assert text.startswith(f"Payment {started['reference']}\norder order-7, 5000 XAF, MTN: SUCCESSFUL\n")
    order = ["version 1: INITIATING, cause: initiated", "collect: outcome Prompted", "version 2: PENDING"]
    order += ["campay-read: ", "version 3: SUCCESSFUL, cause: "]
    places = [text.index(step) for step in order]
    assert places == sorted(places)
    assert re.search(r"version 3: SUCCESSFUL, cause: (sweep|check); CamPay's record says SUCCESSFUL", text)
    assert "\nWebhook: none has come.\n" in text
    assert re.search(r"^CamPay's calls: \d+, without an answer: 0\.$", text, re.MULTILINE)
    assert re.search(r"^Outcome: SUCCESSFUL, cause: \w+, \d+ ms after the claim\.$", text, re.MULTILINE)
    assert_steps_add_up(text)
    for private in (LOST_WEBHOOK, LOST_WEBHOOK.removeprefix("237"), started["trackingToken"]):
        assert private not in text

    afterwards = trace(tmp_path, started["reference"])
    assert "the log's alone" in afterwards.stdout, "the ledger has ended with the run"
    assert "payment-changed: status SUCCESSFUL" in afterwards.stdout
    assert_steps_add_up(afterwards.stdout)
    unknown = trace(tmp_path, "0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d11")
    assert (unknown.returncode, unknown.stdout.startswith("Nothing is known of ")) == (1, True)


def test_without_a_run_it_says_so_in_one_line(tmp_path: Path) -> None:
    told = trace(tmp_path / "none", "0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d11")
    assert told.returncode == 1
    assert told.stderr == "make trace: there was no `make run` here: give STAGE=… for a deployed stage\n"


@pytest.mark.parametrize("reference", ["", "order-7", "0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d1"])
def test_what_is_no_reference_is_refused_in_one_line(tmp_path: Path, reference: str) -> None:
    told = trace(tmp_path, reference)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "make trace: give a payment's reference, a UUID: make trace REF=…\n"


def test_of_a_reference_that_the_ledger_does_not_know_no_log_is_read(api: Settings) -> None:
    """CloudWatch would read every log from its beginning."""
    deployment = stage_with_log(api.payments_table, [])
    assert of_stage(deployment, "0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d11") == Found([], [])


def test_a_payment_of_a_stage(api: Settings, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of the real app are put into the stage's log groups, as Lambda does."""
    merchant = {"X-Api-Key": api.merchant_api_keys[0]}
    capsys.readouterr()
    started = call("POST", "/api/payment/initiate", ORDER, headers=merchant).json
    call(
        "POST", "/api/payment/initiate", ORDER | {"orderId": "order-2", "phoneNumber": "237699999999"}, headers=merchant
    )
    shop.customer(shop.transactions[0]["reference"], "FAILED")
    notice = {"signature": signature(api), "external_reference": started["reference"]}
    call("POST", "/api/payment/webhook", notice)
    deployment = stage_with_log(api.payments_table, capsys.readouterr().out.splitlines())
    text = story(started["reference"], of_stage(deployment, started["reference"]))
    assert text.splitlines()[1] == "order order-1, 5000 XAF, MTN: FAILED"
    assert "version 3: FAILED, cause: webhook, reason: " in text
    assert "  POST /api/payment/webhook   webhook\n" in text
    assert re.search(r"^Webhook: after \d+ ms\.$", text, re.MULTILINE)
    assert "\nDelivered: version 3 of 3." in text
    assert_steps_add_up(text)
    assert "order-2" not in text
    for private in (ORDER["phoneNumber"], started["trackingToken"], notice["signature"], *merchant.values()):
        assert str(private) not in text


def stage_with_log(table: str, lines: list[str]) -> Deployment:
    """Creates a stack with a log group for each function, and writes the lines into the first."""
    template = {"Resources": {name: {"Type": "AWS::Logs::LogGroup"} for name in ("ApiLog", "GatewayLog")}}
    cloudformation, logs = boto3.client("cloudformation"), boto3.client("logs")
    name = STACK_NAME.format(stage=table)
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    (group,) = (it["PhysicalResourceId"] for it in resources if it["LogicalResourceId"] == "ApiLog")
    logs.create_log_stream(logGroupName=group, logStreamName="a-container")
    events = [
        {"timestamp": int(datetime.fromisoformat(json.loads(line)["time"]).timestamp() * 1000), "message": line}
        for line in lines
    ]
    if events:
        start = {"timestamp": events[0]["timestamp"], "message": "START RequestId: of Lambda's own"}
        logs.put_log_events(logGroupName=group, logStreamName="a-container", logEvents=[start, *events])
    return Deployment(
        stage=table,
        api_url="",
        gateway_url="",
        frontend_url="",
        campay_api_url="",
        secrets_id="",
        table=table,
        event_bus="",
        alarm_topic="",
        checks_queue="",
        deliveries_queue="",
        shop_queue="",
        checks_dead_letters="",
        deliveries_dead_letters="",
        shop_dead_letters="",
    )
