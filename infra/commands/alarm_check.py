"""Shows that an alarm reaches people: rings one of a stage's alarms for a moment, and looks at who is told."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

WITHIN_SECONDS = 30
"""CloudWatch publishes within a few seconds and then writes it into the alarm's history."""
_PAUSE_SECONDS = 0.5
_PENDING = "PendingConfirmation"
"""What SNS gives in place of a subscription's ARN until the link in its mail is clicked."""
_TEST, _OVER = "make doctor tests whether alarms reach you: nothing is wrong", "the test of make doctor is over"
_PUBLISHED, _REFUSED = "Successfully executed action", "Failed to execute action"
"""How CloudWatch's history begins its account of an action."""


class AlarmUnheard(Exception):
    """Says why nobody would hear an alarm; `mend` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def listeners(sns: Any, topic: str) -> list[str]:
    """The confirmed subscribers of a stage's alarms, by address. Raises AlarmUnheard if one is not confirmed."""
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    if pending := [each["Endpoint"] for each in subscriptions if each["SubscriptionArn"] == _PENDING]:
        raise AlarmUnheard(
            f"the subscription of {', '.join(pending)} to the alarms is not confirmed",
            "click the link in the mail of AWS Notifications; without the mail, subscribe the address again in SNS",
        )
    return [each["Endpoint"] for each in subscriptions]


def ring(cloudwatch: Any, topic: str, within_seconds: float = WITHIN_SECONDS) -> str:
    """Puts one alarm into ALARM and back, and returns its name once CloudWatch has published that to the topic.

    Raises AlarmUnheard.
    """
    alarms = cloudwatch.describe_alarms(ActionPrefix=topic)["MetricAlarms"]
    quiet: list[tuple[str, str]] = sorted(
        (each["AlarmName"], each["StateValue"]) for each in alarms if each["StateValue"] != "ALARM"
    )
    if not quiet:
        raise AlarmUnheard("no alarm could be tried: all of them are ringing, or there is none", "make deploy")
    name, state = quiet[0]
    known = _published(cloudwatch, name)
    with _ringing(cloudwatch, name, state):
        deadline = time.monotonic() + within_seconds
        while (history := _published(cloudwatch, name)) == known:
            if time.monotonic() > deadline:
                raise AlarmUnheard(
                    f"CloudWatch did not say within {within_seconds:g} s that it published {name}",
                    "look at the alarm's history in CloudWatch",
                )
            time.sleep(_PAUSE_SECONDS)
    _, newest = history[0]
    if newest.startswith(_REFUSED):
        raise AlarmUnheard(f"CloudWatch may not publish alarms: {newest}", "make deploy: the topic's policy is wrong")
    return name


@contextmanager
def _ringing(cloudwatch: Any, name: str, state: str) -> Iterator[None]:
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=_TEST)
    try:
        yield
    finally:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=_OVER)


def _published(cloudwatch: Any, name: str) -> list[tuple[datetime, str]]:
    """What CloudWatch says of the alarm's actions, the newest first."""
    items = cloudwatch.describe_alarm_history(
        AlarmName=name, HistoryItemType="Action", ScanBy="TimestampDescending", MaxRecords=100
    )["AlarmHistoryItems"]
    told = [(each["Timestamp"], each["HistorySummary"]) for each in items]
    return [(at, summary) for at, summary in told if summary.startswith((_PUBLISHED, _REFUSED))]
