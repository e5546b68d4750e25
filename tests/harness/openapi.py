"""Validates what the API takes and answers against docs/openapi.yaml."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from tests import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text("utf-8"))
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_UNDOCUMENTED_HEADERS = re.compile(
    r"content-type|content-length|content-encoding|vary|connection|date|server|allow|access-control-.*"
    r"|cache-control|content-security-policy|strict-transport-security|x-content-type-options",
    re.IGNORECASE,
)
"""Headers of HTTP and CORS and those that every reply has, which the document need not list."""


@dataclass(frozen=True)
class Operation:
    """An operation of the document. `path` is a template, as in the app's routes."""

    method: str
    path: str
    content: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.content["operationId"])

    @property
    def parameters(self) -> list[dict[str, Any]]:
        return [resolved(each) for each in self.content.get("parameters", [])]

    def bodies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the content type and the example of each body in the document."""
        for content_type, media in self.content.get("requestBody", {}).get("content", {}).items():
            for example in examples_of(media):
                yield content_type, example


def operations() -> list[Operation]:
    return [
        Operation(method.upper(), path, content)
        for path, item in DOCUMENT["paths"].items()
        for method, content in item.items()
        if method in _METHODS
    ]


def resolved(part: Mapping[str, Any]) -> dict[str, Any]:
    """Resolves a `$ref`; returns every other part as it is."""
    place: Any = part
    if "$ref" in part:
        place = DOCUMENT
        for step in part["$ref"].removeprefix("#/").split("/"):
            place = place[step]
    return dict(place)


def examples_of(media: Mapping[str, Any]) -> list[Any]:
    several = [resolved(each)["value"] for each in media.get("examples", {}).values()]
    return several + ([media["example"]] if "example" in media else [])


def validate(value: object, schema: Mapping[str, Any], *, closed: bool = False) -> None:
    """Validates a value. Raises ValidationError. `closed`: refuses fields that the schema lacks, at any depth."""
    components = _CLOSED_COMPONENTS if closed else DOCUMENT["components"]
    whole = {"components": components, **(_closed(schema) if closed else schema)}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(value)


def _closed(part: Any) -> Any:
    """Closes a schema: a client must accept unknown fields, but a test must not."""
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _closed(inner) for name, inner in part.items() if name != "allOf"}
    if "allOf" in part:  # its parts are closed together: no part knows the fields of the others
        closed["allOf"] = [resolved(each) for each in part["allOf"]]
    is_object = part.get("type") == "object" or "allOf" in part
    return closed | {"unevaluatedProperties": False} if is_object else closed


def check_request(method: str, path: str, content_type: str, text: str) -> None:
    """Validates a request body. Raises KeyError or ValidationError where the document does not allow it."""
    media = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"][content_type]
    validate(json.loads(text) if content_type == "application/json" else dict(parse_qsl(text)), media["schema"])


def check_reply(method: str, path: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """Validates a reply. Raises AssertionError or ValidationError where the document does not allow it.

    `path` is a route's template.
    """
    said = _response(method, path, status)
    _check_headers(said.get("headers", {}), headers)
    if "content" not in said:
        assert not text, f"{method} {path}: {status} has no body in the document"
        return
    media = said["content"].get(headers["Content-Type"])
    assert media is not None, f"{method} {path}: {status} as {headers['Content-Type']} is not in the document"
    validate(json.loads(text) if "json" in headers["Content-Type"] else text, media["schema"], closed=True)


def check_response(response: requests.Response, *_: object, **__: object) -> None:
    """Validates a real server's response; a response hook of requests."""
    method, path = response.request.method or "", urlsplit(response.url).path
    check_reply(method, _template_of(path), response.status_code, response.headers, response.text)


def _template_of(path: str) -> str:
    paths: list[str] = list(DOCUMENT["paths"])
    return next(each for each in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), path))


def _response(method: str, path: str, status: int) -> dict[str, Any]:
    operation = DOCUMENT["paths"][path].get(method.lower())
    if operation is None:
        assert status == 405, f"{method} {path} is not in the document and is answered with {status}"
        return resolved({"$ref": "#/components/responses/MethodNotAllowed"})
    said = operation["responses"].get(str(status))
    assert said is not None, f"{method} {path}: {status} is not in the document"
    return resolved(said)


def _check_headers(said: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    for name, header in ((name, resolved(header)) for name, header in said.items()):
        assert name in headers or not header.get("required"), f"the header {name} is required and not in the reply"
        if name in headers:
            validate(headers[name], header["schema"])
    others = {name for name in headers if name not in said and not _UNDOCUMENTED_HEADERS.fullmatch(name)}
    assert not others, f"{others} are in the reply and not in the document"


_CLOSED_COMPONENTS = {"schemas": _closed(DOCUMENT["components"]["schemas"])}
