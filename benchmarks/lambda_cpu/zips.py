"""Unpacks what is compared, as Lambda would have it: this work tree, another commit, and the peer."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.package import ROOT, build, runtime_python
from tests.harness.lambda_runtime import unpack

_PEER = Path(__file__).parent / "peer"


def of_tree(root: Path, folder: Path) -> Path:
    """Builds the zip of a work tree and unpacks it. Returns the task root."""
    return unpack(build(folder / "zip", root).path, folder / "task")


def of_commit(commit: str, folder: Path) -> Path:
    """Builds the zip of a commit, in a work tree that is removed again. Returns the task root."""
    with _work_tree(commit, folder / "tree") as tree:
        return of_tree(tree, folder)


def of_peer(folder: Path) -> Path:
    """Installs FastAPI, Mangum and the usual clients, and compiles them. Returns the task root."""
    task_root = folder / "task"
    wanted = ["-r", str(_PEER / "requirements.txt")]
    pip = [sys.executable, "-m", "pip", "--python", runtime_python(), "install", "-qq", "--no-compile"]
    constraints = ["-c", str(ROOT / "constraints.txt"), "--disable-pip-version-check", "--no-warn-script-location"]
    subprocess.run([*pip, *constraints, "--target", str(task_root), *wanted], check=True)
    (task_root / "fastapi_app.py").write_bytes((_PEER / "fastapi_app.py").read_bytes())
    compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(task_root)]
    subprocess.run([runtime_python(), "-s", *compile_all], check=True)
    return task_root


@contextmanager
def _work_tree(commit: str, path: Path) -> Iterator[Path]:
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "-q", "--detach", str(path), commit], check=True)
    try:
        yield path
    finally:
        subprocess.run([*git, "remove", "--force", str(path)], check=True)
