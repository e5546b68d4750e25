"""Tests that each function is invoked by its alias `live`, which a deployment moves and an alarm moves back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.functions import API, FUNCTIONS
from infra.release import ALIAS, RELEASED
from infra.stages import STAGES
from tests.infra.templates.synthesis import Properties, Template, Variant, plain
from tests.infra.templates.test_alarms import alarms
from tests.infra.templates.test_api import function, paths

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]


def live(stack: Template) -> dict[str, str]:
    """Returns the function's resource -> the id of its alias `live`."""
    found = stack.of_type("Lambda::Alias").items()
    return {it["FunctionName"]["Ref"]: name for name, it in found if it["Name"] == ALIAS}


def version_of(alias: Properties) -> str:
    """Returns the id of the version that an alias points to."""
    version, number = alias["FunctionVersion"]["Fn::GetAtt"]
    assert number == "Version"
    return str(version)


def test_each_function_has_an_alias_for_a_version_of_its_own(stack: Template) -> None:
    assert live(stack).keys() == {it.resource for it in FUNCTIONS}
    aliases, versions = stack.of_type("Lambda::Alias"), stack.of_type("Lambda::Version")
    for resource, alias in live(stack).items():
        assert versions[version_of(aliases[alias])]["FunctionName"] == {"Ref": resource}


def invoked(stack: Template) -> Iterator[tuple[str, Any]]:
    """Yields whatever invokes a function, or may do so, and what it names as the function."""
    for name, rule in stack.of_type("Events::Rule").items():
        if "ScheduleExpression" in rule:
            yield from ((name, target["Arn"]) for target in rule["Targets"])
    for name, it in stack.resources.items():
        if it["Type"] in ("AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping"):
            yield name, it["Properties"]["FunctionName"]
    for path, methods in paths(stack).items():
        for operation in methods.values():
            integration = operation["x-amazon-apigateway-integration"]
            if integration["type"] != "mock":
                uri = integration["uri"]["Fn::Sub"]
                called = uri.partition(":lambda:path/2015-03-31/functions/")[2].removesuffix("/invocations")
                yield (
                    path,
                    {"Ref": live(stack)[API.resource]} if called == f"${{{API.resource}.Arn}}:{ALIAS}" else called,
                )


def test_nothing_invokes_a_function_but_by_its_alias(stack: Template) -> None:
    """What invoked the function itself would run the newest code, whatever the alias was pointed back to."""
    aliases = [{"Ref": alias} for alias in live(stack).values()]
    assert [name for name, target in invoked(stack) if target not in aliases] == []
    assert all(alias in [target for _, target in invoked(stack)] for alias in aliases)


def test_what_is_set_for_a_failed_call_holds_for_the_alias(stack: Template) -> None:
    assert {it["Qualifier"] for it in stack.of_type("Lambda::EventInvokeConfig").values()} == {ALIAS}


def test_a_version_differs_from_the_one_before_in_what_lambda_compares(stack: Template) -> None:
    """Lambda publishes no version that equals the last one, and CloudFormation then fails the deployment."""
    (release,) = {function(stack, it.resource)["Description"] for it in FUNCTIONS}
    assert len(release) == 16
    for it in FUNCTIONS:
        assert f"{it.resource}Version{release[:10]}" in stack.of_type("Lambda::Version")


def test_concurrency_is_kept_for_a_function_and_not_for_a_version(stack: Template) -> None:
    for it in FUNCTIONS:
        assert function(stack, it.resource)["ReservedConcurrentExecutions"] > 0
    for alias in stack.of_type("Lambda::Alias").values():
        assert "ProvisionedConcurrencyConfig" not in alias


# ---------------------------------------------------------------------- the shift


def update_policy(stack: Template, resource: str) -> Properties | None:
    policy: Properties | None = stack.resources[live(stack)[resource]].get("UpdatePolicy")
    return policy


def test_a_deployment_moves_the_apis_calls_step_by_step_and_the_others_at_once(
    stack: Template, variant: Variant
) -> None:
    group = stack.one("CodeDeploy::DeploymentGroup")
    (only,) = stack.of_type("CodeDeploy::DeploymentGroup")
    assert update_policy(stack, API.resource) == {
        "CodeDeployLambdaAliasUpdate": {
            "ApplicationName": group["ApplicationName"],
            "DeploymentGroupName": {"Ref": only},
        }
    }
    assert [it.name for it in FUNCTIONS if it != API and update_policy(stack, it.resource)] == []
    name = json.dumps(group["DeploymentConfigName"])
    assert STAGES[variant.stage].traffic_shift in name
    assert STAGES["prod"].traffic_shift.startswith("Linear")


def test_the_alarm_on_5xx_moves_the_calls_back(stack: Template) -> None:
    group = stack.one("CodeDeploy::DeploymentGroup")
    (brake,) = group["AlarmConfiguration"]["Alarms"]
    alarm = stack.of_type("CloudWatch::Alarm")[brake["Name"]["Ref"]]
    assert alarm == alarms(stack)["api-5xx"]
    assert group["AlarmConfiguration"]["Enabled"] is True
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] < 600, "it has to ring while the calls are being moved"


def test_only_codedeploy_may_take_the_role_that_moves_an_alias(stack: Template) -> None:
    role = stack.of_type("IAM::Role")[stack.one("CodeDeploy::DeploymentGroup")["ServiceRoleArn"]["Fn::GetAtt"][0]]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    (policy,) = map(plain, role["ManagedPolicyArns"])
    assert policy.endswith(":iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited")


# ---------------------------------------------------------------------- the way back


def test_the_versions_of_earlier_releases_stay(stack: Template) -> None:
    versions = [it for it in stack.resources.values() if it["Type"] == "AWS::Lambda::Version"]
    assert {it["DeletionPolicy"] for it in versions} == {"Retain"}


def test_only_a_deployment_that_succeeds_marks_its_versions_as_released(stack: Template) -> None:
    """CloudFormation keeps the version of a failed deployment: nobody must go back to that."""
    aliases = stack.of_type("Lambda::Alias")
    marks = {name: it for name, it in aliases.items() if it["Name"] != ALIAS}
    assert {it["FunctionName"]["Ref"] for it in marks.values()} == live(stack).keys()
    for name, mark in marks.items():
        version = version_of(aliases[live(stack)[mark["FunctionName"]["Ref"]]])
        assert version_of(mark) == version
        assert mark["Name"] == {"Fn::Join": ["", [RELEASED, {"Fn::GetAtt": [version, "Version"]}]]}
        assert stack.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
