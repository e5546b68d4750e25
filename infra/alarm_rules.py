"""Says of what AWS itself measures (functions, load balancer, Redis, queues) when somebody is to be told."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from infra.functions import API, CHECKS, DELIVERIES, LATE_PAYMENTS, ROLLUPS, SHOP, STATEMENT, SWEEP, Function, Work
from infra.gateway import Gateway
from infra.payments_api import PaymentsApi
from infra.redis_group import RedisGroup
from infra.work_queues import WorkQueues

_MINUTE, _FIVE_MINUTES, _HOUR = (Duration.minutes(it) for it in (1, 5, 60))
_LONGEST_WAIT_SECONDS = 600
"""It is longer than a message of a function that died stays hidden, and than any is delayed."""
_QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
_LOUD = cloudwatch.TreatMissingData.BREACHING


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """Says when one alarm changes to ALARM. `page`: its name, and its section of docs/operations.md.

    `after`: how many periods in a row; `missing`: what a period without data counts as. `is_band`: the threshold
    is the number of standard deviations from what the metric was in its last days.
    """

    page: str
    sentence: str
    metric: cloudwatch.IMetric
    threshold: float
    above: bool = True
    after: int = 1
    missing: cloudwatch.TreatMissingData = _QUIET
    is_band: bool = False


def of_functions(api: PaymentsApi) -> list[AlarmRule]:
    def of(function: Function, name: str, period: Duration) -> cloudwatch.Metric:
        return api.function_metric(function, name, statistic="Sum", period=period)

    return [
        AlarmRule(
            "api-5xx",
            "The API answered 5 or more calls in 5 minutes with a 5xx.",
            api.metric("5XXError", statistic="Sum", period=_FIVE_MINUTES),
            5,
        ),
        AlarmRule(
            "api-throttled",
            "Lambda refused calls, webhooks too, because all that is reserved for the API is busy.",
            of(API, "Throttles", _FIVE_MINUTES),
            1,
        ),
        AlarmRule(
            "sweep-not-running",
            "The sweep has not started for 5 minutes: what the queues lost is not made good.",
            of(SWEEP, "Invocations", _FIVE_MINUTES),
            1,
            above=False,
            missing=_LOUD,
        ),
        AlarmRule(
            "sweep-errors",
            "The sweep ended with an error twice in 5 minutes.",
            of(SWEEP, "Errors", _FIVE_MINUTES),
            2,
        ),
        AlarmRule(
            "checks-errors",
            "Checking payments with CamPay ended with an error twice in 5 minutes.",
            of(CHECKS, "Errors", _FIVE_MINUTES),
            2,
        ),
        AlarmRule(
            "deliveries-errors",
            "Delivering changes ended with an error twice in 5 minutes.",
            of(DELIVERIES, "Errors", _FIVE_MINUTES),
            2,
        ),
        AlarmRule(
            "shop-errors",
            "Telling the shop of payments ended with an error twice in 5 minutes.",
            of(SHOP, "Errors", _FIVE_MINUTES),
            2,
        ),
        AlarmRule(
            "late-payments-errors",
            "The hourly reading of CamPay's statement ended with an error: who pays late is found later.",
            of(LATE_PAYMENTS, "Errors", _HOUR),
            1,
        ),
        AlarmRule(
            "statement-errors",
            "The nightly comparison with CamPay's statement ended with an error.",
            of(STATEMENT, "Errors", _HOUR),
            1,
        ),
        AlarmRule(
            "rollups-behind",
            "The analytics are 10 minutes behind the payments.",
            api.function_metric(ROLLUPS, "IteratorAge", statistic="Maximum", period=_FIVE_MINUTES),
            _LONGEST_WAIT_SECONDS * 1000,
        ),
    ]


def of_queues(queues: WorkQueues) -> list[AlarmRule]:
    return [
        _of_oldest(
            "checks-waiting", "A message of the queue of checks has waited 10 minutes.", queues.queues[Work.CHECKS]
        ),
        _of_oldest(
            "deliveries-waiting",
            "A message of the queue of deliveries has waited 10 minutes.",
            queues.queues[Work.DELIVERIES],
        ),
        AlarmRule(
            "shop-waiting",
            "Messages for the shop have waited 10 minutes, and no function took them.",
            queues.queues[Work.SHOP].metric_approximate_number_of_messages_visible(
                statistic="Minimum", period=_FIVE_MINUTES
            ),
            1,
            after=2,
        ),
        _of_dead_letters(
            "checks-dead-letters",
            "A check with CamPay failed each time it was tried.",
            queues.dead_letters[Work.CHECKS],
        ),
        _of_dead_letters(
            "deliveries-dead-letters",
            "A delivery of a change failed each time it was tried.",
            queues.dead_letters[Work.DELIVERIES],
        ),
        _of_dead_letters(
            "shop-dead-letters",
            "A message that the shop has something to be told was lost: the ledger knows what.",
            queues.dead_letters[Work.SHOP],
        ),
    ]


def _of_oldest(page: str, sentence: str, queue: sqs.Queue) -> AlarmRule:
    oldest = queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=_FIVE_MINUTES)
    return AlarmRule(page, sentence, oldest, _LONGEST_WAIT_SECONDS)


def _of_dead_letters(page: str, sentence: str, queue: sqs.Queue) -> AlarmRule:
    waiting = queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=_FIVE_MINUTES)
    return AlarmRule(page, sentence, waiting, 1)


def of_gateway(gateway: Gateway) -> list[AlarmRule]:
    metrics = gateway.targets.metrics
    return [
        AlarmRule(
            "gateway-down",
            "No gateway is alive: browsers see no changes, payments go on.",
            metrics.healthy_host_count(statistic="Minimum", period=_MINUTE),
            1,
            above=False,
            after=3,
            missing=_LOUD,
        ),
    ]


def of_redis(redis: RedisGroup) -> list[AlarmRule]:
    used = {
        f"node{number}": cloudwatch.Metric(
            namespace="AWS/ElastiCache",
            metric_name="DatabaseMemoryUsagePercentage",
            dimensions_map={"CacheClusterId": member},
            statistic="Maximum",
            period=_FIVE_MINUTES,
        )
        for number, member in enumerate(redis.members)
    }
    fullest = cloudwatch.MathExpression(
        expression=f"MAX([{', '.join(used)}])", using_metrics=used, period=_FIVE_MINUTES, label="fullest node, %"
    )
    return [AlarmRule("redis-memory", "A node of Redis has used 80 % of its memory.", fullest, 80, after=3)]
