"""Draws what the queues have for the dashboard: what waits, for how long, and what has failed each time."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from infra.functions import Work
from infra.work_queues import WorkQueues

_PERIOD = Duration.minutes(5)


def queue_graphs(queues: WorkQueues, width: int) -> list[cloudwatch.GraphWidget]:
    def of(title: str, metric: str, among: Mapping[Work, sqs.Queue]) -> cloudwatch.GraphWidget:
        metrics = [it.metric(metric, statistic="Maximum", period=_PERIOD, label=work) for work, it in among.items()]
        return cloudwatch.GraphWidget(title=title, left=metrics, width=width)

    visible = "ApproximateNumberOfMessagesVisible"
    return [
        of("Messages that wait", visible, queues.queues),
        of("Oldest message, seconds", "ApproximateAgeOfOldestMessage", queues.queues),
        of("Messages that failed each time", visible, queues.dead_letters),
    ]
