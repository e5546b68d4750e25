"""What customers read in French is set as French is: ’ and no-break spaces, everywhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

SAID_BY_THE_SERVICE = [ROOT / "chalicelib" / "domain" / name for name in ("customer_message.py", "errors.py")]
SHOWN_BY_PAGES = sorted(
    path
    for folder in ("src", "operator", "payment-test")
    for path in (ROOT / "frontend" / folder).rglob("*.ts*")
    if ".test." not in path.name
)
AMISS = re.compile(r"\w'\w|\w [;:?!]|\.\.\.")
"""A typewriter's apostrophe, a space at which the line may break before a double mark, three dots for an ellipsis."""
ACCENTED = re.compile(r"[éèàêçùôîâœÉÀ’]")


def french(path: Path) -> Iterator[str]:
    """Yields the literal strings of a file that are French by their accents, and those that are marked as French."""
    text = path.read_text()
    yield from re.findall(r'"fr": "([^"]+)"', text)
    for _, literal in re.findall(r"([\"`])((?:(?!\1).)*)\1", re.sub(r"/\*.*?\*/|//.*", "", text, flags=re.S)):
        code_left_out = re.sub(r"\$\{[^}]*\}", "", literal)
        if ACCENTED.search(code_left_out):
            yield code_left_out


@pytest.mark.parametrize("path", [*SAID_BY_THE_SERVICE, *SHOWN_BY_PAGES], ids=lambda path: path.name)
def test_each_sentence_is_set_as_french_is(path: Path) -> None:
    amiss = [sentence for sentence in french(path) if AMISS.search(sentence)]
    assert not amiss


def test_sentences_are_found() -> None:
    found = [len(list(french(path))) for path in (*SAID_BY_THE_SERVICE, *SHOWN_BY_PAGES)]
    assert min(found[: len(SAID_BY_THE_SERVICE)]) > 10
    assert sum(found) > 300
