"""Lets schemathesis draw calls from docs/openapi.yaml, valid ones and invalid ones, and hold the answers against it.

A call that would write has its caller's key only where its body breaks the document, so that it must be refused; every
other one has a key that nobody has.
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from gauntlet.inputs.bad_calls import ROUTES, Route, Target
from gauntlet.inputs.calls import Answer, Call, fault_of
from local.embedded import LOOPBACK

_DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
_CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
_NOBODY = "nobody-has-this-key"
ROUTE_OF: Mapping[tuple[str, str], Route] = {(route.method, route.path): route for route in ROUTES}


class SchemaCalls:
    """Makes the calls. `faults`: what was wrong with answers."""

    def __init__(self, port: int, target: Target, secrets: list[str]) -> None:
        self.made = 0
        self.faults: list[str] = []
        self._url = f"http://{LOOPBACK}:{port}"
        self._target, self._secrets = target, secrets
        self._session = requests.Session()
        self._session.trust_env = False

    def run(self, size: int, chance: random.Random) -> None:
        """Makes some `size` calls: of all operations, or of a few where there are not that many calls."""
        document = schemathesis.openapi.from_path(_DOCUMENT)
        found = [each.ok() for each in document.get_all_operations() if isinstance(each, Ok)]
        unknown = {(it.method.upper(), it.path) for it in found} ^ ROUTE_OF.keys()
        self.faults += [f"{each} is in the document or in the grammar alone" for each in sorted(unknown)]
        operations = chance.sample(found, min(len(found), max(1, size // 20)))
        for operation in operations:
            may_be_wrong = any((operation.path_parameters, operation.query, operation.body))
            for mode in GenerationMode if may_be_wrong else [GenerationMode.POSITIVE]:
                self._draw(operation, mode, max(1, size // len(operations) // 2), chance.randrange(2**32))
        self._session.close()

    def _draw(self, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, size: int, number: int) -> None:
        usual = settings(
            max_examples=size,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        )
        strategy = operation.as_strategy(generation_mode=mode)
        drawn: Callable[[], None] = seed(number)(usual(given(strategy)(self._call)))
        try:
            drawn()
        except Unsatisfiable:
            return  # whatever its one parameter is, the document allows it

    def _call(self, case: Case[Any]) -> None:
        route = ROUTE_OF[case.operation.method.upper(), case.operation.path]
        body = case.meta.components.get(ParameterLocation.BODY) if case.meta else None
        is_bad = body is not None and body.mode is GenerationMode.NEGATIVE
        if route.writes and not is_bad and route.by == "none" and route.method == "POST":
            return  # nobody's key would make it a call that is refused
        headers = {"X-Api-Key": _NOBODY}
        if not route.writes or is_bad:
            headers = dict([self._target.credentials[route.by]]) if route.by != "none" else {}
        response = case.call(self._url, self._session, headers)
        self.made += 1
        answer = Answer(response.status_code, response.headers.get("content-type", [""])[0], response.content)
        call = Call(route.method, case.formatted_path.encode(), [], str(case.body)[:200].encode())
        fault = fault_of(call, answer, may_succeed=not route.writes, secrets=self._secrets)
        if fault := fault or _breach(case, response):
            self.faults.append(f"{route.method} {route.path} {fault}; {call}")


def _breach(case: Case[Any], response: Any) -> str | None:
    """Says in what an answer differs from the document; None where it does not."""
    try:
        case.validate_response(response, checks=_CHECKS)
    except (Failure, FailureGroup) as failure:
        return " ".join(str(failure).split())[:500]
    return None
