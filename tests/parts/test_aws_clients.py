"""Tests that the product's clients of AWS call what boto3's clients call."""

import re
from typing import Any

import boto3
import pytest

from chalicelib.runtime import aws

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "payments", "Key": {"pk": {"S": "payment#1"}}}),
    "events": ("put_events", {"Entries": [{"Source": "payments", "DetailType": "a", "Detail": "{}"}]}),
    "secretsmanager": ("get_secret_value", {"SecretId": "payments"}),
}


class Prepared(Exception):
    """Raised in place of sending a call, with its URL and what it is signed for."""


def refuse_to_send(request: Any, **_: Any) -> None:
    signature = request.headers["Authorization"].decode()
    scope = re.search(r"Credential=local/\d+/(\S+)/aws4_request", signature)
    raise Prepared(request.url, scope and scope[1])


def prepared(client: Any, service: str) -> tuple[object, ...]:
    """Returns the URL that a call would go to, and the region and service that it is signed for."""
    client.meta.events.register("before-send", refuse_to_send)
    operation, parameters = CALLS[service]
    with pytest.raises(Prepared) as call:
        getattr(client, operation)(**parameters)
    return call.value.args


@pytest.mark.parametrize("region", ["eu-west-1", "af-south-1", "us-east-1", "us-gov-west-1", "cn-north-1"])
@pytest.mark.parametrize("service", CALLS)
def test_each_service_is_called_where_boto3_calls_it(
    service: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Botocore finds the product's end points by its older way, once for each client."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    theirs = prepared(boto3.session.Session().client(service), service)
    assert theirs[1] == f"{region}/{service}"
    assert prepared(aws.make_client(service), service) == theirs
