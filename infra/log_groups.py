"""Creates the logs of a stage, all with the same retention: CloudWatch's default is to keep them for ever."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stages import Stage

_RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_group(scope: Construct, construct_id: str, stage: Stage) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        construct_id,
        retention=_RETENTION[stage.log_retention_days],
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if stage.moves_money else RemovalPolicy.DESTROY,
    )
