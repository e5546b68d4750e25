"""Lists the limits of AWS, each with the page that states it, and says who can raise it."""

from dataclasses import dataclass
from enum import StrEnum

DOCS = "https://docs.aws.amazon.com/"


class Kind(StrEnum):
    """Who can raise a limit."""

    SETTING = "setting"
    QUOTA = "quota, raised on request"
    FIXED = "fixed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of AWS in eu-west-1. `title`: the page's; `path`: where it is below DOCS."""

    value: float
    kind: Kind
    title: str
    path: str


_SCALING = ("Lambda quotas", "lambda/latest/dg/gettingstarted-limits.html")
_DYNAMODB = ("Quotas in Amazon DynamoDB", "amazondynamodb/latest/developerguide/ServiceQuotas.html")
_EVENTS = ("Amazon EventBridge quotas", "eventbridge/latest/userguide/eb-quota.html")

API_CALLS = Limit(10_000, Kind.QUOTA, "Amazon API Gateway quotas", "apigateway/latest/developerguide/limits.html")
LAMBDA_CONCURRENCY = Limit(1_000, Kind.QUOTA, *_SCALING)
LAMBDA_UNRESERVED = 100
"""What Lambda keeps for functions without a reservation."""
LAMBDA_SECONDS = Limit(900, Kind.FIXED, *_SCALING)
TABLE_UNITS = Limit(40_000, Kind.QUOTA, *_DYNAMODB)
NEW_TABLE_WRITES = Limit(
    4_000,
    Kind.SETTING,
    "DynamoDB on-demand capacity mode",
    "amazondynamodb/latest/developerguide/on-demand-capacity-mode.html",
)
PARTITION_WRITES = Limit(
    1_000,
    Kind.FIXED,
    "Best practices for designing and using partition keys effectively in DynamoDB",
    "amazondynamodb/latest/developerguide/bp-partition-key-design.html",
)
QUEUE_IN_FLIGHT = Limit(
    120_000,
    Kind.QUOTA,
    "Amazon SQS standard queue quotas",
    "AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html",
)
PUT_EVENTS = Limit(10_000, Kind.QUOTA, *_EVENTS)
API_DESTINATION = Limit(300, Kind.QUOTA, *_EVENTS)
NAT_CONNECTIONS = Limit(55_000, Kind.FIXED, "NAT gateway basics", "vpc/latest/userguide/nat-gateway-basics.html")
FARGATE_VCPU = Limit(6, Kind.QUOTA, "Amazon ECS endpoints and quotas", "general/latest/gr/ecs-service.html")
REDIS_CLIENTS = Limit(
    65_000,
    Kind.FIXED,
    "Valkey and Redis OSS configuration and limits",
    "AmazonElastiCache/latest/dg/RedisConfiguration.html",
)
LOG_CALLS = Limit(
    5_000, Kind.QUOTA, "CloudWatch Logs quotas", "AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
)
NODES = Limit(
    0,
    Kind.SETTING,
    "Valkey and Redis OSS node-type specific parameters",
    "AmazonElastiCache/latest/dg/ParameterGroups.Engine.html",
)
NODE_GIB = {
    "cache.t4g.micro": 0.5,
    "cache.t4g.small": 1.37,
    "cache.t4g.medium": 3.09,
    "cache.m7g.large": 6.38,
    "cache.r7g.large": 13.07,
    "cache.r7g.xlarge": 26.32,
}
NODE_USABLE = 0.75
"""The rest is reserved for ElastiCache's own work, by default."""
REDIS_CALLS_A_PROCESSOR = 30_000
"""Round trips a second. AWS states none. Measured with Valkey 9 without TLS: 27 us of a processor for a publication of
700 bytes by `publish_newer.lua`, 14 for a read."""
NODE_PROCESSORS = {"cache.t4g.micro": 0.2, "cache.t4g.small": 0.4, "cache.t4g.medium": 0.4}
"""What a burstable node may use for ever, of its two; the others have one for commands."""

ALL = (
    *(API_CALLS, LAMBDA_CONCURRENCY, LAMBDA_SECONDS, TABLE_UNITS, NEW_TABLE_WRITES, PARTITION_WRITES),
    *(QUEUE_IN_FLIGHT, PUT_EVENTS, API_DESTINATION, NAT_CONNECTIONS, FARGATE_VCPU, REDIS_CLIENTS, LOG_CALLS, NODES),
)
