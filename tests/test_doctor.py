"""The doctor on a healthy system, and on ten that somebody broke."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from infra.deployment import Deployment, NotDeployed
from infra.doctor import Doctor, Finding
from local.embedded import Valkey, free_port
from tests.stack import MERCHANT_KEY, OPERATOR_KEY, TRACKING_KEY, SpareGateway, Stack, running

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(120)]

KEYS = {
    "ORDER_TOKEN_KEY": "order-token-key-of-thirty-two-bytes-or-more",
    "TRACKING_TOKEN_KEY": TRACKING_KEY,
    "PHONE_HASH_KEY": "phone-hash-key-of-thirty-two-bytes-or-more",
    "CAMPAY_WEBHOOK_KEY": "webhook-key-of-the-test",
    "CAMPAY_PERMANENT_ACCESS_TOKEN": "permanent-token-of-the-test",
}
SECRET = {**KEYS, "MERCHANT_API_KEY": MERCHANT_KEY, "OPERATOR_API_KEY": OPERATOR_KEY}
SECRETS_ID = "braidster/local"


@dataclass
class Patient:
    """A running system, what the doctor is told of it, and how to break it."""

    stack: Stack
    redis: Valkey
    deployment: Deployment
    aws: Any

    def secret(self, **changed: str | None) -> None:
        values = {name: value for name, value in {**SECRET, **changed}.items() if value is not None}
        self.aws.client("secretsmanager").put_secret_value(SecretId=SECRETS_ID, SecretString=json.dumps(values))

    def recovery(self, enabled: bool) -> None:
        specification = {"PointInTimeRecoveryEnabled": enabled}
        self.aws.client("dynamodb").update_continuous_backups(
            TableName=self.deployment.table, PointInTimeRecoverySpecification=specification
        )

    def findings(self, **told: str) -> list[Finding]:
        doctor = Doctor(replace(self.deployment, **told), self.aws, payment_within_seconds=10)
        return list(doctor.examine())


@pytest.fixture(scope="module")
def healthy() -> Iterator[Patient]:
    with pytest.MonkeyPatch.context() as patch, Valkey() as redis, running(redis, **KEYS) as stack:
        for name, value in stack.aws_environment().items():
            patch.setenv(name, value)
        aws = boto3.Session()
        aws.client("secretsmanager").create_secret(Name=SECRETS_ID, SecretString=json.dumps(SECRET))
        queue = aws.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"]
        deployment = Deployment(
            stage="local",
            api_url=stack.api.removesuffix("/api/payment"),
            gateway_url=stack.gateway,
            frontend_url=stack.origin,
            campay_api_url=stack.simulator.replace("/simulator", "/api"),
            secrets_id=SECRETS_ID,
            table="payments",
            event_bus="payments",
            dead_letters=queue,
        )
        patient = Patient(stack, redis, deployment, aws)
        patient.recovery(enabled=True)
        yield patient


@pytest.fixture
def patient(healthy: Patient) -> Iterator[Patient]:
    yield healthy
    healthy.secret()


def test_a_healthy_system_is_well(patient: Patient) -> None:
    findings = patient.findings()
    assert [finding.what for finding in findings if not finding.is_well] == []
    assert any("a test payment went through" in finding.what for finding in findings)
    assert any(patient.deployment.webhook_url in finding.what for finding in findings)


def an_api_that_is_down(patient: Patient) -> list[Finding]:
    return patient.findings(api_url=f"http://127.0.0.1:{free_port()}")


def a_gateway_that_is_down(patient: Patient) -> list[Finding]:
    return patient.findings(gateway_url=f"http://127.0.0.1:{free_port()}")


def another_origin(patient: Patient) -> list[Finding]:
    return patient.findings(frontend_url="https://another-shop.example")


def a_key_that_is_missing(patient: Patient) -> list[Finding]:
    patient.secret(OPERATOR_API_KEY=None)
    return patient.findings()


def one_key_for_two_purposes(patient: Patient) -> list[Finding]:
    patient.secret(PHONE_HASH_KEY=SECRET["ORDER_TOKEN_KEY"])
    return patient.findings()


def credentials_of_another_host(patient: Patient) -> list[Finding]:
    patient.secret(CAMPAY_PERMANENT_ACCESS_TOKEN="of-the-other-host")
    return patient.findings()


def a_webhook_key_that_the_api_does_not_have(patient: Patient) -> list[Finding]:
    patient.secret(CAMPAY_WEBHOOK_KEY="entered-wrongly")
    return patient.findings()


def a_lost_table(patient: Patient) -> list[Finding]:
    return patient.findings(table="payments-of-yesterday")


def no_recovery(patient: Patient) -> list[Finding]:
    patient.recovery(enabled=False)
    try:
        return patient.findings()
    finally:
        patient.recovery(enabled=True)


def a_lost_bus(patient: Patient) -> list[Finding]:
    return patient.findings(event_bus="payments-of-yesterday")


def events_that_the_shop_did_not_take(patient: Patient) -> list[Finding]:
    queue, client = patient.deployment.dead_letters, patient.aws.client("sqs")
    client.send_message(QueueUrl=queue, MessageBody="{}")
    try:
        return patient.findings()
    finally:
        client.purge_queue(QueueUrl=queue)


def a_gateway_with_another_key(patient: Patient) -> list[Finding]:
    port, origin = free_port(), patient.deployment.frontend_url
    with SpareGateway(patient.stack, patient.redis, port, origin, TRACKING_TOKEN_KEY="another-key"):
        return patient.findings(gateway_url=f"http://127.0.0.1:{port}")


def a_redis_that_is_away(patient: Patient) -> list[Finding]:
    patient.redis.stop()
    try:
        return patient.findings()
    finally:
        patient.redis.start()


def production_on_the_demo_host(patient: Patient) -> list[Finding]:
    return patient.findings(stage="prod")


FAULTS: dict[Callable[[Patient], list[Finding]], str] = {
    an_api_that_is_down: "the API's health answers nothing",
    a_gateway_that_is_down: "the gateway takes no browsers: it answers nothing",
    another_origin: "browsers on https://another-shop.example may not call the API",
    a_key_that_is_missing: "OPERATOR_API_KEY is missing",
    one_key_for_two_purposes: "PHONE_HASH_KEY and ORDER_TOKEN_KEY must not be the same key",
    credentials_of_another_host: "CamPay does not let us in",
    a_webhook_key_that_the_api_does_not_have: "the API refuses a webhook that is signed with the secret's key",
    a_lost_table: "the ledger's table payments-of-yesterday does not exist",
    no_recovery: "the ledger has no point-in-time recovery",
    a_lost_bus: "the event bus payments-of-yesterday does not exist",
    events_that_the_shop_did_not_take: "1 order events could not be delivered",
    a_gateway_with_another_key: "the gateway refuses the API's tracking token",
    a_redis_that_is_away: "the API cannot reach Redis",
    production_on_the_demo_host: "production talks to ",
}


@pytest.mark.parametrize("break_it", FAULTS, ids=lambda fault: fault.__name__)
def test_each_fault_is_named_with_what_mends_it(patient: Patient, break_it: Callable[[Patient], list[Finding]]) -> None:
    faults = [finding for finding in break_it(patient) if not finding.is_well]
    named = [finding for finding in faults if FAULTS[break_it] in finding.what]
    assert len(named) == 1, faults
    assert all(finding.mend for finding in faults)


def test_no_key_is_ever_printed(patient: Patient) -> None:
    patient.secret(PHONE_HASH_KEY=SECRET["ORDER_TOKEN_KEY"], CAMPAY_PERMANENT_ACCESS_TOKEN="of-the-other-host")
    printed = repr(patient.findings())
    assert not any(value in printed for value in (*SECRET.values(), "of-the-other-host"))


def test_a_stage_that_is_not_deployed_is_told(healthy: Patient) -> None:
    with pytest.raises(NotDeployed, match="there is no stack BraidsterPayments-prod"):
        Deployment.of_stage("prod", healthy.aws.client("cloudformation"))
