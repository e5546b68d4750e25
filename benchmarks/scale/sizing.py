"""Chooses the settings with which a stage carries a rate, and the quotas that AWS has to raise for it."""

from dataclasses import dataclass, replace
from math import ceil

from benchmarks.scale import limits
from benchmarks.scale.limits import Kind
from benchmarks.scale.parts import Part, parts, statement_seconds
from benchmarks.scale.setup import AS_IT_IS, CHALICE, Functions, FunctionSize, Setup
from benchmarks.scale.traffic import Traffic
from chalicelib.settings import MOST_DAY_SHARDS, STATEMENT_ROWS, STATEMENT_SECONDS
from infra.functions import BATCH, Work
from infra.route_limits import NEVER_ASK_CAMPAY, route_limits
from infra.stages import WORK_MAXIMUM, ApiSize, GatewaySize, RedisSize, Stage, WorkSize
from infra.statement_parts import SPLIT, number_of_parts

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


def sized(traffic: Traffic, setup: Setup = AS_IT_IS) -> Setup:
    """Returns the setup with those settings raised that a rate needs, and no other."""
    stage = setup.stage
    raised = replace(
        stage,
        api=_api(traffic, stage),
        work=_work(traffic, stage),
        gateway=_gateway(traffic, stage),
        redis=_redis(traffic, setup),
        day_shards=_day_shards(traffic, stage),
        statement_rows=min(_enough(traffic.payments_a_day, stage.statement_rows), STATEMENT_ROWS[1]),
    )
    functions = _functions(traffic, replace(setup, stage=raised))
    seconds = _enough(statement_seconds(traffic, functions.statement), stage.statement_seconds)
    return Setup(replace(raised, statement_seconds=min(seconds, STATEMENT_SECONDS[1])), functions)


def quotas(traffic: Traffic, setup: Setup) -> list[Quota]:
    """Returns the account's quotas, of which `AIM` is used at most; of Lambda's and Fargate's all that is reserved."""
    stage = setup.stage
    vcpu = stage.gateway.maximum * stage.gateway.cpu / 1024
    needed = {part.name: part.load / AIM for part in parts(traffic, setup) if part.kind is Kind.QUOTA}
    of_parts = {
        "API Gateway: all calls": limits.API_CALLS,
        "DynamoDB: writes": limits.TABLE_UNITS,
        "DynamoDB: reads": limits.TABLE_UNITS,
        "EventBridge: events put": limits.PUT_EVENTS,
    }
    return [
        Quota("Lambda: concurrent executions", concurrency(stage), limits.LAMBDA_CONCURRENCY),
        Quota("Fargate: processors of all containers", vcpu, limits.FARGATE_VCPU),
        *(Quota(name, needed[name], limit) for name, limit in of_parts.items()),
    ]


def concurrency(stage: Stage) -> int:
    """Returns what a stage reserves of the account's concurrency, with what Lambda keeps for others."""
    schedules: int = sum(it.get("reserved_concurrency", 0) for it in CHALICE["lambda_functions"].values())
    schedules += sum(number_of_parts(function, stage) for function in SPLIT)
    work = sum(stage.work.of(kind) for kind in Work)
    return stage.api.concurrency + work + schedules + limits.LAMBDA_UNRESERVED


def _day_shards(traffic: Traffic, stage: Stage) -> int:
    units = traffic.rate * traffic.per_payment(lambda it: it.index_units["day"])
    return min(_enough(units / limits.PARTITION_WRITES.value, stage.day_shards), MOST_DAY_SHARDS)


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
    longest = {"/api/payment/initiate": it.hanging_seconds, **dict.fromkeys(NEVER_ASK_CAMPAY, 0.0)}
    taken: float = sum(
        limit["ThrottlingRateLimit"]
        * (longest.get(limit["ResourcePath"][1:].replace("~1", "/"), it.hanging_read_seconds) + own)
        + limit["ThrottlingBurstLimit"]
        for limit in route_limits(stage)
    )
    return ceil(taken + stage.api.initiate_rate * (it.hanging_read_seconds + own))


def _work(traffic: Traffic, stage: Stage) -> WorkSize:
    checks = _enough(traffic.rate * traffic.check_seconds / BATCH, stage.work.checks)
    deliveries = _enough(traffic.rate * traffic.delivery_seconds / BATCH, stage.work.deliveries)
    shop = _enough(traffic.rate * traffic.shop_seconds / BATCH, stage.work.shop)
    return WorkSize(
        checks=min(checks, WORK_MAXIMUM), deliveries=min(deliveries, WORK_MAXIMUM), shop=min(shop, WORK_MAXIMUM)
    )


def _gateway(traffic: Traffic, stage: Stage) -> GatewaySize:
    size = stage.gateway
    if _enough(traffic.browsers / size.connections, 0) > size.maximum:
        size = replace(size, cpu=1024, memory=2048, connections=16_000)
    return replace(size, maximum=_enough(traffic.browsers / size.connections, size.maximum))


def _redis(traffic: Traffic, setup: Setup) -> RedisSize:
    """Returns the smallest type of node from the stage's own on that carries the load."""
    size = setup.stage.redis
    kinds = list(limits.NODE_GIB)
    for kind in kinds[kinds.index(size.node_type) :]:
        size = replace(size, node_type=kind)
        stage = replace(setup.stage, redis=size)
        if _carry(parts(traffic, replace(setup, stage=stage)), "Redis"):
            break
    return size


def _functions(traffic: Traffic, setup: Setup) -> Functions:
    """Returns the functions that read CamPay's statement with as much memory and time as they need, or as there is."""
    functions = setup.functions
    for size in (None, *_LARGER):
        if size:
            functions = Functions(size, size if setup.functions.late_payments else None)
        of_all = parts(traffic, replace(setup, functions=functions))
        if _carry(of_all, "Lambda: the nightly") and _carry(of_all, "Lambda: the hourly"):
            break
    return functions


_PROCESSOR = int(limits.MEMORY_OF_A_PROCESSOR.value)
_LARGER = (FunctionSize(_PROCESSOR, 600), FunctionSize(_PROCESSOR, int(limits.LONGEST_SECONDS.value)))


def _carry(of_all: list[Part], name: str) -> bool:
    return all((it.share or 0) <= AIM for it in of_all if it.name.startswith(name))
