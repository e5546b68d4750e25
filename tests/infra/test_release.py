"""Tests that a release has another name whenever the functions or the template may differ."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from infra.package import Package
from infra.release import release_of
from infra.stages import DEV, PROD
from tests import ROOT

PACKAGE = Package(Path("payments-api.zip"), "0" * 64, 1, "python3.11")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Copies what makes the template."""
    for name in ("infra", ".chalice"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("cdk.out", "__pycache__", "commands")
        )
    shutil.copyfile(ROOT / "constraints.txt", tmp_path / "constraints.txt")
    return tmp_path


def test_a_release_is_the_same_from_every_clone(clone: Path) -> None:
    assert release_of(DEV, PACKAGE) == release_of(DEV, PACKAGE, clone)


def test_other_code_or_another_setting_is_another_release() -> None:
    releases = {
        release_of(DEV, PACKAGE),
        release_of(PROD, PACKAGE),
        release_of(DEV, replace(PACKAGE, sha256="1" * 64)),
        release_of(replace(DEV, api=replace(DEV.api, concurrency=81)), PACKAGE),
    }
    assert len(releases) == 4


@pytest.mark.parametrize("name", ["infra/payments_api.py", ".chalice/config.json", "infra/requirements.txt"])
def test_whatever_makes_the_template_makes_the_release(clone: Path, name: str) -> None:
    """A changed infrastructure may give the functions other settings, such as the address of a Redis that is new."""
    with (clone / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert release_of(DEV, PACKAGE, clone) != release_of(DEV, PACKAGE)
