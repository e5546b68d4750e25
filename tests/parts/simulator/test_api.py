"""Tests the simulator's API over real HTTP against CamPay's contract, and every fault of a call."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jwt
import pytest
import requests

from local.campay_simulator import CampaySimulator
from local.simulator.faults import FAULTS
from local.simulator.records import campay_record
from tests.parts.simulator.calls import (
    ANYBODY,
    AUTHORIZED,
    FAST,
    HTTP,
    KEY,
    MTN,
    ORANGE,
    TOKEN,
    Receiver,
    accepted,
    collect,
    control,
    record,
    settled,
    statement,
)


def test_a_temporary_token_is_as_good_as_the_permanent_one(simulator: CampaySimulator) -> None:
    credentials = {"username": simulator.settings.username, "password": simulator.settings.password}
    answer = HTTP.post(f"{simulator.api_url}/token/", data=credentials, timeout=5).json()
    assert answer["expires_in"] == 3600
    claims = jwt.decode(answer["token"], options={"verify_signature": False})
    assert set(claims) == {"iat", "nbf", "exp"}
    for token in (answer["token"], TOKEN):
        headers = {"Authorization": f"Token {token}"}
        assert HTTP.get(f"{simulator.api_url}/balance/", headers=headers, timeout=5).status_code == 200


def test_a_temporary_token_expires() -> None:
    with CampaySimulator(FAST, token_seconds=0) as simulator:
        credentials = {"username": simulator.settings.username, "password": simulator.settings.password}
        token = HTTP.post(f"{simulator.api_url}/token/", json=credentials, timeout=5).json()["token"]
        headers = {"Authorization": f"Token {token}"}
        assert HTTP.get(f"{simulator.api_url}/balance/", headers=headers, timeout=5).status_code == 401


def test_wrong_credentials(simulator: CampaySimulator) -> None:
    answer = HTTP.post(f"{simulator.api_url}/token/", json={"username": "no", "password": "no"}, timeout=5)
    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])


@pytest.mark.parametrize("authorization", [None, "Token wrong", f"Bearer {TOKEN}", "Token", TOKEN])
@pytest.mark.parametrize(("method", "path"), [("POST", "collect/"), ("GET", "transaction/x/"), ("POST", "history/")])
def test_no_call_without_the_token(
    simulator: CampaySimulator, method: str, path: str, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = HTTP.request(method, f"{simulator.api_url}/{path}", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})


@pytest.mark.parametrize(
    ("phone_number", "ussd_code", "operator"),
    [(MTN, "*126#", "MTN"), (ORANGE, "#150*50#", "Orange"), ("+237650000000", "*126#", "MTN")],
)
def test_a_prompt_is_answered_with_exactly_three_fields(
    simulator: CampaySimulator, phone_number: str, ussd_code: str, operator: str
) -> None:
    answer = collect(simulator, phone_number, callback_url="https://shop.example/", amount=5000).json()
    assert uuid.UUID(answer.pop("reference"))
    assert answer == {"ussd_code": ussd_code, "operator": operator}


def test_form_bodies_are_accepted(simulator: CampaySimulator) -> None:
    fields = {"amount": "10", "currency": "XAF", "from": MTN, "description": "d", "external_reference": "r-1"}
    answer = HTTP.post(f"{simulator.api_url}/collect/", data=fields, headers=AUTHORIZED, timeout=5)
    assert answer.status_code == 200
    assert simulator.control.transactions("r-1")[0]["amount"] == 10


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"from": "677777777"}, "ER101"),
        ({"from": "23767777777"}, "ER101"),
        ({"from": "２３７６７７７７７７７７"}, "ER101"),
        ({"from": "237222222222"}, "ER102"),
        ({"from": "237620000000"}, "ER102"),
        ({"amount": "5.5"}, "ER201"),
        ({"amount": 5.0}, "ER201"),
        ({"amount": 0}, "ER201"),
        ({"amount": "-5"}, "ER201"),
        ({"amount": True}, "ER201"),
        ({"currency": "EUR"}, "currency"),
        ({"amount": None}, "amount"),
        ({"description": ""}, "description"),
        ({"description": "<placeholder>"}, "malicious_payload_rejected"),
    ],
)
def test_a_refused_collect_sends_no_prompt(simulator: CampaySimulator, changes: dict[str, Any], expected: str) -> None:
    answer = collect(simulator, **changes)
    assert answer.status_code == 400
    fields = answer.json()
    assert expected in (fields.get("error_code"), fields.get("code"), *fields)
    assert simulator.control.transactions() == []


@pytest.mark.parametrize("body", ["", "[]", "{", "null"])
def test_bodies_that_are_no_object(simulator: CampaySimulator, body: str) -> None:
    answer = HTTP.post(f"{simulator.api_url}/collect/", data=body, headers=AUTHORIZED, timeout=5)
    assert answer.status_code == 400
    assert answer.json()


@pytest.mark.parametrize(
    ("phone_number", "amount", "message"),
    [(ANYBODY, 26, "Maximum amount is 25.00 XAF"), ("237655000009", 9, "Minimum amount for Orange is 10.00")],
)
def test_the_limits_of_the_demo(phone_number: str, amount: int, message: str) -> None:
    with CampaySimulator(FAST, demo_limits=True) as simulator:
        answer = collect(simulator, phone_number, amount=amount)
        assert answer.json()["error_code"] == "ER201"
        assert message in answer.json()["message"]
        assert collect(simulator, phone_number, amount=25).status_code == 200


def test_paths_need_their_slash(simulator: CampaySimulator) -> None:
    url = f"{simulator.api_url}/transaction/x"
    answer = HTTP.get(url, headers=AUTHORIZED, allow_redirects=False, timeout=5)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/api/transaction/x/")
    assert HTTP.post(f"{simulator.api_url}/collect", json={}, headers=AUTHORIZED, timeout=5).status_code == 404
    assert HTTP.get(f"{simulator.api_url}/collect/", headers=AUTHORIZED, timeout=5).status_code == 405
    unknown = HTTP.get(f"{simulator.api_url}/transaction/x/", headers=AUTHORIZED, timeout=5)
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not found."})


def test_a_record_as_it_was_measured(simulator: CampaySimulator) -> None:
    echoed = {"external_reference": "r-1", "external_user": "u-1", "extra_email": "a@b.example"}
    reference = accepted(simulator, "237655000001", **echoed)
    pending = record(simulator, reference)
    assert (pending["status"], pending["reason"]) == ("PENDING", "None")
    control(simulator, f"transactions/{reference}/resolve", {"status": "SUCCESSFUL"})
    final = record(simulator, reference)
    assert re.fullmatch(r"D[0-9]{6}D[0-9]{4}[A-Z]{2}", final["code"])
    assert jwt.decode(final["signature"], KEY, algorithms=["HS256"])["source"] == "CamPay"
    varying = ("operator_reference", "code", "signature")
    assert {name: value for name, value in final.items() if name not in varying} == {
        "reference": reference,
        "status": "SUCCESSFUL",
        "amount": "5000.00",
        "app_amount": "4900.00",
        "currency": "XAF",
        "operator": "Orange",
        "endpoint": "collect",
        "external_reference": "r-1",
        "external_user": "u-1",
        "extra_first_name": "",
        "extra_last_name": "",
        "extra_email": "a@b.example",
        "phone_number": "237655000001",
        "redirect_url": "",
        "failure_redirect_url": "",
        "description": "Order 7",
        "reason": "None",
    }


def test_a_record_as_the_documentation_has_it() -> None:
    with CampaySimulator(FAST, number_style=True) as simulator:
        pending = record(simulator, accepted(simulator, "237670000001"))
        assert (pending["amount"], pending["app_amount"]) == (5000.0, 4900.0)
        assert (pending["reason"], pending["external_reference"], pending["extra_email"]) == (None, None, None)
        final = settled(simulator, accepted(simulator, MTN))
        assert final["operator_reference"] is None


def test_the_simulated_numbers_of_the_demo_show_no_amount(receiver: Receiver) -> None:
    with CampaySimulator(FAST, webhook_url=receiver.url, demo_zero_amounts=True) as simulator:
        final = settled(simulator, accepted(simulator, MTN, amount=25))
        assert (final["amount"], final["app_amount"], final["operator_reference"]) == ("0.00", "0.00", "")
        assert receiver.next()["amount"] == "0.00"
        assert record(simulator, accepted(simulator, ANYBODY, amount=25))["amount"] == "25.00"


def test_the_statement(simulator: CampaySimulator) -> None:
    reference = accepted(simulator, external_reference="r-1", external_user="u-1")
    accepted(simulator, "237670000001")
    settled(simulator, reference)
    declined = accepted(simulator, "237677777770")
    settled(simulator, declined)
    row, other = statement(simulator, "2000-01-01", "2100-01-01")
    assert (other["reference_uuid"], other["status"], other["credit"]) == (declined, "FAILED", 0.0)
    assert "external_reference" not in row
    assert (row["reference_uuid"], row["external_user"], row["status"]) == (reference, "u-1", "SUCCESSFUL")
    assert (row["amount"], row["charge_amount"], row["credit"]) == (5000.0, 100.0, 4900.0)
    day, _, clock_time = row["datetime"].partition("T")
    assert len(clock_time) == len("hh:mm:ss.ffffff")
    assert statement(simulator, day, day) == [row, other]
    assert statement(simulator, "2000-01-01", "2000-12-31") == []
    wrong = HTTP.post(f"{simulator.api_url}/history/", json={"start_date": "x"}, headers=AUTHORIZED, timeout=5)
    assert wrong.status_code == 400


def test_the_balance_is_what_moved_less_the_fee(simulator: CampaySimulator) -> None:
    for phone_number in (MTN, ORANGE, "237677777770"):
        settled(simulator, accepted(simulator, phone_number, amount=1000))
    answer = HTTP.get(f"{simulator.api_url}/balance/", headers=AUTHORIZED, timeout=5).json()
    assert answer == {
        "total_balance": 1960.0,
        "mtn_balance": 980.0,
        "orange_balance": 980.0,
        "utility_balance": 0.0,
        "utility_commission_balance": 0.0,
        "currency": "XAF",
    }


@pytest.mark.parametrize(("amount", "net"), [(1, "0.00"), (5, "4.00"), (10, "9.00"), (75, "73.00"), (5001, "4900.00")])
def test_the_fee_is_whole_francs(simulator: CampaySimulator, amount: int, net: str) -> None:
    """A fee of 1 XAF was measured for 5 and for 10 XAF; CamPay documents 2 %."""
    assert record(simulator, accepted(simulator, amount=amount))["app_amount"] == net


@pytest.mark.parametrize(
    ("phone_number", "status", "expected"),
    [
        (MTN, "SUCCESSFUL", ""),
        (ORANGE, "SUCCESSFUL", ""),
        (ANYBODY, "SUCCESSFUL", "[0-9]{11}"),
        (ANYBODY, "FAILED", "[0-9]{11}"),
        ("237691234567", "SUCCESSFUL", r"MP[0-9]{6}\.[0-9]{4}\.[A-Z][0-9]{5}"),
    ],
)
def test_the_operators_reference(phone_number: str, status: str, expected: str) -> None:
    """It is empty where the demo host simulates the customer; otherwise it may precede the customer's decision."""
    with CampaySimulator(FAST, approve_after=600, slow_approve_after=600) as simulator:
        reference = accepted(simulator, phone_number)
        while_pending = record(simulator, reference)["operator_reference"]
        assert control(simulator, f"transactions/{reference}/resolve", {"status": status}).status_code == 200
        told = record(simulator, reference)["operator_reference"]
    assert re.fullmatch(expected, told)
    assert while_pending == told


def test_codes_stay_apart(simulator: CampaySimulator) -> None:
    codes = {record(simulator, accepted(simulator))["code"] for _ in range(20)}
    assert len(codes) == 20
    late = replace(simulator.ledger.all()[0], number=10_000 + simulator.ledger.all()[0].number)
    assert campay_record(late, "", FAST)["code"] not in codes


def test_one_external_reference_is_one_prompt(simulator: CampaySimulator) -> None:
    with ThreadPoolExecutor(20) as pool:
        references = set(pool.map(lambda _: accepted(simulator, external_reference="r-1"), range(60)))
    assert len(references) == len(simulator.control.transactions()) == 1
    assert accepted(simulator) != accepted(simulator)


def test_a_repeated_external_reference_can_be_refused() -> None:
    with CampaySimulator(FAST, duplicates="reject") as simulator:
        accepted(simulator, external_reference="r-1")
        assert collect(simulator, external_reference="r-1").status_code == 400
        assert len(simulator.control.transactions()) == 1


# Faults of calls

CALLS = {
    "token": ("POST", "token/"),
    "collect": ("POST", "collect/"),
    "transaction": ("GET", "transaction/{reference}/"),
    "history": ("POST", "history/"),
    "balance": ("GET", "balance/"),
    "withdraw": ("POST", "withdraw/"),
    "get_payment_link": ("POST", "get_payment_link/"),
}
SEEN_AS = {
    "200-html": (200, "text/html; charset=utf-8"),
    "500-before": (500, "text/html; charset=utf-8"),
    "502": (502, "text/html; charset=utf-8"),
    "502-after-accept": (502, "text/html; charset=utf-8"),
    "refused-after-accept": (400, "application/json"),
    "rate-limit": (400, "application/json"),
    "filter": (400, "application/json"),
    "unauthorized": (401, "application/json"),
    "404": (404, "application/json"),
    "ok": (200, "application/json"),
    "timeout": (200, "application/json"),
}
REACHES_THE_PHONE = {"ok", "timeout", "200-html", "reset-after-accept", "502-after-accept", "refused-after-accept"}


@pytest.mark.parametrize(("call", "fault"), [(call, fault) for call, faults in FAULTS.items() for fault in faults])
def test_a_fault_is_for_one_call(simulator: CampaySimulator, call: str, fault: str) -> None:
    reference = settled(simulator, accepted(simulator))["reference"]
    before = len(simulator.control.transactions())
    assert control(simulator, "faults", {call: [fault]}).json() == {call: [fault]}
    if fault.startswith("reset"):
        with pytest.raises(requests.ConnectionError, match="reset by peer"):
            do(simulator, call, reference)
    else:
        answer = do(simulator, call, reference)
        assert (answer.status_code, answer.headers["Content-Type"]) == SEEN_AS[fault]
        assert answer.elapsed.total_seconds() >= (FAST.hold_seconds if fault == "timeout" else 0)
    prompts = len(simulator.control.transactions()) - before
    assert prompts == (1 if call in ("collect", "withdraw") and fault in REACHES_THE_PHONE else 0)
    assert do(simulator, call, reference).status_code == 200


def do(simulator: CampaySimulator, call: str, reference: str) -> requests.Response:
    method, path = CALLS[call]
    prompt = {"amount": 5, "currency": "XAF", "from": ANYBODY, "to": ANYBODY, "description": "d"}
    days = {"start_date": "2026-01-01", "end_date": "2026-01-02"}
    credentials = {"username": simulator.settings.username, "password": simulator.settings.password}
    url = f"{simulator.api_url}/{path.format(reference=reference)}"
    return HTTP.request(method, url, json=prompt | days | credentials, headers=AUTHORIZED, timeout=5)


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ({"collect": ["burn"]}, "reset-after-accept"),
        ({"refund": ["502"]}, "refund"),
        ({"collect": "502"}, "list"),
        ({"webhook": ["502"]}, "lost"),
        ({"webhook": [["lost"]]}, "lost"),
        ({"balance": ["502"], "token": ["404"]}, "token"),
        (["lost"], "object"),
    ],
)
def test_an_unknown_fault_is_refused_and_changes_nothing(simulator: CampaySimulator, wanted: object, part: str) -> None:
    answer = control(simulator, "faults", wanted)
    assert answer.status_code == 400
    assert part in answer.json()["error"]
    assert simulator.faults.waiting() == {}
