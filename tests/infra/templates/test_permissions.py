"""The roles' permissions, compared with the calls that the product really makes."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from chalicelib.adapters.ledger.table import TABLE
from infra.functions import FUNCTIONS
from local.embedded import EmbeddedAws, Valkey
from tests import ROOT
from tests.harness import product_drive
from tests.harness.aws_calls import PRODUCT, Permission
from tests.harness.product_drive import GATEWAY, OF_VARIABLE, Drive
from tests.infra.templates.policies import granted, role_allows
from tests.infra.templates.synthesis import Properties, Template, plain
from tests.infra.templates.test_api import routes

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

NEVER_IN_AWS = {"create_table", "update_time_to_live"}
"""What the developer's machine does in the stack's place."""
OF_NO_FUNCTION = {"search"}
"""Indexes that no function may query: rows have carried their keys from the first one on, the route comes later."""
OF_THE_PLATFORM = ("logs:", "ec2:")
"""Lambda's own calls with a function's role: it writes the log and puts the function into the VPC."""


@pytest.fixture(scope="module")
def drive(aws: EmbeddedAws, valkey: Valkey) -> Iterator[Drive]:
    with product_drive.driven(aws, valkey) as it:
        yield it


def callers(stack: Template) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Name, role and environment of each process that calls AWS."""
    for function in FUNCTIONS:
        it = stack.of_type("Lambda::Function")[function.resource]
        yield function.name, plain(it["Role"]), it["Environment"]["Variables"]
    task = stack.one("ECS::TaskDefinition")
    (container,) = task["ContainerDefinitions"]
    yield GATEWAY, plain(task["TaskRoleArn"]), {each["Name"]: each["Value"] for each in container["Environment"]}


def statements_of(stack: Template, role: str) -> list[Properties]:
    return [
        statement
        for policy in stack.of_type("IAM::Policy").values()
        if role in map(plain, policy["Roles"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def in_template(permission: Permission, environment: Mapping[str, Any]) -> Permission:
    """The permission for what the template gives the function in place of the drive's table, bus or secret."""
    name, slash, index = permission.resource.partition("/")
    return Permission(permission.action, f"{plain(environment[OF_VARIABLE[name]])}{slash}{index}")


def test_each_role_allows_every_call_that_is_made_with_it(stack: Template, drive: Drive) -> None:
    """A query of an index that the role does not name would pass all other tests and be refused in AWS."""
    refused = [
        f"{name}: {permission.action} of {permission.resource}"
        for name, role, environment in callers(stack)
        for permission in drive.calls.permissions[name]
        if not role_allows(statements_of(stack, role), *in_template(permission, environment))
    ]
    assert refused == []


def test_no_role_allows_what_is_never_called_with_it(stack: Template, drive: Drive) -> None:
    unused = [
        f"{name}: {action} of {resource}"
        for name, role, environment in callers(stack)
        for action, resource in granted(statements_of(stack, role))
        - {tuple(in_template(permission, environment)) for permission in drive.calls.permissions[name]}
        if not action.startswith(OF_THE_PLATFORM)
    ]
    assert unused == []


# ---------------------------------------------------------------------- whether the drive sees everything


def test_every_route_and_every_function_is_driven(stack: Template, drive: Drive) -> None:
    assert set(routes(stack)) == drive.routes
    assert {it.resource for it in FUNCTIONS} == stack.of_type("Lambda::Function").keys()
    assert drive.calls.permissions.keys() == {*(it.name for it in FUNCTIONS), GATEWAY}


def test_every_index_is_queried(drive: Drive) -> None:
    resources = {permission.resource for made in drive.calls.permissions.values() for permission in made}
    queried = {index for _, slash, index in (it.partition("/index/") for it in resources) if slash}
    assert queried == {it["IndexName"] for it in TABLE["GlobalSecondaryIndexes"]} - OF_NO_FUNCTION


def test_every_line_that_calls_boto3_is_driven(drive: Drive) -> None:
    """A call that the drive does not come to may need a permission that no test has seen."""
    missed = [
        f"{path}:{call.lineno} {name}"
        for path, call, name in calls_in_the_product()
        if name not in NEVER_IN_AWS
        and not any(site.path == path and call.lineno <= site.line <= end_of(call) for site in drive.calls.sites)
    ]
    assert missed == []


def calls_in_the_product() -> Iterator[tuple[str, ast.Call, str]]:
    session = botocore.session.get_session()
    services = ("dynamodb", "events", "secretsmanager", "sqs")
    operations = {xform_name(it) for service in services for it in session.get_service_model(service).operation_names}
    for place in PRODUCT:
        for file in sorted(place.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Attribute(attr=name)) if name in operations:
                        yield file.relative_to(ROOT).as_posix(), node, name


def end_of(call: ast.Call) -> int:
    return call.end_lineno or call.lineno
