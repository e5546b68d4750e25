"""Names a release: the code of the functions with all the settings that they run with."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from infra.package import ROOT, Package
from infra.stages import Stage

ALIAS = "live"
"""The alias by which everything invokes a function."""
RELEASED = "released-"
"""Begins the name of the alias of a version that was deployed completely; the version's number follows."""
_DIGITS = 16


def release_of(stage: Stage, package: Package, root: Path = ROOT) -> str:
    """Returns a short hash of the zip, of the stage and of the files that make the template.

    A function that is to be published as a new version has to differ from the version before: Lambda refuses to
    publish it otherwise, and CloudFormation then rolls the deployment back. So whatever may change the template changes
    the release, and the release stands in each function's description.
    """
    digest = hashlib.sha256(f"{package.sha256} {stage!r}".encode())
    for file in _files_that_make_the_template(root):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:_DIGITS]


def _files_that_make_the_template(root: Path) -> Iterator[Path]:
    yield from sorted((root / "infra").glob("*.py"))
    yield from (root / name for name in ("infra/requirements.txt", "constraints.txt", ".chalice/config.json"))
