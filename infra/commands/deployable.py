"""Checks what a deployment needs before it begins: `python -m infra.commands.deployable STAGE ENGINE`.

Ends with one line that says what is missing, and exit code 1.

ENGINE: the program that builds the gateway's image, as the CDK is told it (CDK_DOCKER, else docker).
"""

import argparse
import platform
import subprocess
import sys
from pathlib import Path

from infra.commands.account import NoAccount, sign_in
from infra.package import BUILT_LINK_PAGE, BUILT_OPERATOR_PAGE, ROOT
from infra.stages import UnknownStage, stage_of

_ARM = ("aarch64", "arm64")
_EMULATOR = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
_SECONDS = 60


class NotDeployable(Exception):
    """Says in one line what is missing, and what to do."""


def check_stage(name: str) -> None:
    """Refuses a stage that has example values. Raises UnknownStage, NotDeployable."""
    stage = stage_of(name)
    if examples := stage.examples():
        raise NotDeployable(f"{stage.name} still has example values in infra/stages.py: {', '.join(examples)}")


def check_page(name: str, root: Path = ROOT) -> None:
    """Refuses a stage whose pages are not built. Raises UnknownStage, NotDeployable."""
    pages = {BUILT_LINK_PAGE: "the page of payment links"}
    if stage_of(name).has_operator_page:
        pages[BUILT_OPERATOR_PAGE] = "the operators' page"
    for folder, page in pages.items():
        if not (root / folder / "index.html").exists():
            raise NotDeployable(f"{page} is not built: npm --prefix frontend run build")


def check_engine(engine: str, *, machine: str, emulator: Path = _EMULATOR) -> None:
    """Checks that the gateway's image, for ARM, can be built here. `machine`: the processor. Raises NotDeployable."""
    if _says(engine, "info") is None:
        raise NotDeployable(
            f"{engine} builds no images here: install and start Docker, or name another engine in CDK_DOCKER"
        )
    if machine in _ARM or emulator.exists() or "linux/arm64" in (_says(engine, "buildx", "inspect") or ""):
        return
    raise NotDeployable(
        "the gateway's image is for ARM, which this machine cannot build yet: "
        "sudo apt-get install qemu-user-static binfmt-support, once"
    )


def _says(*command: str) -> str | None:
    """Returns what a program printed; None where it is not there, failed, or did not end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.commands.deployable")
    parser.add_argument("stage")
    parser.add_argument("engine")
    options = parser.parse_args()
    try:
        check_stage(options.stage)
        sign_in()
        check_page(options.stage)
        check_engine(options.engine, machine=platform.machine())
    except (NoAccount, NotDeployable, UnknownStage) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
