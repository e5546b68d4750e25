"""Tests the simulator's payouts and payment links over real HTTP against CamPay's contract."""

import json
import queue
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from local.campay_simulator import CampaySimulator
from local.simulator.http_server import Answer, LoopbackServer, Request
from tests.parts.simulator.calls import (
    AUTHORIZED,
    FAST,
    HTTP,
    MTN,
    ORANGE,
    accepted,
    control,
    record,
    settled,
    statement,
)


@pytest.fixture
def webhooks() -> "queue.Queue[Any]":
    return queue.Queue()


@pytest.fixture
def simulator(webhooks: "queue.Queue[Any]") -> Iterator[CampaySimulator]:
    def hear(request: Request) -> Answer:
        webhooks.put(json.loads(request.body))
        return Answer(200, {})

    receiver = LoopbackServer(0, hear)
    receiver.start()
    with CampaySimulator(FAST, webhook_url=f"http://127.0.0.1:{receiver.server_port}/") as running:
        yield running
    receiver.stop()


# Payouts


def withdraw(
    simulator: CampaySimulator, phone_number: str = MTN, amount: int = 100, **changes: Any
) -> requests.Response:
    fields = {"amount": str(amount), "to": phone_number, "description": "refund"} | changes
    return HTTP.post(f"{simulator.api_url}/withdraw/", json=fields, headers=AUTHORIZED, timeout=5)


def funded(simulator: CampaySimulator) -> CampaySimulator:
    settled(simulator, accepted(simulator, MTN, amount=1000))
    return simulator


def balance(simulator: CampaySimulator) -> dict[str, Any]:
    fields: dict[str, Any] = HTTP.get(f"{simulator.api_url}/balance/", headers=AUTHORIZED, timeout=5).json()
    return fields


def test_a_payout_takes_its_amount_and_its_fee_from_the_operators_balance(
    simulator: CampaySimulator, webhooks: "queue.Queue[Any]"
) -> None:
    funded(simulator)
    assert webhooks.get(timeout=10)["endpoint"] == "collect"
    answer = withdraw(simulator, amount=500, external_reference="payout-1")
    assert (answer.status_code, sorted(answer.json())) == (200, ["reference", "status"])
    assert answer.json()["status"] == "PENDING"
    final = settled(simulator, answer.json()["reference"])
    assert (final["status"], final["endpoint"], final["amount"]) == ("SUCCESSFUL", "withdraw", "500.00")
    assert (balance(simulator)["mtn_balance"], balance(simulator)["total_balance"]) == (475.0, 475.0)
    told = webhooks.get(timeout=10)
    assert (told["endpoint"], told["reference"]) == ("withdraw", final["reference"])
    row = statement(simulator, "2000-01-01", "2100-01-01")[-1]
    assert (row["reference_uuid"], row["debit"], row["credit"], row["charge_amount"]) == (
        *(final["reference"], 505.0),
        *(0.0, 5.0),
    )
    again = withdraw(simulator, amount=500, external_reference="payout-1")
    assert again.json()["reference"] == final["reference"]


def test_a_payout_that_fails_moves_nothing(simulator: CampaySimulator) -> None:
    funded(simulator)
    failed = withdraw(simulator, "237677777770", 500).json()["reference"]
    assert balance(simulator)["mtn_balance"] == 980.0
    assert settled(simulator, failed)["status"] == "FAILED"
    assert balance(simulator)["mtn_balance"] == 980.0


def test_numbers_that_can_be_charged_and_not_paid_back(simulator: CampaySimulator) -> None:
    failing, never_decided = "237670000010", "237670000011"
    for number in (failing, never_decided):
        assert settled(simulator, accepted(simulator, number, amount=1000))["status"] == "SUCCESSFUL"
    waits, fails, goes = (withdraw(simulator, it).json()["reference"] for it in (never_decided, failing, MTN))
    assert settled(simulator, fails)["status"] == "FAILED"
    assert settled(simulator, goes)["status"] == "SUCCESSFUL"
    assert record(simulator, waits)["status"] == "PENDING"


@pytest.mark.parametrize("number", ["237670000004", "237670000008"])
def test_a_payout_whose_answer_is_lost_is_made_all_the_same(simulator: CampaySimulator, number: str) -> None:
    funded(simulator)
    try:
        answer = withdraw(simulator, number, external_reference="payout-1")
        assert answer.status_code == 502
    except requests.ConnectionError:
        assert number == "237670000004"
    (row,) = simulator.control.transactions("payout-1")
    assert settled(simulator, row["reference"])["status"] == "SUCCESSFUL"


def test_a_float_of_its_own_is_there_before_anybody_has_paid() -> None:
    with CampaySimulator(FAST, float_amount=1000) as simulator:
        assert [balance(simulator)[f"{it}_balance"] for it in ("mtn", "orange", "total")] == [1000, 1000, 2000]
        assert withdraw(simulator, amount=990).status_code == 200
        assert withdraw(simulator, amount=1).status_code == 400


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"to": "677777777"}, "ER101"),
        ({"to": "237620000000"}, "ER102"),
        ({"amount": "1.5"}, "ER201"),
        ({"amount": "980"}, "ER301"),
        ({"to": ORANGE}, "ER301"),
        ({"to": None}, "to"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_a_payout_that_is_refused(simulator: CampaySimulator, changes: dict[str, Any], expected: str) -> None:
    """The balance of one operator does not count for another."""
    funded(simulator)
    answer = withdraw(simulator, **changes)
    assert answer.status_code == 400
    assert expected in (answer.json().get("error_code"), *answer.json())
    assert len(simulator.control.transactions()) == 1


def test_payouts_at_once_never_take_more_than_there_is(simulator: CampaySimulator) -> None:
    funded(simulator)
    with ThreadPoolExecutor(20) as pool:
        statuses = Counter(
            answer.status_code for answer in pool.map(lambda _: withdraw(simulator, amount=100), range(30))
        )
    assert statuses == {200: 9, 400: 21}


# Payment links

LINK = {
    "amount": "1500",
    "currency": "XAF",
    "description": "Order &7>",
    "external_reference": "link-1",
    "redirect_url": "https://shop.example/thanks?a=b",
    "failure_redirect_url": "https://shop.example/sorry",
    "payment_options": "MOMO,CARD",
}


def payment_link(simulator: CampaySimulator, **changes: Any) -> requests.Response:
    body = {**LINK, **changes}
    return HTTP.post(f"{simulator.api_url}/get_payment_link/", json=body, headers=AUTHORIZED, timeout=5)


def pay(link: str, phone_number: str) -> requests.Response:
    return HTTP.post(link, data={"from": phone_number}, allow_redirects=False, timeout=5)


def test_a_payment_link_becomes_a_transaction_when_it_is_paid(
    simulator: CampaySimulator, webhooks: "queue.Queue[Any]"
) -> None:
    answer = payment_link(simulator)
    assert (answer.status_code, sorted(answer.json())) == (200, ["link", "reference"])
    link, reference = answer.json()["link"], answer.json()["reference"]
    assert link.startswith(f"{simulator.url}/pay/")
    assert record(simulator, reference) == {"detail": "Not found."}
    page = HTTP.get(link, timeout=5)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Order &amp;7&gt;" in page.text
    assert pay(link, "237677777777").status_code == 302
    assert settled(simulator, reference)["external_reference"] == "link-1"
    assert webhooks.get(timeout=10)["reference"] == reference
    back = HTTP.get(link, allow_redirects=False, timeout=5)
    assert back.status_code == 302
    target = urlsplit(back.headers["Location"])
    told = dict(parse_qsl(target.query, keep_blank_values=True))
    assert (target.hostname, target.path) == ("shop.example", "/thanks")
    assert (told["a"], told["status"], told["reference"]) == ("b", "SUCCESSFUL", reference)
    assert {"external_reference", "operator", "code", "operator_reference"} <= told.keys()


def test_who_declines_is_sent_to_the_page_for_failures(simulator: CampaySimulator) -> None:
    answer = payment_link(simulator).json()
    pay(answer["link"], "237677777770")
    settled(simulator, answer["reference"])
    back = HTTP.get(answer["link"], allow_redirects=False, timeout=5)
    assert back.headers["Location"].startswith("https://shop.example/sorry?external_reference=link-1&status=FAILED")


def test_a_payment_page_takes_one_payer_and_waits_for_the_decision(simulator: CampaySimulator) -> None:
    answer = payment_link(simulator, redirect_url="", failure_redirect_url="").json()
    assert "not served" in pay(answer["link"], "237620000000").text
    assert simulator.control.transactions() == []
    for _ in range(2):
        assert pay(answer["link"], "237670000001").status_code in (200, 302)
    assert len(simulator.control.transactions()) == 1
    assert "phone" in HTTP.get(answer["link"], timeout=5).text
    control(simulator, f"transactions/{answer['reference']}/resolve", {"status": "SUCCESSFUL"})
    assert "SUCCESSFUL" in HTTP.get(answer["link"], timeout=5).text
    assert HTTP.get(f"{simulator.url}/pay/unknown/", timeout=5).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_url": "http://localhost:3000/thanks"},
        {"redirect_url": "http://192.168.1.7/thanks"},
        {"redirect_url": "shop"},
        {"failure_redirect_url": "https://127.0.0.1/"},
        {"amount": "1.5"},
        {"currency": "EUR"},
        {"description": ""},
        {"payment_options": "CASH"},
        {"payer_can_pay_more": "perhaps"},
    ],
)
def test_a_payment_link_that_is_refused(simulator: CampaySimulator, changes: dict[str, str]) -> None:
    answer = payment_link(simulator, **changes)
    assert answer.status_code == 400
    (name,) = changes
    assert name in answer.text or "amount" in answer.text
