"""Tests a CamPay that hangs: every wait is bounded, and what was not done is done later."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.local import LambdaContext

import app as application
from chalicelib.adapters.campay.client import Campay
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import NeverSent, Prompted, ProviderRecord
from chalicelib.flows.settle_payment import LOOK_SECONDS
from chalicelib.runtime import deadline
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings, Settings
from local.campay_simulator import CampaySimulator
from tests.conftest import ORDER, Shop
from tests.harness.api_gateway import call
from tests.harness.fakes import Answer, HandClock, ScriptedServer
from tests.harness.service import rebuilt, start_many
from tests.harness.workers import run_for, work_off

PRICE = Money(5000, "XAF")
REQUEST = PaymentRequest("order-1", PRICE, "237677777777", "Braids", "fr")
RECORD = Answer(body=b'{"reference":"c-1","status":"PENDING"}')
LONGER_THAN_ANYBODY_WAITS = 30.0


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def campay(server: ScriptedServer) -> Iterator[Campay]:
    client = Campay(CampaySettings(server.url, (), permanent_token="permanent"), Clock())
    yield client
    client.close()


def is_refused(campay: Campay) -> bool:
    try:
        campay.read("c-1")
    except ProviderUnavailable:
        return True
    return False


# --------------------------------------------------------------------------- the client


def test_a_call_ends_with_the_deadline(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/transaction/c-1/", Answer(hold_seconds=LONGER_THAN_ANYBODY_WAITS))
    began_at = time.monotonic()
    with campay.within(0.5):
        assert is_refused(campay)
    assert time.monotonic() - began_at < 9, "a read waits 10 s where nothing bounds it"


def test_without_time_nothing_is_asked(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/transaction/c-1/", RECORD)
    with campay.within(0):
        assert is_refused(campay)
    assert server.seen == []
    assert not is_refused(campay), "that it was not asked says nothing of CamPay"


def test_after_a_call_that_timed_out_the_others_are_refused_at_once(server: ScriptedServer, clock: HandClock) -> None:
    campay = Campay(CampaySettings(server.url, (), permanent_token="permanent"), clock)
    server.answer("/transaction/c-1/", Answer(hold_seconds=LONGER_THAN_ANYBODY_WAITS), RECORD)
    with campay.within(0.5):
        assert is_refused(campay)
    assert all(is_refused(campay) for _ in range(20))
    assert len(server.seen) == 1
    clock.forward(2)
    assert not is_refused(campay)
    assert not is_refused(campay)
    campay.close()


def test_a_prompt_is_tried_although_reads_are_refused_and_its_answer_lets_them_pass(
    server: ScriptedServer, clock: HandClock
) -> None:
    campay = Campay(CampaySettings(server.url, (), permanent_token="permanent"), clock)
    server.answer("/transaction/c-1/", Answer(hold_seconds=LONGER_THAN_ANYBODY_WAITS), RECORD)
    server.answer("/collect/", Answer(body=b'{"reference":"c-2"}'))
    with campay.within(0.5):
        assert is_refused(campay)
    assert is_refused(campay)
    assert campay.collect("ref-1", "237677777777", PRICE, "d") == Prompted("c-2", None, None)
    assert not is_refused(campay)
    campay.close()


def test_a_prompt_that_leaves_no_time_for_its_answer_is_not_sent(server: ScriptedServer, campay: Campay) -> None:
    """Sent so late, its outcome could stay unknown for hours; unsent, the customer may try again at once."""
    server.answer("/collect/", Answer(body=b'{"reference":"c-2"}'))
    with campay.within(4.9):
        assert isinstance(campay.collect("ref-1", "237677777777", PRICE, "d"), NeverSent)
    assert server.seen == []


def test_no_call_waits_for_a_token_beyond_its_own_deadline(server: ScriptedServer) -> None:
    campay = Campay(CampaySettings(server.url, (), username="user", password="secret"), Clock())
    server.answer("/token/", Answer(hold_seconds=LONGER_THAN_ANYBODY_WAITS))
    refused: list[str] = []

    def look(name: str, seconds: float) -> None:
        with campay.within(seconds):
            assert is_refused(campay)
        refused.append(name)

    fetching = threading.Thread(target=look, args=("who fetches it", 4))
    fetching.start()
    while not server.seen:
        time.sleep(0.01)
    look("who waits for it", 0.5)
    fetching.join()
    assert refused == ["who waits for it", "who fetches it"]
    campay.close()


# --------------------------------------------------------------------------- who looks


class UnansweringCampay(Campay):
    """CamPay's client that records the time limit of each read, and answers none."""

    def __init__(self, settings: CampaySettings, clock: Clock) -> None:
        super().__init__(settings, clock)
        self.patience: list[float] = []

    def read(self, provider_reference: str) -> ProviderRecord | None:  # noqa: ARG002 - as the one that it stands for
        now = self._clock.now()
        self.patience.append((deadline.earliest(now + 3_600_000) - now) / 1000)
        raise ProviderUnavailable


@pytest.fixture
def pending(service: Service) -> Payment:
    return service.initiate(REQUEST).payment


def test_a_status_call_never_waits_over_two_seconds_for_campay(
    service: Service, settings: Settings, pending: Payment, clock: HandClock
) -> None:
    campay = UnansweringCampay(settings.campay, clock)
    settle = rebuilt(service, campay=campay).settle
    clock.forward(6)
    assert settle.refresh(pending.reference).status is PaymentStatus.PENDING
    with pytest.raises(ProviderUnavailable):
        settle.handle_webhook(pending.reference, pending.provider_reference)
    assert campay.patience == [LOOK_SECONDS] * 2
    assert LOOK_SECONDS == 2
    campay.close()


# --------------------------------------------------------------------------- the sweep


def statuses(service: Service, payments: list[Payment]) -> list[str]:
    stored = [service.ledger.load(payment.reference) for payment in payments]
    return [it.payment.status for it in stored if it]


def test_while_campay_hangs_checks_end_in_time_and_all_is_settled_later(
    service: Service, shop: Shop, clock: HandClock, simulator: CampaySimulator
) -> None:
    payments = start_many(service, REQUEST, 24)
    for payment in payments:
        shop.customer(payment.provider_reference, "SUCCESSFUL")
    clock.forward(12)
    shop.faults(transaction=["timeout"] * 24)
    with deadline.until(clock.now() + 1_000):
        work_off(service)
    assert len(simulator.faults.waiting()["transaction"]) >= 24 - 10, "only those of the first batch have waited"
    assert set(statuses(service, payments)) == {PaymentStatus.PENDING}
    simulator.faults.clear()
    run_for(service, clock, 100)  # while one of them probes, the others are still refused
    assert set(statuses(service, payments)) == {PaymentStatus.SUCCESSFUL}


def test_a_check_after_its_deadline_comes_again(service: Service, shop: Shop, clock: HandClock) -> None:
    payment = service.initiate(REQUEST).payment
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    clock.forward(12)
    with deadline.until(clock.now()):
        work_off(service)
    assert statuses(service, [payment]) == [PaymentStatus.PENDING]
    run_for(service, clock, 31)
    assert statuses(service, [payment]) == [PaymentStatus.SUCCESSFUL]


def test_a_webhook_that_campay_does_not_answer_to_is_followed_by_a_check(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    """CamPay may not send it again, and the next check of a payment that has expired can be a day away."""
    payment = service.initiate(REQUEST).payment
    run_for(service, clock, 700)
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    shop.faults(transaction=["502"])
    with pytest.raises(ProviderUnavailable):
        service.settle.handle_webhook(payment.reference, payment.provider_reference)
    run_for(service, clock, 100)
    assert statuses(service, [payment]) == [PaymentStatus.SUCCESSFUL]


# --------------------------------------------------------------------------- the Lambda


def test_a_prompt_gets_what_is_left_of_its_lambdas_time(merchant: dict[str, str], shop: Shop) -> None:
    """Of 7.5 s, 3 s are for the ledger and the reply: CamPay would have less than the 5 s that a prompt needs."""
    late = call("POST", "/api/payment/initiate", ORDER, headers=merchant, milliseconds=7_500)
    assert (late.status, late.json["code"], late.json["retryable"]) == (503, "provider_unavailable", True)
    assert shop.transactions == []
    in_time = call("POST", "/api/payment/initiate", ORDER | {"orderId": "order-2"}, headers=merchant)
    assert in_time.status == 201


@pytest.mark.usefixtures("api")
def test_a_schedule_gets_what_is_left_of_its_lambdas_time() -> None:
    context: Any = LambdaContext("statement", 512, max_runtime_ms=3_000)
    event = {"detail": {"day": "2026-01-31"}, "detail-type": "", "source": "", "account": "", "id": "", "version": "0"}
    with pytest.raises(ProviderUnavailable, match="no time is left"):
        application.statement(event | {"time": "", "region": "", "resources": []}, context)
