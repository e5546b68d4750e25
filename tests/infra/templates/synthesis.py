"""Synthesises the templates by `python -m infra.cdk_app`, once per test run, and reads them."""

import fcntl
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from infra.deployment import STACK_NAME
from infra.stages import STAGES
from tests import ROOT

Properties = Mapping[str, Any]
WITH_THEIR_FUNCTION = {"AWS::Lambda::Alias", "AWS::Lambda::Version"}
"""Types of what Lambda deletes with its function, whatever a template says of keeping it."""


@dataclass(frozen=True, slots=True)
class Variant:
    stage: str
    cluster: bool

    def __str__(self) -> str:
        return f"{self.stage}{'-cluster' if self.cluster else ''}"


VARIANTS = [Variant(stage, cluster) for stage in STAGES for cluster in (False, True)]


@dataclass(frozen=True)
class Template:
    path: Path

    @cached_property
    def text(self) -> str:
        """Returns the template as it is deployed, before the transform."""
        return self.path.read_text(encoding="utf-8")

    @property
    def expanded(self) -> Path:
        return self.path.with_name(self.path.name.replace(".template.", ".expanded."))

    @cached_property
    def content(self) -> Properties:
        """Returns the template after the transform, as CloudFormation processes it."""
        content: Properties = json.loads(self.expanded.read_text(encoding="utf-8"))
        return content

    @property
    def resources(self) -> Mapping[str, Properties]:
        resources: Mapping[str, Properties] = self.content["Resources"]
        return resources

    def of_type(self, kind: str) -> dict[str, Properties]:
        """Returns id -> properties of the resources of a type."""
        found = {name: it.get("Properties", {}) for name, it in self.resources.items() if it["Type"] == f"AWS::{kind}"}
        assert found, f"there is no {kind}"
        return found

    def one(self, kind: str) -> Properties:
        (only,) = self.of_type(kind).values()
        return only

    def whole(self, kind: str) -> Properties:
        """Returns the only resource of a type, with its attributes such as DeletionPolicy."""
        (only,) = (it for it in self.resources.values() if it["Type"] == f"AWS::{kind}")
        return only

    def outputs(self) -> set[str]:
        return set(self.content["Outputs"])


@dataclass(frozen=True)
class Synthesis:
    """The templates of all stages in one setting of cluster mode.

    `seconds`: the processor time that synthesis took; elapsed time would depend on other processes of the machine.
    """

    folder: Path
    seconds: float

    def payments(self, stage: str) -> Template:
        return Template(self.folder / f"{STACK_NAME.format(stage=stage)}.template.json")

    def secrets(self, stage: str) -> Template:
        return Template(self.folder / f"{STACK_NAME.format(stage=stage)}-secrets.template.json")

    def templates(self) -> Iterator[Template]:
        for stage in STAGES:
            yield from (self.payments(stage), self.secrets(stage))


def synthesised(factory: pytest.TempPathFactory, *, cluster: bool) -> Synthesis:
    """Synthesises the templates in the first test process that needs them; the others wait for it."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = base / f"synthesis{'-cluster' if cluster else ''}"
    seconds = folder.with_suffix(".seconds")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not seconds.exists():
            seconds.write_text(str(_synthesise(folder, cluster)), encoding="utf-8")
    return Synthesis(folder, float(seconds.read_text(encoding="utf-8")))


def _synthesise(folder: Path, cluster: bool) -> float:
    before = _processor_seconds()
    command = [sys.executable, "-m", "infra.cdk_app", "-c", f"cluster={str(cluster).lower()}", "--output", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    seconds = _processor_seconds() - before
    command = [
        "env",
        "AWS_DEFAULT_REGION=eu-west-1",
        sys.executable,
        "-m",
        "tests.infra.templates.transform",
        str(folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return seconds


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def template_of(factory: pytest.TempPathFactory, variant: Variant) -> Template:
    return synthesised(factory, cluster=variant.cluster).payments(variant.stage)


def statements_of(stack: Template, role: str) -> list[Properties]:
    """Returns the statements of all policies of a role. `role`: as `plain` has it."""
    return [
        statement
        for policy in stack.of_type("IAM::Policy").values()
        if role in map(plain, policy["Roles"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def plain(value: Any) -> str:
    """Converts a property to text; a value known only to CloudFormation becomes the name of its source."""
    if isinstance(value, str):
        return value
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(plain(part) for part in parts)
        case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
            return f"<{name}>"
    return json.dumps(value)
