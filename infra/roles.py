"""Makes the roles of the Lambda functions, each with the permissions that its code needs and no other."""

from collections.abc import Sequence

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.functions import Function
from infra.ledger_table import stream_arn
from infra.work_queues import WorkQueues

_NETWORK_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
_POLLER_ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
"""What Lambda itself does with a function's role, to invoke it with a queue's messages."""
_FOLLOWER_ACTIONS = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
"""What Lambda itself does with a function's role, to invoke it with a table's changes."""


def function_role(
    scope: Construct,
    function: Function,
    *,
    log: logs.LogGroup,
    table: dynamodb.ITable,
    bus: events.EventBus,
    secret: secretsmanager.ISecret,
    queues: WorkQueues,
) -> iam.Role:
    """Makes a function's role. `tests/infra/templates/test_permissions.py` compares it with the calls of the code."""
    role = iam.Role(scope, f"{function.name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    own = queues.queues[function.takes].queue_arn if function.takes else None
    may = [
        _allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn]),
        _allow("Ledger", function.ledger_actions, [table.table_arn]),
        _allow("LedgerIndexes", ["dynamodb:Query"], [f"{table.table_arn}/index/{it}" for it in function.indexes]),
        _allow("OrderEvents", ["events:PutEvents"], [bus.event_bus_arn] if function.publishes else []),
        _allow("SendWork", ["sqs:SendMessage"], [queues.queues[work].queue_arn for work in function.sends]),
        _allow("TakeWork", _POLLER_ACTIONS, [own] if own else []),
        _allow("PutOffWork", ["sqs:ChangeMessageVisibility"], [own] if own and function.puts_off else []),
        _allow("TakeChanges", _FOLLOWER_ACTIONS, [stream_arn(table)] if function.follows else []),
        _allow("Keys", ["secretsmanager:GetSecretValue"], [secret.secret_arn]),
        # Lambda itself puts the function into the VPC with these; they know no resource when they are asked for.
        _allow("Network", _NETWORK_ACTIONS, ["*"]),
        # The function's own code has no business there: this key is only in calls that come from code.
        iam.PolicyStatement(
            sid="NoNetworkForCode",
            effect=iam.Effect.DENY,
            actions=list(_NETWORK_ACTIONS),
            resources=["*"],
            conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
        ),
    ]
    statements = [statement for statement in may if statement is not None]
    role.attach_inline_policy(iam.Policy(role, "Policy", statements=statements))
    acknowledge(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "network interfaces have no resource level for Lambda's own calls; code is denied them",
    )
    return role


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement | None:
    """Makes a statement. Returns None where there are no resources: AWS refuses a statement without any."""
    if not resources:
        return None
    return iam.PolicyStatement(sid=sid, actions=sorted(actions), resources=list(resources))
