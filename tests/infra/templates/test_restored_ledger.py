"""Tests a stage whose ledger was restored into another table: everything of it names that table, and no other."""

import json
import subprocess
import sys
from typing import Any

import pytest

from infra.deployment import STACK_NAME
from infra.functions import FUNCTIONS, ROLLUPS
from tests import ROOT
from tests.infra.templates.policies import granted
from tests.infra.templates.synthesis import Template, plain, statements_of

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

NAME = "payments-restored"
STREAM = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{NAME}/stream/2026-01-31T13:00:00.000"
SYNTHESIS = f"""
import dataclasses, pathlib, sys
from infra import cdk_app, node, stages
restored = stages.RestoredTable(name={NAME!r}, stream_arn={STREAM!r})
stages.STAGES["dev"] = dataclasses.replace(stages.DEV, restored_table=restored, prompts_paused=True)
node.ensure_node()
cdk_app.synthesise({{"stage": "dev"}}, pathlib.Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("restored")
    for command in (["-c", SYNTHESIS, str(folder)], ["-m", "tests.infra.templates.transform", str(folder)]):
        environment = ["env", "AWS_DEFAULT_REGION=eu-west-1", sys.executable]
        done = subprocess.run([*environment, *command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
    return Template(folder / f"{STACK_NAME.format(stage='dev')}.template.json")


def variables_of(stack: Template, resource: str) -> dict[str, Any]:
    return dict(stack.of_type("Lambda::Function")[resource]["Environment"]["Variables"])


def test_every_function_works_on_it_and_starts_nothing(restored: Template) -> None:
    found = {it.name: variables_of(restored, it.resource) for it in FUNCTIONS}
    assert {plain(it["PAYMENTS_TABLE"]) for it in found.values()} == {NAME}
    assert {it["PROMPTS_PAUSED"] for it in found.values()} == {"true"}
    assert restored.content["Outputs"]["PaymentsTable"]["Value"] == NAME


def test_every_permission_names_it(restored: Template) -> None:
    for function in FUNCTIONS:
        role = plain(restored.of_type("Lambda::Function")[function.resource]["Role"])
        tables = {resource for action, resource in granted(statements_of(restored, role)) if "dynamodb:" in action}
        assert tables
        assert all(f":table/{NAME}" in it for it in tables), (function.name, tables)
        assert {it.partition("/index/")[2] for it in tables if "/index/" in it} == set(function.indexes)


def test_its_stream_is_counted(restored: Template) -> None:
    rollups = next(it.resource for it in FUNCTIONS if it is ROLLUPS)
    (mapping,) = (
        it
        for it in restored.of_type("Lambda::EventSourceMapping").values()
        if "dynamodb" in json.dumps(it["EventSourceArn"])
    )
    assert mapping["EventSourceArn"] == STREAM
    assert rollups in json.dumps(mapping["FunctionName"])


def test_the_graphs_show_it(restored: Template) -> None:
    board = json.dumps(restored.one("CloudWatch::Dashboard"))
    assert NAME in board


def test_the_table_from_before_stays(restored: Template) -> None:
    table = restored.whole("DynamoDB::Table")
    assert table["DeletionPolicy"] == "RetainExceptOnCreate"
    names = [name for name, it in restored.resources.items() if it is table]
    others = {name: it for name, it in restored.resources.items() if it["Type"] != "AWS::DynamoDB::Table"}
    assert names[0] not in json.dumps(others)
