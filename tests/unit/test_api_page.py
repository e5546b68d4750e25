"""docs/api.md lists exactly the routes of docs/openapi.yaml, and the transitions of the domain."""

import re

from chalicelib.domain.payment import TRANSITIONS, PaymentStatus
from tests import ROOT
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
