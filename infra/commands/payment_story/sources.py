"""Finds what the ledger and the logs have of a payment, in the last `make run` or in a stage."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from chalicelib.adapters.ledger.attributes import payment_key, to_values
from chalicelib.adapters.ledger.items import ACT, VERSION, read_act, read_version
from infra.commands.payment_story.timeline import Found, Line
from infra.deployment import STACK_NAME, Deployment
from local import last_run

LinesWith = Callable[[str], Iterable[Line]]
"""Returns the lines of all logs that contain a text."""
_MOST_CALLS = 20


def of_last_run(reference: str) -> Found:
    """Reads the last `make run`: its log, and its ledger if it still runs. Raises FileNotFoundError."""
    endpoint, table = last_run.ledger()
    client = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 moto asks for one
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2),
    )
    try:
        rows = _rows(client, table, reference)
    except EndpointConnectionError:
        rows = []
    lines = list(last_run.lines())
    return _found(rows, reference, lambda wanted: parsed((log, text) for log, text in lines if wanted in text))


def of_stage(deployment: Deployment, reference: str) -> Found:
    """Reads a deployed stage. boto3 has the account's credentials."""
    rows = _rows(boto3.client("dynamodb"), deployment.table, reference)
    if not rows:
        return Found([], [])
    since = min(row["at"] for row in rows if "at" in row) - 60_000
    return _found(rows, reference, lambda text: lines_of_stage(deployment.stage, f'"{text}"', startTime=since))


def lines_of_stage(stage: str, pattern: str, **span: int) -> Iterator[Line]:
    """Yields the lines of a stage's logs that a filter pattern of CloudWatch's matches. boto3 has the credentials.

    `span`: `startTime` and `endTime`, in milliseconds.
    """
    pages = boto3.client("logs").get_paginator("filter_log_events")
    for name, group in _log_groups(STACK_NAME.format(stage=stage)).items():
        for page in pages.paginate(logGroupName=group, filterPattern=pattern, **span):
            yield from parsed((name, it["message"]) for it in page["events"])


def parsed(texts: Iterable[tuple[str, str]]) -> Iterator[Line]:
    return filter(None, (Line.read(log, text) for log, text in texts))


def _log_groups(stack: str) -> Mapping[str, str]:
    """Returns a stage's log groups, by their ids in its template."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [it for page in pages for it in page["StackResourceSummaries"]]
    groups = [it for it in resources if it["ResourceType"] == "AWS::Logs::LogGroup"]
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in groups}


def _rows(client: Any, table: str, reference: str) -> list[Mapping[str, Any]]:
    values = {":pk": {"S": payment_key(reference)["pk"]}}
    pages = client.get_paginator("query").paginate(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values, ConsistentRead=True
    )
    return [to_values(item) for page in pages for item in page["Items"]]


def _found(rows: Iterable[Mapping[str, Any]], reference: str, lines_with: LinesWith) -> Found:
    """Adds the warnings and errors of the payment's calls that were written before its reference was known."""
    lines = list(lines_with(reference))
    calls = dict.fromkeys(line.fields["request_id"] for line in lines if "request_id" in line.fields)
    for call in list(calls)[:_MOST_CALLS]:
        others = (line for line in lines_with(call) if "reference" not in line.fields)
        lines += [line for line in others if line.fields["level"] != "INFO" and line not in lines]
    versions = [read_version(row) for row in rows if row["sk"].startswith(VERSION)]
    acts = [read_act(row) for row in rows if row["sk"].startswith(ACT)]
    state = next((row for row in rows if row["sk"] == "state"), None)
    return Found(versions, lines, state["deliveredVersion"] if state else None, acts)
