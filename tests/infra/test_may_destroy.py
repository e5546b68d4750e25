"""`make destroy` refuses where payments would go, and says how it is done on purpose."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib.adapters.ledger.table import create_table
from infra.commands.may_destroy import Refused, check
from infra.deployment import STACK_NAME, NotDeployed
from infra.stages import UnknownStage
from local.embedded import EmbeddedAws
from tests.conftest import aws_environment

TABLE = "payments-to-destroy"


class Stack:
    """What CloudFormation would tell of a stack; moto cannot make ours."""

    class exceptions:  # noqa: N801 - as boto3 has it
        class ClientError(Exception):
            pass

    def __init__(self, stage: str) -> None:
        self._name = STACK_NAME.format(stage=stage)

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - as boto3 has it
        if StackName == f"{self._name}-secrets":
            return {"Stacks": [{"Outputs": [{"OutputKey": "SecretsId", "OutputValue": "any"}]}]}
        if StackName != self._name:
            raise self.exceptions.ClientError
        names = ("ApiUrl", "GatewayUrl", "FrontendUrl", "CampayApiUrl", "EventBus", "AlarmTopic")
        outputs = [{"OutputKey": name, "OutputValue": "any"} for name in names]
        return {"Stacks": [{"Outputs": [*outputs, {"OutputKey": "PaymentsTable", "OutputValue": TABLE}]}]}


class Session:
    def __init__(self, stage: str) -> None:
        self._stack = Stack(stage)

    def client(self, service: str) -> Any:
        return self._stack if service == "cloudformation" else boto3.client(service)


@pytest.fixture
def dynamodb(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in aws_environment(aws).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("dynamodb")
    create_table(client, TABLE)
    yield client
    client.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    client.delete_table(TableName=TABLE)
    client.close()


def protect(client: Any, protected: bool) -> None:
    client.update_table(TableName=TABLE, DeletionProtectionEnabled=protected)


def test_prod_is_never_destroyed_by_a_command() -> None:
    with pytest.raises(Refused, match="termination protection"):
        check("prod", Session("prod"))


def test_a_protected_ledger_is_refused_with_the_command_that_lifts_the_protection(dynamodb: Any) -> None:
    protect(dynamodb, True)
    with pytest.raises(Refused, match=f"update-table --table-name {TABLE} --no-deletion-protection-enabled"):
        check("dev", Session("dev"))


def test_once_somebody_has_lifted_the_protection_it_may_go(dynamodb: Any) -> None:
    protect(dynamodb, False)
    check("dev", Session("dev"))


def test_what_is_not_deployed_cannot_be_destroyed() -> None:
    with pytest.raises(NotDeployed, match="there is no stack BraidsterPayments-dev"):
        check("dev", Session("elsewhere"))


def test_an_unknown_stage_is_named() -> None:
    with pytest.raises(UnknownStage, match="there is no stage without a name"):
        check("", Session("dev"))
