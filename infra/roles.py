"""What each function may do in AWS, and nothing else."""

from collections.abc import Sequence

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledged import acknowledge

LEDGER_ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
"""Those that ledger.py calls; a transaction needs those of the writes and checks inside it."""
_NETWORK_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def function_role(
    scope: Construct,
    construct_id: str,
    *,
    log: logs.LogGroup,
    table: dynamodb.Table,
    indexes: Sequence[str],
    bus: events.EventBus,
    secret: secretsmanager.ISecret,
) -> iam.Role:
    """`indexes`: those of the table that this function queries."""
    role = iam.Role(scope, construct_id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    may = [
        iam.PolicyStatement(
            sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.log_group_arn]
        ),
        iam.PolicyStatement(sid="Ledger", actions=list(LEDGER_ACTIONS), resources=[table.table_arn]),
        iam.PolicyStatement(sid="OrderEvents", actions=["events:PutEvents"], resources=[bus.event_bus_arn]),
        iam.PolicyStatement(sid="Keys", actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn]),
        # Lambda itself puts the function into the VPC with these; they know no resource when they are asked for.
        iam.PolicyStatement(sid="Network", actions=list(_NETWORK_ACTIONS), resources=["*"]),
        # The function's own code has no business there: this key is only in calls that come from code.
        iam.PolicyStatement(
            sid="NoNetworkForCode",
            effect=iam.Effect.DENY,
            actions=list(_NETWORK_ACTIONS),
            resources=["*"],
            conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
        ),
    ]
    if indexes:
        arns = [f"{table.table_arn}/index/{index}" for index in indexes]
        may.append(iam.PolicyStatement(sid="LedgerIndexes", actions=["dynamodb:Query"], resources=arns))
    role.attach_inline_policy(iam.Policy(role, "Policy", statements=may))
    acknowledge(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "network interfaces have no resource level for Lambda's own calls; code is denied them",
    )
    return role
