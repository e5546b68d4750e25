"""docs/security.md names tests that exist, has every chapter of the standard, and says of each line how it stands."""

import ast
import re

from tests import ROOT
from tests.harness.markdown import rows

PAGE = ROOT / "docs" / "security.md"
TEXT = PAGE.read_text("utf-8")
STATES = re.compile(r"met|\bin part\b|not applicable|not shown|any number")


def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {it.name for it in ast.walk(tree) if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_that_it_names_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT))
    assert len(named) == len(set(re.findall(r"[\w/]+\.py::\w*", TEXT))), "one is not written as the others are"
    missing = {f"{path}::{name}" for path, name in named if name not in functions_of(path)}
    assert named
    assert not missing


def test_each_abuse_names_what_holds_it_and_a_test() -> None:
    for abuse, holds, shown, *_ in rows(PAGE, "## Abuse"):
        assert holds, abuse
        assert "::test_" in shown, abuse


def test_each_chapter_of_the_standard_is_there_and_each_line_says_how_it_stands() -> None:
    chapters = re.findall(r"^### V(\d+) .+\n\n((?:.+\n)+)", TEXT, re.MULTILINE)
    assert [int(number) for number, _ in chapters] == [*range(1, 18)]
    for number, text in chapters:
        lines = text.splitlines()
        states = [line.split(" | ")[2] for line in lines[2:]] if lines[0].startswith("|") else [text]
        assert states
        assert all(STATES.search(state.lower()) for state in states), f"V{number}"
