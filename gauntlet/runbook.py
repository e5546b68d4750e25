"""Reads the numbered steps of a section of a page, and the commands in their blocks of code."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gauntlet import ROOT

PAGE, SECTION = ROOT / "docs" / "operations.md", "## The ledger has to be restored"
_STEP = re.compile(r"([0-9]+)\. \*\*(.+?)\*\*")
_INDENT = "   "


@dataclass(frozen=True)
class Block:
    """A block of code. `language`: `sh`, or `diff` for what is written into infra/stages.py."""

    language: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Step:
    """A numbered step: its first words, and its blocks in their order."""

    number: int
    title: str
    blocks: Sequence[Block]


def read_steps(page: Path = PAGE, section: str = SECTION) -> list[Step]:
    """Returns the steps of a section, which must be numbered from 1. Raises ValueError."""
    _, _, text = page.read_text("utf-8").partition(f"{section}\n")
    steps: list[Step] = []
    blocks: list[Block] = []
    lines = iter(text.partition("\n## ")[0].splitlines())
    for line in lines:
        if found := _STEP.match(line):
            blocks = []
            steps.append(Step(int(found[1]), found[2], blocks))
        elif line.startswith(f"{_INDENT}```"):
            blocks.append(Block(line.removeprefix(f"{_INDENT}```"), list(_until_end(lines))))
        elif line.startswith("```"):
            raise ValueError(f"{section} has a block that belongs to no step")
    if not steps or [it.number for it in steps] != list(range(1, len(steps) + 1)):
        raise ValueError(f"{section} has no steps that are numbered from 1")
    return steps


def _until_end(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith(f"{_INDENT}```"):
            return
        yield line.removeprefix(_INDENT)


def fields_of(block: Block) -> Mapping[str, str]:
    """Returns the fields of infra/stages.py that a block sets, each with its value as it is written."""
    return dict(line.removeprefix("+").strip().removesuffix(",").split("=", 1) for line in block.lines)


def recipe(command: Sequence[str]) -> list[str]:
    """Returns what `make` runs for a target and its variables, without what it needs to be there first.

    Raises ValueError where the Makefile has no such target, or no recipe of one line.
    """
    target, *given = command[1:]
    variables = {"PY": "python", **dict(it.split("=", 1) for it in given)}
    text = (ROOT / "Makefile").read_text("utf-8")
    found = re.search(rf"^{re.escape(target)}:.*\n\t@(.+)\n(?!\t)", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"make has no {target} of one line")
    line = re.sub(r"\$\((\w+)\)", lambda it: variables.get(it[1], ""), found[1])
    return shlex.split(line)
