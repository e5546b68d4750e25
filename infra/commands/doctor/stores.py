"""Checks what keeps payments and passes order events on. Clients are boto3's."""

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE, TABLE
from infra.commands.doctor.finding import Finding, ill, well
from infra.deployment import Deployment

_SEE = "see docs/operations.md, {}: mend what the log says, then purge the queue"


def check_ledger(deployment: Deployment, dynamodb: Any) -> Iterator[Finding]:
    """Checks the ledger's table: its indexes, and that it can neither be deleted by a slip nor lose a second."""
    name = deployment.table
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        yield ill(f"the ledger's table {name} does not exist", "make deploy; if it was lost, restore it first")
        return
    yield from _indexes(table)
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        yield ill("the ledger has no point-in-time recovery", "make deploy: somebody switched it off by hand")
    if not table.get("DeletionProtectionEnabled"):
        yield ill(
            "anybody may delete the ledger's table by a slip", f"python -m infra.commands.protect {deployment.stage}"
        )
    life = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if life.get("AttributeName") != FORGOTTEN_BY_ATTRIBUTE:
        yield ill("the ledger never forgets phones: it has no time to live", "make deploy")


def _indexes(table: Mapping[str, Any]) -> Iterator[Finding]:
    there = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])}
    missing = sorted({index["IndexName"] for index in TABLE["GlobalSecondaryIndexes"]} - there)
    if missing:
        yield ill(f"the ledger's table lacks the index {', '.join(missing)}", "make deploy")
    else:
        yield well("the ledger's table is there, with its indexes")


def check_event_bus(name: str, events: Any) -> Iterator[Finding]:
    try:
        events.describe_event_bus(Name=name)
    except events.exceptions.ResourceNotFoundException:
        yield ill(f"the event bus {name} does not exist: no order becomes paid", "make deploy")
    else:
        yield well("the event bus is there")


def check_work_queues(deployment: Deployment, sqs: Any) -> Iterator[Finding]:
    for url in (deployment.checks_queue, deployment.deliveries_queue, deployment.shop_queue):
        name = url.rpartition("/")[2]
        try:
            _waiting(url, sqs)
        except sqs.exceptions.QueueDoesNotExist:
            yield ill(f"the queue {name} does not exist: nobody does its work", "make deploy")
        else:
            yield well(f"the queue {name} is there")


def check_dead_letters(deployment: Deployment, sqs: Any) -> Iterator[Finding]:
    """Looks for messages that failed each time."""
    for queue_url, what, mend in (
        (
            deployment.shop_dead_letters,
            "hints that the shop has something to be told were lost",
            "see docs/operations.md, shop-dead-letters: mend what the log says, then redrive the queue",
        ),
        (deployment.checks_dead_letters, "checks with CamPay failed each time", _SEE.format("checks-dead-letters")),
        (deployment.deliveries_dead_letters, "deliveries failed each time", _SEE.format("deliveries-dead-letters")),
    ):
        if count := _waiting(queue_url, sqs):
            yield ill(f"{count} {what}", mend)


def _waiting(queue_url: str, sqs: Any) -> int:
    queue = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(queue["Attributes"]["ApproximateNumberOfMessages"])
