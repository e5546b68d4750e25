"""Reads the tables and the code of a Markdown document."""

import re
from pathlib import Path


def rows(document: Path, heading: str) -> list[list[str]]:
    """Returns the cells of each row of the only table under `heading`, without the header."""
    section = f"\n{document.read_text('utf-8')}".partition(f"\n{heading}\n")[2]
    lines = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("|")]
    assert lines, f"there is no table under {heading} in {document.name}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def code(cell: str) -> str:
    """Returns the text of a cell that is formatted as code."""
    return cell.strip("| `")


def blocks(text: str, language: str) -> list[str]:
    """Returns the blocks of code in a language, without the indentation of a list's item."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indentation}", "", block, flags=re.MULTILINE) for indentation, block in found]
