"""Tests the queues with moto's SQS, and the functions of `app.py` that are given their messages."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import app
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.hints import CheckHint, DeliveryHint
from chalicelib.settings import Settings
from local.embedded import EmbeddedAws
from tests.conftest import aws_client
from tests.harness.fakes import HandClock

REFERENCE = "73c0dd0e-3d1c-4fd6-9a3e-7f2d3f5d9d5c"
OTHER = "83c0dd0e-3d1c-4fd6-9a3e-7f2d3f5d9d5c"


@pytest.fixture
def sqs(aws: EmbeddedAws) -> Iterator[Any]:
    client = aws_client("sqs", aws)
    yield client
    client.close()


@pytest.fixture
def urls(sqs: Any) -> Iterator[list[str]]:
    made = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("checks-of-a-test", "deliveries-of-a-test")]
    yield made
    for url in made:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def queue(sqs: Any, urls: list[str], clock: HandClock) -> WorkQueue:
    checks, deliveries = urls
    return WorkQueue(lambda: sqs, checks, deliveries, clock)


def bodies(sqs: Any, url: str) -> list[Any]:
    """Takes all messages that are there."""
    taken: list[Any] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        taken += [json.loads(message["Body"]) for message in messages]
    return taken


def test_what_is_due_is_there_at_once_and_what_comes_later_is_delayed(
    queue: WorkQueue, sqs: Any, urls: list[str], clock: HandClock
) -> None:
    queue.check(CheckHint(REFERENCE), clock.now() - 1)
    queue.check(CheckHint(OTHER), clock.now() + 60_000)
    queue.deliver_all([REFERENCE])
    assert bodies(sqs, urls[0]) == [{"reference": REFERENCE}]
    assert bodies(sqs, urls[1]) == [{"reference": REFERENCE}]
    waiting = sqs.get_queue_attributes(QueueUrl=urls[0], AttributeNames=["All"])["Attributes"]
    assert waiting["ApproximateNumberOfMessagesDelayed"] == "1"


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(-5, 0), (0, 0), (1, 1), (1000, 1), (1001, 2), (900_000, 900), (2_000_000, 900)]
)
def test_a_delay_is_never_too_short_and_at_most_what_sqs_takes(
    queue: WorkQueue, clock: HandClock, milliseconds: int, seconds: int
) -> None:
    assert queue._delay(clock.now() + milliseconds) == seconds


def test_any_number_is_sent_ten_a_call(queue: WorkQueue, sqs: Any, urls: list[str], aws: EmbeddedAws) -> None:
    aws.calls.clear()
    references = [f"{number:08x}{REFERENCE[8:]}" for number in range(123)]
    queue.deliver_all(references)
    assert sorted(body["reference"] for body in bodies(sqs, urls[1])) == references
    assert aws.calls["SendMessageBatch"] == 13


def test_that_something_is_undelivered_is_said_once_a_second(
    queue: WorkQueue, sqs: Any, urls: list[str], clock: HandClock
) -> None:
    for _ in range(3):
        queue.look_for_undelivered()
    clock.forward(1)
    queue.look_for_undelivered()
    waiting = sqs.get_queue_attributes(QueueUrl=urls[1], AttributeNames=["All"])["Attributes"]
    assert waiting["ApproximateNumberOfMessagesDelayed"] == "2"


def test_a_queue_that_is_away_raises_nothing(
    queue: WorkQueue, aws: EmbeddedAws, caplog: pytest.LogCaptureFixture
) -> None:
    aws.faults.set({"operation": "SendMessageBatch", "kind": "unavailable", "count": 100})
    queue.check(CheckHint(REFERENCE))
    aws.faults.set()
    assert [record.message for record in caplog.records if record.name == "payments"] == ["not-queued"]


def test_without_queues_nothing_is_sent(sqs: Any, clock: HandClock, aws: EmbeddedAws) -> None:
    aws.calls.clear()
    WorkQueue(lambda: sqs, "", "", clock).check(CheckHint(REFERENCE))
    assert not aws.calls


# --------------------------------------------------------------------------- the functions


def event(*texts: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m-{number}", "body": text} for number, text in enumerate(texts)]}


class Context:
    aws_request_id, function_name = "a-request", "checks"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.mark.usefixtures("api")
def test_only_what_fails_comes_again(aws: EmbeddedAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.faults.set({"operation": "GetItem", "kind": "unavailable", "count": 3})
    hints = event("{", CheckHint(REFERENCE).to_body(), CheckHint(REFERENCE).to_body())
    assert app.checks(hints, Context())["batchItemFailures"] == [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]
    aws.faults.set()
    assert app.checks(hints, Context())["batchItemFailures"] == []
    assert app.deliveries(event(DeliveryHint(REFERENCE).to_body(), "{}"), Context())["batchItemFailures"] == []
    written = capsys.readouterr().out
    assert written.count('"message-malformed"') == 2
    assert '"ERROR"' not in written


def test_production_does_not_start_without_its_queues(api: Settings) -> None:
    assert api.checks_queue_url
    assert api.deliveries_queue_url
