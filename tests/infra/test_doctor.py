"""Tests the doctor on a healthy system and on broken ones."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from infra.commands.doctor.examination import examine
from infra.commands.doctor.finding import Finding
from infra.commands.protect import protect
from infra.deployment import Deployment, NotDeployed
from infra.stages import STAGES, Stage
from local.embedded import Valkey, free_port
from tests.harness.stack import MERCHANT_KEY, OPERATOR_KEY, TRACKING_KEY, SpareGateway, Stack, running

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
EMAIL = "payments@shop.example"
REFUSED = "Failed to execute action arn. Received error: not authorized to perform: SNS:Publish"


@dataclass
class Alarms:
    """Simulates an alarm and its topic.

    moto neither executes an alarm's actions nor requires subscriptions to be confirmed, so that this class answers for
    both as AWS does. `published`: what CloudWatch reports of the action, or None for no report.
    """

    aws: Any
    topic: str = ""
    published: str | None = "Successfully executed action arn"
    is_confirmed: bool = True
    history: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        sns, cloudwatch = self.aws.client("sns"), self.aws.client("cloudwatch")
        self.topic = sns.create_topic(Name="alarms")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="email", Endpoint=EMAIL)
        cloudwatch.put_metric_alarm(
            AlarmName="api-5xx",
            AlarmActions=[self.topic],
            Namespace="payments",
            MetricName="5xx",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        events = self.aws.events
        events.register("after-call.cloudwatch.SetAlarmState", self._carry_out)
        events.register("before-call.cloudwatch.DescribeAlarmHistory", self._tell_history)
        events.register("after-call.sns.ListSubscriptionsByTopic", self._leave_unconfirmed)

    @property
    def state(self) -> str:
        (alarm,) = self.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
        return str(alarm["StateValue"])

    def _carry_out(self, **_: Any) -> None:
        if self.published:
            self.history.insert(0, {"Timestamp": datetime.now(UTC), "HistorySummary": self.published})

    def _tell_history(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        return type("Answer", (), {"status_code": 200}), {"AlarmHistoryItems": list(self.history)}

    def _leave_unconfirmed(self, parsed: dict[str, Any], **_: Any) -> None:
        if not self.is_confirmed:
            for subscription in parsed["Subscriptions"]:
                subscription["SubscriptionArn"] = "PendingConfirmation"


@dataclass
class BreakableSystem:
    """A running system, the doctor's settings for it, and ways to break it."""

    stack: Stack
    redis: Valkey
    deployment: Deployment
    aws: Any
    alarms: Alarms

    def secret(self, **changed: str | None) -> None:
        values = {name: value for name, value in {**SECRET, **changed}.items() if value is not None}
        self.aws.client("secretsmanager").put_secret_value(SecretId=SECRETS_ID, SecretString=json.dumps(values))

    def recovery(self, enabled: bool) -> None:
        specification = {"PointInTimeRecoveryEnabled": enabled}
        self.aws.client("dynamodb").update_continuous_backups(
            TableName=self.deployment.table, PointInTimeRecoverySpecification=specification
        )

    def findings(self, *, configured: Stage | None = None, **changed: str) -> list[Finding]:
        deployment = replace(self.deployment, **changed)
        seconds = {"payment_within_seconds": 10.0, "alarm_within_seconds": 1.0}
        return list(examine(deployment, self.aws, stage=configured, **seconds))

    def findings_with_a_message_in(self, queue_url: str) -> list[Finding]:
        client = self.aws.client("sqs")
        client.send_message(QueueUrl=queue_url, MessageBody="{}")
        try:
            return self.findings()
        finally:
            client.purge_queue(QueueUrl=queue_url)


@pytest.fixture(scope="module")
def healthy() -> Iterator[BreakableSystem]:
    with pytest.MonkeyPatch.context() as patch, Valkey() as redis, running(redis, **KEYS) as stack:
        for name, value in stack.aws_environment().items():
            patch.setenv(name, value)
        aws = boto3.Session()
        aws.client("secretsmanager").create_secret(Name=SECRETS_ID, SecretString=json.dumps(SECRET))
        dead_letters = ("checks_dead_letters", "deliveries_dead_letters", "shop_dead_letters")
        names = ("checks_queue", "deliveries_queue", "shop_queue", *dead_letters)
        queues = {name: aws.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in names}
        alarms = Alarms(aws)
        deployment = Deployment(
            stage="local",
            api_url=stack.api.removesuffix("/api/payment"),
            gateway_url=stack.gateway,
            frontend_url=stack.origin,
            campay_api_url=stack.simulator.replace("/simulator", "/api"),
            secrets_id=SECRETS_ID,
            table="payments",
            event_bus="payments",
            alarm_topic=alarms.topic,
            **queues,
        )
        protect(deployment.table, aws.client("dynamodb"))
        system = BreakableSystem(stack, redis, deployment, aws, alarms)
        system.recovery(enabled=True)
        yield system


@pytest.fixture
def system(healthy: BreakableSystem) -> Iterator[BreakableSystem]:
    yield healthy
    healthy.secret()
    healthy.alarms.published, healthy.alarms.is_confirmed = Alarms.published, True


def test_a_healthy_system_has_no_faults(system: BreakableSystem) -> None:
    findings = system.findings()
    assert [finding.what for finding in findings if not finding.is_well] == []
    assert any("a test payment went through" in finding.what for finding in findings)
    assert any(system.deployment.webhook_url in finding.what for finding in findings)


def an_api_that_is_down(system: BreakableSystem) -> list[Finding]:
    return system.findings(api_url=f"http://127.0.0.1:{free_port()}")


def a_gateway_that_is_down(system: BreakableSystem) -> list[Finding]:
    return system.findings(gateway_url=f"http://127.0.0.1:{free_port()}")


def another_origin(system: BreakableSystem) -> list[Finding]:
    return system.findings(frontend_url="https://another-shop.example")


def a_key_that_is_missing(system: BreakableSystem) -> list[Finding]:
    system.secret(OPERATOR_API_KEY=None)
    return system.findings()


def a_shop_whose_events_nothing_signs(system: BreakableSystem) -> list[Finding]:
    return system.findings(configured=replace(STAGES["dev"], order_events_url="https://shop.example/events"))


def prompts_that_are_paused(system: BreakableSystem) -> list[Finding]:
    return system.findings(configured=replace(STAGES["dev"], prompts_paused=True))


def one_key_for_two_purposes(system: BreakableSystem) -> list[Finding]:
    system.secret(PHONE_HASH_KEY=SECRET["ORDER_TOKEN_KEY"])
    return system.findings()


def credentials_of_another_host(system: BreakableSystem) -> list[Finding]:
    system.secret(CAMPAY_PERMANENT_ACCESS_TOKEN="of-the-other-host")
    return system.findings()


def a_webhook_key_that_the_api_does_not_have(system: BreakableSystem) -> list[Finding]:
    system.secret(CAMPAY_WEBHOOK_KEY="entered-wrongly")
    return system.findings()


def a_lost_table(system: BreakableSystem) -> list[Finding]:
    return system.findings(table="payments-of-yesterday")


def no_recovery(system: BreakableSystem) -> list[Finding]:
    system.recovery(enabled=False)
    try:
        return system.findings()
    finally:
        system.recovery(enabled=True)


def a_table_that_anybody_may_delete(system: BreakableSystem) -> list[Finding]:
    client, table = system.aws.client("dynamodb"), system.deployment.table
    client.update_table(TableName=table, DeletionProtectionEnabled=False)
    try:
        return system.findings()
    finally:
        protect(table, client)


def alarms_that_may_not_be_published(system: BreakableSystem) -> list[Finding]:
    system.alarms.published = REFUSED
    return system.findings()


def alarms_of_which_nothing_is_heard(system: BreakableSystem) -> list[Finding]:
    system.alarms.published = None
    return system.findings()


def a_subscription_that_was_not_confirmed(system: BreakableSystem) -> list[Finding]:
    system.alarms.is_confirmed = False
    return system.findings()


def production_without_a_subscriber(system: BreakableSystem) -> list[Finding]:
    sns = system.aws.client("sns")
    (subscription,) = sns.list_subscriptions()["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    try:
        return system.findings(stage="small")
    finally:
        sns.subscribe(TopicArn=system.deployment.alarm_topic, Protocol="email", Endpoint=EMAIL)


def a_lost_bus(system: BreakableSystem) -> list[Finding]:
    return system.findings(event_bus="payments-of-yesterday")


def a_hint_for_the_shop_that_was_lost(system: BreakableSystem) -> list[Finding]:
    return system.findings_with_a_message_in(system.deployment.shop_dead_letters)


def a_lost_queue(system: BreakableSystem) -> list[Finding]:
    return system.findings(checks_queue=f"{system.deployment.checks_queue}-of-yesterday")


def a_check_that_failed_each_time(system: BreakableSystem) -> list[Finding]:
    return system.findings_with_a_message_in(system.deployment.checks_dead_letters)


def a_delivery_that_failed_each_time(system: BreakableSystem) -> list[Finding]:
    return system.findings_with_a_message_in(system.deployment.deliveries_dead_letters)


def a_gateway_with_another_key(system: BreakableSystem) -> list[Finding]:
    port, origin = free_port(), system.deployment.frontend_url
    with SpareGateway(system.stack, system.redis, port, origin, TRACKING_TOKEN_KEY="another-key"):
        return system.findings(gateway_url=f"http://127.0.0.1:{port}")


def a_redis_that_is_away(system: BreakableSystem) -> list[Finding]:
    system.redis.stop()
    try:
        return system.findings()
    finally:
        system.redis.start()


def production_on_the_demo_host(system: BreakableSystem) -> list[Finding]:
    return system.findings(stage="prod")


FAULTS: dict[Callable[[BreakableSystem], list[Finding]], str] = {
    an_api_that_is_down: "the API's health answers nothing",
    a_gateway_that_is_down: "the gateway takes no browsers: it answers nothing",
    another_origin: "browsers on https://another-shop.example may not call the API",
    a_key_that_is_missing: "OPERATOR_API_KEY is missing",
    a_shop_whose_events_nothing_signs: "ORDER_EVENTS_KEY is missing",
    prompts_that_are_paused: "prompts are paused: no payment starts",
    one_key_for_two_purposes: "PHONE_HASH_KEY and ORDER_TOKEN_KEY must not be the same key",
    credentials_of_another_host: "CamPay does not let us in",
    a_webhook_key_that_the_api_does_not_have: "the API refuses a webhook that is signed with the secret's key",
    a_lost_table: "the ledger's table payments-of-yesterday does not exist",
    no_recovery: "the ledger has no point-in-time recovery",
    a_table_that_anybody_may_delete: "anybody may delete the ledger's table",
    alarms_that_may_not_be_published: "CloudWatch may not publish alarms",
    alarms_of_which_nothing_is_heard: "did not say within 1 s that it published api-5xx",
    a_subscription_that_was_not_confirmed: f"the subscription of {EMAIL} to the alarms is not confirmed",
    production_without_a_subscriber: "nobody is told of alarms",
    a_lost_bus: "the event bus payments-of-yesterday does not exist",
    a_hint_for_the_shop_that_was_lost: "1 hints that the shop has something to be told were lost",
    a_lost_queue: "the queue checks_queue-of-yesterday does not exist",
    a_check_that_failed_each_time: "1 checks with CamPay failed each time",
    a_delivery_that_failed_each_time: "1 deliveries failed each time",
    a_gateway_with_another_key: "the gateway refuses the API's tracking token",
    a_redis_that_is_away: "the API cannot reach Redis",
    production_on_the_demo_host: "production talks to ",
}


@pytest.mark.parametrize("break_it", FAULTS, ids=lambda fault: fault.__name__)
def test_each_fault_is_named_with_what_mends_it(
    system: BreakableSystem, break_it: Callable[[BreakableSystem], list[Finding]]
) -> None:
    faults = [finding for finding in break_it(system) if not finding.is_well]
    named = [finding for finding in faults if FAULTS[break_it] in finding.what]
    assert len(named) == 1, faults
    assert all(finding.mend for finding in faults)


def test_the_alarm_that_was_tried_is_as_it_was_before(system: BreakableSystem) -> None:
    before = system.alarms.state
    for published in (Alarms.published, REFUSED, None):
        system.alarms.published = published
        tried = len(system.alarms.history)
        system.findings()
        assert system.alarms.state == before != "ALARM"
        assert (len(system.alarms.history) > tried) == (published is not None)


def test_no_key_is_ever_printed(system: BreakableSystem) -> None:
    system.secret(PHONE_HASH_KEY=SECRET["ORDER_TOKEN_KEY"], CAMPAY_PERMANENT_ACCESS_TOKEN="of-the-other-host")
    printed = repr(system.findings())
    assert not any(value in printed for value in (*SECRET.values(), "of-the-other-host"))


def test_a_stage_that_is_not_deployed_is_reported(healthy: BreakableSystem) -> None:
    with pytest.raises(NotDeployed, match="there is no stack BraidsterPayments-prod"):
        Deployment.of_stage("prod", healthy.aws.client("cloudformation"))
