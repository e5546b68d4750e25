"""Tests that what a deployment lacks is named in one line, before anything is done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.commands.deployable import NotDeployable, check_engine, check_page, check_stage
from infra.stages import UnknownStage
from local.embedded import EmbeddedAws
from tests import ROOT
from tests.conftest import aws_client, aws_environment

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]


SIGNED_IN = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
BARE = {"PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true"}
PROGRAMS = {
    "infra.commands.account": (),
    "infra.commands.deployable": ("dev", "docker"),
    "infra.commands.doctor": ("dev",),
    "infra.commands.fill_secret": ("dev",),
    "infra.commands.protect": ("dev",),
    "infra.commands.rollback": ("dev",),
}


def run(module: str, home: Path, **shell: str) -> subprocess.CompletedProcess[str]:
    """Runs a program with these environment variables, and none of this machine's."""
    command = [sys.executable, "-m", module, *PROGRAMS[module]]
    return subprocess.run(
        command, env={**BARE, "HOME": str(home), **shell}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("module", PROGRAMS)
@pytest.mark.parametrize(
    ("shell", "lacks"),
    [
        (SIGNED_IN, "no region of AWS is set"),
        ({"AWS_REGION": "eu-west-1"}, "no credentials of AWS in this shell"),
        ({"AWS_REGION": "eu-west-1", "AWS_PROFILE": "another"}, "The config profile (another) could not be found"),
    ],
    ids=["region", "credentials", "profile"],
)
def test_what_a_shell_lacks_is_said_in_one_line(module: str, shell: dict[str, str], lacks: str, tmp_path: Path) -> None:
    refused = run(module, tmp_path, **shell)
    assert refused.returncode == 1
    assert lacks in refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr


@pytest.mark.parametrize(
    ("region", "is_in"),
    [
        ({"AWS_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-3"),
    ],
)
def test_either_variable_names_the_region(aws: EmbeddedAws, region: dict[str, str], is_in: str, tmp_path: Path) -> None:
    shell = {name: value for name, value in aws_environment(aws).items() if name != "AWS_DEFAULT_REGION"}
    asked = run("infra.commands.account", tmp_path, **shell, **region)
    assert (asked.stdout, asked.stderr) == (f"aws://123456789012/{is_in}\n", "")
    refused = run("infra.commands.doctor", tmp_path, **shell, **region)
    assert refused.stderr == "make doctor: there is no stack BraidsterPayments-dev in this account and region\n"


@pytest.mark.filterwarnings("ignore:Tried to parse")  # moto's CloudFormation does not know each kind of resource
def test_an_account_is_bootstrapped_by_one_command(aws: EmbeddedAws) -> None:
    """It works on a fresh clone, before a template was written."""
    shell, command = os.environ | aws_environment(aws), ["make", "bootstrap"]
    done = subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    stack = aws_client("cloudformation", aws).describe_stacks(StackName="CDKToolkit")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_a_stage_with_example_values_is_not_deployed() -> None:
    check_stage("dev")
    with pytest.raises(NotDeployable, match=r"prod still has example values in infra/stages.py: .*alarm_email"):
        check_stage("prod")
    with pytest.raises(UnknownStage, match="dev, prod or small"):
        check_stage("")


def test_a_stage_whose_pages_are_not_built_is_not_deployed(tmp_path: Path) -> None:
    for page, folder in (("the page of payment links", "dist-hosted"), ("the operators' page", "dist-operator")):
        with pytest.raises(NotDeployable, match=f"{page} is not built: npm"):
            check_page("dev", tmp_path)
        built = tmp_path / "frontend" / folder
        built.mkdir(parents=True)
        (built / "index.html").touch()
    check_page("dev", tmp_path)


def engine(folder: Path, script: str) -> str:
    """Writes a program that answers as a container engine would; returns its name."""
    path = folder / "engine"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


ONLY_INTEL = 'test "$1" = info || echo "Platforms: linux/amd64, linux/386"'
BOTH = 'test "$1" = info || echo "Platforms: linux/amd64, linux/arm64"'


@pytest.mark.parametrize("script", ["exit 1", None], ids=["stopped", "missing"])
def test_an_engine_that_builds_nothing_is_named(script: str | None, tmp_path: Path) -> None:
    name = engine(tmp_path, script) if script else str(tmp_path / "engine")
    with pytest.raises(NotDeployable, match="engine builds no images here"):
        check_engine(name, machine="aarch64")


def test_an_engine_that_builds_no_arm_images_is_named_with_what_is_missing(tmp_path: Path) -> None:
    emulator = tmp_path / "qemu-aarch64"
    with pytest.raises(NotDeployable, match="qemu-user-static"):
        check_engine(engine(tmp_path, ONLY_INTEL), machine="x86_64", emulator=emulator)
    check_engine(engine(tmp_path, ONLY_INTEL), machine="aarch64", emulator=emulator)
    check_engine(engine(tmp_path, BOTH), machine="x86_64", emulator=emulator)
    emulator.touch()
    check_engine(engine(tmp_path, ONLY_INTEL), machine="x86_64", emulator=emulator)
