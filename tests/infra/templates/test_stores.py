"""Tests the templates' ledger, Redis, secret and order events."""

import json
from typing import Any

import pytest

from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE, TABLE
from chalicelib.domain.hints import ShopHint
from infra.commands.fill_secret import OUR_KEYS, fill
from infra.deployment import STACK_NAME, NotDeployed, secret_of_stage
from infra.functions import SHOP
from infra.secrets_stack import REDIS_PASSWORD
from infra.stages import STAGES
from local.embedded import EmbeddedAws
from tests.conftest import aws_client
from tests.infra.templates.synthesis import WITH_THEIR_FUNCTION, Properties, Template, Variant, plain, synthesised

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

REFERENCE = "0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11"

# ---------------------------------------------------------------------- the ledger


def test_the_table_is_the_one_that_the_tests_run_on(stack: Template) -> None:
    """A key or index that differs from the tested one would only fail in production."""
    table = stack.one("DynamoDB::Table")
    assert table["BillingMode"] == TABLE["BillingMode"]
    assert table["KeySchema"] == TABLE["KeySchema"]
    assert by_name(table["AttributeDefinitions"], "AttributeName") == by_name(
        TABLE["AttributeDefinitions"], "AttributeName"
    )
    assert by_name(table["GlobalSecondaryIndexes"], "IndexName") == by_name(
        TABLE["GlobalSecondaryIndexes"], "IndexName"
    )


_NAMES = {"Name", "TableName", "LogGroupName", "QueueName", "RoleName", "BucketName", "TopicName"}


def by_name(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return {entry[name]: entry for entry in entries}


def test_phones_are_forgotten(stack: Template) -> None:
    life = stack.one("DynamoDB::Table")["TimeToLiveSpecification"]
    assert life == {"AttributeName": FORGOTTEN_BY_ATTRIBUTE, "Enabled": True}


def test_the_ledger_survives_a_slip_and_can_go_back_to_each_second(stack: Template) -> None:
    """The ledger is retained when its stack is deleted or it is removed from the template.

    It is the only record of the payments. Only a failed creation deletes it, while it is still empty.
    """
    table = stack.whole("DynamoDB::Table")
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_the_ledgers_calls_do_not_pass_the_nat_gateway(stack: Template) -> None:
    endpoint = stack.one("EC2::VPCEndpoint")
    assert plain(endpoint["ServiceName"]).endswith(".dynamodb")


# ---------------------------------------------------------------------- Redis


def test_the_password_of_redis_is_asked_for_and_never_crosses_the_network_in_the_clear(stack: Template) -> None:
    redis = stack.one("ElastiCache::ReplicationGroup")
    assert redis["TransitEncryptionEnabled"] is True
    assert redis["TransitEncryptionMode"] == "required"
    assert redis["AuthToken"]["Fn::Join"][1][0] == "{{resolve:secretsmanager:"
    assert redis["AuthToken"]["Fn::Join"][1][-1] == f":SecretString:{REDIS_PASSWORD}::}}}}"


def test_what_redis_writes_to_disk_is_encrypted(stack: Template) -> None:
    assert stack.one("ElastiCache::ReplicationGroup")["AtRestEncryptionEnabled"] is True


def test_redis_survives_the_loss_of_a_zone_where_it_has_a_replica(stack: Template, variant: Variant) -> None:
    redis = stack.one("ElastiCache::ReplicationGroup")
    size = STAGES[variant.stage].redis
    has_replica = size.replicas > 0
    assert redis["ReplicasPerNodeGroup"] == size.replicas
    assert redis["MultiAZEnabled"] is has_replica
    assert redis["AutomaticFailoverEnabled"] is (has_replica or variant.cluster), "AWS wants it in cluster mode"
    assert redis["NumNodeGroups"] == (size.shards if variant.cluster else 1)
    assert STAGES["prod"].redis.replicas >= 1


def test_one_setting_makes_it_a_cluster_for_redis_the_api_and_the_gateway_at_once(
    stack: Template, variant: Variant
) -> None:
    redis = stack.one("ElastiCache::ReplicationGroup")
    assert ("cluster.on" in redis["CacheParameterGroupName"]) is variant.cluster
    (container,) = stack.one("ECS::TaskDefinition")["ContainerDefinitions"]
    told = [{entry["Name"]: entry["Value"] for entry in container["Environment"]}]
    told += [it["Environment"]["Variables"] for it in stack.of_type("Lambda::Function").values()]
    endpoint = "ConfigurationEndPoint.Address" if variant.cluster else "PrimaryEndPoint.Address"
    for environment in told:
        assert environment["REDIS_CLUSTER"] == str(variant.cluster).lower()
        assert environment["REDIS_HOST"]["Fn::GetAtt"][1] == endpoint
        assert environment["REDIS_PORT"] == str(redis["Port"])


def test_only_the_api_and_the_gateway_reach_redis(stack: Template) -> None:
    """Redis' security group is open to two other groups on one port, and to no address."""
    redis = stack.one("ElastiCache::ReplicationGroup")
    (own,) = (security_group(it) for it in redis["SecurityGroupIds"])
    assert "SecurityGroupIngress" not in stack.of_type("EC2::SecurityGroup")[own]
    incoming = [
        it for it in stack.of_type("EC2::SecurityGroupIngress").values() if security_group(it["GroupId"]) == own
    ]
    assert all("CidrIp" not in it and "CidrIpv6" not in it for it in incoming)
    assert {(it["FromPort"], it["ToPort"]) for it in incoming} == {(redis["Port"], redis["Port"])}
    callers = {security_group(it["SourceSecurityGroupId"]) for it in incoming}
    functions = stack.of_type("Lambda::Function").values()
    expected = {security_group(group) for it in functions for group in it["VpcConfig"]["SecurityGroupIds"]}
    service = stack.one("ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    expected |= {security_group(group) for group in service["SecurityGroups"]}
    assert callers == expected
    assert len(callers) == 2


def security_group(reference: Any) -> str:
    return str(reference["Fn::GetAtt"][0])


def test_redis_has_no_way_in_from_the_internet(stack: Template) -> None:
    """Redis' subnets have no route other than the VPC's own."""
    subnets = {it["Ref"] for it in stack.one("ElastiCache::SubnetGroup")["SubnetIds"]}
    assert len(subnets) == 2, "two zones"
    associations = stack.of_type("EC2::SubnetRouteTableAssociation").values()
    tables = {it["RouteTableId"]["Ref"] for it in associations if it["SubnetId"]["Ref"] in subnets}
    assert tables.isdisjoint(route["RouteTableId"]["Ref"] for route in stack.of_type("EC2::Route").values())


# ---------------------------------------------------------------------- the secret


def test_cloudformation_makes_the_password_of_redis_and_knows_no_other_key(
    variant: Variant, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secrets = synthesised(tmp_path_factory, cluster=variant.cluster).secrets(variant.stage)
    secret = secrets.whole("SecretsManager::Secret")
    made = secret["Properties"]["GenerateSecretString"]
    assert made["GenerateStringKey"] == REDIS_PASSWORD
    assert json.loads(made["SecretStringTemplate"]) == {}
    assert made["PasswordLength"] >= 32
    assert made["ExcludePunctuation"] is True, "ElastiCache would refuse some of it"
    assert secret["DeletionPolicy"] == "RetainExceptOnCreate"


def test_the_secret_is_found_by_the_output_of_its_stack_and_filled(
    aws: EmbeddedAws, variant: Variant, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The stack has another resource in the secret's place, since moto's CloudFormation creates no secrets."""
    cloudformation, secretsmanager = aws_client("cloudformation", aws), aws_client("secretsmanager", aws)
    with pytest.raises(NotDeployed, match=f"no stack BraidsterPayments-{variant.stage}-secrets"):
        secret_of_stage(variant.stage, cloudformation)
    secrets = synthesised(tmp_path_factory, cluster=variant.cluster).secrets(variant.stage)
    (secret,) = secrets.of_type("SecretsManager::Secret")
    arn = secretsmanager.create_secret(Name=f"{secret}-{variant}", SecretString="{}")["ARN"]
    outputs = {
        name: {"Value": arn}
        for name, output in secrets.content["Outputs"].items()
        if output["Value"] == {"Ref": secret} and "Export" not in output
    }
    template = {"Resources": {"Any": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    name = f"{STACK_NAME.format(stage=variant.stage)}-secrets"
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    try:
        filled = fill(secretsmanager, secret_of_stage(variant.stage, cloudformation), lambda name: f"{name}-of-campay")
        assert (set(OUR_KEYS) < set(filled.added), filled.missing) == (True, [])
    finally:
        cloudformation.delete_stack(StackName=name)


def test_what_outlives_its_stack_has_no_fixed_name(variant: Variant, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A fixed name would still be taken when the stage is created again."""
    synthesis = synthesised(tmp_path_factory, cluster=variant.cluster)
    kept = {
        (template.path.stem, name): it.get("Properties", {})
        for template in (synthesis.payments(variant.stage), synthesis.secrets(variant.stage))
        for name, it in template.resources.items()
        if it.get("DeletionPolicy", "Delete") != "Delete" and it["Type"] not in WITH_THEIR_FUNCTION
    }
    assert len(kept) > 3
    assert [where for where, properties in kept.items() if _NAMES & properties.keys()] == []


# ---------------------------------------------------------------------- order events


def rule_of_order_events(stack: Template) -> Properties | None:
    rules = [it for it in stack.of_type("Events::Rule").values() if "EventPattern" in it]  # the others are schedules
    return rules[0] if rules else None


def test_an_order_event_sends_a_hint_to_the_shops_queue(stack: Template, variant: Variant) -> None:
    """It names the payment and nothing else, so that no queue has a customer's number. EventBridge tries for a day."""
    rule = rule_of_order_events(stack)
    assert (rule is None) == (STAGES[variant.stage].order_events_url is None)
    if rule is None:
        return
    (target,) = rule["Targets"]
    environment = stack.of_type("Lambda::Function")[SHOP.resource]["Environment"]["Variables"]
    queue_id = plain(environment["SHOP_QUEUE_URL"]).strip("<>")
    assert plain(target["Arn"]) == f"<{queue_id}>"
    assert environment["ORDER_EVENTS_URL"] == STAGES[variant.stage].order_events_url
    assert hint_of(target, {"detail": {"reference": REFERENCE, "phoneNumber": "2376******77"}}) == ShopHint(REFERENCE)
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    redrive = stack.of_type("SQS::Queue")[queue_id]["RedrivePolicy"]
    assert target["DeadLetterConfig"]["Arn"] == redrive["deadLetterTargetArn"]


def hint_of(target: Properties, event: dict[str, Any]) -> ShopHint:
    """Transforms an event as EventBridge does, which puts a text between quotes of its own."""
    transformer = target["InputTransformer"]
    body = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        body = body.replace(f"<{name}>", json.dumps(value))
    return ShopHint.from_body(body)


def test_only_the_bus_may_send_to_the_shops_queue(stack: Template) -> None:
    """No function of ours sends there: a hint comes with each order event, or by hand."""
    rule = rule_of_order_events(stack)
    if rule is None:
        return
    policies = [str(it) for it in stack.of_type("SQS::QueuePolicy").values()]
    assert sum("events.amazonaws.com" in policy for policy in policies) == 2, "the queue's and its dead letters'"
    assert all("aws:SourceArn" in policy for policy in policies if "events.amazonaws.com" in policy)


def test_order_events_can_be_replayed(stack: Template) -> None:
    archive = stack.one("Events::Archive")
    assert archive["EventPattern"] == {"source": ["braidster.payments"]}
    assert archive["RetentionDays"] == 30
