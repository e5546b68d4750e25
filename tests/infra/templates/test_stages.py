"""Tests the stages as a whole: they synthesise, pass the linters, and set exactly the variables that are read."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import settings as api_settings
from chalicelib.domain.event_signature import write_secret
from chalicelib.runtime.settings_reader import InvalidSettings
from infra.commands.fill_secret import CAMPAY_KEYS, EVENTS_KEY, OUR_KEYS
from infra.deployment import FUNCTIONS as FUNCTIONS_OUTPUT
from infra.deployment import STACK_NAME, Deployment
from infra.functions import FUNCTIONS
from infra.stages import DEV, PROD, SMALL, STAGES, Domain, UnknownStage, stage_of
from socket_gateway import settings as gateway_settings
from tests import ROOT
from tests.infra.templates.synthesis import (
    VARIANTS,
    WITH_THEIR_FUNCTION,
    Synthesis,
    Template,
    Variant,
    plain,
    synthesised,
)
from tests.unit.test_settings import PRODUCTION as API

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

SECRET = {"REDIS_PASSWORD", *OUR_KEYS, *CAMPAY_KEYS}
READ_BY_BOTO3 = {"AWS_DEFAULT_REGION"}
CDK_SAYS_IT_TWICE = "W3005"  # CDK lists a dependency that a reference already implies
# Actions for which AWS supports no resource level: only these may name all resources.
OF_ALL_RESOURCES = {
    "ecr:GetAuthorizationToken",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


@pytest.fixture(scope="module", params=[False, True], ids=["pair", "cluster"])
def synthesis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    return synthesised(tmp_path_factory, cluster=request.param)


def test_all_stages_are_synthesised_within_a_minute_with_nothing_that_cdk_nag_finds(synthesis: Synthesis) -> None:
    """A finding of cdk-nag fails the synthesis."""
    assert synthesis.seconds < 60
    report = json.loads((synthesis.folder / "validation-report.json").read_text(encoding="utf-8"))
    assert [found for plugin in report["pluginReports"] for found in plugin["violations"]] == []


def test_cfn_lint_has_nothing_to_say(synthesis: Synthesis) -> None:
    paths = [str(template.path) for template in synthesis.templates()]
    cfn_lint = str(Path(sys.executable).with_name("cfn-lint"))
    command = [cfn_lint, "--ignore-checks", CDK_SAYS_IT_TWICE, "--", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_cloudformation_refuses_to_delete_what_moves_money_and_every_secret(synthesis: Synthesis) -> None:
    """`make destroy` uses CloudFormation; a person has to switch the protection off in the console first."""
    manifest = json.loads((synthesis.folder / "manifest.json").read_text(encoding="utf-8"))
    protected = {name: it["properties"]["terminationProtection"] for name, it in stacks_of(manifest).items()}
    names = {stage: STACK_NAME.format(stage=stage) for stage in STAGES}
    assert protected == {
        **{name: stage != "dev" for stage, name in names.items()},
        **{f"{name}-secrets": True for name in names.values()},
    }


def stacks_of(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: it for name, it in manifest["artifacts"].items() if it["type"] == "aws:cloudformation:stack"}


@pytest.mark.parametrize("name", ["", "production"])
def test_a_stage_that_there_is_not_ends_before_anything_is_built(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.cdk_app", "-c", f"stage={name}", "--output", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        f"there is no stage {name or 'without a name'}: STAGE is dev, prod or small\n",
    )


def test_one_zip_is_the_code_of_every_function(synthesis: Synthesis) -> None:
    """The deployed code is the tested code, and the sweep runs the same code as the API."""
    keys = {
        function["Code"]["S3Key"]
        for stage in STAGES
        for function in synthesis.payments(stage).of_type("Lambda::Function").values()
    }
    assert len(keys) == 1


def test_no_template_holds_a_secret(synthesis: Synthesis) -> None:
    """Templates are widely readable and kept for ever: they may only refer to a value's place in Secrets Manager."""
    for template in synthesis.templates():
        text = re.sub(r'SecretString:\w+::\}\}|"GenerateStringKey": "\w+"', "", template.text)
        assert [name for name in SECRET if name in text] == []
        assert set(re.findall(r"\{\{resolve:([a-z-]+):", text)) <= {"secretsmanager"}
        # Everything else that looks like a key is the hash of an asset.
        assert re.findall(r"(?<!Region}:)\b[0-9a-f]{40,}\b(?!\.(?:zip|json))", text) == []


def environments(stack: Template) -> Iterator[tuple[str, dict[str, str]]]:
    for name, function in stack.of_type("Lambda::Function").items():
        yield name, {key: plain(value) for key, value in function["Environment"]["Variables"].items()}
    (container,) = stack.one("ECS::TaskDefinition")["ContainerDefinitions"]
    yield "gateway", {entry["Name"]: plain(entry["Value"]) for entry in container["Environment"]}


class Recording(dict[str, str]):
    """An environment that records which names are read."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def read(name: str, variables: dict[str, str]) -> tuple[Any, set[str]]:
    """Returns the settings that the API or the gateway would start with, and the names that it read."""
    secret = {key: f"{key}-of-the-test-{'x' * 32}" for key in SECRET} | {EVENTS_KEY: write_secret(b"k" * 32)}
    known = {
        key: value for key, value in variables.items() if key != "SECRETS_ID"
    }  # the secret's content stands in its place
    recording = Recording({**secret, **known, "REDIS_HOST": "redis.test"})
    settings: Any = (gateway_settings if name == "gateway" else api_settings).read_settings(recording)
    return settings, recording.asked


def test_each_process_starts_with_what_the_stack_and_the_secret_give_it(stack: Template) -> None:
    for name, variables in environments(stack):
        settings, _ = read(name, variables)
        assert not settings.development
        assert settings.redis.tls, "the password would cross the network in the clear"


def test_the_functions_have_the_numbers_of_their_stage(variant: Variant, stack: Template) -> None:
    for name, variables in environments(stack):
        assert name == "gateway" or variables.items() >= STAGES[variant.stage].environment.items(), name


def test_the_numbers_of_a_stage_are_what_the_api_reads() -> None:
    large = replace(PROD, day_shards=3, statement_rows=2_000_000, statement_seconds=300)
    settings, asked = read("api", {**API, **large.environment})
    assert (settings.day_shards, settings.campay.statement_rows, settings.campay.statement_seconds) == (3, 2e6, 300)
    assert large.environment.keys() <= asked


@pytest.mark.parametrize("url", ["http://shop.example/", "https://shop.example:8443/", "https://10.0.0.1/"])
def test_a_stage_takes_no_address_of_the_shop_that_the_api_would_refuse(url: str) -> None:
    with pytest.raises(ValueError, match="order_events_url must be HTTPS"):
        replace(PROD, order_events_url=url)


@pytest.mark.parametrize("name", ["day_shards", "payments_kept_days", "statement_rows", "statement_seconds"])
def test_a_stage_takes_no_number_that_the_api_would_refuse(name: str) -> None:
    for wrong in (0, 10**9):
        with pytest.raises(ValueError, match=f"prod: {name} must be from"):
            replace(PROD, **{name: wrong})  # type: ignore[arg-type]  # each is a number


def test_the_stack_sets_no_variable_that_is_not_read(stack: Template) -> None:
    """A variable that is set but not read would seem to have an effect."""
    for name, variables in environments(stack):
        _, asked = read(name, variables)
        assert variables.keys() - asked - READ_BY_BOTO3 == set(), name
        assert "SECRETS_ID" in variables


def test_each_key_of_the_secret_is_read(stack: Template) -> None:
    asked: set[str] = set()
    for name, variables in environments(stack):
        # A permanent token makes a username and a password needless, so both are asked for only here.
        asked |= read(name, variables)[1]
    assert asked >= SECRET


def test_no_environment_holds_a_secret(stack: Template) -> None:
    for name, variables in environments(stack):
        assert SECRET.isdisjoint(variables), name


def test_without_one_of_its_variables_a_process_names_it(stack: Template) -> None:
    """Every variable is needed: without it the process does not start, or has another setting."""
    needed = {
        "FRONTEND_URL",
        "CAMPAY_API_URL",
        "PAYMENTS_TABLE",
        "EVENT_BUS",
        "API_URL",
        "CHECKS_QUEUE_URL",
        "DELIVERIES_QUEUE_URL",
        "SHOP_QUEUE_URL",
    }
    for name, variables in environments(stack):
        for variable in needed & variables.keys():
            without = {key: value for key, value in variables.items() if key != variable}
            with pytest.raises(InvalidSettings, match=variable):
                read(name, without)


def statements(stack: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, policy in stack.of_type("IAM::Policy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                yield name, statement
    for name, role in stack.of_type("IAM::Role").items():
        assert "Policies" not in role, f"{name} hides a policy from this test"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_no_policy_has_a_needless_wildcard(stack: Template) -> None:
    for name, statement in statements(stack):
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action], name
        if "*" in listed(statement["Resource"]):
            assert set(actions) <= OF_ALL_RESOURCES, f"{name} may {actions} on everything"
        else:
            assert not [it for it in listed(statement["Resource"]) if plain(it).endswith("*")], name


def test_a_failed_first_deployment_can_be_repeated(synthesis: Synthesis) -> None:
    """A resource that is retained or protected when a creation is rolled back would block the next creation."""
    for template in synthesis.templates():
        for name, resource in template.resources.items():
            assert resource.get("DeletionPolicy") != "Retain" or resource["Type"] in WITH_THEIR_FUNCTION, name
            properties = resource.get("Properties", {})
            assert not properties.get("DeletionProtectionEnabled"), name
            attributes = properties.get("LoadBalancerAttributes", [])
            assert {"Key": "deletion_protection.enabled", "Value": "true"} not in attributes, name


def test_no_log_is_kept_for_ever(stack: Template, variant: Variant) -> None:
    days = {"dev": 7, "small": 30, "prod": 90}[variant.stage]
    groups = stack.of_type("Logs::LogGroup")
    assert groups
    assert {name: group["RetentionInDays"] for name, group in groups.items()} == dict.fromkeys(groups, days)


def test_everything_that_can_be_tagged_says_whose_it_is(stack: Template) -> None:
    untagged = []
    for kind in (
        "DynamoDB::Table",
        "ElastiCache::ReplicationGroup",
        "ECS::Service",
        "EC2::VPC",
        "IAM::Role",
        "Lambda::Function",
    ):
        for name, properties in stack.of_type(kind).items():
            tags = {tag["Key"] for tag in properties.get("Tags", [])}
            untagged += [] if {"app", "stage"} <= tags else [name]
    assert untagged == []


def test_the_doctor_finds_every_output_that_it_needs(stack: Template, variant: Variant) -> None:
    outputs = stack.content["Outputs"]

    class CloudFormation:
        class exceptions:  # noqa: N801 - as boto3 has it
            ClientError = RuntimeError

        def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - as boto3 has it
            if StackName.endswith("-secrets"):
                return {"Stacks": [{"Outputs": [{"OutputKey": "SecretsId", "OutputValue": "arn:of-the-secret"}]}]}
            told = [{"OutputKey": key, "OutputValue": plain(it["Value"])} for key, it in outputs.items()]
            return {"Stacks": [{"StackName": StackName, "Outputs": told}]}

    deployment = Deployment.of_stage("any", CloudFormation())
    stage = STAGES[variant.stage]
    assert deployment.frontend_url == stage.frontend_url
    assert outputs["WebhookUrl"]["Value"] is not None
    assert deployment.webhook_url == plain(outputs["WebhookUrl"]["Value"])


def test_the_outputs_name_every_function(stack: Template) -> None:
    """What is not named there would not go back with the others."""
    names = plain(stack.content["Outputs"][FUNCTIONS_OUTPUT]["Value"])
    assert names == ",".join(f"<{it.resource}>" for it in FUNCTIONS)


def test_only_the_dev_stage_talks_to_the_demo_host() -> None:
    assert {name: "//demo.campay.net/" in stage.campay_api_url for name, stage in STAGES.items()} == {
        "dev": True,
        "prod": False,
        "small": False,
    }


def test_an_example_value_is_named_before_it_is_deployed() -> None:
    assert DEV.examples() == []
    assert {"frontend_url", "gateway_domain.certificate_arn", "alarm_email"} <= set(PROD.examples())
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
    ready = replace(
        PROD,
        frontend_url="https://boutique.cm",
        api_domain=None,
        gateway_domain=Domain(name="live.boutique.cm", certificate_arn=arn),
        order_events_url=None,
        alarm_email=None,
    )
    assert ready.examples() == []


def test_a_stage_that_moves_money_without_tls_is_no_stage() -> None:
    with pytest.raises(ValueError, match="TLS"):
        replace(PROD, gateway_domain=None)
    with pytest.raises(ValueError, match="TLS"):
        replace(SMALL, cloudfront_addresses=None)
    with pytest.raises(ValueError, match="no gateway_domain"):
        replace(PROD, cloudfront_addresses="pl-1")


def test_an_unknown_stage_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UnknownStage, match="dev, prod or small"):
        stage_of("production")


def test_each_stage_is_tested_in_both_modes() -> None:
    assert {(it.stage, it.cluster) for it in VARIANTS} == {(name, mode) for name in STAGES for mode in (False, True)}
    assert str(Variant("dev", True)) == "dev-cluster"
