"""Calls the app as API Gateway does: with whole REST (v1) events, the only kind that Chalice takes."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import app as application


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def call(
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    address: str = "41.202.0.1",
    as_base64: bool = False,
) -> Reply:
    """`body`: text and bytes go as they are, everything else as JSON."""
    path, _, query = path.partition("?")
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    event = _event(method, path, query, dict(headers or {}), None if body is None else raw, address)
    if body is not None:
        event["body"] = base64.b64encode(raw).decode() if as_base64 else raw.decode("utf-8", "surrogateescape")
        event["isBase64Encoded"] = as_base64
    answer = application.app(event, None)
    return Reply(answer["statusCode"], {**answer["headers"]}, answer["body"])


def _event(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes | None, address: str
) -> dict[str, Any]:
    resource, parameters = _resource_of(path)
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    pairs = parse_qsl(query, keep_blank_values=True)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _many(pairs) or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": resource,
            "path": f"/api{path}",
            "httpMethod": method,
            "stage": "prod",
            "requestId": "a-request",
            "identity": {"sourceIp": address, "userAgent": "a-browser"},
        },
    }


def _many(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    many: dict[str, list[str]] = {}
    for name, value in pairs:
        many.setdefault(name, []).append(value)
    return many


def _resource_of(path: str) -> tuple[str, dict[str, str]]:
    for resource in application.app.routes:
        match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", resource), path)
        if match:
            return resource, match.groupdict()
    raise AssertionError(f"API Gateway answers {path} itself")
