"""Defines what the tests in a browser share."""

from collections.abc import Iterator

import pytest

from tests.harness.browser import Chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser
