"""Tests every picture of the form and the tracker in a real Chromium: it fits the screen, is accessible, and is saved.

The screenshots are written to frontend/screenshots/, which is not committed.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from chalicelib.domain.failure import FailureCode
from tests import ROOT
from tests.harness.browser import AXE, SMALL_PHONE, TOO_WIDE, Chromium
from tests.harness.folder_server import serving
from tests.harness.stack import NODE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FRONTEND = ROOT / "frontend"
SCREENSHOTS = FRONTEND / "screenshots"
WIDTHS = (180, 320, 360, 1440)
"""The first is a phone of 360 pixels at a zoom of 200 %."""
SAVED = (360, 1440)
THEMES = ("light", "dark")
LOCALES = ("fr", "en")
SHORTEST_TOUCH_PX = 24
"""Minimum target size of WCAG 2.2; the tracker's own buttons are larger."""

_AXE = "axe.run(document)"
_AMOUNT_ENDS_AT = "document.querySelector('.bp-amount')?.getBoundingClientRect().bottom ?? 0"
_SMALL_TARGETS = """(shortest) => [...document.querySelectorAll("button, a")]
  .filter((each) => Math.min(each.getBoundingClientRect().width, each.getBoundingClientRect().height) < shortest)
  .map((each) => each.textContent)"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serves the page that shows every picture; yields its URL."""
    folder = tmp_path_factory.mktemp("gallery")
    vite = FRONTEND / "node_modules" / "vite" / "bin" / "vite.js"
    command = [NODE, str(vite), "build", "gallery", "--outDir", str(folder), "--emptyOutDir", "--logLevel", "error"]
    subprocess.run(command, cwd=FRONTEND, check=True, timeout=60)
    with serving(folder) as origin:
        yield f"{origin}/"


@pytest.fixture(scope="module")
def page(gallery: str) -> Iterator[Page]:
    with Chromium() as chromium, chromium.customer(gallery) as customer:
        page = customer.prepare().page
        page.emulate_media(reduced_motion="reduce")
        yield page


@pytest.fixture(scope="module")
def names(page: Page, gallery: str) -> list[str]:
    page.goto(gallery)
    page.wait_for_selector("figcaption a")
    return page.locator("figcaption a").all_inner_texts()


def show(page: Page, gallery: str, name: str, theme: str, locale: str) -> None:
    page.goto(f"{gallery}?picture={name}&theme={theme}&locale={locale}")
    page.wait_for_selector(".bp-tracker, .bp-form")


def test_the_gallery_has_every_picture_of_the_tracker(names: list[str]) -> None:
    source = (FRONTEND / "src" / "components" / "payment" / "paymentPicture.ts").read_text("utf-8")
    pictures = {name.partition("_")[0] for name in names}
    assert len([name for name in pictures if f'"{name}"' in source]) == 16
    assert {f"failed_{code}" for code in FailureCode} <= set(names)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_picture_fits_and_is_accessible(
    page: Page, gallery: str, names: list[str], theme: str, locale: str
) -> None:
    faults: list[str] = []
    for name in names:
        show(page, gallery, name, theme, locale)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            where = f"{name} {width} px {theme} {locale}"
            if page.evaluate(TOO_WIDE):
                faults.append(f"{where}: scrolls sideways")
            faults += [f"{where}: too small to touch: {it}" for it in page.evaluate(_SMALL_TARGETS, SHORTEST_TOUCH_PX)]
            if width in SAVED:
                page.screenshot(path=screenshot_of(name, width, theme, locale), full_page=True)
        page.evaluate(AXE)
        violations: list[dict[str, Any]] = page.evaluate(_AXE)["violations"]
        faults += [f"{name} {theme} {locale}: {it['id']}: {it['help']}" for it in violations]
    assert faults == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("locale", LOCALES)
def test_a_wrong_number_is_accessible(page: Page, gallery: str, theme: str, locale: str) -> None:
    page.set_viewport_size(SMALL_PHONE)
    show(page, gallery, "form", theme, locale)
    page.click(".bp-pay")
    page.wait_for_selector(".bp-wrong")
    page.screenshot(path=screenshot_of("formWrong", SMALL_PHONE["width"], theme, locale), full_page=True)
    page.evaluate(AXE)
    assert page.evaluate(_AXE)["violations"] == []


def test_the_amount_is_above_the_fold_of_a_small_phone(page: Page, gallery: str, names: list[str]) -> None:
    page.set_viewport_size(SMALL_PHONE)
    below: list[str] = []
    for name in names:
        show(page, gallery, name, "light", "fr")
        if page.evaluate(_AMOUNT_ENDS_AT) > SMALL_PHONE["height"]:
            below.append(name)
    assert below == []


def screenshot_of(name: str, width: int, theme: str, locale: str) -> Path:
    folder = SCREENSHOTS / f"{locale}-{theme}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}-{width}.png"
