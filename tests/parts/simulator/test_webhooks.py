"""Tests what each of the simulator's numbers does, and the webhooks that follow."""

import json
import re
import time
from collections import Counter

import jwt
import pytest
import requests

from chalicelib.domain.errors import InvalidSignature
from chalicelib.domain.tokens import check_webhook_signature
from local.campay_simulator import CampaySimulator
from local.simulator.faults import WEBHOOK_FAULTS
from tests.parts.simulator.calls import (
    ANYBODY,
    FAST,
    KEY,
    MTN,
    ORANGE,
    Receiver,
    accepted,
    approved_by_hand,
    collect,
    eventually,
    record,
    settled,
)

NUMBERS: list[tuple[str, str, str, list[str]]] = [
    (MTN, "SUCCESSFUL", "None", ["SUCCESSFUL"]),
    (ORANGE, "SUCCESSFUL", "None", ["SUCCESSFUL"]),
    ("237677777770", "FAILED", "REJECTED", ["FAILED"]),
    ("237699999990", "FAILED", "REJECTED", ["FAILED"]),
    ("237670000001", "PENDING", "None", []),
    ("237655000001", "PENDING", "None", []),
    ("237670000002", "SUCCESSFUL", "None", []),
    ("237655000002", "SUCCESSFUL", "None", []),
    ("237670000003", "SUCCESSFUL", "None", ["SUCCESSFUL"]),
    ("237670000005", "SUCCESSFUL", "None", ["FAILED", "PENDING", "SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL"]),
    ("237670000006", "SUCCESSFUL", "None", ["SUCCESSFUL"]),
    ("237670000007", "FAILED", "REJECTED", ["SUCCESSFUL", "FAILED"]),
    ("237670000009", "FAILED", "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED", ["FAILED"]),
    (ANYBODY, "SUCCESSFUL", "None", ["SUCCESSFUL"]),
]


def test_what_each_number_does(simulator: CampaySimulator, receiver: Receiver) -> None:
    references = {number: accepted(simulator, number) for number, *_ in NUMBERS}
    heard = receiver.some(sum(len(claims) for *_, claims in NUMBERS))
    # The slowest number again: a webhook that has not come before this one never comes.
    assert receiver.until(accepted(simulator, "237670000003")) == {}
    for number, status, reason, claims in NUMBERS:
        final = record(simulator, references[number])
        assert (number, final["status"], final["reason"]) == (number, status, reason)
        assert (number, heard[references[number]]) == (number, Counter(claims))
    moved = {row["phoneNumber"]: row["moneyMoved"] for row in simulator.control.transactions()}
    assert moved == {number: status == "SUCCESSFUL" for number, status, *_ in NUMBERS}


def test_the_paces_differ(receiver: Receiver) -> None:
    paces = {MTN: FAST.approve_after, ANYBODY: 0.8, "237670000003": 1.6}
    with CampaySimulator(FAST, webhook_url=receiver.url, slow_approve_after=0.8, late_after=1.6) as simulator:
        started = time.monotonic()
        due = {accepted(simulator, number): seconds for number, seconds in paces.items()}
        for reference, seconds in due.items():
            assert receiver.next()["reference"] == reference
            assert time.monotonic() - started >= seconds


@pytest.mark.parametrize(("amount", "shown"), [(5000, "4999.00"), (1, "2.00")])
def test_the_record_may_show_another_amount(
    simulator: CampaySimulator, receiver: Receiver, amount: int, shown: str
) -> None:
    reference = accepted(simulator, "237670000006", amount=amount)
    assert receiver.next()["amount"] == settled(simulator, reference)["amount"] == shown
    (row,) = simulator.control.transactions()
    assert (row["amount"], row["moneyMoved"]) == (amount, True)


def test_the_answer_may_be_lost_in_a_reset(simulator: CampaySimulator, receiver: Receiver) -> None:
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        collect(simulator, "237670000004", external_reference="r-4")
    heard = receiver.next()
    assert (heard["external_reference"], heard["status"]) == ("r-4", "SUCCESSFUL")
    assert collect(simulator, "237670000004", external_reference="r-4").json()["reference"] == heard["reference"]


def test_the_answer_may_be_a_proxys_page(simulator: CampaySimulator, receiver: Receiver) -> None:
    answer = collect(simulator, "237670000008", external_reference="r-8")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    heard = receiver.next()
    assert (heard["external_reference"], heard["status"]) == ("r-8", "SUCCESSFUL")


def test_a_forgery_comes_before_the_truth(receiver: Receiver) -> None:
    with CampaySimulator(FAST, webhook_url=receiver.url, approve_after=1.5) as simulator:
        accepted(simulator, "237670000007")
        forged, true = receiver.next(), receiver.next()
    assert (forged["status"], true["status"]) == ("SUCCESSFUL", "FAILED")
    check_webhook_signature(forged["signature"], [KEY], int(time.time() * 1000))


# Webhooks


def test_a_webhook_is_a_record_with_a_signature_that_binds_nothing(
    simulator: CampaySimulator, receiver: Receiver
) -> None:
    reference = accepted(simulator)
    request = receiver.requests.get(timeout=3)
    assert (request.method, request.content_type) == ("POST", "application/json")
    assert re.fullmatch(r"python-requests/[0-9.]+", request.user_agent)
    heard = json.loads(request.body)
    ours = settled(simulator, reference)
    assert {**heard, "signature": ""} == {**ours, "signature": ""}
    assert jwt.get_unverified_header(heard["signature"]) == {"alg": "HS256", "typ": "JWT", "app": "simulator"}
    claims = jwt.decode(heard["signature"], KEY, algorithms=["HS256"])
    assert claims == {"iat": claims["iat"], "nbf": claims["iat"], "exp": claims["iat"] + 3600, "source": "CamPay"}


def test_a_webhook_by_get_is_all_in_its_query(receiver: Receiver) -> None:
    with CampaySimulator(FAST, webhook_url=f"{receiver.url}?shop=7", webhook_method="GET") as simulator:
        reference = accepted(simulator, description="Café & thé")
        request = receiver.requests.get(timeout=3)
    assert (request.method, request.body) == ("GET", b"")
    assert request.user_agent.startswith("python-requests/")
    assert (request.query["reference"], request.query["shop"]) == (reference, "7")
    assert (request.query["amount"], request.query["description"]) == ("5000.00", "Café & thé")
    assert request.query["signature"].count(".") == 2


def test_the_receiver_may_change_and_fail(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """A webhook is sent once, whatever the reply, and may find no receiver."""
    caplog.set_level("INFO", logger="local.simulator")
    receiver.status = 500
    with CampaySimulator(FAST, webhook_url="http://127.0.0.1:9/closed", slow_approve_after=1.5) as simulator:
        settled(simulator, accepted(simulator))
        eventually(lambda: "webhook SUCCESSFUL -> ConnectionRefusedError" in caplog.messages)
        simulator.webhook_url = receiver.url
        first, last = accepted(simulator), accepted(simulator, ANYBODY)
        assert [receiver.next()["reference"] for _ in range(2)] == [first, last]


DELIVERED: dict[str, tuple[list[str], bool]] = {
    "ok": (["SUCCESSFUL"], True),
    "lost": ([], True),
    "duplicate": (["SUCCESSFUL", "SUCCESSFUL"], True),
    "late": (["SUCCESSFUL"], True),
    "expired-signature": (["SUCCESSFUL"], False),
    "wrong-key": (["SUCCESSFUL"], False),
    "forged": (["FAILED", "SUCCESSFUL"], True),
}


@pytest.mark.parametrize("fault", WEBHOOK_FAULTS)
def test_what_becomes_of_a_webhook(simulator: CampaySimulator, receiver: Receiver, fault: str) -> None:
    claims, is_valid = DELIVERED[fault]
    simulator.faults.set({"webhook": [fault]})
    started = time.monotonic()
    reference = approved_by_hand(simulator)
    heard = [receiver.next() for _ in claims]
    assert time.monotonic() - started >= (FAST.late_after if fault == "late" else 0)
    assert Counter(fields["status"] for fields in heard) == Counter(claims)
    assert {signature_is_valid(fields["signature"]) for fields in heard} <= {is_valid}
    assert {fields["reference"] for fields in heard} <= {reference}
    assert receiver.until(approved_by_hand(simulator)) == {}


def signature_is_valid(signature: str) -> bool:
    try:
        check_webhook_signature(signature, [KEY], int(time.time() * 1000))
    except InvalidSignature:
        return False
    return True
