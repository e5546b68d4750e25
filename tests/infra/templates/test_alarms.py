"""Tests the alarms: each watches something that exists, and has its section in docs/operations.md."""

import ast
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from chalicelib.adapters.campay import calls
from chalicelib.adapters.campay import client as campay
from chalicelib.domain import contract, errors
from chalicelib.domain.cause import Cause
from infra.alarms import PAGE
from infra.commands.draw_dashboard import picture
from infra.functions import Work
from infra.log_lines import LINES
from infra.stages import STAGES
from socket_gateway.settings import Timing
from tests import ROOT
from tests.harness.embedded_metrics import DIMENSIONS
from tests.infra.templates.policies import allows
from tests.infra.templates.synthesis import Properties, Template, Variant, plain, synthesised

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

EVERY_STAGE = {
    *("payment-conflicted", "payment-duplicate", "alarm-line", "unexpected-failure"),
    *("undelivered-old", "due-old", "ledger-unavailable", "queues-unreachable"),
    *("signature-failures", "campay-errors", "webhooks-missing", "float-low"),
    *("api-5xx", "api-throttled", "sweep-not-running", "sweep-errors", "statement-errors"),
    *("checks-errors", "deliveries-errors", "shop-errors", "late-payments-errors", "rollups-behind"),
    *("checks-waiting", "deliveries-waiting", "shop-waiting"),
    *("checks-dead-letters", "deliveries-dead-letters", "shop-dead-letters"),
    *("shop-away", "undelivered-order-events"),
    *("gateway-not-ready", "gateway-down", "redis-memory"),
    *("mtn-success-low", "orange-success-low", "campay-slow"),
}
WHERE_PAYMENTS_ALWAYS_COME = {"no-payments"}
LINE_FIELDS = {"level", "event", "alarm"}
"""The fields that log.py itself writes."""


def alarms(stack: Template) -> Mapping[str, Properties]:
    """Returns name -> alarm, without those of auto scaling, which need no attention."""
    found = stack.of_type("CloudWatch::Alarm").values()
    return {it["AlarmName"].split("-", 3)[3]: it for it in found if "AlarmName" in it}


def sections() -> set[str]:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    return set(re.findall(r"^### ([a-z0-9-]+)$", text, re.MULTILINE))


def test_the_alarms_are_all_there(stack: Template, variant: Variant) -> None:
    always = WHERE_PAYMENTS_ALWAYS_COME if STAGES[variant.stage].usual_hours else set()
    assert alarms(stack).keys() == EVERY_STAGE | always


def test_each_alarm_says_in_one_sentence_what_is_wrong_and_where_it_says_what_to_do(stack: Template) -> None:
    for name, alarm in alarms(stack).items():
        sentence, _, where = alarm["AlarmDescription"].rpartition(" ")
        assert where == f"{PAGE}#{name}"
        assert re.fullmatch(r"[A-Z5][^.]*\.", sentence), sentence


def test_each_alarm_has_its_section_and_each_section_its_alarm() -> None:
    assert sections() == EVERY_STAGE | WHERE_PAYMENTS_ALWAYS_COME


def test_each_alarm_notifies_its_topic(stack: Template, variant: Variant) -> None:
    (topic,) = stack.of_type("SNS::Topic")
    for alarm in alarms(stack).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
    if email := STAGES[variant.stage].alarm_email:
        assert stack.one("SNS::Subscription")["Endpoint"] == email
    assert STAGES["prod"].alarm_email, "an alarm that nobody hears is none"


@pytest.mark.parametrize(
    ("account", "tls", "may"),
    [("<AWS::AccountId>", "true", True), ("999999999999", "true", False), ("<AWS::AccountId>", "false", False)],
)
def test_only_this_accounts_alarms_may_publish(stack: Template, account: str, tls: str, may: bool) -> None:
    """A policy that only required TLS once replaced the default one, and no alarm was delivered."""
    (topic,) = stack.of_type("SNS::Topic")
    context = {"aws:SourceAccount": account, "aws:SecureTransport": tls}
    call = {"service": "cloudwatch.amazonaws.com", "action": "sns:Publish", "resource": f"<{topic}>"}
    policy = stack.one("SNS::TopicPolicy")
    assert policy["Topics"] == [{"Ref": topic}]
    assert allows(policy["PolicyDocument"], **call, context=context) is may


def test_silence_is_an_alarm_where_something_must_always_happen(stack: Template) -> None:
    missing = {name: alarm["TreatMissingData"] for name, alarm in alarms(stack).items()}
    assert {name for name, word in missing.items() if word == "breaching"} == {"sweep-not-running", "gateway-down"}
    assert set(missing.values()) == {"breaching", "notBreaching"}


def test_a_sweep_that_does_not_start_is_noticed_within_five_minutes(stack: Template) -> None:
    alarm = alarms(stack)["sweep-not-running"]
    assert alarm["MetricName"] == "Invocations"
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 300
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


def test_a_gateway_that_is_not_ready_for_five_minutes_is_noticed_by_what_it_logs_itself(stack: Template) -> None:
    """The load balancer only checks liveness, so that its metrics do not show a lost Redis."""
    alarm = alarms(stack)["gateway-not-ready"]
    (watched,) = alarm["Metrics"]
    period, name = watched["MetricStat"]["Period"], watched["MetricStat"]["Metric"]["MetricName"]
    assert (period, alarm["EvaluationPeriods"], alarm["Threshold"]) == (60, 5, 1)
    longest = next(it for it in dataclasses.fields(Timing) if it.name == "unready_log_seconds").metadata["range"][1]
    assert period >= 2 * longest, "a minute without a line would end the alarm"
    (container,) = stack.one("ECS::TaskDefinition")["ContainerDefinitions"]
    filters = stack.of_type("Logs::MetricFilter").values()
    (counted,) = (it for it in filters if it["MetricTransformations"][0]["MetricName"] == name)
    assert counted["LogGroupName"] == container["LogConfiguration"]["Options"]["awslogs-group"]
    assert words(counted["FilterPattern"], "event") == {"gateway-not-ready"}


def test_five_minutes_undelivered_and_ten_minutes_due_are_too_long(stack: Template) -> None:
    """The alarms use the longest wait, not the number of lines."""
    for name, seconds in (("undelivered-old", 300), ("due-old", 600)):
        alarm = alarms(stack)[name]
        (watched,) = alarm["Metrics"]
        assert (alarm["Threshold"], watched["MetricStat"]["Stat"]) == (seconds, "Maximum")


def test_messages_for_the_shop_that_nobody_takes_are_noticed_and_those_that_are_put_off_are_not(
    stack: Template,
) -> None:
    """They may be hours old: what counts is that one could be taken all the time."""
    alarm = alarms(stack)["shop-waiting"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("ApproximateNumberOfMessagesVisible", "Minimum")
    assert alarm["Period"] * alarm["EvaluationPeriods"] >= 600


def test_a_message_that_waits_longer_than_one_that_is_only_hidden_or_delayed_is_noticed(stack: Template) -> None:
    """A function that died once leaves its batch hidden: that alone must wake nobody."""
    for work in (Work.CHECKS, Work.DELIVERIES):
        alarm = alarms(stack)[f"{work.lower()}-waiting"]
        (queue,) = (plain(it["Value"]).strip("<>") for it in alarm["Dimensions"])
        hidden = stack.of_type("SQS::Queue")[queue]["VisibilityTimeout"]
        assert (alarm["MetricName"], alarm["Statistic"]) == ("ApproximateAgeOfOldestMessage", "Maximum")
        assert hidden + 2 * 60 < alarm["Threshold"] <= 600


def test_each_dead_letter_is_noticed(stack: Template) -> None:
    queues = stack.of_type("SQS::Queue")
    dead = {plain(it["RedrivePolicy"]["deadLetterTargetArn"]) for it in queues.values() if "RedrivePolicy" in it}
    watched = [alarms(stack)[f"{work.lower()}-dead-letters"] for work in Work]
    assert {plain(it["Dimensions"][0]["Value"]) for it in watched} == dead
    for alarm in watched:
        assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)


def test_each_alarm_on_the_log_reads_what_a_filter_writes(stack: Template) -> None:
    written = {
        (it["MetricNamespace"], it["MetricName"])
        for properties in stack.of_type("Logs::MetricFilter").values()
        for it in properties["MetricTransformations"]
    }
    read = set()
    for alarm in alarms(stack).values():
        metrics = [alarm, *(it["MetricStat"]["Metric"] for it in alarm.get("Metrics", []) if "MetricStat" in it)]
        read |= {(it["Namespace"], it["MetricName"]) for it in metrics if it.get("Namespace", "").endswith("/log")}
    assert read == written


def test_each_alarm_on_payments_reads_what_the_log_measures(stack: Template, variant: Variant) -> None:
    """The functions write to the namespace that their environment names."""
    namespace = STAGES[variant.stage].full_name
    variables = stack.of_type("Lambda::Function").values()
    assert {it["Environment"]["Variables"]["METRICS_NAMESPACE"] for it in variables if "Environment" in it} == {
        namespace
    }
    queries = [query for alarm in alarms(stack).values() for query in alarm.get("Metrics", [])]
    read = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
    of_payments = [metric for metric in read if metric["Namespace"] == namespace]
    assert {metric["MetricName"] for metric in of_payments} >= {"PaymentsSucceeded", "CampayLatency"}
    for metric in of_payments:
        planned = DIMENSIONS[metric["MetricName"]]
        given = {it["Name"]: it["Value"] for it in metric["Dimensions"]}
        assert given.keys() == planned.keys()
        assert all(value in planned[name] for name, value in given.items())


def test_the_dashboards_picture_is_of_its_definition(tmp_path_factory: pytest.TempPathFactory) -> None:
    prod = synthesised(tmp_path_factory, cluster=False).payments("prod")
    drawn = (ROOT / "docs" / "dashboard.svg").read_text(encoding="utf-8")
    assert drawn == picture(json.loads(prod.text)), (
        "draw it anew: make synth, then .venv/bin/python -m infra.commands.draw_dashboard "
        "infra/cdk.out/BraidsterPayments-prod.template.json > docs/dashboard.svg"
    )
    for shown in ("no-payments", "MTN: started, and how they ended", "Redis: memory, %", "Ledger: units in 5 minutes"):
        assert f">{shown}</text>" in drawn


def test_the_dashboard_shows_of_each_operator_how_its_payments_end(stack: Template, variant: Variant) -> None:
    body = plain(stack.one("CloudWatch::Dashboard")["DashboardBody"])
    drawn = re.findall(rf'\["{STAGES[variant.stage].full_name}","(\w+)",((?:"\w+",)+)', body)
    shown: dict[str, set[tuple[str, ...]]] = {}
    for name, quoted in drawn:
        words = re.findall(r"\w+", quoted)
        assert all(value in DIMENSIONS[name][of] for of, value in zip(words[::2], words[1::2], strict=True))
        shown.setdefault(name, set()).add(tuple(words[1::2]))
    assert shown["PaymentsStarted"] == {("MTN",), ("Orange",)}
    statuses = DIMENSIONS["PaymentsEnded"]["status"]
    assert shown["PaymentsEnded"] == {(operator, status) for operator in ("MTN", "Orange") for status in statuses}
    assert shown["CampayLatency"] == {("answered", call) for call in DIMENSIONS["CampayLatency"]["call"]}


@pytest.mark.parametrize("operator", ["MTN", "Orange"])
def test_an_operators_success_is_compared_with_its_own_last_days(stack: Template, operator: str) -> None:
    alarm = alarms(stack)[f"{operator.lower()}-success-low"]
    queries = {query["Id"]: query for query in alarm["Metrics"]}
    band = queries[alarm["ThresholdMetricId"]]
    watched = re.fullmatch(r"ANOMALY_DETECTION_BAND\((\w+), 3\)", band["Expression"])
    assert watched
    assert alarm["ComparisonOperator"] == "LessThanLowerThreshold"
    assert queries[watched[1]]["Expression"] == "100 * ratio / IF(ended >= 20, 1, 0)", (
        "no value where few payments ended"
    )
    assert {name: queries[name]["MetricStat"]["Stat"] for name in ("ratio", "ended")} == {
        "ratio": "Average",
        "ended": "SampleCount",
    }
    for name in ("ratio", "ended"):
        assert queries[name]["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "operator", "Value": operator}]


def test_no_payment_at_all_is_told_in_the_stages_usual_hours(stack: Template, variant: Variant) -> None:
    hours = STAGES[variant.stage].usual_hours
    if hours is None:
        assert "no-payments" not in alarms(stack)
        return
    (expression,) = (it["Expression"] for it in alarms(stack)["no-payments"]["Metrics"] if "Expression" in it)
    assert expression == f"IF(HOUR(mtn) >= {hours[0]} AND HOUR(mtn) < {hours[1]}, mtn + orange, 1)"


def test_the_memory_of_every_node_of_redis_is_watched(stack: Template) -> None:
    redis = stack.one("ElastiCache::ReplicationGroup")
    nodes = redis["NumNodeGroups"] * (redis["ReplicasPerNodeGroup"] + 1)
    metrics = [it for it in alarms(stack)["redis-memory"]["Metrics"] if "MetricStat" in it]
    assert len({plain(it["MetricStat"]["Metric"]["Dimensions"][0]["Value"]) for it in metrics}) == nodes


def test_the_float_is_compared_with_the_stages_own_threshold(stack: Template, variant: Variant) -> None:
    assert alarms(stack)["float-low"]["Threshold"] == STAGES[variant.stage].float_threshold


def test_the_dashboard_shows_every_alarm(stack: Template) -> None:
    body = plain(stack.one("CloudWatch::Dashboard")["DashboardBody"])
    shown = set(re.findall(r"<Alarms([a-z0-9]+?)[0-9A-F]{8}>", body))
    assert shown == {name.replace("-", "") for name in alarms(stack)}


# ---------------------------------------------------------------------- the lines are really written


def written_lines() -> Iterator[tuple[str, set[str]]]:
    """Yields each log call of the product: its event, or "" where that is a variable, and its fields.

    A call of CamPay is logged by `told`, which is given the event.
    """
    for path in [ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py"), *(ROOT / "socket_gateway").glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        dicts = dict(literal_dicts(tree))
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log")), args=[first, *_], keywords=fields):
                    event = first.value if isinstance(first, ast.Constant) else ""
                    yield str(event), set().union(*(names_of(it, dicts) for it in fields))
                case ast.Call(func=ast.Name(id="told"), args=[ast.Constant(value=event), *_]):
                    yield str(event), {"outcome", "ms"}


def literal_dicts(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)):
                yield name, {str(key.value) for key in keys if isinstance(key, ast.Constant)}


def names_of(field: ast.keyword, dicts: Mapping[str, set[str]]) -> set[str]:
    if field.arg:
        return {field.arg}
    return dicts.get(field.value.id, set()) if isinstance(field.value, ast.Name) else set()


def words(pattern: str, field: str) -> set[str]:
    return set(re.findall(rf'\$\.{field} = "([^"]+)"', pattern))


def order_event_types() -> set[str]:
    """Returns the types of order events, which order_events.py logs as events."""
    source = json.loads((ROOT / "tests" / "contract" / "payment-events.json").read_text(encoding="utf-8"))
    told = {kind for case in source.values() for kind in case["orderEventTypes"]}
    assert "payment.conflicted" in told
    assert contract.ORDER_EVENT_SOURCE
    return told


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.metric)
def test_each_counted_line_is_logged(line: Any) -> None:
    """An alarm on a renamed log line would never fire."""
    lines: dict[str, set[str]] = {}
    for event, fields in written_lines():
        lines.setdefault(event, set()).update(fields)
    events = words(line.pattern, "event")
    assert events <= lines.keys() | order_event_types()
    fields = set(re.findall(r"\$\.(\w+)", line.pattern + line.value)) - LINE_FIELDS
    known = set().union(*(lines.get(event, set()) for event in events or lines))
    # Any line that refuses something may carry a code.
    assert fields - {"code"} <= known
    assert words(line.pattern, "code") <= {error.code for error in every_error(errors.PaymentError)}
    assert all(hasattr(campay, name) or name == calls.UNAVAILABLE for name in words(line.pattern, "outcome"))


def every_error(of: type[errors.PaymentError]) -> Iterator[type[errors.PaymentError]]:
    yield of
    for each in of.__subclasses__():
        yield from every_error(each)


def test_the_causes_that_are_counted_are_those_that_are_written() -> None:
    counted = {cause for line in LINES for cause in words(line.pattern, "cause")}
    assert counted
    assert counted <= {cause.value for cause in Cause}
