"""Creates the ledger's table, from the definition that tests and the developer's machine use too."""

import json
from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from chalicelib.adapters.ledger.stream import NEW_VERSIONS
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE, TABLE
from infra.functions import BATCH_SECONDS, CHANGES_A_BATCH
from infra.stages import Stage


class LedgerTable(Construct):
    """The ledger's table. It outlives the stack, and each second of the last 35 days can be restored.

    `in_use`: the table that the stage works on: the one that was restored, where the stage names one.

    DynamoDB refuses to delete it once `infra/commands/protect.py` has run, at the end of a deployment. In the template,
    the protection would keep a failed first deployment from being rolled back.
    """

    def __init__(self, scope: Construct, construct_id: str, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        partition, sort = _keys(TABLE["KeySchema"])
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=partition,
            sort_key=sort,
            billing_mode=dynamodb.BillingMode[TABLE["BillingMode"]],
            time_to_live_attribute=FORGOTTEN_BY_ATTRIBUTE,
            stream=dynamodb.StreamViewType[TABLE["StreamSpecification"]["StreamViewType"]],
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        for index in TABLE["GlobalSecondaryIndexes"]:
            partition, sort = _keys(index["KeySchema"])
            self.table.add_global_secondary_index(
                index_name=index["IndexName"],
                partition_key=partition,
                sort_key=sort,
                projection_type=dynamodb.ProjectionType[index["Projection"]["ProjectionType"]],
                non_key_attributes=index["Projection"].get("NonKeyAttributes"),
            )
        self.in_use: dynamodb.ITable = self.table
        if restored := stage.restored_table:
            self.in_use = dynamodb.Table.from_table_attributes(
                self, "Restored", table_name=restored.name, table_stream_arn=restored.stream_arn
            )


_WINDOW_SECONDS = 900
"""Lambda's maximum. Only with such a window does an event name its shard."""


def stream_arn(table: dynamodb.ITable) -> str:
    """Returns the ARN of the table's stream. Raises ValueError where it has none."""
    arn: str | None = table.table_stream_arn
    if arn is None:
        raise ValueError("the ledger's table has no stream")
    return arn


def changes_event(table: dynamodb.ITable) -> dict[str, Any]:
    """Returns the event of a SAM function that makes Lambda invoke it with the new versions of payments.

    As SAM's event, it invokes the function's alias where there is one. A batch that fails comes again until it is done
    or a day old, and holds up its shard meanwhile: none is counted before one that failed.
    """
    properties = {
        "Stream": stream_arn(table),
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": CHANGES_A_BATCH,
        "MaximumBatchingWindowInSeconds": BATCH_SECONDS,
        "TumblingWindowInSeconds": _WINDOW_SECONDS,
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps(NEW_VERSIONS)}]},
    }
    return {"Type": "DynamoDB", "Properties": properties}


_KINDS = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}


def _keys(schema: list[dict[str, str]]) -> tuple[dynamodb.Attribute, dynamodb.Attribute]:
    """Returns the partition key and the sort key of a key schema; each of ours has both."""
    kinds = {it["AttributeName"]: _KINDS[it["AttributeType"]] for it in TABLE["AttributeDefinitions"]}
    names = {it["KeyType"]: it["AttributeName"] for it in schema}
    partition, sort = (dynamodb.Attribute(name=names[it], type=kinds[names[it]]) for it in ("HASH", "RANGE"))
    return partition, sort
