"""Validates what the gateway sends against docs/asyncapi.yaml."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text("utf-8"))
_MESSAGES: Mapping[str, Any] = DOCUMENT["components"]["messages"]


def validator(schema: str) -> Draft202012Validator:
    return _validator({"$ref": f"#/components/schemas/{schema}"})


def check_message(name: str, payload: object) -> None:
    """Validates a message. Raises KeyError for an unknown message, ValidationError for a payload that does not fit."""
    _validator_of(name, "payload").validate(payload)


def check_ack(name: str, ack: object) -> None:
    """Validates an acknowledgement of the message `name`. Raises ValidationError."""
    _validator_of(name, "x-ack").validate(ack)


@cache
def _validator_of(message: str, part: str) -> Draft202012Validator:
    return _validator(_MESSAGES[message][part])


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"components": DOCUMENT["components"], **schema})
