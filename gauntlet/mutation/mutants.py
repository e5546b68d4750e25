"""Changes the product's code, one small place at a time, in a copy of it, and says which changes no test notices.

mutmut makes the changes. It changes no function with a decorator, so that the copy writes a property in two lines: as
a function, and as the property of it. What stands outside of functions it leaves as it is: see `by_hand`.
"""

import ast
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

from gauntlet import ROOT

COPIED = ("app.py", "chalicelib", "docs", "gauntlet", "infra", "local", "socket_gateway", "tests", "pyproject.toml")
_NOT_COPIED = shutil.ignore_patterns("node_modules", "__pycache__", "*.out", "*.webp", "browser")
_PROPERTY = re.compile(r"    @property\n    def (\w+)(\(self\)[^\n]*:\n(?:(?:        [^\n]*)?\n)+)")
_NOT_CHANGED = (r"\b(log|metrics)\.\w+\(", r'\braise \w+\(f?"[^"]*"\)')
"""Lines that are left as they are: of the log and of metrics, since nothing that the service does depends on them; and
of errors with nothing but a text, since a caller acts on the kind of error and a developer reads the text."""
_KILLED = {"killed", "timeout", "segfault"}
_NEVER = "1000000"
"""Seconds after which mutmut ends a mutant's process: each test has a time limit of its own. mutmut signals the number
that the process had, also where it has ended long ago. By then the number may be that of a thread of another program,
such as of a row beside it, which the signal would end."""
_NAME = re.compile(r"(.+)\.x(?:_|ǁ(\w+)ǁ)(\w+)__mutmut_\d+")


@dataclass(frozen=True)
class Target:
    """Files whose functions are changed, and the tests that should notice it.

    `files`: patterns. `tests`: files. `left_out`: tests of these that take too long for what they would find, or
    read what is not copied. mutmut selects tests by their names, and pytest finds none whose name has a backslash.
    """

    name: str
    files: Sequence[str]
    tests: Sequence[str]
    left_out: Sequence[str] = ()


class MutmutFailed(Exception):
    """Raised where mutmut has ended early. It holds the end of what mutmut has printed."""


class Mutants:
    """The mutants of a target, in a folder of their own."""

    def __init__(self, target: Target, folder: Path) -> None:
        """Makes the mutants, and notes which tests reach them. Raises MutmutFailed where the tests fail as it is."""
        self._folder = folder
        self._log = folder / "mutmut.log"
        copy_product(folder)
        for pattern in target.files:
            for path in folder.glob(pattern):
                path.write_text(_PROPERTY.sub(_in_two_lines, path.read_text("utf-8")), "utf-8")
        (folder / "setup.cfg").write_text(_configuration(target), "utf-8")
        self._run("run", "none of them")  # mutmut tells the names only once it was asked to try some
        if not (folder / "mutants" / "mutmut-stats.json").exists():
            raise self._failure("the tests fail without a change")

    @property
    def names(self) -> Sequence[str]:
        return sorted(self._exit_codes())

    def survivors(self, names: Collection[str]) -> Mapping[str, str]:
        """Tries mutants; returns of those that no test has noticed what mutmut says, such as `no tests`.

        Raises MutmutFailed.
        """
        self._run("run", "--max-children", str(os.cpu_count()), *names)
        codes = self._exit_codes()
        if any(codes[name] is None for name in names):
            raise self._failure("mutmut has not tried every mutant")
        said = {name: status_by_exit_code[codes[name]] for name in names}
        return {name: status for name, status in said.items() if status not in _KILLED}

    def describe(self, name: str) -> str:
        """Returns the file and the line of a mutant, and the change."""
        module, owner, function = _parts(name)
        path = f"{module.replace('.', '/')}.py"
        with contextlib.chdir(self._folder):
            difference = get_diff_for_mutant(name, path=path)
        changed = [" ".join(line.split()) for line in difference.splitlines()[3:] if line[0] in "-+"]
        line = _line_of(ROOT / path, owner, function, changed[0][1:])
        return f"{path}:{line}: {' '.join(changed)}"

    def _failure(self, what: str) -> MutmutFailed:
        return MutmutFailed(f"{what}:\n{self._log.read_text('utf-8')[-4_000:]}")

    def _exit_codes(self) -> Mapping[str, int | None]:
        notes = (self._folder / "mutants").rglob("*.meta")
        return {name: code for note in notes for name, code in json.loads(note.read_text())["exit_code_by_key"].items()}

    def _run(self, *arguments: str) -> None:
        with self._log.open("ab") as log:
            running = subprocess.Popen(
                [sys.executable, "-m", "mutmut", *arguments],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                running.wait()
            finally:
                _end_session(running.pid)  # a mutant that mutmut has killed leaves its servers behind


def copy_product(folder: Path) -> None:
    """Copies all that the tests import."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=_NOT_COPIED)
        else:
            shutil.copy2(ROOT / name, folder / name)


def _in_two_lines(found: re.Match[str]) -> str:
    return f"    def _get_{found[1]}{found[2].rstrip()}\n    {found[1]} = property(_get_{found[1]})\n\n"


def _configuration(target: Target) -> str:
    pytest_options = ["-p", "gauntlet.mutation.pytest_plugin", "--hypothesis-profile=mutants", "-p", "no:cacheprovider"]
    deselected = [f"--deselect={test}" for test in target.left_out]
    settings = {
        "source_paths": ["chalicelib"],
        "only_mutate": target.files,
        "do_not_mutate_patterns": _NOT_CHANGED,
        "also_copy": COPIED,
        "pytest_add_cli_args": [*pytest_options, *deselected],
        "pytest_add_cli_args_test_selection": target.tests,
        "timeout_constant": [_NEVER],
        "use_git_change_detection": ["false"],
    }
    lines = (f"{name} =\n" + "".join(f"    {value}\n" for value in values) for name, values in settings.items())
    return "[mutmut]\n" + "".join(lines)


def _end_session(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _parts(name: str) -> tuple[str, str | None, str]:
    """Returns the module of a mutant, the class if there is one, and the function."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(name)
    return found[1], found[2], found[3].removeprefix("_get_")


def _line_of(path: Path, owner: str | None, function: str, text: str) -> int:
    """Returns the number of the line in a function that has a text, whatever its spaces are; else the function's."""
    source = path.read_text("utf-8")
    for node in _functions(ast.parse(source), owner):
        if node.name == function:
            lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
            texts = ["".join(line.split()) for line in lines]
            wanted = "".join(text.split())
            return node.lineno + (texts.index(wanted) if wanted in texts else 0)
    raise ValueError(function)


def _functions(module: ast.Module, owner: str | None) -> Iterator[ast.FunctionDef]:
    classes = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == owner]
    for node in (each for it in classes for each in it.body) if owner else module.body:
        if isinstance(node, ast.FunctionDef):
            yield node
