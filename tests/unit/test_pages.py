"""Tests the documentation: its links work, and its lists are those of the code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.domain.contract import EVENTS_OF_STATUS, FOR_A_PERSON
from local.simulator.phone_numbers import _NUMBERS
from tests import ROOT

ROOT_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*ROOT_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yields each link's file and anchor; the anchor is empty where there is none."""
    for path, anchor in _LINK.findall(page.read_text("utf-8")):
        yield (page.parent / path if path else page), anchor


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target}#{anchor}"


def test_the_readme_leads_to_every_page() -> None:
    linked = {target.resolve() for target, _ in links(ROOT / "README.md")}
    assert {page for page in (ROOT / "docs").glob("*.*") if page.suffix in (".md", ".yaml")} <= linked


def test_the_readme_shows_the_events_of_a_payment_that_succeeds() -> None:
    shown = re.findall(r'^{"event":"([\w-]+)"', (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert shown == ["connected", *EVENTS_OF_STATUS["PENDING"], "ack", *EVENTS_OF_STATUS["SUCCESSFUL"]]


@pytest.mark.parametrize("kind", sorted(FOR_A_PERSON))
def test_operating_says_what_to_do_about_each_event_for_a_person(kind: str) -> None:
    assert f"`{kind}`" in (ROOT / "docs" / "operations.md").read_text("utf-8")


def test_the_simulators_numbers_are_listed() -> None:
    assert set(re.findall(r"\d{12}", (ROOT / "docs" / "simulator.md").read_text("utf-8"))) == set(_NUMBERS)
