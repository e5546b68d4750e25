"""Tests that the product's clients of AWS call what boto3's clients call."""

import re
from typing import Any

import boto3
import pytest

from chalicelib.runtime import aws

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "payments", "Key": {"pk": {"S": "payment#1"}}}),
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


OF_BOTO3_ALONE = ("User-Agent", "amz-sdk-request", "amz-sdk-invocation-id")
"""What describes a call and its caller to AWS."""
OF_THE_MOMENT = ("X-Amz-Date", "Authorization")


class Prepared(Exception):
    """Raised in place of sending a call."""


def refuse_to_send(request: Any, **_: Any) -> None:
    raise Prepared(request)


def prepared(client: Any, service: str) -> dict[str, Any]:
    """Returns a call as it would be sent: URL, body, headers, and the region and service that it is signed for."""
    client.meta.events.register("before-send", refuse_to_send)
    operation, parameters = CALLS[service]
    with pytest.raises(Prepared) as call:
        getattr(client, operation)(**parameters)
    (request,) = call.value.args
    scope = re.search(r"Credential=local/\d+/(\S+)/aws4_request", request.headers["Authorization"].decode())
    assert scope
    headers = {name: it for name, it in request.headers.items() if name not in (*OF_BOTO3_ALONE, *OF_THE_MOMENT)}
    return {"url": request.url, "body": request.body, "headers": headers, "scope": scope[1]}


@pytest.mark.parametrize("region", ["eu-west-1", "af-south-1", "us-east-1", "us-gov-west-1", "cn-north-1"])
@pytest.mark.parametrize("service", CALLS)
def test_a_call_is_the_one_that_boto3_would_make(service: str, region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's clients find their end point by an older way of botocore, once, and lack its own handlers."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    theirs = prepared(boto3.session.Session().client(service), service)
    assert theirs["scope"] == f"{region}/{service}"
    assert prepared(aws.make_client(service), service) == theirs
