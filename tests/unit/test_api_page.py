"""docs/api.md lists exactly the routes, the transitions and the order events that there are."""

import re

from chalicelib.domain.payment import TRANSITIONS, PaymentStatus
from tests import ROOT
from tests.harness.asyncapi import DOCUMENT as ASYNCAPI
from tests.harness.markdown import code, rows
from tests.harness.openapi import operations

PAGE = ROOT / "docs" / "api.md"


def test_its_routes_are_those_of_the_api() -> None:
    listed = [(method, code(path)) for method, path, *_ in rows(PAGE, "# The API")]
    assert sorted(listed) == sorted((operation.method, operation.path) for operation in operations())


def test_its_states_are_those_of_the_domain() -> None:
    named = {
        status: {PaymentStatus(word) for word in re.findall(r"[A-Z]{5,}", after)}
        for status, _, after in rows(PAGE, "## States")
    }
    assert named == TRANSITIONS


def test_its_order_events_are_those_that_are_announced() -> None:
    section = PAGE.read_text("utf-8").partition("## Order events")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(payment\.\w+)`", section)) == set(ASYNCAPI["channels"]["orders"]["messages"])
