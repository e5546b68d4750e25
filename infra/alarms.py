"""Defines every alarm: its metric, one plain sentence for whoever gets the mail, its section of docs/operations.md."""

from collections.abc import Mapping

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.alarm_rules import AlarmRule, of_functions, of_gateway, of_queues, of_redis
from infra.gateway import Gateway
from infra.log_lines import BALANCE, GATEWAY, LINES, SETTLED, SETTLED_BY_WEBHOOK, Line
from infra.payment_alarms import of_payments
from infra.payments_api import PaymentsApi
from infra.redis_group import RedisGroup
from infra.stages import Stage
from infra.work_queues import WorkQueues

PAGE = "docs/operations.md"
_HOUR, _DAY = (Duration.minutes(it) for it in (60, 1440))
_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_BELOW_BAND = cloudwatch.ComparisonOperator.LESS_THAN_LOWER_THRESHOLD
_WEBHOOKS_MISSED_PERCENT = 20
_ENOUGH_TO_TELL = 10
"""Payments an hour from which on a rate of lost webhooks is told: below it, one lost webhook would be an alarm."""


class Alarms(Construct):
    """Creates the alarms. `by_page`: all of them by name; `topic`: where they publish, to be subscribed to."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        stage: Stage,
        *,
        api: PaymentsApi,
        gateway: Gateway,
        redis: RedisGroup,
        queues: WorkQueues,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._namespace = f"{stage.full_name}/log"
        self.topic = self._told_by_email()
        log_groups = {**api.logs, GATEWAY: gateway.log}
        for line in LINES:
            self._count(line, log_groups)
        rules = [
            *(self._of_line(line) for line in LINES if line.sentence),
            self._missed_webhooks(),
            self._balance(),
            *of_payments(stage),
            *of_functions(api),
            *of_queues(queues),
            *of_gateway(gateway),
            *of_redis(redis),
        ]
        self.by_page = {rule.page: self._alarm(rule) for rule in rules}

    def line_metric(self, name: str, statistic: str, period: Duration) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._namespace, metric_name=name, statistic=statistic, period=period, label=name
        )

    def _told_by_email(self) -> sns.Topic:
        topic = sns.Topic(self, "Topic", enforce_ssl=True)
        # The policy that asks for TLS takes the place of the usual one, by which the account's alarms may publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        if self._stage.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._stage.alarm_email))
        return topic

    def _count(self, line: Line, log_groups: Mapping[str, logs.LogGroup]) -> None:
        for name in line.logs:
            logs.MetricFilter(
                self,
                f"{line.metric}-{name}",
                log_group=log_groups[name],
                metric_namespace=self._namespace,
                metric_name=line.metric,
                filter_pattern=logs.FilterPattern.literal(line.pattern),
                metric_value=line.value,
            )

    def _of_line(self, line: Line) -> AlarmRule:
        metric = self.line_metric(line.metric, line.statistic, Duration.minutes(line.minutes))
        return AlarmRule(line.metric, line.sentence, metric, line.threshold, after=line.in_a_row)

    def _missed_webhooks(self) -> AlarmRule:
        settled, by_webhook = (self.line_metric(it.metric, "Sum", _HOUR) for it in (SETTLED, SETTLED_BY_WEBHOOK))
        missed = cloudwatch.MathExpression(
            expression=f"IF(settled >= {_ENOUGH_TO_TELL}, 100 * (settled - FILL(webhook, 0)) / settled, 0)",
            using_metrics={"settled": settled, "webhook": by_webhook},
            period=_HOUR,
            label="% of successes that no webhook told",
        )
        sentence = f"In the last hour CamPay's webhook told us of fewer than {100 - _WEBHOOKS_MISSED_PERCENT} % of the "
        return AlarmRule("webhooks-missing", sentence + "successes; checks found the others.", missed, 20)

    def _balance(self) -> AlarmRule:
        metric = self.line_metric(BALANCE.metric, "Minimum", _DAY)
        threshold = self._stage.float_threshold
        sentence = f"CamPay holds less than {threshold} XAF for us."
        return AlarmRule("float-low", sentence, metric, threshold, above=False)

    def _alarm(self, rule: AlarmRule) -> cloudwatch.AlarmBase:
        both = {
            "alarm_name": f"{self._stage.full_name}-{rule.page}",
            "alarm_description": f"{rule.sentence} {PAGE}#{rule.page}",
            "metric": rule.metric,
            "evaluation_periods": rule.after,
            "treat_missing_data": rule.missing,
        }
        alarm: cloudwatch.AlarmBase
        if rule.is_band:
            alarm = cloudwatch.AnomalyDetectionAlarm(
                self, rule.page, **both, std_devs=rule.threshold, comparison_operator=_BELOW_BAND
            )
        else:
            operator = _ABOVE if rule.above else _BELOW
            alarm = cloudwatch.Alarm(self, rule.page, **both, threshold=rule.threshold, comparison_operator=operator)
        tell = actions.SnsAction(self.topic)
        alarm.add_alarm_action(tell)
        alarm.add_ok_action(tell)
        return alarm
