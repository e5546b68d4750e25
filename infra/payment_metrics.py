"""Names the metrics that the product writes into its log (`chalicelib/runtime/metrics.py`), and draws them."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from chalicelib.domain.phone_number import OPERATORS
from infra.stages import Stage

_PERIOD = Duration.minutes(5)
_ENDS = ("SUCCESSFUL", "FAILED", "EXPIRED", "CONFLICTED")


def payment_metric(
    stage: Stage, name: str, statistic: str, period: Duration, label: str | None = None, **dimensions: str
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=stage.full_name,
        metric_name=name,
        statistic=statistic,
        period=period,
        label=label,
        dimensions_map=dimensions,
    )


def payment_graphs(stage: Stage, width: int) -> list[cloudwatch.IWidget]:
    """Returns a graph of each operator, from the prompts that were asked for to how they ended, and one of CamPay."""
    return [*(_funnel(stage, operator, width) for operator in OPERATORS), _latency(stage, width)]


def _funnel(stage: Stage, operator: str, width: int) -> cloudwatch.GraphWidget:
    started = payment_metric(stage, "PaymentsStarted", "Sum", _PERIOD, "started", operator=operator)
    ended = [
        payment_metric(stage, "PaymentsEnded", "Sum", _PERIOD, status.lower(), operator=operator, status=status)
        for status in _ENDS
    ]
    return cloudwatch.GraphWidget(title=f"{operator}: started, and how they ended", left=[started, *ended], width=width)


def _latency(stage: Stage, width: int) -> cloudwatch.GraphWidget:
    calls = [
        payment_metric(stage, "CampayLatency", "p90", _PERIOD, call, call=call, answer="answered")
        for call in ("collect", "read", "statement")
    ]
    return cloudwatch.GraphWidget(title="CamPay's answers p90, ms", left=[*calls], width=width)
