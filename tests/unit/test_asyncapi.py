"""Tests docs/asyncapi.yaml: the golden payloads are valid, and its names are those of the contract."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from chalicelib.domain.contract import EVENTS_OF_STATUS, PaymentEvent
from chalicelib.domain.errors import LIMITS_OF_GATEWAY, InvalidRequest, InvalidToken, PaymentError
from socket_gateway.asgi_http import body_of
from socket_gateway.refusals import STATUS_OF_REFUSAL, Refusal
from tests import ROOT
from tests.harness.asyncapi import DOCUMENT, validator

GOLDEN = ROOT / "tests" / "contract"
PAYMENTS: dict[str, Any] = json.loads((GOLDEN / "payment-events.json").read_text("utf-8"))
ORDER_EVENT: dict[str, Any] = json.loads((GOLDEN / "order-event.json").read_text("utf-8"))
NAMES: dict[str, Any] = json.loads((GOLDEN / "names.json").read_text("utf-8"))


@pytest.mark.parametrize("case", PAYMENTS)
def test_each_golden_payment_event_passes(case: str) -> None:
    validator("PaymentEvent").validate(PAYMENTS[case]["event"])


def test_the_golden_order_event_passes() -> None:
    validator("OrderEvent").validate(ORDER_EVENT["detail"])
    assert not validator("OrderEvent").is_valid(PAYMENTS["pending"]["event"]), "without its id it is none"


@pytest.mark.parametrize("field", PaymentEvent.__annotations__)
def test_each_field_is_required_and_of_its_type(field: str) -> None:
    event = dict(PAYMENTS["pending"]["event"])
    assert not validator("PaymentEvent").is_valid({**event, field: {}})
    del event[field]
    assert not validator("PaymentEvent").is_valid(event)


def test_its_fields_and_messages_are_those_of_the_contract() -> None:
    schema = DOCUMENT["components"]["schemas"]["PaymentEvent"]
    assert set(schema["properties"]) == set(schema["required"]) == set(PaymentEvent.__annotations__)
    assert set(DOCUMENT["channels"]["payment"]["messages"]) == set(NAMES["events"].values())
    assert set(DOCUMENT["channels"]["operators"]["messages"]) == {NAMES["ofOperators"]["PAYMENTS_CHANGED"]}
    assert DOCUMENT["channels"]["operators"]["address"] == NAMES["ofOperators"]["OPERATOR_NAMESPACE"]
    announced = {kind for case in PAYMENTS.values() for kind in case["orderEventTypes"]}
    assert set(DOCUMENT["channels"]["orders"]["messages"]) == announced


def test_each_event_names_the_statuses_that_it_is_sent_for() -> None:
    messages = DOCUMENT["components"]["messages"]
    named = {name: set(said["x-statuses"]) for name, said in messages.items() if "x-statuses" in said}
    sent: dict[str, set[str]] = {}
    for status, events in EVENTS_OF_STATUS.items():
        for event in events:
            sent.setdefault(event, set()).add(status)
    assert named == sent


def test_its_codes_are_those_of_the_gateway() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["RefusedRequest"]["properties"]["code"]["enum"] == [refusal.value for refusal in Refusal]
    for refusal in Refusal:
        validator("RefusedRequest").validate(json.loads(body_of(refusal)))
    statuses = set(STATUS_OF_REFUSAL.values())
    assert schemas["RefusedRequest"]["properties"]["status"]["enum"] == sorted(status.value for status in statuses)
    on_connection = {error.code for error in (InvalidRequest, InvalidToken, PaymentError)} | LIMITS_OF_GATEWAY
    assert set(schemas["RefusedEvent"]["properties"]["code"]["enum"]) == on_connection


def test_it_is_a_sound_asyncapi_document() -> None:
    """The document is valid by AsyncAPI's own schema, from npm's @asyncapi/specs."""
    schema = ROOT / "frontend" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    Draft7Validator(json.loads(schema.read_text("utf-8"))).validate(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(inner)
