"""Tests that the steps for a lost ledger can be read from the page, and that the gauntlet's row knows each of them."""

import shlex
from pathlib import Path

import pytest

from gauntlet.recovery import FIELDS, handler_of
from gauntlet.runbook import Block, Step, fields_of, read_steps, recipe
from infra.stages import Stage

PAGE = """
## Another section

1. **Not this.**

## To do

1. **Write** a field:

   ```diff
   +    prompts_paused=True,
   ```

2. **Run** it.

   ```sh
   make deploy STAGE=prod
   ```

## A third section

1. **Nor this.**
"""


def written(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text, "utf-8")
    return page


def test_the_steps_of_a_section_are_read_with_their_blocks(tmp_path: Path) -> None:
    write, run = read_steps(written(tmp_path, PAGE), "## To do")
    assert write == Step(1, "Write", [Block("diff", ["+    prompts_paused=True,"])])
    assert run == Step(2, "Run", [Block("sh", ["make deploy STAGE=prod"])])
    assert fields_of(write.blocks[0]) == {"prompts_paused": "True"}


@pytest.mark.parametrize(
    "text",
    [PAGE.replace("2. **Run**", "3. **Run**"), PAGE.replace("## To do", "## Done"), PAGE.replace("   ```", "```")],
)
def test_a_section_that_is_written_otherwise_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="## To do"):
        read_steps(written(tmp_path, text), "## To do")


def test_each_step_of_the_page_can_be_followed() -> None:
    blocks = [block for step in read_steps() for block in step.blocks]
    assert {block.language for block in blocks} == {"sh", "diff"}
    for block in blocks:
        if block.language == "diff":
            assert fields_of(block).keys() <= FIELDS & Stage.__dataclass_fields__.keys()
            continue
        for command in map(shlex.split, block.lines):
            handler_of(command)


def test_a_command_that_the_row_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="aws dynamodb delete-table"):
        handler_of(["aws", "dynamodb", "delete-table"])


def test_a_target_is_what_the_makefile_runs_for_it() -> None:
    command = recipe(["make", "recover", "FROM=2026-01-31T12:00"])
    assert command == ["python", "-m", "infra.commands.recover_payments", "2026-01-31T12:00", "", ""]
    with pytest.raises(ValueError, match="deploy"):
        recipe(["make", "deploy"])
