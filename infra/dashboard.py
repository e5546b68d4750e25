"""Creates a stage's dashboard: whether money moves, screens follow, and nothing fills up."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.alarms import Alarms
from infra.functions import API, CHECKS, DELIVERIES, SWEEP
from infra.gateway import Gateway
from infra.log_lines import LINES, SETTLED, SETTLED_BY_WEBHOOK
from infra.payment_metrics import payment_graphs
from infra.payments_api import PaymentsApi
from infra.queue_graphs import queue_graphs
from infra.redis_group import RedisGroup
from infra.stages import Stage
from infra.store_graphs import store_graphs
from infra.work_queues import WorkQueues

_WIDTH = 24
_PERIOD = Duration.minutes(5)


class Dashboard(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        stage: Stage,
        *,
        alarms: Alarms,
        api: PaymentsApi,
        gateway: Gateway,
        table: dynamodb.ITable,
        redis: RedisGroup,
        queues: WorkQueues,
    ) -> None:
        super().__init__(scope, construct_id)

        def of_lines(title: str, *names: str) -> cloudwatch.GraphWidget:
            statistics = {line.metric: line.statistic for line in LINES}
            metrics = [alarms.line_metric(name, statistics[name], _PERIOD) for name in names]
            return cloudwatch.GraphWidget(title=title, left=metrics, width=_WIDTH // 3)

        def of_api(title: str, *names: str, statistic: str) -> cloudwatch.GraphWidget:
            metrics = [api.metric(name, statistic=statistic, period=_PERIOD) for name in names]
            return cloudwatch.GraphWidget(title=title, left=metrics, width=_WIDTH // 3)

        board = cloudwatch.Dashboard(self, "Board", dashboard_name=stage.full_name)
        board.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms.by_page.values()), width=_WIDTH)
        )
        board.add_widgets(
            of_lines("Payments that succeeded", SETTLED.metric, SETTLED_BY_WEBHOOK.metric),
            of_lines("Waiting longest, seconds", "due-old", "undelivered-old"),
            of_lines("CamPay and signatures", "campay-errors", "signature-failures"),
        )
        board.add_widgets(*payment_graphs(stage, _WIDTH // 3))
        board.add_widgets(
            of_api("Calls and refusals", "Count", "4XXError", "5XXError", statistic="Sum"),
            of_api("Latency p99, ms", "Latency", statistic="p99"),
            cloudwatch.GraphWidget(
                title="Lambdas at once",
                left=[
                    api.function_metric(function, "ConcurrentExecutions", statistic="Maximum", period=_PERIOD)
                    for function in (API, CHECKS, DELIVERIES, SWEEP)
                ],
                width=_WIDTH // 3,
            ),
        )
        board.add_widgets(*store_graphs(table, redis, _WIDTH // 3))
        board.add_widgets(*queue_graphs(queues, _WIDTH // 3))
        board.add_widgets(
            cloudwatch.GraphWidget(
                title="Browsers per gateway container", left=[gateway.connections()], width=_WIDTH // 3
            ),
            cloudwatch.GraphWidget(
                title="Gateway containers that are alive",
                left=[gateway.targets.metrics.healthy_host_count(statistic="Minimum", period=_PERIOD)],
                width=_WIDTH // 3,
            ),
            cloudwatch.GraphWidget(
                title="Gateway CPU and memory, %",
                left=[gateway.service.metric_cpu_utilization(), gateway.service.metric_memory_utilization()],
                width=_WIDTH // 3,
            ),
        )
