"""Chooses the settings with which a stage carries a rate, and the quotas that AWS has to raise for it."""

from dataclasses import dataclass, replace
from math import ceil

from benchmarks.scale import limits
from benchmarks.scale.limits import Kind
from benchmarks.scale.parts import CHALICE, parts
from benchmarks.scale.traffic import Traffic
from infra.route_limits import route_limits
from infra.stages import PROD, ApiSize, GatewaySize, RedisSize, Stage

AIM = 0.7
"""No part's load shall be a larger share of its limit."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of the account that a stage needs. `needed`: beside `limit.value`, which is AWS's default."""

    name: str
    needed: float
    limit: limits.Limit

    @property
    def has_to_be_raised(self) -> bool:
        return self.needed > self.limit.value


def sized(traffic: Traffic, stage: Stage = PROD) -> Stage:
    """Returns the stage with those settings raised that a rate needs, and no other."""
    return replace(
        stage,
        api=_api(traffic, stage),
        gateway=_gateway(traffic, stage),
        redis=_redis(traffic, stage),
        order_events_per_second=_enough(traffic.rate * traffic.order_events, stage.order_events_per_second),
    )


def quotas(traffic: Traffic, stage: Stage) -> list[Quota]:
    """Returns the account's quotas, of which `AIM` is used at most; of Lambda's and Fargate's all that is reserved."""
    vcpu = stage.gateway.maximum * stage.gateway.cpu / 1024
    needed = {part.name: part.load / AIM for part in parts(traffic, stage) if part.kind is Kind.QUOTA}
    of_parts = {
        "API Gateway: all calls": limits.API_CALLS,
        "DynamoDB: writes": limits.TABLE_UNITS,
        "DynamoDB: reads": limits.TABLE_UNITS,
        "EventBridge: events put": limits.PUT_EVENTS,
        "EventBridge: calls of one destination": limits.API_DESTINATION,
    }
    return [
        Quota("Lambda: concurrent executions", concurrency(stage), limits.LAMBDA_CONCURRENCY),
        Quota("Fargate: processors of all containers", vcpu, limits.FARGATE_VCPU),
        *(Quota(name, needed[name], limit) for name, limit in of_parts.items()),
    ]


def concurrency(stage: Stage) -> int:
    """Returns what a stage reserves of the account's concurrency, with what Lambda keeps for others."""
    schedules: int = sum(it.get("reserved_concurrency", 0) for it in CHALICE["lambda_functions"].values())
    return stage.api.concurrency + schedules + limits.LAMBDA_UNRESERVED


def _enough(load: float, now: int) -> int:
    return max(now, ceil(load / AIM))


def _api(traffic: Traffic, stage: Stage) -> ApiSize:
    size = replace(
        stage.api,
        initiate_rate=_enough(traffic.rate, stage.api.initiate_rate),
        look_rate=_enough(traffic.rate * traffic.assumed.looks, stage.api.look_rate),
    )
    return replace(size, concurrency=max(size.concurrency, _while_campay_hangs(traffic, replace(stage, api=size))))


def _while_campay_hangs(traffic: Traffic, stage: Stage) -> int:
    """Returns how many of the API's functions all routes take at their limits, with a webhook for each start.

    It is what `tests/infra/templates/test_api.py` asks of each stage.
    """
    it = traffic.assumed
    own = 0.5
    longest = {"/api/payment/initiate": it.hanging_seconds, "/api/payment/health": 0.0}
    taken: float = sum(
        limit["ThrottlingRateLimit"]
        * (longest.get(limit["ResourcePath"][1:].replace("~1", "/"), it.hanging_read_seconds) + own)
        + limit["ThrottlingBurstLimit"]
        for limit in route_limits(stage)
    )
    return ceil(taken + stage.api.initiate_rate * (it.hanging_read_seconds + own))


def _gateway(traffic: Traffic, stage: Stage) -> GatewaySize:
    size = stage.gateway
    if _enough(traffic.browsers / size.connections, 0) > size.maximum:
        size = replace(size, cpu=1024, memory=2048, connections=16_000)
    return replace(size, maximum=_enough(traffic.browsers / size.connections, size.maximum))


def _redis(traffic: Traffic, stage: Stage) -> RedisSize:
    """Returns the smallest type of node from the stage's own on that carries the load."""
    kinds = list(limits.NODE_GIB)
    for kind in kinds[kinds.index(stage.redis.node_type) :]:
        size = replace(stage.redis, node_type=kind)
        of_redis = [it for it in parts(traffic, replace(stage, redis=size)) if it.name.startswith("Redis")]
        if all((it.share or 0) <= AIM for it in of_redis):
            break
    return size
