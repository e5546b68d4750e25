"""Makes the roles of the Lambda functions, each with the permissions that its code needs and no other."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.functions import Function

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
    function: Function,
    *,
    log: logs.LogGroup,
    table: dynamodb.Table,
    bus: events.EventBus,
    secret: secretsmanager.ISecret,
) -> iam.Role:
    """Makes a function's role. `tests/infra/templates/test_permissions.py` compares it with the calls of the code."""
    role = iam.Role(scope, f"{function.name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    may = [
        iam.PolicyStatement(
            sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.log_group_arn]
        ),
        iam.PolicyStatement(sid="Ledger", actions=sorted(function.ledger_actions), resources=[table.table_arn]),
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
    if function.indexes:
        arns = [f"{table.table_arn}/index/{index}" for index in function.indexes]
        may.append(iam.PolicyStatement(sid="LedgerIndexes", actions=["dynamodb:Query"], resources=arns))
    role.attach_inline_policy(iam.Policy(role, "Policy", statements=may))
    acknowledge(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "network interfaces have no resource level for Lambda's own calls; code is denied them",
    )
    return role
