"""Tests that the product's clients of AWS send what boto3's send, and make of each answer what boto3's make of it."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from chalicelib.runtime import aws

REGION = "eu-west-1"
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "payments", "Key": {"pk": {"S": "payment#é"}}}),
    "events": ("put_events", {"Entries": [{"Source": "payments", "DetailType": "a", "Detail": "{}"}]}),
    "sqs": (
        "send_message_batch",
        {
            "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/checks",
            "Entries": [{"Id": "0", "MessageBody": "{}", "DelaySeconds": 1}],
        },
    ),
    "secretsmanager": ("get_secret_value", {"SecretId": "payments"}),
}
ABOUT_THE_CALLER = {"User-Agent", "amz-sdk-request", "amz-sdk-invocation-id", "X-Amz-User-Agent"}
OF_THE_MOMENT = {"X-Amz-Date", "Authorization"}
OF_QUERIES = {"x-amzn-query-mode"}
"""Asks SQS for its codes of before its JSON. The product only logs them."""

Make = Callable[[str], Any]
"""Makes a client of a service."""


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Scripted:
    """A service that gives one answer to every request: a status, headers and a body; without them it hangs up."""

    url: str = ""
    answer: tuple[int, dict[str, str], bytes] | None = (200, {}, b"{}")
    received: list[Received] = field(default_factory=list)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    environment(monkeypatch)
    scripted = Scripted()
    with served(scripted):
        monkeypatch.setenv("AWS_ENDPOINT_URL", scripted.url)
        yield scripted


def environment(monkeypatch: pytest.MonkeyPatch, region: str = REGION, token: str = "") -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@contextmanager
def served(scripted: Scripted) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            scripted.received.append(Received(self.path, dict(self.headers.items()), body))
            if scripted.answer is None:
                self.close_connection = True
                return
            status, headers, content = scripted.answer
            self.send_response_only(status)
            own = {"Date": self.date_time_string(), "Content-Length": str(len(content))}
            for name, value in {**own, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        scripted.url = f"http://127.0.0.1:{server.server_address[1]}"
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def of_boto3(service: str) -> Any:
    config = boto3.session.Config(retries={"mode": "standard", "total_max_attempts": 3})
    return boto3.session.Session().client(service, config=config)


def call(make: Make, service: str) -> Any:
    operation, parameters = CALLS[service]
    return getattr(make(service), operation)(**parameters)


@pytest.mark.parametrize("region", ["eu-west-1", "af-south-1", "us-east-1", "us-gov-west-1", "cn-north-1"])
@pytest.mark.parametrize("name", CALLS)
def test_the_end_point_is_that_of_boto3(name: str, region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, region)
    assert aws.make_client(name).url == of_boto3(name).meta.endpoint_url


@pytest.mark.parametrize("token", ["", "of-a-session"])
@pytest.mark.parametrize("name", CALLS)
def test_a_request_is_the_one_that_boto3_sends(
    name: str, token: str, service: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    for make in (of_boto3, aws.make_client):
        call(make, name)
    theirs, ours = service.received
    assert (ours.path, ours.body) == (theirs.path, theirs.body)
    assert described(ours) == described(theirs)
    assert ours.headers["User-Agent"] == "braidster-payments"


def described(request: Received) -> dict[str, str]:
    """Returns the headers that name the operation and its caller's rights, and what the signature is made of."""
    left_out = ABOUT_THE_CALLER | OF_THE_MOMENT | OF_QUERIES
    kept = {name: value for name, value in request.headers.items() if name not in left_out}
    signed = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=local/\d{8}/(\S+)/aws4_request, SignedHeaders=(\S+), Signature=[0-9a-f]{64}",
        request.headers["Authorization"],
    )
    assert signed
    names = {name.lower() for name in left_out} - {"x-amz-date"}
    return {**kept, "scope": signed[1], "signed": ";".join(it for it in signed[2].split(";") if it not in names)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dynamodb", b'{"Item":{"pk":{"S":"payment#\xc3\xa9"},"n":{"N":"7"},"l":{"L":[{"NULL":true}]}}}'),
        ("dynamodb", b"{}"),
        ("events", b'{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"later"}]}'),
        ("sqs", b'{"Successful":[],"Failed":[{"Id":"0","Code":"InternalError","SenderFault":false}]}'),
        ("secretsmanager", b'{"Name":"payments","SecretString":"{}"}'),
    ],
)
def test_a_result_is_read_as_boto3_reads_it(name: str, content: bytes, service: Scripted) -> None:
    service.answer = (200, {"Content-Type": "application/x-amz-json-1.0"}, content)
    theirs, ours = (call(make, name) for make in (of_boto3, aws.make_client))
    assert {key: value for key, value in theirs.items() if key != "ResponseMetadata"} == ours


ROW = {"pk": {"S": "payment#1"}, "version": {"N": "2"}}
DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
REFUSALS = {
    "condition": (400, {"__type": f"{DYNAMODB}ConditionalCheckFailedException", "message": "no", "Item": ROW}),
    "cancelled": (
        400,
        {
            "__type": f"{DYNAMODB}TransactionCanceledException",
            "Message": "cancelled",
            "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "no", "Item": ROW}],
        },
    ),
    "throughput": (400, {"__type": f"{DYNAMODB}ProvisionedThroughputExceededException", "message": "later"}),
    "throttled": (400, {"__type": "com.amazon.coral.availability#ThrottlingException", "message": "later"}),
    "forbidden": (400, {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "not you"}),
    "no such table": (400, {"__type": f"{DYNAMODB}ResourceNotFoundException:http://somewhere/", "message": "none"}),
    "in progress": (400, {"__type": f"{DYNAMODB}TransactionInProgressException", "Message": "wait"}),
    "broken": (500, {"__type": f"{DYNAMODB}InternalServerError", "message": "broken"}),
    "unavailable": (503, {"message": "unavailable"}),
    "not implemented": (501, {"message": "never"}),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_raised_as_boto3_raises_it_and_repeated_as_often(refusal: str, service: Scripted) -> None:
    status, fields = REFUSALS[refusal]
    service.answer = (status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(fields).encode())
    theirs, their_attempts = failure_of(of_boto3, service)
    ours, attempts = failure_of(aws.make_client, service)
    assert attempts == their_attempts
    assert isinstance(theirs, ClientError)
    assert isinstance(ours, ClientError)
    assert told(ours) == told(theirs)


def told(error: ClientError) -> dict[str, Any]:
    answer: dict[str, Any] = dict(error.response)
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return {"operation": error.operation_name, "status": status} | {
        name: answer[name] for name in ("Error", "Item", "CancellationReasons") if name in answer
    }


def failure_of(make: Make, service: Scripted) -> tuple[Exception, int]:
    """Returns what a call raised, and how often it was sent."""
    before = len(service.received)
    with pytest.raises((ClientError, BotoCoreError)) as failure:
        call(make, "dynamodb")
    return failure.value, len(service.received) - before


def test_a_code_in_a_header_counts_where_the_body_has_none(service: Scripted) -> None:
    service.answer = (400, {"x-amzn-ErrorType": "AccessDeniedException:http://somewhere/"}, b"<html>")
    error, attempts = failure_of(aws.make_client, service)
    assert isinstance(error, ClientError)
    assert (error.response["Error"]["Code"], attempts) == ("AccessDeniedException", 1)


def test_an_answer_that_is_no_json_is_none(service: Scripted) -> None:
    service.answer = (200, {}, b"<html>")
    error, attempts = failure_of(aws.make_client, service)
    assert isinstance(error, BotoCoreError)
    assert attempts == 3


def test_a_connection_that_is_cut_is_tried_again(service: Scripted) -> None:
    service.answer = None
    theirs, their_attempts = failure_of(of_boto3, service)
    ours, attempts = failure_of(aws.make_client, service)
    assert (type(ours), attempts) == (type(theirs), their_attempts)


def test_an_end_point_that_nobody_listens_at_is_raised_as_boto3_raises_it(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch)
    scripted = Scripted()
    with served(scripted):
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", scripted.url)
    theirs, ours = (failure_of(make, scripted)[0] for make in (of_boto3, aws.make_client))
    assert type(ours) is type(theirs)


def test_a_call_succeeds_after_a_connection_that_was_cut(service: Scripted) -> None:
    """A Lambda that was frozen finds its connections dead."""
    client = aws.make_client("dynamodb")
    service.answer = None
    with pytest.raises(BotoCoreError):
        client.get_item(**CALLS["dynamodb"][1])
    service.answer = (200, {}, b"{}")
    assert client.get_item(**CALLS["dynamodb"][1]) == {}


def test_a_watcher_is_told_of_each_call_before_it_is_sent(service: Scripted) -> None:
    told_before: list[tuple[object, ...]] = []

    def watch(*seen: object) -> None:
        told_before.append((*seen, len(service.received)))

    aws.watchers.append(watch)
    try:
        call(aws.make_client, "dynamodb")
    finally:
        aws.watchers.remove(watch)
    assert told_before == [("dynamodb", "GetItem", CALLS["dynamodb"][1], 0)]


def test_credentials_that_are_not_in_a_variable_are_found_as_boto3_finds_them(
    service: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A container has them from its task's role, a developer from a file."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    profile = tmp_path / "credentials"
    profile.write_text("[default]\naws_access_key_id = from-a-file\naws_secret_access_key = local\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    call(aws.make_client, "dynamodb")
    assert "Credential=from-a-file/" in service.received[0].headers["Authorization"]


def test_without_region_or_credentials_no_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "")
    monkeypatch.delenv("AWS_REGION", raising=False)
    with pytest.raises(NoRegionError):
        aws.make_client("dynamodb")
    environment(monkeypatch)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(NoCredentialsError):
        aws.make_client("dynamodb")
