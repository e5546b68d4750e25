"""Checks that the alarms reach people: who is subscribed, and one alarm that is put into ALARM and back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from infra.commands.doctor.finding import Finding, ill, well
from infra.deployment import Deployment

WITHIN_SECONDS = 30
"""CloudWatch publishes within a few seconds and then writes it into the alarm's history."""
_PAUSE_SECONDS = 0.5
_PENDING = "PendingConfirmation"
"""What SNS gives in place of a subscription's ARN until the link in its mail is clicked."""
_TEST, _OVER = "make doctor tests whether alarms reach you: nothing is wrong", "the test of make doctor is over"
_PUBLISHED, _REFUSED = "Successfully executed action", "Failed to execute action"
"""How CloudWatch's history begins its account of an action."""


class AlarmNotDelivered(Exception):
    """Says why nobody would be told of an alarm; `mend` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def check_alarms(deployment: Deployment, aws: Any, within_seconds: float = WITHIN_SECONDS) -> Iterator[Finding]:
    """Tries one of the stage's alarms. `within_seconds`: how long CloudWatch has to publish it."""
    topic = deployment.alarm_topic
    try:
        subscribers = _subscribers(aws.client("sns"), topic)
        name = _publish_test_alarm(aws.client("cloudwatch"), topic, within_seconds)
    except AlarmNotDelivered as error:
        yield ill(str(error), error.mend)
        return
    if subscribers:
        yield well(f"alarms reach {', '.join(subscribers)}: {name} was just put into ALARM and back")
    elif deployment.is_to_move_money:
        mend = f"set alarm_email of {deployment.stage} in infra/stages.py, then make deploy"
        yield ill("nobody is told of alarms", mend)
    else:
        yield well(f"alarms are published, and nobody is subscribed: {name} was just put into ALARM and back")


def _subscribers(sns: Any, topic: str) -> list[str]:
    """Returns the confirmed subscribers, by address. Raises AlarmNotDelivered if one is not confirmed."""
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    if pending := [each["Endpoint"] for each in subscriptions if each["SubscriptionArn"] == _PENDING]:
        raise AlarmNotDelivered(
            f"the subscription of {', '.join(pending)} to the alarms is not confirmed",
            "click the link in the mail of AWS Notifications; without the mail, subscribe the address again in SNS",
        )
    return [each["Endpoint"] for each in subscriptions]


def _publish_test_alarm(cloudwatch: Any, topic: str, within_seconds: float) -> str:
    """Puts one alarm into ALARM and back, and returns its name once CloudWatch has published that to the topic.

    Raises AlarmNotDelivered.
    """
    name, state = _quiet_alarm(cloudwatch, topic)
    known = _published(cloudwatch, name)
    with _in_alarm(cloudwatch, name, state):
        deadline = time.monotonic() + within_seconds
        while (history := _published(cloudwatch, name)) == known:
            if time.monotonic() > deadline:
                raise AlarmNotDelivered(
                    f"CloudWatch did not say within {within_seconds:g} s that it published {name}",
                    "look at the alarm's history in CloudWatch",
                )
            time.sleep(_PAUSE_SECONDS)
    _, newest = history[0]
    if newest.startswith(_REFUSED):
        raise AlarmNotDelivered(
            f"CloudWatch may not publish alarms: {newest}", "make deploy: the topic's policy is wrong"
        )
    return name


def _quiet_alarm(cloudwatch: Any, topic: str) -> tuple[str, str]:
    """Returns name and state of an alarm that is not in ALARM. Raises AlarmNotDelivered where there is none."""
    alarms = cloudwatch.describe_alarms(ActionPrefix=topic)["MetricAlarms"]
    states = [(each["AlarmName"], each["StateValue"]) for each in alarms]
    quiet: list[tuple[str, str]] = sorted((name, state) for name, state in states if state != "ALARM")
    if not quiet:
        raise AlarmNotDelivered(
            "no alarm could be tried: all of them are in ALARM already, or there is none", "make deploy"
        )
    return quiet[0]


@contextmanager
def _in_alarm(cloudwatch: Any, name: str, state: str) -> Iterator[None]:
    """Sets an alarm to ALARM inside the block, and afterwards back to `state`."""
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=_TEST)
    try:
        yield
    finally:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=_OVER)


def _published(cloudwatch: Any, name: str) -> list[tuple[datetime, str]]:
    """Returns CloudWatch's history of the alarm's actions, the newest first."""
    items = cloudwatch.describe_alarm_history(
        AlarmName=name, HistoryItemType="Action", ScanBy="TimestampDescending", MaxRecords=100
    )["AlarmHistoryItems"]
    told = [(each["Timestamp"], each["HistorySummary"]) for each in items]
    return [(at, summary) for at, summary in told if summary.startswith((_PUBLISHED, _REFUSED))]
