"""Holds the load of each part of a stage against its limit."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.scale import limits
from benchmarks.scale.limits import Kind
from benchmarks.scale.setup import FunctionSize, Setup
from benchmarks.scale.traffic import Traffic
from chalicelib.adapters.ledger.table import SHARDS
from infra.functions import BATCH
from infra.stages import Stage
from socket_gateway.settings import Bounds


@dataclass(frozen=True, slots=True)
class Part:
    """A part's load and its limit, both in `unit`; no limit where none is known."""

    name: str
    load: float
    limit: float | None
    unit: str
    kind: Kind

    @property
    def share(self) -> float | None:
        return None if self.limit is None else self.load / self.limit


def parts(traffic: Traffic, setup: Setup) -> list[Part]:
    """Returns all parts of a stage, in the order in which a payment meets them."""
    stage = setup.stage
    return [
        *_api(traffic, stage),
        *_functions(traffic, stage),
        *_queues(traffic, stage),
        *_statements(traffic, setup),
        *_ledger(traffic, stage),
        _of("EventBridge: events put", traffic.rate * traffic.order_events, limits.PUT_EVENTS, "calls/s"),
        *_redis(traffic, stage),
        *_gateway(traffic, stage),
        *_outside(traffic, stage),
    ]


def _api(traffic: Traffic, stage: Stage) -> list[Part]:
    rate, it = traffic.rate, traffic.assumed
    return [
        Part("API Gateway: starts of payments", rate, stage.api.initiate_rate, "calls/s", Kind.SETTING),
        Part("API Gateway: looks at one route", rate * it.looks, stage.api.look_rate, "calls/s", Kind.SETTING),
        _of("API Gateway: all calls", rate * traffic.api_calls, limits.API_CALLS, "calls/s"),
    ]


def _functions(traffic: Traffic, stage: Stage) -> list[Part]:
    rate = traffic.rate
    reserved = stage.api.concurrency
    return [
        Part("Lambda: the API", rate * traffic.api_seconds, reserved, "at once", Kind.SETTING),
        Part("Lambda: the API, CamPay hanging", rate * traffic.hanging_seconds, reserved, "at once", Kind.SETTING),
    ]


def _queues(traffic: Traffic, stage: Stage) -> list[Part]:
    checks, deliveries = traffic.rate * traffic.check_seconds, traffic.rate * traffic.delivery_seconds
    telling = traffic.rate * traffic.shop_seconds
    return [
        Part("Lambda: checks", checks, stage.work.checks * BATCH, "at once", Kind.SETTING),
        Part("Lambda: deliveries, Redis away", deliveries, stage.work.deliveries * BATCH, "at once", Kind.SETTING),
        Part("Lambda: telling the shop", telling, stage.work.shop * BATCH, "at once", Kind.SETTING),
        _of("SQS: checks in flight", checks, limits.QUEUE_IN_FLIGHT, "messages"),
    ]


def _statements(traffic: Traffic, setup: Setup) -> Iterator[Part]:
    """Yields what reads CamPay's statement: a function for each day and each shard of the ledger's days."""
    it, day, functions = traffic.assumed, traffic.payments_a_day, setup.functions
    ours = day / setup.stage.day_shards
    yield Part("CamPay's statement: rows of a day", day, setup.stage.statement_rows, "rows", Kind.SETTING)
    computing = statement_seconds(traffic, functions.statement)
    yield Part("CamPay's statement: computing for a day", computing, setup.stage.statement_seconds, "s", Kind.SETTING)
    compared = day * it.compared_statements * it.statement_microseconds + ours * it.ledger_microseconds
    yield _reading("the nightly comparison", compared / 1_000_000, functions.statement)
    yield _keeping("the nightly comparison", ours * it.compared_bytes, functions.statement)
    if functions.late_payments:
        passed = day * it.statement_microseconds + ours * it.ledger_microseconds
        yield _reading("the hourly pass", passed / 1_000_000, functions.late_payments)
        yield _keeping("the hourly pass", ours * it.known_bytes, functions.late_payments)


def statement_seconds(traffic: Traffic, size: FunctionSize) -> float:
    """Returns how long a function computes with a day's statement, without CamPay's own time and the network's."""
    return traffic.payments_a_day * traffic.assumed.statement_microseconds / 1_000_000 / processors(size)


_BASE_MEGABYTES = 75
"""Of a function with nothing in mind."""


def _keeping(name: str, size_in_bytes: float, size: FunctionSize) -> Part:
    megabytes = _BASE_MEGABYTES + size_in_bytes / 1_000_000
    return Part(f"Lambda: {name}, memory", megabytes, size.lambda_memory_size, "MB", Kind.SETTING)


def _reading(name: str, computing_seconds: float, size: FunctionSize) -> Part:
    return Part(f"Lambda: {name}", computing_seconds / processors(size), size.lambda_timeout, "s", Kind.SETTING)


def processors(size: FunctionSize) -> float:
    """Returns the share of a processor that a function of one thread has: it grows with its memory."""
    return min(size.lambda_memory_size / limits.MEMORY_OF_A_PROCESSOR.value, 1)


def _ledger(traffic: Traffic, stage: Stage) -> list[Part]:
    rate = traffic.rate

    def of_index(name: str, shards: int) -> Part:
        units = rate * traffic.per_payment(lambda it: it.index_units[name]) / shards
        return _of(f"DynamoDB: index `{name}`, a partition", units, limits.PARTITION_WRITES, "units/s")

    writes = rate * traffic.per_payment(lambda it: it.write_units)
    reads = rate * traffic.per_payment(lambda it: it.read_calls)
    return [
        _of("DynamoDB: writes", writes, limits.TABLE_UNITS, "units/s"),
        _of("DynamoDB: reads", reads, limits.TABLE_UNITS, "units/s"),
        of_index("due", SHARDS),
        of_index("undelivered", SHARDS),
        of_index("day", stage.day_shards),
        of_index("events", stage.day_shards),
    ]


def _redis(traffic: Traffic, stage: Stage) -> list[Part]:
    size = stage.redis
    shards = size.shards if size.cluster else 1
    usable = limits.NODE_GIB[size.node_type] * limits.NODE_USABLE * shards
    calls = limits.REDIS_CALLS_A_PROCESSOR * limits.NODE_PROCESSORS.get(size.node_type, 1) * shards
    clients = traffic.rate * traffic.api_seconds + stage.gateway.maximum * 2
    return [
        Part("Redis: calls", traffic.redis_calls, calls, "calls/s", Kind.SETTING),
        Part("Redis: memory", traffic.redis_bytes / 2**30, usable, "GiB", Kind.SETTING),
        _of("Redis: connections", clients, limits.REDIS_CLIENTS, "at once"),
    ]


def _gateway(traffic: Traffic, stage: Stage) -> list[Part]:
    size = stage.gateway
    vcpu = size.maximum * size.cpu / 1024
    browsers = size.maximum * min(size.connections, Bounds().max_sockets)
    return [
        Part("Gateway: browsers", traffic.browsers, browsers, "at once", Kind.SETTING),
        Part("Gateway: processors", traffic.gateway_processors, vcpu, "vCPU", Kind.SETTING),
    ]


def _outside(traffic: Traffic, stage: Stage) -> list[Part]:
    rate, it = traffic.rate, traffic.assumed
    reads = rate * traffic.per_payment(lambda counts: counts.campay_reads)
    connections = rate * it.collect_seconds + reads * it.read_seconds
    limit = limits.NAT_CONNECTIONS.value * max(stage.nat_gateways, 1)
    return [
        Part("NAT: connections to CamPay", connections, limit, "at once", Kind.SETTING),
        Part("CamPay: prompts", rate, None, "calls/s", Kind.UNKNOWN),
        Part("CamPay: reads", reads, None, "calls/s", Kind.UNKNOWN),
    ]


def _of(name: str, load: float, limit: limits.Limit, unit: str) -> Part:
    return Part(name, load, limit.value, unit, limit.kind)
