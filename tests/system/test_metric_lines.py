"""Tests what the log measures: lines in CloudWatch's embedded metric format."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from chalice.local import LambdaContext

import app as application
from chalicelib.runtime import log, metrics
from chalicelib.settings import Settings
from local.worker import SCHEDULED
from tests.conftest import ORDER, Shop
from tests.harness.api_gateway import call
from tests.harness.embedded_metrics import DIMENSIONS, UNITS, check_metrics
from tests.system.test_routes import signature

NAMESPACE = "braidster-payments-test"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def measured(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Returns the lines in the metric format that were written since the call before, each validated."""

    def since_before() -> list[dict[str, Any]]:
        written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        found = [line for line in written if "_aws" in line]
        for line in found:
            check_metrics(line, NAMESPACE)
        return found

    return since_before


@pytest.fixture
def in_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets what the stack sets of the functions' environment. Use it before `api`."""
    monkeypatch.setenv("METRICS_NAMESPACE", NAMESPACE)


def values(lines: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str], Any]]:
    """Yields each metric with its dimensions and its values; fails where a dimension has another value than planned."""
    for line in lines:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        (names,) = directive["Dimensions"]
        for metric in directive["Metrics"]:
            planned = DIMENSIONS[metric["Name"]]
            assert planned.keys() == set(names)
            assert all(line[name] in planned[name] for name in names)
            assert metric["Unit"] == UNITS[metric["Name"]]
            yield metric["Name"], {name: line[name] for name in names}, line[metric["Name"]]


@pytest.mark.usefixtures("in_aws")
def test_a_payment_is_measured_from_its_start_to_its_end(api: Settings, shop: Shop, measured: Lines) -> None:
    merchant = {"X-Api-Key": api.merchant_api_keys[0]}
    started = call("POST", "/api/payment/initiate", ORDER, headers=merchant).json
    found = {name: (dimensions, value) for name, dimensions, value in values(measured())}
    assert found.keys() == {"PaymentsStarted", "CampayLatency"}
    assert found["PaymentsStarted"] == ({"operator": "MTN"}, 1)
    assert found["CampayLatency"][0] == {"call": "collect", "answer": "answered"}
    assert 0 <= found["CampayLatency"][1] < 20_000

    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    notice = {"signature": signature(api), "external_reference": started["reference"]}
    assert call("POST", "/api/payment/webhook", notice).status == 200
    found = {name: (dimensions, value) for name, dimensions, value in values(measured())}
    assert found.keys() == {"PaymentsEnded", "PaymentsSucceeded", "CampayLatency"}
    assert found["PaymentsSucceeded"] == ({"operator": "MTN"}, 1)
    assert found["PaymentsEnded"] == ({"operator": "MTN", "status": "SUCCESSFUL"}, 1)
    assert found["CampayLatency"][0] == {"call": "read", "answer": "answered"}

    assert call("GET", "/api/payment/status/order-1", headers=merchant).status == 200
    assert measured() == []


@pytest.mark.usefixtures("in_aws")
def test_the_average_of_the_successes_is_their_ratio(api: Settings, shop: Shop, measured: Lines) -> None:
    shop.faults(collect=["filter"])
    call("POST", "/api/payment/initiate", ORDER, headers={"X-Api-Key": api.merchant_api_keys[0]})
    found = {name: (dimensions, value) for name, dimensions, value in values(measured())}
    assert found["PaymentsSucceeded"] == ({"operator": "MTN"}, 0)
    assert found["PaymentsEnded"] == ({"operator": "MTN", "status": "FAILED"}, 1)


@pytest.mark.usefixtures("in_aws", "api")
def test_the_sweep_counts_no_payment_as_none(measured: Lines) -> None:
    """An alarm on payments that do not come needs a number where nobody pays."""
    application.sweep(SCHEDULED, LambdaContext("sweep", 512, max_runtime_ms=3_500))
    found = {dimensions["operator"]: value for _, dimensions, value in values(measured())}
    assert found == {"MTN": 0, "Orange": 0}


@pytest.mark.usefixtures("in_aws")
def test_a_lost_answer_is_measured_as_none(api: Settings, shop: Shop, measured: Lines) -> None:
    shop.faults(collect=["502-after-accept"])
    call("POST", "/api/payment/initiate", ORDER, headers={"X-Api-Key": api.merchant_api_keys[0]})
    found = {name: dimensions for name, dimensions, _ in values(measured())}
    assert found["CampayLatency"] == {"call": "collect", "answer": "unanswered"}


def test_nothing_is_measured_without_a_namespace(merchant: dict[str, str], measured: Lines) -> None:
    assert call("POST", "/api/payment/initiate", ORDER, headers=merchant).status == 201
    assert measured() == []


def test_what_many_threads_measure_is_a_few_lines(measured: Lines) -> None:
    log.configure()
    with metrics.collected(NAMESPACE), ThreadPoolExecutor(8) as workers:
        for number in range(250):
            workers.submit(
                copy_context().run, metrics.milliseconds, "CampayLatency", number, call="read", answer="answered"
            )
    lines = measured()
    assert [len(line["CampayLatency"]) for line in lines] == [100, 100, 50]
    assert sorted(value for line in lines for value in line["CampayLatency"]) == list(range(250))


def test_a_failure_is_measured_too(measured: Lines) -> None:
    def fail() -> None:
        with metrics.collected(NAMESPACE):
            metrics.count("PaymentsStarted", operator="MTN")
            raise KeyError

    log.configure()
    with pytest.raises(KeyError):
        fail()
    assert [value for *_, value in values(measured())] == [1]
