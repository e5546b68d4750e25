"""Calls the app as API Gateway does: with whole REST (v1) events, the only kind that Chalice takes."""

import base64
import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from chalice.local import LambdaContext

import app as application
from infra.functions import API
from local.embedded import LOOPBACK, LoopbackServer
from tests.harness.aws_calls import AwsCalls
from tests.harness.openapi import check_reply, check_request

DOMAIN = "anapi12345.execute-api.eu-west-1.amazonaws.com"
STAGE = "/prod"
"""The stage's prefix of each path, which API Gateway removes before it calls the app."""


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
    milliseconds: int = 28_000,
) -> Reply:
    """Calls the app, and validates each accepted body and each reply against docs/openapi.yaml.

    `body`: text and bytes go as they are, everything else as JSON. `milliseconds`: what is left of the function's time.
    """
    event = event_of(method, path, body, headers=headers, address=address, as_base64=as_base64)
    with AwsCalls.made_by(API.name):
        context = LambdaContext("api", 512, max_runtime_ms=milliseconds)
        reply = reply_to(event, lambda event: application.app(event, context))
    if body is not None and reply.status < 300:
        text = body if isinstance(body, str) else json.dumps(body)
        check_request(method, event["resource"], event["headers"]["Content-Type"], text)
    return reply


def reply_to(event: Mapping[str, Any], invoke: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Reply:
    """Invokes the app and returns its reply. Raises where the reply differs from docs/openapi.yaml."""
    answer = invoke(event)
    reply = Reply(answer["statusCode"], {**answer["headers"]}, answer["body"])
    check_reply(event["httpMethod"], event["resource"], reply.status, reply.headers, reply.text)
    return reply


def event_of(
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    address: str = "41.202.0.1",
    as_base64: bool = False,
) -> dict[str, Any]:
    """Builds the event of a request. `body`: as in `call`."""
    path, _, query = path.partition("?")
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    event = _event(method, path, query, dict(headers or {}), None if body is None else raw, address)
    if body is not None:
        event["body"] = base64.b64encode(raw).decode() if as_base64 else raw.decode("utf-8", "surrogateescape")
        event["isBase64Encoded"] = as_base64
    return event


@contextmanager
def over_http(
    invoke: Callable[[Mapping[str, Any]], Mapping[str, Any]], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serves a stage over HTTP, or with TLS, and yields its URL. Each request becomes an event for `invoke`.

    One outside the stage is refused without it, as API Gateway does.
    """

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not self.path.startswith(STAGE):
                self.send(403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}')
                return
            path, headers = self.path.removeprefix(STAGE), dict(self.headers)
            reply = reply_to(event_of(self.command, path, body or None, headers=headers), invoke)
            self.send(reply.status, reply.headers, reply.text.encode())

        def send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_any  # noqa: N815 - the names that the base class looks up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            """Logs nothing, so that the output has the app's log alone."""

    server = LoopbackServer(Gateway)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.start()
    try:
        yield f"{'https' if tls else 'http'}://{LOOPBACK}:{server.server_port}{STAGE}"
    finally:
        server.close()


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
            "accountId": "123456789012",
            "apiId": "anapi12345",
            "domainName": DOMAIN,
            "domainPrefix": "anapi12345",
            "extendedRequestId": "an-extended-request",
            "identity": {"sourceIp": address, "userAgent": "a-browser", "accountId": None, "caller": None},
            "protocol": "HTTP/1.1",
            "requestId": "a-request",
            "requestTime": "24/Nov/2026:04:43:38 +0000",
            "requestTimeEpoch": 1_795_495_418_000,
            "resourceId": "ares01",
            "resourcePath": resource,
            "path": f"{STAGE}{path}",
            "httpMethod": method,
            "stage": STAGE.strip("/"),
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
