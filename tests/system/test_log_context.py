"""Tests that every line of an invocation says which one it was, and what it was about."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any

import pytest
from chalice.local import LambdaContext

import app as application
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.runtime import log
from chalicelib.settings import Settings
from local.worker import SCHEDULED
from tests.conftest import ORDER, Shop, order_token
from tests.harness.api_gateway import call
from tests.harness.fakes import HandClock
from tests.system.test_routes import bearer, signature

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Returns the lines that were written since the call before."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def contexts(lines: list[dict[str, Any]], *names: str) -> set[tuple[Any, ...]]:
    assert lines
    return {tuple(line.get(name) for name in names) for line in lines}


def test_every_line_of_a_route_names_its_call_and_its_payment(api: Settings, shop: Shop, lines: Lines) -> None:
    body = {"orderToken": order_token(api), "phoneNumber": "237677777777"}
    started = call("POST", "/api/payment/initiate", body).json
    payment = (started["reference"], "order-1")
    initiating = [line for line in lines() if line["event"] in ("collect", "payment-changed")]
    ((initiate_id, *about),) = contexts(initiating, "request_id", "route", "reference", "order")
    assert about == ["POST /api/payment/initiate", *payment]

    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    notice = {"signature": signature(api), "external_reference": started["reference"]}
    assert call("POST", "/api/payment/webhook", notice).status == 200
    came, *settling = lines()
    ((webhook_id, *about),) = contexts(settling, "request_id", "route", "reference", "order")
    assert about == ["POST /api/payment/webhook", *payment]
    assert (came["event"], came["request_id"], came["reference"]) == ("webhook", webhook_id, payment[0])
    assert initiate_id
    assert webhook_id not in (None, initiate_id)


def test_a_webhook_that_names_nothing_of_ours_is_a_line_too(api: Settings, lines: Lines) -> None:
    assert call("POST", "/api/payment/webhook", {"signature": signature(api), "reference": "c-1"}).status == 200
    assert contexts(lines(), "event", "route", "reference") == {("webhook", "POST /api/payment/webhook", None)}


def test_a_refused_call_has_what_was_known_of_it(merchant: dict[str, str], lines: Lines) -> None:
    call("POST", "/api/payment/initiate", {**ORDER, "phoneNumber": "237690"}, headers=merchant)
    assert contexts(lines(), "event", "route", "order") == {("call-refused", "POST /api/payment/initiate", None)}
    call("GET", "/api/payment/status/order-9", headers=merchant)
    assert contexts(lines(), "event", "route", "order") == {
        ("call-refused", "GET /api/payment/status/{order_id}", "order-9")
    }
    unknown = "0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d11"
    for method, path in (("GET", f"tracking/{unknown}"), ("POST", f"operator/{unknown}/recheck")):
        call(method, f"/api/payment/{path}", headers={"X-Api-Key": merchant["X-Api-Key"]})
    assert contexts(lines(), "reference") == {(unknown,), (None,)}  # the merchant key opens no operator's action


@pytest.mark.usefixtures("api")
def test_every_line_of_a_schedule_names_its_run(lines: Lines) -> None:
    context = LambdaContext("statement", 512, max_runtime_ms=60_000)
    application.statement({**SCHEDULED, "detail": {"day": "2026-01-31"}}, context)
    written = lines()
    assert {"statement-compared", "campay-balance"} <= {line["event"] for line in written}
    assert contexts(written, "request_id", "function") == {(context.aws_request_id, "statement")}


def messages(*hints: dict[str, str]) -> dict[str, Any]:
    return {"Records": [{"messageId": str(number), "body": json.dumps(hint)} for number, hint in enumerate(hints)]}


def test_every_line_of_a_check_names_its_own_payment(merchant: dict[str, str], shop: Shop, lines: Lines) -> None:
    """Ten payments may be checked side by side in one run."""
    named = {}
    for number, phone_number in enumerate(("237677777777", "237699999999")):
        order = ORDER | {"orderId": f"order-{number}", "phoneNumber": phone_number}
        started = call("POST", "/api/payment/initiate", order, headers=merchant).json
        named[shop.transactions[-1]["reference"]] = started["reference"]
    for theirs in named:
        shop.customer(theirs, "SUCCESSFUL")
    lines()
    context = LambdaContext("checks", 512, max_runtime_ms=60_000)
    hints = [{"reference": ours, "providerReference": theirs} for theirs, ours in named.items()]
    application.checks(messages(*hints), context)
    written = lines()
    assert contexts(written, "request_id", "function") == {(context.aws_request_id, "checks")}
    assert contexts(written, "reference", "order") == {(ours, f"order-{n}") for n, ours in enumerate(named.values())}
    reads = [line for line in written if line["event"] == "campay-read"]
    assert {line["provider_reference"]: line["reference"] for line in reads} == named


@pytest.mark.parametrize("function", ["checks", "deliveries"])
@pytest.mark.usefixtures("api")
def test_a_message_that_waits_names_its_payment(monkeypatch: pytest.MonkeyPatch, lines: Lines, function: str) -> None:
    monkeypatch.setenv("PAYMENTS_TABLE", "no-such-table")
    references = {"0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d11", "0d6b2f39-0b0f-4c87-9c39-6d3a1c0f6d12"}
    event = messages(*({"reference": reference} for reference in references))
    answer = getattr(application, function)(event, LambdaContext(function, 512, max_runtime_ms=60_000))
    assert len(answer["batchItemFailures"]) == 2
    assert contexts(lines(), "event", "reference") == {
        (event, reference) for event in ("ledger-refused", "message-waits") for reference in references
    }


@pytest.mark.usefixtures("api")
def test_every_line_of_the_sweep_and_of_the_deliveries_names_its_run(lines: Lines) -> None:
    for function, event in ((application.sweep, SCHEDULED), (application.deliveries, messages({"no": "hint"}))):
        context = LambdaContext("a-function", 512, max_runtime_ms=60_000)
        function(event, context)
        assert contexts(lines(), "request_id", "function") == {(context.aws_request_id, "a-function")}


def test_no_line_has_a_number_or_a_token(
    api: Settings, merchant: dict[str, str], shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    started = call("POST", "/api/payment/initiate", ORDER, headers=merchant).json
    shop.customer(shop.transactions[0]["reference"], "FAILED")
    notice = {"signature": signature(api), "external_reference": started["reference"], "phone_number": "237677777777"}
    call("POST", "/api/payment/webhook", notice)
    call("GET", f"/api/payment/tracking/{started['reference']}", headers=bearer(started["trackingToken"]))
    call("GET", "/api/payment/status/order-1", headers=bearer("not a token"))
    text = capsys.readouterr().out
    assert text.count('"event"') >= 4
    secrets = [*merchant.values(), *api.campay.webhook_keys, api.campay.permanent_token, *notice.values()]
    for private in {*secrets, started["trackingToken"], "677777777"} - {started["reference"]}:
        assert private not in text


def test_what_is_noted_in_one_thread_is_not_said_of_another(lines: Lines) -> None:
    """The checks of one invocation run side by side, each in a copy of the invocation's context."""

    def check(reference: str) -> None:
        log.note(reference=reference)
        time.sleep(0.01)
        log.info("checked")

    def invocation() -> None:
        log.begin(request_id="r")
        with ThreadPoolExecutor(4) as workers:
            for number in range(4):
                workers.submit(copy_context().run, check, str(number))
        log.info("done")

    log.configure()
    Context().run(invocation)
    *checked, done = lines()
    assert contexts(checked, "request_id", "reference") == {("r", str(number)) for number in range(4)}
    assert "reference" not in done


def test_a_query_of_all_shards_that_is_refused_names_its_invocation(
    dynamodb: Any, clock: HandClock, lines: Lines
) -> None:
    """Each shard is asked in a thread of its own."""

    def invocation() -> None:
        log.begin(request_id="r")
        with pytest.raises(LedgerUnavailable):
            Ledger(dynamodb, "no-such-table", clock).undelivered(0, 10)

    log.configure()
    Context().run(invocation)
    assert contexts(lines(), "event", "request_id") == {("ledger-refused", "r")}
