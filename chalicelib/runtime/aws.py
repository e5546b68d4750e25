"""Calls DynamoDB, EventBridge, SQS and Secrets Manager: JSON over HTTP, signed by botocore.

A client has the methods of boto3's, as far as a request is the JSON of its parameters and an answer that of its
result: parameters and results have no bytes, no times and no streams. It raises botocore's exceptions. What it leaves
out are botocore's models and all that is computed from them, which is two thirds of a call's and half of a start's
processor time (docs/performance.md, docs/decisions/23-calls-of-aws.md).
"""

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, NamedTuple, Self

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)

from chalicelib.runtime import clock
from chalicelib.runtime.tls import trusting

_ATTEMPTS = 3
_PAUSE_SECONDS = 0.05
"""The longest pause before the second attempt; it doubles before each further one."""
_CONNECT_SECONDS, _READ_SECONDS = 2.0, 4.0
_CONNECTIONS = 32
_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Codes of refusals that say: later. They are those of botocore's standard retries."""


class _Service(NamedTuple):
    """How a service is called: the version of its JSON, and what its operations' names begin with in a call."""

    json_version: str
    target: str


_SERVICES = {
    "dynamodb": _Service("1.0", "DynamoDB_20120810"),
    "events": _Service("1.1", "AWSEvents"),
    "secretsmanager": _Service("1.1", "secretsmanager"),
    "sqs": _Service("1.0", "AmazonSQS"),
}

Watcher = Callable[[str, str, Mapping[str, Any]], None]
watchers: list[Watcher] = []
"""Called with each call's service, operation and parameters, before it is sent."""


def make_client(service: str, read_seconds: float = _READ_SECONDS) -> Any:
    """Makes a client that threads may share. Region, credentials and end point are those of AWS's own variables.

    `read_seconds`: how long it waits for an answer. Raises NoRegionError, NoCredentialsError.
    """
    variables = os.environ
    region = variables.get("AWS_DEFAULT_REGION") or variables.get("AWS_REGION")
    if not region:
        raise NoRegionError
    elsewhere = variables.get(f"AWS_ENDPOINT_URL_{service.upper()}") or variables.get("AWS_ENDPOINT_URL")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = elsewhere or f"https://{service}.{region}.{domain}"
    return AwsClient(service, region, url, _credentials(variables), read_seconds)


class _Credentials(NamedTuple):
    """A key of an account, as botocore's signer reads it."""

    access_key: str
    secret_key: str
    token: str | None

    def get_frozen_credentials(self) -> Self:
        return self


def _credentials(variables: Mapping[str, str]) -> Any:
    """Returns the credentials in the variables, as Lambda sets them; elsewhere those that botocore finds and renews."""
    key, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return _Credentials(key, secret, variables.get("AWS_SESSION_TOKEN"))
    import botocore.session

    found = botocore.session.Session().get_credentials()
    if found is None:
        raise NoCredentialsError
    return found


class _Signer(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Signs at AWS's time: botocore's own takes the machine's."""

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        if clock.correction_ms():
            request.context["timestamp"] = f"{datetime.fromtimestamp(clock.Clock().now() / 1000, UTC):%Y%m%dT%H%M%SZ}"
        super()._modify_request_before_signing(request)


class AwsClient:
    """Calls one service. `get_item(TableName=...)` is its operation GetItem, and so with every other."""

    def __init__(self, service: str, region: str, url: str, credentials: Any, read_seconds: float) -> None:
        self.url = url
        self._service = service
        self._region = region
        self._credentials = credentials
        self._pool = _pool(url)
        self._timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds)
        self._path = urllib3.util.parse_url(url).path or "/"

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        if method.startswith("_"):
            raise AttributeError(method)
        operation = "".join(word.capitalize() for word in method.split("_"))
        return partial(self._call, operation)

    def _call(self, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Returns the result. Raises ClientError where the service refuses, BotoCoreError where it does not answer.

        What failed for a reason that may pass is sent again, up to three times in all: every change that the product
        asks for may be asked for twice.
        """
        for watch in watchers:
            watch(self._service, operation, parameters)
        body = json.dumps(parameters).encode()
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._attempt(operation, body)
            except (ClientError, BotoCoreError) as error:
                if not _may_pass(error):
                    raise
            time.sleep(random.uniform(0, _PAUSE_SECONDS * 2 ** (attempt - 1)))  # noqa: S311 - jitter, no secret
        return self._attempt(operation, body)

    def _attempt(self, operation: str, body: bytes, *, is_last: bool = False) -> dict[str, Any]:
        asked_at = clock.machine_now()
        try:
            response = self._pool.urlopen(
                "POST",
                self._path,
                body=body,
                headers=self._signed_headers(operation, body),
                timeout=self._timeout,
                retries=False,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _as_botocore(error, self.url) from error
        was_off = clock.correct_by(response.headers.get("Date"), asked_at)
        if response.status != 200:
            if was_off and not is_last:  # AWS refuses what was signed at another time than its own
                return self._attempt(operation, body, is_last=True)
            raise _refusal(operation, response)
        try:
            result: dict[str, Any] = json.loads(response.data)
        except ValueError as error:
            raise HTTPClientError(error="the answer is no JSON") from error
        return result

    def _signed_headers(self, operation: str, body: bytes) -> dict[str, str]:
        """Returns the headers of a request, with its signature and the time of it."""
        version, target = _SERVICES[self._service]
        headers = {
            "X-Amz-Target": f"{target}.{operation}",
            "Content-Type": f"application/x-amz-json-{version}",
            "User-Agent": "braidster-payments",
        }
        request = AWSRequest("POST", self.url, headers=headers, data=body)
        _Signer(self._credentials.get_frozen_credentials(), self._service, self._region).add_auth(request)
        return dict(request.headers.items())


@cache
def _pool(url: str) -> urllib3.HTTPConnectionPool:
    """Returns the connections to an end point, which all clients of it share."""
    options: dict[str, Any] = {"ssl_context": trusting()} if url.startswith("https:") else {}
    return urllib3.connection_from_url(url, maxsize=_CONNECTIONS, **options)


def _as_botocore(error: Exception, url: str) -> BotoCoreError:
    """Returns the exception that botocore would raise."""
    match error:
        case urllib3.exceptions.NewConnectionError() | urllib3.exceptions.SSLError():
            return EndpointConnectionError(endpoint_url=url)
        case urllib3.exceptions.ConnectTimeoutError():
            return ConnectTimeoutError(endpoint_url=url)
        case urllib3.exceptions.ReadTimeoutError():
            return ReadTimeoutError(endpoint_url=url)
    return ConnectionClosedError(endpoint_url=url)


def _refusal(operation: str, response: urllib3.BaseHTTPResponse) -> ClientError:
    """Returns the refusal as botocore would raise it: its fields, and `Error` with `Code` and `Message`."""
    try:
        fields = json.loads(response.data)
    except ValueError:
        fields = {}
    # A code may come with a name space before it and a URL after it: "com.amazonaws.dynamodb#Throttling:http://..."
    named = str(fields.pop("__type", None) or response.headers.get("x-amzn-errortype") or response.status)
    code = named.split(":")[0].rpartition("#")[2]
    error = {"Code": code, "Message": fields.pop("message", None) or fields.pop("Message", "")}
    metadata = {"HTTPStatusCode": response.status, "RequestId": response.headers.get("x-amzn-requestid", "")}
    return ClientError({**fields, "Error": error, "ResponseMetadata": metadata}, operation)


def _may_pass(error: ClientError | BotoCoreError) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status in {500, 502, 503, 504} or error.response["Error"]["Code"] in _THROTTLED
