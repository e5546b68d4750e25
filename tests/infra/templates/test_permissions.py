"""Tests the roles' permissions against the calls that the product makes."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

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
from tests.infra.templates.synthesis import Template, plain, statements_of
from tests.infra.templates.test_api import routes

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

BY_NO_FUNCTION = {
    ("chalicelib/adapters/ledger/table.py", "create_table"),
    ("chalicelib/adapters/ledger/phone_rows.py", "references"),
    ("chalicelib/adapters/ledger/table_client.py", "delete"),
}
"""Calls that are only made on a developer's machine, and by `make forget` with its caller's own permissions."""
OF_THE_PLATFORM = (
    *("logs:", "ec2:", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
)
"""Actions of Lambda itself with a function's role: it writes the log, attaches the VPC and takes from queue and
stream."""


@pytest.fixture(scope="module")
def drive(aws: EmbeddedAws, valkey: Valkey) -> Iterator[Drive]:
    with product_drive.driven(aws, valkey) as it:
        yield it


def callers(stack: Template) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yields name, role and environment of each process that calls AWS."""
    for function in FUNCTIONS:
        it = stack.of_type("Lambda::Function")[function.resource]
        yield function.name, plain(it["Role"]), it["Environment"]["Variables"]
    task = stack.one("ECS::TaskDefinition")
    (container,) = task["ContainerDefinitions"]
    yield GATEWAY, plain(task["TaskRoleArn"]), {each["Name"]: each["Value"] for each in container["Environment"]}


def in_template(permission: Permission, environment: Mapping[str, Any]) -> Permission:
    """Translates a permission from the test's table, bus, secret or queue to the template's."""
    name, slash, index = permission.resource.partition("/")
    return Permission(permission.action, f"{plain(environment[OF_VARIABLE[name]])}{slash}{index}")


def test_each_role_allows_every_call_that_is_made_with_it(stack: Template, drive: Drive) -> None:
    """A query of an index that the role lacks would pass all other tests and be refused in AWS."""
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


def test_code_may_not_touch_the_network_that_it_is_put_into(stack: Template) -> None:
    """Lambda itself may, with the same role."""
    for _, role, _ in callers(stack):
        assert not role_allows(statements_of(stack, role), "ec2:CreateNetworkInterface", "*"), role


# ---------------------------------------------------------------------- whether the drive sees everything


def test_every_route_and_every_function_is_driven(stack: Template, drive: Drive) -> None:
    assert set(routes(stack)) == drive.routes
    assert {it.resource for it in FUNCTIONS} == stack.of_type("Lambda::Function").keys()
    assert drive.calls.permissions.keys() == {*(it.name for it in FUNCTIONS), GATEWAY}


def test_every_index_is_queried(drive: Drive) -> None:
    resources = {permission.resource for made in drive.calls.permissions.values() for permission in made}
    queried = {index for _, slash, index in (it.partition("/index/") for it in resources) if slash}
    assert queried == {it["IndexName"] for it in TABLE["GlobalSecondaryIndexes"]}


def test_every_line_that_calls_boto3_is_driven(drive: Drive) -> None:
    """A call that the drive does not reach may need a permission that no test checks."""
    missed = {
        (call.path, call.function)
        for call in calls_in_the_product()
        if not any(site.path == call.path and site.line in call.lines for site in drive.calls.sites)
    }
    assert missed == BY_NO_FUNCTION


class WrittenCall(NamedTuple):
    """A call in the product's source, and the function that contains it."""

    path: str
    function: str
    lines: range


def calls_in_the_product() -> Iterator[WrittenCall]:
    """Yields calls of boto3 clients, found by the operation's name, and calls that name an index."""
    for place in PRODUCT:
        for file in sorted(place.rglob("*.py")):
            nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
            functions = {node.name: lines_of(node) for node in nodes if isinstance(node, ast.FunctionDef)}
            for node in nodes:
                if isinstance(node, ast.Call) and is_of_boto3(node):
                    around = [it for it, lines in functions.items() if node.lineno in lines]
                    yield WrittenCall(file.relative_to(ROOT).as_posix(), around[-1], lines_of(node))


def is_of_boto3(call: ast.Call) -> bool:
    names_an_index = any(keyword.arg == "IndexName" for keyword in call.keywords)
    return names_an_index or (isinstance(call.func, ast.Attribute) and call.func.attr in OPERATIONS)


def lines_of(node: ast.Call | ast.FunctionDef) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def operations() -> set[str]:
    session = botocore.session.get_session()
    services = ("dynamodb", "events", "secretsmanager", "sqs")
    return {xform_name(it) for service in services for it in session.get_service_model(service).operation_names}


OPERATIONS = operations()
