"""Draws what the stores are asked for, and how full they are."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb

from infra.redis_group import RedisGroup

_PERIOD = Duration.minutes(5)


def store_graphs(table: dynamodb.ITable, redis: RedisGroup, width: int) -> list[cloudwatch.IWidget]:
    """Returns a graph of the ledger and two of Redis."""
    units = [
        table.metric(f"Consumed{kind}CapacityUnits", statistic="Sum", period=_PERIOD, label=f"{kind.lower()} units")
        for kind in ("Read", "Write")
    ]
    return [
        cloudwatch.GraphWidget(title="Ledger: units in 5 minutes", left=[*units], width=width),
        _of_redis("Redis: memory, %", "DatabaseMemoryUsagePercentage", redis, width),
        _of_redis("Redis: processor of the engine, %", "EngineCPUUtilization", redis, width),
    ]


def _of_redis(title: str, name: str, redis: RedisGroup, width: int) -> cloudwatch.GraphWidget:
    nodes = [
        cloudwatch.Metric(
            namespace="AWS/ElastiCache",
            metric_name=name,
            dimensions_map={"CacheClusterId": member},
            statistic="Maximum",
            period=_PERIOD,
            label=f"node {number}",
        )
        for number, member in enumerate(redis.members, 1)
    ]
    return cloudwatch.GraphWidget(title=title, left=[*nodes], width=width)
