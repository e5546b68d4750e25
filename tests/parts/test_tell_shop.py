"""Tests that the shop is told of each payment in order, at least once, and that each attempt is kept."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.ledger.shop_rows import TURN_MS
from chalicelib.bootstrap import Service
from chalicelib.domain.contract import to_iso
from chalicelib.domain.event_signature import signed_headers
from chalicelib.domain.order_event import FIRST, Place
from chalicelib.domain.order_event_schedule import TRIED_MS
from chalicelib.domain.payment import Payment
from chalicelib.settings import ShopSettings
from tests.conftest import Shop
from tests.harness.fakes import Answer, HandClock, ProcessDied, ScriptedServer, SimulatedProcess
from tests.harness.service import rebuilt
from tests.parts.test_attention import pay
from tests.parts.test_order_events import start

PATH = "/payment-events?of=braids"
KEYS = (b"a-new-key-of-thirty-two-bytes-xx", b"an-old-key-of-thirty-two-bytes-x")
TAKEN, REFUSED = Answer(204, b""), Answer(503)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.answer(PATH, TAKEN)
        yield running


@pytest.fixture
def telling(service: Service, server: ScriptedServer) -> Service:
    """The service with the shop's address."""
    shop = ShopSettings(server.url + PATH, KEYS, only_public=False)
    return rebuilt(replace(service, settings=replace(service.settings, shop=shop)))


def received(server: ScriptedServer) -> list[tuple[str, str]]:
    """Lists id and type of what the shop was sent."""
    return [(it.headers["webhook-id"], json.loads(it.body)["type"]) for it in server.calls(PATH)]


def paid(service: Service, shop: Shop, number: int = 1) -> Payment:
    payment = start(service, number)
    pay(service, shop, payment)
    return payment


def expired_and_paid(service: Service, shop: Shop, clock: HandClock) -> Payment:
    """Makes a payment with two order events: it expired, and was paid late."""
    payment = start(service, 1)
    expired = service.give_up(payment.reference)
    assert expired.version == 3
    clock.forward(60)
    pay(service, shop, payment)
    return payment


def test_the_shop_is_sent_a_signed_event_once(telling: Service, shop: Shop, server: ScriptedServer) -> None:
    payment = paid(telling, shop)
    assert telling.tell_shop(payment.reference) is None
    assert telling.tell_shop(payment.reference) is None
    (call,) = server.calls(PATH)
    body = json.loads(call.body)
    assert (body["type"], body["data"]["orderId"], body["data"]["amount"]) == ("payment.successful", "order-1", 5000)
    event_id, at = call.headers["webhook-id"], telling.clock.now()
    assert event_id == f"{payment.reference}:3"
    assert {name: call.headers[name] for name in call.headers if name.startswith("webhook-")} == signed_headers(
        event_id, at, call.body, KEYS
    )
    assert (call.method, call.headers["Content-Type"]) == ("POST", "application/json")


def test_events_are_sent_in_order_and_the_first_that_is_refused_stops_them(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock
) -> None:
    payment = expired_and_paid(telling, shop, clock)
    first, second = (f"{payment.reference}:3", "payment.expired"), (f"{payment.reference}:4", "payment.successful")
    server.answer(PATH, REFUSED, TAKEN, REFUSED, TAKEN)
    again = telling.tell_shop(payment.reference)
    assert received(server) == [first]
    assert again is not None
    assert telling.tell_shop(payment.reference) == again, "a hint that comes too early is put off"
    assert len(received(server)) == 1
    clock.forward(10)
    again = telling.tell_shop(payment.reference)
    assert again is not None
    assert 5_000 <= again - clock.now() <= 6_000, "the second event fails for the first time"
    clock.forward(10)
    assert telling.tell_shop(payment.reference) is None
    assert received(server) == [first, first, second, second]


def test_every_attempt_is_kept_with_status_and_duration(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock
) -> None:
    payment = paid(telling, shop)
    server.answer(PATH, Answer(500), Answer(reset=True), TAKEN)
    for _ in range(3):
        telling.tell_shop(payment.reference)
        clock.forward(60)
    attempts = telling.ledger.shop.attempts(payment.reference)
    assert [it.status for it in attempts] == [500, None, 204]
    assert [it.reason for it in attempts] == ["", "ConnectionResetError", ""]
    assert {it.event_id for it in attempts} == {f"{payment.reference}:3"}
    assert all(0 <= it.ms < 5_000 for it in attempts)
    (event,) = telling.story(payment.reference)["versions"][-1]["orderEvents"]
    told = [(it["at"], it["ms"], it["status"], it["reason"]) for it in event["attempts"]]
    assert told == [(to_iso(it.at), it.ms, it.status, it.reason or None) for it in attempts]
    assert telling.ledger.shop.load(payment.reference).told == Place(3, 1)


def test_a_process_that_dies_after_the_shops_answer_repeats_the_same_event(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock
) -> None:
    payment = paid(telling, shop)
    life = SimulatedProcess("after send")
    dying = replace(telling.tell_shop, shop=life.watch(telling.tell_shop.shop))
    with pytest.raises(ProcessDied):
        dying(payment.reference)
    again = telling.tell_shop(payment.reference)
    assert again is not None, "the dead process has the turn"
    assert len(received(server)) == 1
    clock.forward(TURN_MS / 1000)
    assert telling.tell_shop(payment.reference) is None
    first, repeated = server.calls(PATH)
    assert (first.headers["webhook-id"], first.body) == (repeated.headers["webhook-id"], repeated.body)


def test_two_at_once_do_not_send_one_payments_events_side_by_side(
    telling: Service, shop: Shop, server: ScriptedServer
) -> None:
    payment = paid(telling, shop)
    server.answer(PATH, Answer(204, b"", hold_seconds=1), TAKEN)
    results: list[int | None] = []
    threads = [threading.Thread(target=lambda: results.append(telling.tell_shop(payment.reference))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(received(server)) == 1
    assert results.count(None) == 1, "the others come again"


def test_after_three_days_it_is_given_up_and_the_next_version_begins_anew(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    payment = start(telling, 1)
    telling.give_up(payment.reference)
    server.answer(PATH, REFUSED)
    began = clock.now()
    while (again := telling.tell_shop(payment.reference)) is not None:
        clock.forward((again - clock.now()) / 1000)
    assert clock.now() - began == TRIED_MS
    assert "order-event-given-up" in caplog.text
    tried = len(received(server))
    assert telling.ledger.shop.load(payment.reference).given_up == 3
    assert telling.tell_shop(payment.reference) is None
    assert len(received(server)) == tried, "a hint that comes later changes nothing"
    server.answer(PATH, TAKEN)
    pay(telling, shop, payment)
    assert telling.tell_shop(payment.reference) is None
    assert [kind for _, kind in received(server)[tried:]] == ["payment.expired", "payment.successful"]


def test_what_is_delivered_again_is_sent_again_under_the_same_id(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock
) -> None:
    payment = expired_and_paid(telling, shop, clock)
    telling.tell_shop(payment.reference)
    telling.ledger.mark_undelivered(payment.reference)
    assert telling.tell_shop(payment.reference) is None
    newest = (f"{payment.reference}:4", "payment.successful")
    assert received(server) == [(f"{payment.reference}:3", "payment.expired"), newest, newest]


def test_what_was_given_up_is_sent_again_at_once_where_an_operator_asks(
    telling: Service, shop: Shop, server: ScriptedServer, clock: HandClock
) -> None:
    payment = paid(telling, shop)
    server.answer(PATH, REFUSED)
    while (again := telling.tell_shop(payment.reference)) is not None:
        clock.forward((again - clock.now()) / 1000)
    telling.ledger.mark_undelivered(payment.reference)
    server.answer(PATH, TAKEN)
    assert telling.tell_shop(payment.reference) is None
    assert telling.ledger.shop.load(payment.reference).told == Place(3, 1)


def test_without_an_address_nothing_is_sent(service: Service, shop: Shop, server: ScriptedServer) -> None:
    payment = paid(service, shop)
    assert service.tell_shop(payment.reference) is None
    assert received(server) == []
    assert service.ledger.shop.load(payment.reference).told == FIRST


def test_a_payment_that_is_unknown_or_waits_has_nothing_to_tell(telling: Service, server: ScriptedServer) -> None:
    assert telling.tell_shop("00000000-0000-4000-8000-000000000000") is None
    assert telling.tell_shop(start(telling, 1).reference) is None
    assert received(server) == []


def test_its_rows_end_with_the_payment_and_have_no_number(
    telling: Service, shop: Shop, dynamodb: Any, table: str
) -> None:
    payment = paid(telling, shop)
    telling.tell_shop(payment.reference)
    rows = [it for it in dynamodb.scan(TableName=table)["Items"] if it["pk"]["S"] == f"payment#{payment.reference}"]
    ours = [it for it in rows if it["sk"]["S"].startswith("shop")]
    assert len(ours) == 2
    (state,) = (it for it in rows if it["sk"]["S"] == "state")
    assert {it["forgottenAt"]["N"] for it in ours} == {state["forgottenAt"]["N"]}
    assert "2376" not in json.dumps(ours)
