"""Computes what a stage costs a month: what it has, whether anybody pays or not, and what its payments use."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, exp

from benchmarks.scale import limits, prices
from benchmarks.scale.prices import HOURS
from benchmarks.scale.resources import Resources
from benchmarks.scale.setup import AS_IT_IS
from benchmarks.scale.traffic import Traffic
from infra.functions import BATCH_SECONDS, CHANGES_A_BATCH, STATEMENT
from infra.stages import Stage
from infra.statement_parts import DAYS_BEFORE

_MINUTES = HOURS * 60
_MEMORY_GB = 0.5
"""Of each function: `.chalice/config.json`."""
_SWEEP_SECONDS = 3
"""Of each minute. Estimated: it reads three indexes, sends what it finds, and compares what was decided with Redis."""
_CALLS_OF_A_MESSAGE = 3
"""Sent, received, deleted, each alone."""
_CONTAINER_METRICS, _METRICS_OF_A_CONTAINER = 40, 25
"""Of Container Insights: those of a cluster with one service, and of each of its containers. Estimated."""
_CHECKS_OF_A_FUNCTION = 10
"""Made at once."""
_GATEWAY_METRICS = 3
"""Browsers, tracked payments, lag of the relay."""
_POLLS = 5 * 3 * _MINUTES
"""Lambda's own of an empty queue: five pollers that wait for 20 s each."""
_READ_UNITS_OF_A_ROW = 0.125
"""Half a unit for 4 KB, of which a row in the index `day` is one."""
_STREAM_SHARDS = 4
"""Of the ledger's stream: one for each partition of the table, and a new on-demand table has four."""
_BATCH_LASTS_SECONDS = 0.2
"""To count a batch of changes. Estimated: four calls of DynamoDB."""
_WRITE_UNITS_OF_A_BATCH = 10
"""In a transaction: how far the shard is counted, and a row of up to 2 kB for each of two operators."""
_READ_UNITS_OF_A_BATCH, _READ_UNITS_OF_A_HISTORY = 2, 2
"""Consistent: the shard's row and the day's; the rows of a payment, up to 8 kB."""
_LEDGER_MONTHS = 12
"""A payment is kept for ever; the bill is that of a stage that is a year old."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bill. `sum`: how the dollars come about."""

    name: str
    sum: str
    dollars: float


def total(lines: list[Line]) -> float:
    return sum(line.dollars for line in lines)


def for_stage(resources: Resources, stage: Stage, traffic: Traffic) -> Resources:
    """Returns the resources of a stage whose size was changed, with as many containers as its average needs."""
    browsers = traffic.browsers / traffic.assumed.peak
    size = stage.gateway
    return replace(
        resources,
        containers=max(size.minimum, ceil(browsers / size.connections)),
        cpu=size.cpu,
        memory=size.memory,
        redis_type=stage.redis.node_type,
        day_shards=stage.day_shards,
    )


def fixed(it: Resources) -> list[Line]:
    """Returns what a stage costs without one payment."""
    return [line for line in (*_by_the_hour(it), *_by_the_month(it)) if line.dollars]


def _by_the_hour(it: Resources) -> Iterator[Line]:
    spot = prices.SPOT_SHARE.dollars if it.is_spot else 1
    vcpu, memory = it.containers * it.cpu / 1024, it.containers * it.memory / 1024
    node = prices.NODE[it.redis_type].dollars
    yield _hours("NAT gateway", it.nat_gateways, prices.NAT_GATEWAY.dollars)
    for kind, number in it.instances.items():
        yield _hours(f"NAT instance, {kind}", number, prices.INSTANCE[kind].dollars)
    yield Line("its disk", f"{it.disk_gb} GB × {prices.DISK_GB.dollars}", prices.DISK_GB.of(it.disk_gb))
    yield _hours("public IPv4 addresses", it.public_ipv4, prices.PUBLIC_IPV4.dollars)
    yield _hours("load balancer", it.load_balancers, prices.LOAD_BALANCER.dollars)
    yield Line(
        "gateway on Fargate" + (" Spot" if it.is_spot else ""),
        f"{it.containers} × ({it.cpu / 1024:g} vCPU × {prices.VCPU.dollars} + {it.memory / 1024:g} GB × "
        f"{prices.MEMORY_GB.dollars}) × {HOURS} h" + (f" × {spot}" if it.is_spot else ""),
        HOURS * spot * (vcpu * prices.VCPU.dollars + memory * prices.MEMORY_GB.dollars),
    )
    yield _hours(f"Valkey, {it.redis_type}", it.redis_nodes, node)


def _hours(name: str, number: int, dollars: float) -> Line:
    return Line(name, f"{number} × {dollars} × {HOURS} h", number * dollars * HOURS)


def _by_the_month(it: Resources) -> Iterator[Line]:
    yield _monthly("secrets", it.secrets, prices.SECRET)
    yield _monthly("alarms, by the metrics that they watch", it.alarm_metrics, prices.ALARM)
    yield _monthly("metrics of the gateway", _own_metrics(it), prices.METRIC)
    if it.has_container_metrics:
        metrics = _CONTAINER_METRICS + it.containers * _METRICS_OF_A_CONTAINER
        yield _monthly("Container Insights", metrics, prices.CONTAINER_METRIC)
    yield _monthly("dashboard", it.dashboards, prices.DASHBOARD)
    yield _monthly("WAF, list", it.web_acls, prices.WEB_ACL)
    yield _monthly("WAF, rules", it.web_acl_rules, prices.WEB_ACL_RULE)
    seconds = _SWEEP_SECONDS * _MINUTES * _MEMORY_GB
    yield Line("sweep", f"{_SWEEP_SECONDS} s a minute × {_MEMORY_GB} GB", prices.LAMBDA_GB_SECOND.of(seconds))
    polls = it.polled_queues * _POLLS
    yield Line("queues that are asked for work", f"{it.polled_queues} × {_POLLS:,}", prices.QUEUE_CALL.of(polls))


def _monthly(name: str, number: int, price: prices.Price) -> Line:
    free = f", {price.free:g} of them free" if price.free else ""
    return Line(name, f"{number} × {price.dollars}{free}", price.of(number))


def used(it: Resources, traffic: Traffic) -> list[Line]:
    """Returns what a month's payments use, beyond what AWS gives to each account."""
    payments, assumed = traffic.payments_a_month, traffic.assumed
    calls = 1 + assumed.looks + assumed.healths + traffic.webhooks + traffic.checks + traffic.order_events
    seconds = traffic.api_seconds + traffic.check_seconds / _CHECKS_OF_A_FUNCTION + traffic.shop_seconds
    writes = traffic.per_payment(lambda counts: counts.write_units)
    reads = traffic.per_payment(lambda counts: counts.read_calls)
    gigabytes = payments / 10**9
    units = _capacity_units(traffic)
    lines = [
        _of("API Gateway", payments * traffic.api_calls, "calls", prices.API_CALL),
        _of("WAF", payments * traffic.api_calls * it.web_acls, "calls", prices.WEB_ACL_CALL),
        _of("Lambda", payments * calls, "calls", prices.LAMBDA_CALL),
        _of("Lambda", payments * seconds * _MEMORY_GB, "GB-seconds", prices.LAMBDA_GB_SECOND),
        _of("DynamoDB", payments * writes, "write units", prices.WRITE_UNIT),
        _of("DynamoDB", payments * reads, "read units", prices.READ_UNIT),
        _of("DynamoDB", gigabytes * assumed.ledger_bytes * _LEDGER_MONTHS, "GB after a year", prices.LEDGER_GB),
        _of(
            "SQS",
            payments * (traffic.messages + traffic.order_events) * _CALLS_OF_A_MESSAGE,
            "calls",
            prices.QUEUE_CALL,
        ),
        _of("EventBridge", payments * traffic.order_events, "events", prices.ORDER_EVENT),
        _of("CloudWatch", gigabytes * assumed.log_bytes, "GB of logs", prices.LOG_GB),
        _metrics(it, traffic),
        _of("NAT gateway", gigabytes * assumed.nat_bytes * min(it.nat_gateways, 1), "GB", prices.NAT_GB),
        _of("Load balancer", units * HOURS, "capacity unit hours", prices.CAPACITY_UNIT),
        _of("To the internet", gigabytes * assumed.out_bytes, "GB", prices.OUT_GB),
    ]
    return [line for line in (*lines, *_statements(it, traffic), *_rollups(traffic)) if line.dollars]


def _statements(it: Resources, traffic: Traffic) -> Iterator[Line]:
    """Yields what it costs to hold CamPay's statement against the ledger: open days each hour, four days each night."""
    assumed, nights = traffic.assumed, HOURS / 24
    if AS_IT_IS.functions.late_payments:
        days = HOURS * assumed.open_days
        yield from _reading("Hourly pass", it, traffic, statements=days, days=days)
    days = nights * len(DAYS_BEFORE[STATEMENT])
    yield from _reading("Nightly comparison", it, traffic, statements=days * assumed.compared_statements, days=days)


def _reading(name: str, it: Resources, traffic: Traffic, *, statements: float, days: float) -> Iterator[Line]:
    """Yields the lines of whoever reads so many statements a month, each in all shards, and days of the ledger."""
    assumed = traffic.assumed
    rows, payments = (traffic.payments_a_day * number for number in (statements * it.day_shards, days))
    computing = (rows * assumed.statement_microseconds + payments * assumed.ledger_microseconds) / 1_000_000
    seconds = computing * limits.MEMORY_OF_A_PROCESSOR.value / 1_024
    gigabytes = rows * assumed.statement_bytes / 10**9
    yield Line(name, f"{seconds:,.0f} GB-seconds", prices.LAMBDA_GB_SECOND.dollars * seconds)
    yield _of(name, payments * _READ_UNITS_OF_A_ROW, "read units", prices.READ_UNIT)
    yield _of(name, gigabytes * min(it.nat_gateways, 1), "GB through the NAT gateway", prices.NAT_GB)


def _rollups(traffic: Traffic) -> Iterator[Line]:
    """Yields what it costs to count the changes for the analytics. Lambda reads the stream free of charge."""
    versions = traffic.payments_a_month * traffic.assumed.versions
    batches = batches_of_changes(versions)
    uses = (
        (batches, "calls", prices.LAMBDA_CALL),
        (batches * _BATCH_LASTS_SECONDS * _MEMORY_GB, "GB-seconds", prices.LAMBDA_GB_SECOND),
        (batches * _WRITE_UNITS_OF_A_BATCH, "write units", prices.WRITE_UNIT),
        (batches * _READ_UNITS_OF_A_BATCH + versions * _READ_UNITS_OF_A_HISTORY, "read units", prices.READ_UNIT),
    )
    yield from (Line("Rollups", f"{units:,.0f} {what}", price.dollars * units) for units, what, price in uses)


def batches_of_changes(versions: float) -> float:
    """Returns the batches of a month: a shard gathers one from its first change on, until its time is up or it is full.

    `versions`: changes of all payments in a month.
    """
    shards_seconds = _STREAM_SHARDS * HOURS * 3600
    if not versions:
        return 0
    between = shards_seconds / versions
    return shards_seconds / (between + min(BATCH_SECONDS, CHANGES_A_BATCH * between))


def _own_metrics(it: Resources) -> int:
    return _GATEWAY_METRICS if it.writes_metrics else 0


def _metrics(it: Resources, traffic: Traffic) -> Line:
    """Returns what the metrics cost that payments and log lines write, in the hours in which they have values."""
    of_payments = traffic.assumed.payment_metrics if it.writes_metrics else 0
    whole = (of_payments + it.log_metrics) * _busy_hours(traffic.payments_a_month) / HOURS
    own = _own_metrics(it)
    billed = prices.METRIC.of(own + whole) - prices.METRIC.of(own)
    return Line("CloudWatch", f"{whole:.1f} metrics, for whole months", billed)


def _busy_hours(payments: float) -> float:
    """Returns the hours of a month with a payment in them: a metric is billed by those in which it has values."""
    return HOURS * (1 - exp(-payments / HOURS))


def _of(name: str, units: float, what: str, price: prices.Price) -> Line:
    return Line(name, f"{units:,.0f} {what}", price.of(units))


def _capacity_units(traffic: Traffic) -> float:
    """Returns the load balancer's capacity units at the average: 25 new connections a second, or 3,000 open ones."""
    rate = traffic.rate / traffic.assumed.peak
    return max(rate / 25, traffic.browsers / traffic.assumed.peak / 3_000)
