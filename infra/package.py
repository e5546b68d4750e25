"""Builds the Lambda zip, the same to the last byte from every clone.

`chalice package` decides what is in it: `app.py`, `chalicelib/`, what `requirements.txt` names, and its own runtime.
It is given `requirements.lock` in its place, so that a package is refused whose hash is another one; and pure wheels
only, so that one zip fits both of Lambda's processors. Added here are the operators' page and
that of payment links, as vite has built them, and bytecode: Lambda's /var/task cannot be written to, so that without
it each cold start would compile every module again.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
NAME = "payments-api.zip"
RUNTIME = "python3.11"
"""The functions' Python, whatever Python deploys them: Debian 12's, the oldest that the product runs on. Raising it is
a change like any other, tested before it is deployed.
"""
LAMBDA_TASK_ROOT = "/var/task"
OPERATOR_PAGE = "operator_page"
"""The folder of the operators' page in the zip, and so of each function's working directory."""
LINK_PAGE = "link_page"
"""The same of the page of payment links."""
BUILT_OPERATOR_PAGE, BUILT_LINK_PAGE = "frontend/dist-operator", "frontend/dist-hosted"

LOCK = "requirements.lock"
_PRODUCT = ("app.py", "chalicelib", LOCK, ".chalice/config.json")
_PACKAGER = {
    "PIP_REQUIRE_HASHES": "1",
    "PIP_PLATFORM": "any",
    "PIP_ONLY_BINARY": ":all:",
    "PYTHONDONTWRITEBYTECODE": "1",
    "AWS_DEFAULT_REGION": "eu-west-1",  # chalice wants one, and nothing in the zip depends on it
}
_NEVER_INSIDE = ("boto3", "botocore", "pip", "setuptools", "cryptography", "chalice/cli")
_EARLIEST_OF_A_ZIP = (1980, 1, 1, 0, 0, 0)


class PackagingFailed(Exception):
    """Says why in one line."""


@dataclass(frozen=True, slots=True)
class Package:
    """A built zip. `runtime`: Lambda's name of the Python that its bytecode is for; `size` in bytes."""

    path: Path
    sha256: str
    size: int
    runtime: str


def build(output_dir: Path, root: Path = ROOT) -> Package:
    """Builds the zip from the tracked files of the clone at `root`. Raises PackagingFailed."""
    interpreter = runtime_python()
    with TemporaryDirectory() as scratch:
        project, contents = Path(scratch, "project"), Path(scratch, "contents")
        _copy_product(root, project)
        _unpack_chalice_package(project, contents)
        _refuse_what_does_not_belong(contents)
        for built, name in ((BUILT_OPERATOR_PAGE, OPERATOR_PAGE), (BUILT_LINK_PAGE, LINK_PAGE)):
            if (root / built).exists():
                shutil.copytree(root / built, contents / name)
        _compile(contents, interpreter)
        output_dir.mkdir(parents=True, exist_ok=True)
        path = output_dir / NAME
        _zip(contents, path)
    return Package(path, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, RUNTIME)


def runtime_python(runtime: str = RUNTIME) -> str:
    """Finds the interpreter that makes the functions' bytecode. Raises PackagingFailed."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = sys.executable if runtime == own else shutil.which(runtime)
    if interpreter and subprocess.run([interpreter, "-c", ""], check=False, capture_output=True).returncode == 0:
        return interpreter
    raise PackagingFailed(f"packaging needs {runtime}, the functions' runtime, on the PATH; this is {own}")


def _copy_product(root: Path, project: Path) -> None:
    """Copies the files that git tracks, as they are in the work tree: no cache and no stray file gets to Lambda."""
    for name in _run(["git", "ls-files", "-z", "--", *_PRODUCT], root).split("\0"):
        if name:
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, project / name)
    (project / LOCK).rename(project / "requirements.txt")


def _unpack_chalice_package(project: Path, contents: Path) -> None:
    variables = [f"{name}={value}" for name, value in _PACKAGER.items()]
    chalice = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"]
    said = _run(["env", *variables, *chalice, "package", "packaged"], project)
    if "Could not install dependencies" in said:  # chalice goes on without them
        raise PackagingFailed(" ".join(said.split()))
    with zipfile.ZipFile(project / "packaged" / "deployment.zip") as packaged:
        packaged.extractall(contents)


def _refuse_what_does_not_belong(contents: Path) -> None:
    """Raises PackagingFailed where the zip has a package that Lambda brings, or machine code for one processor."""
    unexpected = [name for name in _NEVER_INSIDE if (contents / name).exists()]
    unexpected += [str(path.relative_to(contents)) for path in contents.rglob("*.so*")]
    if unexpected:
        raise PackagingFailed(f"not to be in the zip: {', '.join(sorted(unexpected))}")


def _compile(contents: Path, interpreter: str) -> None:
    """Adds bytecode that is not checked against its source at run time, so that no file's time is in it."""
    where = ["-s", str(contents), "-p", LAMBDA_TASK_ROOT]
    command = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *where, str(contents)]
    _run(["env", "PYTHONHASHSEED=0", interpreter, "-s", *command], contents)


def _zip(contents: Path, path: Path) -> None:
    files = sorted(file for file in contents.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(contents).as_posix(), _EARLIEST_OF_A_ZIP)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # Unix, also where it is built on another
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes(), compresslevel=9)


def _run(command: list[str], folder: Path) -> str:
    """Runs a command and returns its standard output. Raises PackagingFailed."""
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        told = [line.partition("ERROR: ")[2] for line in lines if "ERROR: " in line] or lines[-1:]
        raise PackagingFailed(f"{Path(command[0]).name} ended with {done.returncode}: {' '.join(told)}")
    return done.stdout
