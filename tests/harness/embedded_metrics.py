"""Checks log lines in CloudWatch's embedded metric format.

The rules are those of "Specification: Embedded metric format" in CloudWatch's user guide.
"""

import time
from collections.abc import Mapping
from typing import Any

OPERATORS = {"MTN", "Orange", "unknown"}
DIMENSIONS = {
    "PaymentsStarted": {"operator": OPERATORS},
    "PaymentsSucceeded": {"operator": OPERATORS},
    "PaymentsEnded": {"operator": OPERATORS, "status": {"SUCCESSFUL", "FAILED", "EXPIRED", "CONFLICTED"}},
    "CampayLatency": {"call": {"collect", "read", "statement"}, "answer": {"answered", "unanswered"}},
}
"""Of each metric its dimensions, and all values that these may have: each combination costs money each month."""
UNITS = dict.fromkeys(DIMENSIONS, "Count") | {"CampayLatency": "Milliseconds"}


def check_metrics(line: Mapping[str, Any], namespace: str) -> None:
    """Fails where CloudWatch would not make metrics of a line, or not in this namespace."""
    assert line["_aws"].keys() == {"Timestamp", "CloudWatchMetrics"}
    assert abs(line["_aws"]["Timestamp"] - time.time() * 1000) < 60_000
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
        assert directive["Namespace"] == namespace
        assert 1 <= len(directive["Metrics"]) <= 100
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= 30
            assert all(isinstance(line[name], str) and 1 <= len(line[name]) <= 1024 for name in dimensions)
        for metric in directive["Metrics"]:
            values = line[metric["Name"]]
            numbers = values if isinstance(values, list) else [values]
            assert 1 <= len(numbers) <= 100
            assert all(isinstance(number, int | float) for number in numbers)
            assert metric["Unit"] in {"Count", "Milliseconds"}
