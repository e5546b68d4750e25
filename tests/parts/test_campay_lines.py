"""Tests what the log says of CamPay's answers and of what they changed: how long, whose operator, why not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from chalicelib.adapters.campay.client import Campay
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import ProviderBusy, ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment_request import PaymentRequest
from tests.conftest import Shop
from tests.harness.fakes import Answer, HandClock, ScriptedServer
from tests.harness.service import rebuilt

REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [it.__dict__["fields"] for it in caplog.records if it.message == event]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def campay(server: ScriptedServer, service: Service, clock: HandClock) -> Iterator[Campay]:
    client = Campay(replace(service.settings.campay, api_url=server.url), clock)
    yield client
    client.close()


def test_a_prompt_is_a_line_with_its_operator(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    payment = service.initiate(REQUEST).payment
    (line,) = lines(caplog, "collect")
    assert line == {"reference": payment.reference, "outcome": "Prompted", "operator": "MTN", "ms": 0}


def test_a_refused_prompt_says_why(service: Service, shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.faults(collect=["rate-limit"])
    with pytest.raises(ProviderBusy) as refused:
        service.initiate(REQUEST)
    (line,) = lines(caplog, "collect")
    assert (line["outcome"], line["operator"], line["reason"]) == ("Refused", "MTN", refused.value.detail)
    (changed,) = lines(caplog, "payment-changed")
    assert changed["reason"] == refused.value.detail


def test_a_prompt_that_was_never_sent_says_how_long_it_was_tried(
    service: Service, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Campay(replace(service.settings.campay, api_url="http://127.0.0.1:1/api"), clock)
    with pytest.raises(ProviderUnavailable):
        rebuilt(service, campay=nowhere).initiate(REQUEST)
    (line,) = lines(caplog, "collect")
    assert (line["outcome"], line["reason"]) == ("NeverSent", "NewConnectionError")
    assert line["ms"] == pytest.approx(sum(clock.slept) * 1000, abs=2)
    assert line["ms"] > 1000


def test_each_read_is_a_line(service: Service, shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    payment = service.initiate(REQUEST).payment
    named = payment.provider_reference
    service.settle.handle_webhook(payment.reference, named)
    shop.customer(named, "FAILED")
    service.settle.handle_webhook(payment.reference, named)
    service.campay.read("nobody-s-reference")
    first, second, unknown = lines(caplog, "campay-read")
    assert (first["provider_reference"], first["outcome"], first["operator"], first["ms"]) == (
        named,
        "PENDING",
        "MTN",
        0,
    )
    assert (second["outcome"], "reason" in second) == ("FAILED", True)
    assert unknown == {"provider_reference": "nobody-s-reference", "outcome": "NOT_FOUND", "ms": 0}


def test_a_failed_read_is_a_line_with_its_reason(
    campay: Campay, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer("/transaction/c-1/", Answer(502, b"<html>", "text/html"), Answer(reset=True))
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            campay.read("c-1")
    proxy, reset, refused = lines(caplog, "campay-read")
    assert (proxy["outcome"], proxy["reason"]) == ("UNAVAILABLE", "CamPay answered 502 to a read")
    assert reset["outcome"] == "UNAVAILABLE"
    assert (refused["outcome"], refused["reason"]) == ("NOT_ASKED", "CamPay: campay is away")


def test_a_statement_is_a_line_too(campay: Campay, server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    server.answer("/history/", Answer(body=b'{"data":[]}'), Answer(503))
    assert list(campay.statement(date(2026, 1, 31))) == []
    with pytest.raises(ProviderUnavailable):
        list(campay.statement(date(2026, 1, 30)))
    read, refused = lines(caplog, "campay-statement")
    assert read == {"day": "2026-01-31", "outcome": "ANSWERED", "ms": 0}
    assert (refused["outcome"], refused["reason"]) == ("UNAVAILABLE", "CamPay answered 503 to a statement")


def test_a_change_says_how_long_after_the_claim_it_came(
    service: Service, shop: Shop, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    payment = service.initiate(REQUEST).payment
    clock.forward(12.5)
    shop.customer(payment.provider_reference, "FAILED")
    service.settle.handle_webhook(payment.reference, payment.provider_reference)
    prompted, failed = lines(caplog, "payment-changed")
    assert (prompted["operator"], prompted["order"], prompted["ms"], "reason" in prompted) == (
        "MTN",
        "order-1",
        0,
        False,
    )
    assert (failed["status"], failed["cause"], failed["operator"], failed["ms"]) == ("FAILED", "webhook", "MTN", 12_500)
    assert failed["reason"]


def test_a_delivery_says_how_long_after_the_commit_it_came(
    service: Service, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    payment = service.initiate(REQUEST).payment
    clock.forward(7)
    service.operate.redeliver(payment.reference, by="paul")
    first, again = lines(caplog, "payment-delivered")
    assert first == {"reference": payment.reference, "version": 2, "ms": 0}
    assert again == {"reference": payment.reference, "version": 2, "ms": 7_000}
