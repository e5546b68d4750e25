"""Runs the project's commands as `make` does, on the last `make run` whose folder they are given."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests import ROOT

Done = subprocess.CompletedProcess[str]


def arguments_of(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def variables_of(place: Path, **more: str) -> dict[str, str]:
    """Returns the environment of a command. `place`: the folder of the last run."""
    return {"PATH": os.environ["PATH"], "RUN_DIR": str(place), **more}


def command_of(module: str) -> Callable[..., Done]:
    """Returns what runs a command to its end: with the folder of the last run, its arguments, and variables."""

    def run(place: Path, *arguments: str, **more: str) -> Done:
        given, variables = arguments_of(module, *arguments), variables_of(place, **more)
        return subprocess.run(given, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=50, check=False)

    return run


def keep_run(place: Path, **known: str) -> Path:
    """Writes what a `make run` keeps of itself into its folder, and returns the folder."""
    (place / "ledger.json").write_text(json.dumps(known), "utf-8")
    return place
