"""Defines what the tests in a browser share."""

from collections.abc import Iterator

import pytest

from tests.harness.browser import Chromium, Order
from tests.harness.stack import Stack


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture
def order(stack: Stack) -> Order:
    """Makes an order of the system that the test's file runs."""
    return Order(stack)
