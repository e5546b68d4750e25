"""The templates as `python -m infra.cdk_app` writes them, made once per run of the tests, and how to look into them."""

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
        """As it is deployed, before the transform."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def content(self) -> Properties:
        """After the transform, as CloudFormation will see it."""
        path = self.path.with_name(self.path.name.replace(".template.", ".expanded."))
        content: Properties = json.loads(path.read_text(encoding="utf-8"))
        return content

    @property
    def resources(self) -> Mapping[str, Properties]:
        resources: Mapping[str, Properties] = self.content["Resources"]
        return resources

    def of_type(self, kind: str) -> dict[str, Properties]:
        """Their properties by their ids."""
        found = {name: it.get("Properties", {}) for name, it in self.resources.items() if it["Type"] == f"AWS::{kind}"}
        assert found, f"there is no {kind}"
        return found

    def one(self, kind: str) -> Properties:
        (only,) = self.of_type(kind).values()
        return only

    def whole(self, kind: str) -> Properties:
        """The only one of its kind with what stands beside its properties, such as DeletionPolicy."""
        (only,) = (it for it in self.resources.values() if it["Type"] == f"AWS::{kind}")
        return only

    def outputs(self) -> set[str]:
        return set(self.content["Outputs"])


@dataclass(frozen=True)
class Synthesis:
    """All stages, in one setting of cluster mode. `seconds`: of processor time, since the clock on the wall measures
    the neighbours on a machine that is shared.
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
    """Whichever of the test processes comes first makes it, the others wait for it."""
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


def plain(value: Any) -> str:
    """A property as a text: what only CloudFormation knows becomes the name of where it comes from."""
    if isinstance(value, str):
        return value
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(plain(part) for part in parts)
        case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
            return f"<{name}>"
    return json.dumps(value)
