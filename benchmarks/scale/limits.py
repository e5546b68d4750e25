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


_LAMBDA = ("Lambda quotas", "lambda/latest/dg/gettingstarted-limits.html")
_DYNAMODB = ("Quotas in Amazon DynamoDB", "amazondynamodb/latest/developerguide/ServiceQuotas.html")
_EVENTS = ("Amazon EventBridge quotas", "eventbridge/latest/userguide/eb-quota.html")

API_CALLS = Limit(10_000, Kind.QUOTA, "Amazon API Gateway quotas", "apigateway/latest/developerguide/limits.html")
LAMBDA_CONCURRENCY = Limit(1_000, Kind.QUOTA, *_LAMBDA)
LAMBDA_UNRESERVED = 100
"""What Lambda keeps for functions without a reservation."""
MEMORY_OF_A_PROCESSOR = Limit(
    1_769, Kind.FIXED, "Configure Lambda function memory", "lambda/latest/dg/configuration-memory.html"
)
LONGEST_SECONDS = Limit(900, Kind.FIXED, *_LAMBDA)
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
NAT_CONNECTIONS = Limit(55_000, Kind.FIXED, "NAT gateway basics", "vpc/latest/userguide/nat-gateway-basics.html")
FARGATE_VCPU = Limit(6, Kind.QUOTA, "Amazon ECS endpoints and quotas", "general/latest/gr/ecs-service.html")
REDIS_CLIENTS = Limit(
    65_000,
    Kind.FIXED,
    "Valkey and Redis OSS configuration and limits",
    "AmazonElastiCache/latest/dg/RedisConfiguration.html",
)
NODES = (
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

ALL = {
    "API Gateway, calls a second of an account": API_CALLS,
    "Lambda, functions of an account at once": LAMBDA_CONCURRENCY,
    "Lambda, MB of a function that has one vCPU": MEMORY_OF_A_PROCESSOR,
    "Lambda, seconds of a function": LONGEST_SECONDS,
    "DynamoDB, units a second of a table, of each kind": TABLE_UNITS,
    "DynamoDB, write units a second of a new table": NEW_TABLE_WRITES,
    "DynamoDB, write units a second of a partition": PARTITION_WRITES,
    "SQS, messages in flight of a queue": QUEUE_IN_FLIGHT,
    "EventBridge, calls of PutEvents a second": PUT_EVENTS,
    "NAT gateway, connections to one address and port": NAT_CONNECTIONS,
    "Fargate, vCPU of an account": FARGATE_VCPU,
    "ElastiCache, connections of a node": REDIS_CLIENTS,
}
