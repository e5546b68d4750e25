"""Tests docs/openapi.yaml: it is valid, and its routes, codes, fields and sentences are those of the code."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate as lint

import app as application
from chalicelib import operator_routes
from chalicelib.adapters.campay.client import Campay
from chalicelib.domain.attention import OF_DAYS, OF_PAYMENTS, Need
from chalicelib.domain.cause import Cause
from chalicelib.domain.comparison import KEPT, Kind
from chalicelib.domain.contract import PaymentEvent
from chalicelib.domain.errors import (
    LIMITS_OF_GATEWAY,
    SENTENCE_OF_LIMIT,
    CurrencyNotSupported,
    LimitReached,
    PaymentError,
)
from chalicelib.domain.operator_actions import OperatorAction
from chalicelib.domain.payment import TRANSITIONS, PaymentStatus
from chalicelib.domain.payment_search import SearchField
from chalicelib.domain.provider import RecordStatus
from chalicelib.flows.attention import MOST_COUNTED, MOST_SHOWN
from chalicelib.flows.compared_days import LOOKED_BACK
from chalicelib.flows.payment_story import MOST_ATTEMPTS
from chalicelib.flows.search_payments import MOST_FOUND
from chalicelib.web.event_query import MOST_EVENTS
from chalicelib.web.requests import MAXIMUM_AMOUNT, SIMULATED_NUMBERS
from infra.gateway_responses import gateway_responses
from tests.harness.asyncapi import DOCUMENT as ASYNCAPI
from tests.harness.openapi import DOCUMENT, examples_of, operations, resolved, validate

COMPONENTS: dict[str, Any] = DOCUMENT["components"]
SCHEMAS: dict[str, Any] = COMPONENTS["schemas"]


def errors() -> Iterator[PaymentError]:
    """Yields one error of each code that the API may answer."""
    yield PaymentError()
    yield from (LimitReached(code, 1) for code in SENTENCE_OF_LIMIT if code not in LIMITS_OF_GATEWAY)
    kinds = PaymentError.__subclasses__()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if "code" in vars(kind):
            yield CurrencyNotSupported(Campay.currencies) if kind is CurrencyNotSupported else kind()


ERRORS = {error.code: error for error in errors()}
PROBLEM_MEDIA = [
    pytest.param(said["content"]["application/problem+json"], id=name)
    for name, said in COMPONENTS["responses"].items()
    if "application/problem+json" in said["content"] and name != "AtTheEdge"
]


def test_it_is_a_sound_openapi_document() -> None:
    lint(DOCUMENT)


def test_its_operations_are_the_routes_of_the_app() -> None:
    routes = {(method, path) for path, methods in application.app.routes.items() for method in methods}
    assert {(it.method, it.path) for it in operations()} == routes


FOR_BROWSERS = {"current", "initiate", "status", "tracking", "give_up", "health"}
FOR_THE_OPERATORS_PAGE = {
    "analytics",
    "attention",
    "comparisons",
    "connections",
    "history",
    "operate",
    "payment_story",
    "search_payments",
    "session",
    "sign_comparison",
    "sign_in",
    "sign_out",
}
NOT_FOR_BROWSERS = {"webhook", "simulate", "order_events", "make_link", "cancel_link"}
FOR_THE_API_ITSELF = {"operators_page", "addresses_of_page", "asset_of_page", "link", "page_of_link"}
"""Read by browsers at the API's own origin."""


def test_pages_of_the_shop_may_call_what_is_for_browsers_and_nothing_else() -> None:
    """A new route belongs to one of them: without CORS no page could call it, with it every page could try."""
    entries = [entry for methods in application.app.routes.values() for entry in methods.values()]
    assert {entry.view_name for entry in entries if entry.cors == application.cors} == FOR_BROWSERS
    assert {entry.view_name for entry in entries if entry.cors == operator_routes.cors} == FOR_THE_OPERATORS_PAGE
    assert {entry.view_name for entry in entries if not entry.cors} == NOT_FOR_BROWSERS | FOR_THE_API_ITSELF


def test_its_codes_are_those_of_the_error_tree() -> None:
    assert sorted(SCHEMAS["ProblemCode"]["enum"]) == sorted(ERRORS)


def test_every_code_may_come_from_somewhere() -> None:
    answered: set[str] = set()
    for name, said in COMPONENTS["responses"].items():
        used = name == "MethodNotAllowed" or f"#/components/responses/{name}" in str(DOCUMENT["paths"])
        assert used, f"no operation answers {name}"
        answered |= codes_of(said)
    assert answered == set(ERRORS)


@pytest.mark.parametrize("code", ERRORS)
def test_the_example_of_a_problem_is_what_the_api_says(code: str) -> None:
    example, error = COMPONENTS["examples"][code]["value"], ERRORS[code]
    assert (example["type"], example["code"]) == (f"urn:braidster-payments:{code}", code)
    assert (example["status"], example["title"]) == (error.http_status, HTTPStatus(error.http_status).phrase)
    assert (example["detail"], example["retryable"]) == (error.sentence["en"], error.retryable)


@pytest.mark.parametrize("media", PROBLEM_MEDIA)
def test_a_problem_response_has_an_example_of_each_code_that_it_takes(media: dict[str, Any]) -> None:
    examples = examples_of(media)
    for example in examples:
        validate(example, media["schema"], closed=True)
    assert {example["code"] for example in examples} == set(media["schema"]["allOf"][1]["properties"]["code"]["enum"])


def test_every_other_example_passes_its_schema() -> None:
    shown = 0
    for operation in operations():
        for said in operation.content["responses"].values():
            shown += examples_pass(resolved(said), closed=True)
        shown += examples_pass(operation.content.get("requestBody", {}), closed=False)
        for parameter in operation.parameters:
            validate(parameter["example"], parameter["schema"])
    assert shown > 20


def test_limits_and_words_are_those_of_the_code() -> None:
    assert SCHEMAS["PaymentStatus"]["enum"] == [status.value for status in PaymentStatus]
    assert SCHEMAS["Simulation"]["properties"]["outcome"]["enum"] == list(SIMULATED_NUMBERS)
    assert SCHEMAS["Amount"]["maximum"] == MAXIMUM_AMOUNT
    assert list(SCHEMAS["PaymentSearch"]["properties"]) == list(SearchField)
    assert SCHEMAS["FoundPayments"]["properties"]["payments"]["maxItems"] == MOST_FOUND
    assert list(SCHEMAS["ComparedDay"]["properties"]["findings"]["properties"]) == list(Kind)
    assert SCHEMAS["Findings"]["properties"]["found"]["maxItems"] == KEPT
    assert SCHEMAS["ListedOrderEvent"]["properties"]["type"]["enum"] == list(ASYNCAPI["channels"]["orders"]["messages"])
    assert SCHEMAS["OrderEventPage"]["properties"]["events"]["maxItems"] == MOST_EVENTS + 1


def test_the_words_of_a_story_are_those_of_the_code() -> None:
    story, version, record = (SCHEMAS[it] for it in ("PaymentStory", "PaymentVersion", "ProviderRecord"))
    assert story["properties"]["actions"]["items"]["enum"] == list(OperatorAction)
    assert set(story["properties"]["resolutions"]["items"]["enum"]) == TRANSITIONS[PaymentStatus.CONFLICTED]
    named = re.findall(r"`([^`]+)`", version["properties"]["cause"]["description"])
    assert set(named) == set(Cause)
    assert record["properties"]["status"]["enum"] == list(RecordStatus)
    assert SCHEMAS["OrderStory"]["properties"]["attempts"]["maxItems"] == MOST_ATTEMPTS


def test_the_kinds_and_bounds_of_what_needs_a_person_are_those_of_the_code() -> None:
    listed, item = SCHEMAS["Attention"]["properties"], SCHEMAS["AttentionItem"]["properties"]
    counts = listed["counts"]
    assert counts["required"] == list(counts["properties"]) == list(Need)
    assert item["kind"]["enum"] == list(OF_PAYMENTS)
    most = {name: it["maximum"] for name, it in counts["properties"].items()}
    assert [most.pop(kind) for kind in OF_DAYS] == [LOOKED_BACK] * len(OF_DAYS)
    assert set(most.values()) == {MOST_COUNTED}
    assert listed["days"]["maxItems"] == LOOKED_BACK * len(OF_DAYS)
    assert listed["days"]["items"]["properties"]["kind"]["enum"] == list(OF_DAYS)
    assert listed["items"]["maxItems"] == len(OF_PAYMENTS) * MOST_SHOWN
    assert f"the {MOST_SHOWN} that have waited longest" in listed["items"]["description"]
    assert item["actions"]["items"]["enum"] == list(OperatorAction)


def test_the_payment_is_the_one_of_the_events() -> None:
    assert SCHEMAS["PaymentEvent"] == ASYNCAPI["components"]["schemas"]["PaymentEvent"]
    assert set(SCHEMAS["PaymentEvent"]["required"]) == set(PaymentEvent.__annotations__)


@pytest.mark.parametrize("name", gateway_responses("https://shop.example"))
def test_what_api_gateway_answers_itself_is_a_problem_too(name: str) -> None:
    answer = gateway_responses("https://shop.example")[name]
    problem = yaml.safe_load(answer["responseTemplates"]["application/json"])
    validate(problem, SCHEMAS["Problem"], closed=True)
    said = COMPONENTS["responses"]["AtTheEdge"]["description"]
    assert f"`{problem['code']}`" in said
    assert answer["statusCode"] in said


def codes_of(said: dict[str, Any]) -> set[str]:
    schema = said["content"].get("application/problem+json", {}).get("schema", {})
    return {code for part in schema.get("allOf", [])[1:] for code in part["properties"]["code"]["enum"]}


def examples_pass(part: dict[str, Any], *, closed: bool) -> int:
    """Validates all examples in a part; returns their number."""
    examples = [(each, media["schema"]) for media in part.get("content", {}).values() for each in examples_of(media)]
    for example, schema in examples:
        validate(example, schema, closed=closed)
    return len(examples)
