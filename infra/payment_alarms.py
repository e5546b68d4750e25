"""Says of what the log measures of payments and of CamPay when somebody is to be told."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from chalicelib.domain.phone_number import OPERATORS
from infra.alarm_rules import AlarmRule
from infra.payment_metrics import payment_metric
from infra.stages import Stage

_FIVE_MINUTES, _HALF_HOUR, _HOUR = (Duration.minutes(it) for it in (5, 30, 60))
_ENOUGH_TO_TELL = 20
"""Payments of an operator in half an hour from which on their success is compared: a few say nothing."""
_BAND_WIDTH = 3
"""Standard deviations."""
_SLOW_MS = 5_000


def of_payments(stage: Stage) -> list[AlarmRule]:
    rules = [*(_success(stage, operator) for operator in OPERATORS), _slow_campay(stage)]
    return [*rules, _no_payments(stage, stage.usual_hours)] if stage.usual_hours else rules


def _success(stage: Stage, operator: str) -> AlarmRule:
    """Watches one operator against its own last two weeks, which CloudWatch learns, the hour and the weekday too.

    Where few payments have ended it divides by zero, which gives no value, and none is nothing to tell.
    """
    of_success = {
        name: payment_metric(stage, "PaymentsSucceeded", statistic, _HALF_HOUR, operator=operator)
        for name, statistic in (("ratio", "Average"), ("ended", "SampleCount"))
    }
    percent = cloudwatch.MathExpression(
        expression=f"100 * ratio / IF(ended >= {_ENOUGH_TO_TELL}, 1, 0)",
        using_metrics=dict(of_success),
        period=_HALF_HOUR,
        label=f"% of {operator}'s payments that succeed",
    )
    sentence = f"Far fewer payments of {operator} succeed than in its last days at this hour."
    return AlarmRule(f"{operator.lower()}-success-low", sentence, percent, _BAND_WIDTH, above=False, is_band=True)


def _slow_campay(stage: Stage) -> AlarmRule:
    calls = {
        call: payment_metric(stage, "CampayLatency", "p90", _FIVE_MINUTES, call=call, answer="answered")
        for call in ("collect", "read")
    }
    slowest = cloudwatch.MathExpression(
        expression="MAX([collect, read])", using_metrics=dict(calls), period=_FIVE_MINUTES, label="slower call, ms"
    )
    sentence = "CamPay takes 5 seconds and more for one answer in ten, for a quarter of an hour."
    return AlarmRule("campay-slow", sentence, slowest, _SLOW_MS, after=3)


def _no_payments(stage: Stage, usual_hours: tuple[int, int]) -> AlarmRule:
    """Watches that payments start at all. The sweep counts none each minute, so that none is a number."""
    started = {
        operator.lower(): payment_metric(stage, "PaymentsStarted", "Sum", _HOUR, operator=operator)
        for operator in OPERATORS
    }
    first, end = usual_hours
    together = cloudwatch.MathExpression(
        expression=f"IF(HOUR(mtn) >= {first} AND HOUR(mtn) < {end}, {' + '.join(started)}, 1)",
        using_metrics=dict(started),
        period=_HOUR,
        label="payments started",
    )
    sentence = "Nobody has started a payment for an hour in which somebody always does."
    return AlarmRule("no-payments", sentence, together, 1, above=False)
