"""Creates the ledger's table, from the definition that tests and the developer's machine use too."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE, TABLE


class LedgerTable(Construct):
    """The ledger's table. It outlives the stack, and each second of the last 35 days can be restored.

    DynamoDB refuses to delete it once `infra/commands/protect.py` has run, at the end of a deployment. In the template,
    the protection would keep a failed first deployment from being rolled back.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        partition, sort = _keys(TABLE["KeySchema"])
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=partition,
            sort_key=sort,
            billing_mode=dynamodb.BillingMode[TABLE["BillingMode"]],
            time_to_live_attribute=FORGOTTEN_BY_ATTRIBUTE,
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


_KINDS = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}


def _keys(schema: list[dict[str, str]]) -> tuple[dynamodb.Attribute, dynamodb.Attribute]:
    """Returns the partition key and the sort key of a key schema; each of ours has both."""
    kinds = {it["AttributeName"]: _KINDS[it["AttributeType"]] for it in TABLE["AttributeDefinitions"]}
    names = {it["KeyType"]: it["AttributeName"] for it in schema}
    partition, sort = (dynamodb.Attribute(name=names[it], type=kinds[names[it]]) for it in ("HASH", "RANGE"))
    return partition, sort
