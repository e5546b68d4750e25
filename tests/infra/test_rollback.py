"""Tests that all functions of a stage go back to the release before, or none."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from werkzeug.wrappers import Response

from infra.commands.rollback import CannotGoBack, go_back, plan
from infra.deployment import FUNCTIONS, STACK_NAME, NotDeployed, functions_of_stage
from infra.release import ALIAS, RELEASED
from local.embedded import EmbeddedAws
from tests import ROOT
from tests.conftest import aws_client, aws_environment

NAMES = ("Api", "Sweep", "Statement")
_FUNCTION = re.compile(
    r"/2015-03-31/functions/(?P<name>\w+)(?P<what>/configuration|/invocations|/aliases/live)?(\?Qualifier=(?P<version>\d+))?$"
)


class Functions:
    """Deploys functions as CloudFormation does: a version of each, then the aliases."""

    def __init__(self, client: Any, role: str) -> None:
        self.client, self._role = client, role
        for name in NAMES:
            self.create(name)

    def create(self, name: str) -> None:
        self.client.create_function(
            FunctionName=name, Role=self._role, Runtime="python3.11", Handler="app.app", Code={"ZipFile": code("none")}
        )

    def publish(self, name: str, release: str) -> str:
        self.client.update_function_code(FunctionName=name, ZipFile=code(release))
        self.client.update_function_configuration(FunctionName=name, Description=release)
        return str(self.client.publish_version(FunctionName=name)["Version"])

    def deploy(self, release: str, names: Sequence[str] = NAMES) -> None:
        for name in names:
            version = self.publish(name, release)
            self.client.create_alias(FunctionName=name, Name=f"{RELEASED}{version}", FunctionVersion=version)
            try:
                self.client.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
            except self.client.exceptions.ResourceNotFoundException:
                self.client.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)

    def go_back(self, names: Sequence[str] = NAMES) -> None:
        go_back(plan(names, self.client), self.client)

    def live(self, names: Sequence[str] = NAMES) -> list[str]:
        """Returns the release that each alias invokes."""
        return [
            self.client.get_function_configuration(FunctionName=name, Qualifier=ALIAS)["Description"] for name in names
        ]


def code(content: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("app.py", f"release = {content!r}")
    return file.getvalue()


@pytest.fixture
def functions(aws: EmbeddedAws) -> Iterator[Functions]:
    iam, client = aws_client("iam", aws), aws_client("lambda", aws)
    role = iam.create_role(RoleName="of-functions", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    yield Functions(client, role)
    for it in client.list_functions()["Functions"]:
        client.delete_function(FunctionName=it["FunctionName"])
    iam.delete_role(RoleName="of-functions")
    iam.close()
    client.close()


def test_all_functions_go_back_to_the_release_before(functions: Functions) -> None:
    for release in ("first", "second", "third"):
        functions.deploy(release)
    functions.go_back()
    assert functions.live() == ["second"] * 3
    functions.go_back()
    assert functions.live() == ["first"] * 3


def test_what_is_planned_is_what_is_told(functions: Functions) -> None:
    functions.deploy("first")
    functions.deploy("second")
    steps = plan(NAMES, functions.client)
    assert [(it.function, it.now.number, it.now.release, it.then.number, it.then.release) for it in steps] == [
        (name, 2, "second", 1, "first") for name in NAMES
    ]
    assert functions.live() == ["second"] * 3, "a plan changes nothing"


def test_the_first_release_has_none_before_it(functions: Functions) -> None:
    functions.deploy("first")
    with pytest.raises(CannotGoBack, match=r"^there is no earlier release: first is the first$"):
        functions.go_back()
    assert functions.live() == ["first"] * 3


def test_nobody_goes_back_to_a_deployment_that_failed(functions: Functions) -> None:
    """CloudFormation keeps the version that it published."""
    functions.deploy("first")
    for name in NAMES:
        functions.publish(name, "failed")
    functions.deploy("second")
    functions.go_back()
    assert functions.live() == ["first"] * 3


def test_a_release_that_was_deployed_again_goes_back_to_the_one_between(functions: Functions) -> None:
    for release in ("first", "second", "first"):
        functions.deploy(release)
    functions.go_back()
    assert functions.live() == ["second"] * 3


def test_an_interrupted_run_is_completed_by_the_next_one(functions: Functions) -> None:
    for release in ("first", "second", "third"):
        functions.deploy(release)
    go_back(plan(NAMES, functions.client)[:1], functions.client)
    assert functions.live() == ["second", "third", "third"]
    functions.go_back()
    assert functions.live() == ["second"] * 3


def test_one_that_cannot_go_back_keeps_all_from_it(functions: Functions) -> None:
    """An older release beside a function that it does not know has never been tested."""
    functions.deploy("first")
    functions.create("Younger")
    together = (*NAMES, "Younger")
    functions.deploy("second", together)
    with pytest.raises(CannotGoBack, match=r"^Younger has no version of the release before \(first\)"):
        functions.go_back(together)
    assert functions.live(together) == ["second"] * 4


def test_calls_that_are_shared_between_two_versions_all_go_back(functions: Functions) -> None:
    functions.deploy("first")
    functions.deploy("second")
    functions.client.update_alias(
        FunctionName="Api", Name=ALIAS, RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}}
    )
    functions.go_back()
    assert not functions.client.get_alias(FunctionName="Api", Name=ALIAS)["RoutingConfig"]["AdditionalVersionWeights"]


def test_a_function_without_the_alias_is_named(functions: Functions) -> None:
    with pytest.raises(CannotGoBack, match=r"^Api has no alias live: deploy it once more first$"):
        functions.go_back()


# ---------------------------------------------------------------------- the command


@pytest.fixture
def dev(aws: EmbeddedAws) -> Iterator[None]:
    """Provides a stack with the output that the command reads."""
    client = aws_client("cloudformation", aws)
    name = STACK_NAME.format(stage="dev")
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {FUNCTIONS: {"Value": ",".join(NAMES)}},
    }
    client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    yield
    client.delete_stack(StackName=name)
    client.close()


def rollback(aws: EmbeddedAws, answer: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.commands.rollback", "dev"]
    shell = os.environ | aws_environment(aws)
    return subprocess.run(
        command, cwd=ROOT, env=shell, input=answer, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.usefixtures("dev")
def test_nothing_is_changed_without_a_yes(functions: Functions, aws: EmbeddedAws) -> None:
    functions.deploy("first")
    functions.deploy("second")
    done = rollback(aws, "y\n")
    assert (done.returncode, done.stderr) == (1, "nothing was changed\n")
    assert "From release second back to first:\nApi: from version 2 to 1, published " in done.stdout
    assert functions.live() == ["second"] * 3


@pytest.mark.usefixtures("dev")
def test_a_yes_points_the_stage_back(functions: Functions, aws: EmbeddedAws) -> None:
    functions.deploy("first")
    functions.deploy("second")
    done = rollback(aws, "yes\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert functions.live() == ["first"] * 3


@pytest.mark.usefixtures("dev")
def test_what_stands_against_it_is_said_in_one_line(functions: Functions, aws: EmbeddedAws) -> None:
    functions.deploy("first")
    done = rollback(aws, "yes\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "there is no earlier release: first is the first\n"


class Asleep(EmbeddedAws):
    """Serves the functions with some versions inactive, as Lambda makes them after some weeks, until they are called.

    `done`: what was done in its order, as (operation, function). `wakes`: whether a call makes a version active.
    """

    def __init__(self, *versions: tuple[str, str], wakes: bool = True) -> None:
        super().__init__()
        self.done: list[tuple[str, str]] = []
        self._states = dict.fromkeys(versions, "Inactive")
        self._after_call = "Active" if wakes else "Failed"

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        if not (found := _FUNCTION.match(path)):
            return super().answer(method, path, headers, body)
        version = (found["name"], found["version"] or "")
        if found["what"] == "/invocations":
            return self._refuse(version)
        if method == "PUT":
            self.done.append(("update_alias", found["name"]))
        response = super().answer(method, path, headers, body)
        if response and version in self._states:
            content = json.loads(response.get_data())
            content.get("Configuration", content)["State"] = self._states[version]
            response.data = json.dumps(content)
        return response

    def _refuse(self, version: tuple[str, str]) -> Response:
        self.done.append(("invoke", version[0]))
        self._states[version] = self._after_call
        error = {"x-amzn-ErrorType": "ResourceNotReadyException"}
        return Response('{"Message": "The function is inactive"}', 502, error, mimetype="application/json")


@pytest.mark.usefixtures("dev")
def test_versions_that_lambda_put_to_sleep_are_woken_before_they_are_called(functions: Functions) -> None:
    """Lambda refuses the first calls of a version that was idle for weeks: webhooks, after a rollback at night."""
    functions.deploy("first")
    functions.deploy("second")
    with Asleep(("Api", "1"), ("Sweep", "1")) as aws:
        done = rollback(aws, "yes\n")
    assert (done.returncode, done.stderr) == (0, "")
    woken = [("invoke", "Api"), ("invoke", "Sweep")]
    assert aws.done == [*woken, *(("update_alias", name) for name in NAMES)], "each once, and none that is awake"
    assert functions.live() == ["first"] * 3


@pytest.mark.usefixtures("dev")
def test_a_version_that_lambda_cannot_wake_keeps_all_from_going_back(functions: Functions) -> None:
    functions.deploy("first")
    functions.deploy("second")
    with Asleep(("Sweep", "1"), wakes=False) as aws:
        done = rollback(aws, "yes\n")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("AWS: Waiter FunctionActiveV2 failed")
    assert functions.live() == ["second"] * 3


class CloudFormation:
    """Answers as boto3's client for a stack in a given state: moto deploys a stack at once."""

    class exceptions:  # noqa: N801 - as boto3 has it
        ClientError = RuntimeError

    def __init__(self, status: str, **outputs: str) -> None:
        told = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        self._stack = {"StackStatus": status, "Outputs": told}

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - as boto3 has it
        return {"Stacks": [{**self._stack, "StackName": StackName}]}


def test_the_stack_names_the_functions() -> None:
    found = functions_of_stage("dev", CloudFormation("UPDATE_COMPLETE", Functions="Api-1,Sweep-2"))
    assert found == ["Api-1", "Sweep-2"]


def test_a_deployment_that_is_underway_is_taken_back_by_cloudformation() -> None:
    """CodeDeploy would move the alias on, whatever was done to it."""
    with pytest.raises(NotDeployed, match=r"cancel-update-stack --stack-name BraidsterPayments-prod$"):
        functions_of_stage("prod", CloudFormation("UPDATE_IN_PROGRESS", Functions="Api-1"))


def test_a_stack_of_an_earlier_state_has_to_be_deployed_first() -> None:
    with pytest.raises(NotDeployed, match="has no output Functions: deploy it again"):
        functions_of_stage("dev", CloudFormation("UPDATE_COMPLETE"))
