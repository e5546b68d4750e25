"""The simulator over real HTTP: CamPay's contract, every number, every fault, and the control calls."""

import json
import os
import queue
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import takewhile
from typing import Any

import jwt
import pytest
import redis
import requests

from chalicelib.domain.errors import InvalidSignature
from chalicelib.domain.tokens import check_webhook_signature
from local.campay_simulator import CampaySimulator
from local.embedded import Valkey
from local.simulator.faults import FAULTS, WEBHOOK_FAULTS
from local.simulator.http_server import Answer, LoopbackServer, Request
from local.simulator.records import campay_record
from local.simulator.settings import SimulatorSettings
from tests import ROOT

KEY = "the-webhook-key-of-the-tests-forty-long!"
TOKEN = "the-permanent-token-of-the-tests"
AUTHORIZED = {"Authorization": f"Token {TOKEN}"}
MTN, ORANGE, ANYBODY = "237677777777", "237699999999", "237671234567"
HTTP = requests.Session()
HTTP.trust_env = False
FAST = SimulatorSettings(
    webhook_key=KEY,
    permanent_token=TOKEN,
    approve_after=0.03,
    slow_approve_after=0.08,
    late_after=0.15,
    hold_seconds=0.05,
)


class Receiver:
    """The API's place: one address of its own for each test, so that no test hears another's stragglers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.requests: queue.Queue[Request] = queue.Queue()

    def next(self) -> dict[str, Any]:
        request = self.requests.get(timeout=10)
        fields: dict[str, Any] = json.loads(request.body) if request.method == "POST" else dict(request.query)
        return fields

    def some(self, number: int) -> dict[str, Counter[str]]:
        """The statuses that so many webhooks claimed, by transaction."""
        return counted(self.next() for _ in range(number))

    def until(self, last: str) -> dict[str, Counter[str]]:
        """The same, up to the first one of the transaction `last`."""
        return counted(takewhile(lambda fields: fields["reference"] != last, iter(self.next, None)))


def counted(webhooks: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    heard: dict[str, Counter[str]] = defaultdict(Counter)
    for fields in webhooks:
        heard[fields["reference"]][fields["status"]] += 1
    return heard


@pytest.fixture(scope="module", autouse=True)
def _http() -> Iterator[None]:
    yield
    HTTP.close()


@pytest.fixture(scope="module")
def receivers() -> Iterator[Callable[[], Receiver]]:
    by_path: dict[str, Receiver] = {}

    def respond(request: Request) -> Answer:
        by_path[request.path].requests.put(request)
        return Answer(by_path[request.path].status, {})

    def add() -> Receiver:
        path = f"/webhook/{len(by_path)}"
        by_path[path] = Receiver(f"http://127.0.0.1:{server.server_port}{path}")
        return by_path[path]

    server = LoopbackServer(0, respond)
    server.start()
    yield add
    server.stop()


@pytest.fixture
def receiver(receivers: Callable[[], Receiver]) -> Receiver:
    return receivers()


@pytest.fixture(scope="module")
def shared_simulator() -> Iterator[CampaySimulator]:
    with CampaySimulator(FAST) as running:
        yield running


@pytest.fixture
def simulator(shared_simulator: CampaySimulator, receiver: Receiver) -> CampaySimulator:
    shared_simulator.control.reset()
    shared_simulator.webhook_url = receiver.url
    return shared_simulator


def collect(simulator: CampaySimulator, phone_number: str = MTN, **changes: Any) -> requests.Response:
    fields = {"amount": "5000", "currency": "XAF", "from": phone_number, "description": "Order 7"} | changes
    return HTTP.post(f"{simulator.api_url}/collect/", json=fields, headers=AUTHORIZED, timeout=5)


def accepted(simulator: CampaySimulator, phone_number: str = MTN, **changes: Any) -> str:
    response = collect(simulator, phone_number, **changes)
    assert response.status_code == 200
    return str(response.json()["reference"])


def record(simulator: CampaySimulator, reference: str) -> dict[str, Any]:
    url = f"{simulator.api_url}/transaction/{reference}/"
    fields: dict[str, Any] = HTTP.get(url, headers=AUTHORIZED, timeout=5).json()
    return fields


def settled(simulator: CampaySimulator, reference: str) -> dict[str, Any]:
    eventually(lambda: record(simulator, reference)["status"] != "PENDING")
    return record(simulator, reference)


def control(simulator: CampaySimulator, path: str, body: object) -> requests.Response:
    return HTTP.post(f"{simulator.url}/simulator/{path}", json=body, timeout=5)


def statement(simulator: CampaySimulator, first: str, last: str) -> list[dict[str, Any]]:
    body = {"start_date": first, "end_date": last}
    rows: list[dict[str, Any]] = HTTP.post(
        f"{simulator.api_url}/history/", json=body, headers=AUTHORIZED, timeout=5
    ).json()["data"]
    return rows


def eventually(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.005)


# The API


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
def test_what_is_refused_prompts_nobody(simulator: CampaySimulator, changes: dict[str, Any], expected: str) -> None:
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
    """1 XAF of 5 and of 10 was measured; CamPay says 2 %."""
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
    """Empty where the demo host simulates the customer; else it may be there before the customer has decided."""
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


# The numbers


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
    # The slowest number once more: what is not here before its webhook never comes.
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
    """One try only, whatever the reply is; and nobody listening harms nobody."""
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


def approved_by_hand(simulator: CampaySimulator) -> str:
    reference = accepted(simulator, "237670000001")
    control(simulator, f"transactions/{reference}/resolve", {"status": "SUCCESSFUL"})
    return reference


def signature_is_valid(signature: str) -> bool:
    try:
        check_webhook_signature(signature, [KEY], int(time.time() * 1000))
    except InvalidSignature:
        return False
    return True


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
def test_an_unknown_fault_is_told_and_changes_nothing(simulator: CampaySimulator, wanted: object, part: str) -> None:
    answer = control(simulator, "faults", wanted)
    assert answer.status_code == 400
    assert part in answer.json()["error"]
    assert simulator.faults.waiting() == {}


# Control calls


def test_a_person_decides(simulator: CampaySimulator, receiver: Receiver) -> None:
    reference = accepted(simulator, "237670000001", external_reference="r-1")
    path = f"transactions/{reference}/resolve"
    assert control(simulator, path, {"status": "LOST"}).status_code == 400
    assert control(simulator, path, {"status": "FAILED", "webhook": "no"}).status_code == 400
    resolved = control(simulator, path, {"status": "SUCCESSFUL", "webhook": True})
    assert resolved.json() == {
        "reference": reference,
        "externalReference": "r-1",
        "phoneNumber": "237670000001",
        "amount": 5000,
        "currency": "XAF",
        "status": "SUCCESSFUL",
        "moneyMoved": True,
    }
    assert receiver.next()["status"] == "SUCCESSFUL"
    assert control(simulator, path, {"status": "FAILED"}).status_code == 409
    assert record(simulator, reference)["status"] == "SUCCESSFUL"
    assert control(simulator, "transactions/unknown/resolve", {"status": "FAILED"}).status_code == 404


def test_a_person_decides_before_the_number_does(receiver: Receiver) -> None:
    """Nothing is announced for the one, and the number's own decision comes too late."""
    with CampaySimulator(FAST, webhook_url=receiver.url, slow_approve_after=1.5, late_after=1.5) as simulator:
        reference = accepted(simulator, ANYBODY)
        control(simulator, f"transactions/{reference}/resolve", {"status": "FAILED", "webhook": False})
        assert receiver.until(accepted(simulator, "237670000003")) == {}
        assert record(simulator, reference)["status"] == "FAILED"


def test_the_ledger_can_be_asked_for_one_reference(simulator: CampaySimulator) -> None:
    first, second = accepted(simulator, external_reference="r-1"), accepted(simulator, external_reference="r-2")
    url = f"{simulator.url}/simulator/transactions"
    assert [row["reference"] for row in HTTP.get(url, timeout=5).json()] == [first, second]
    only = HTTP.get(url, params={"externalReference": "r-2"}, timeout=5).json()
    assert [row["reference"] for row in only] == [second]


def test_reset_forgets_transactions_timers_and_faults(receiver: Receiver) -> None:
    with CampaySimulator(FAST, webhook_url=receiver.url, slow_approve_after=1.5, late_after=1.3) as simulator:
        forgotten = accepted(simulator, ANYBODY, external_reference="r-1")
        simulator.faults.set({"webhook": ["late", "lost"]})
        approved_by_hand(simulator)
        assert control(simulator, "reset", None).status_code == 200
        assert simulator.control.transactions() == []
        again = accepted(simulator, ANYBODY, external_reference="r-1")
        assert again != forgotten
        assert receiver.until(again) == {}


def test_health_and_unknown_control_calls(simulator: CampaySimulator) -> None:
    assert HTTP.get(f"{simulator.url}/simulator/health", timeout=5).status_code == 200
    assert HTTP.get(f"{simulator.url}/simulator/nothing", timeout=5).status_code == 404
    assert control(simulator, "faults", None).status_code == 400


def test_any_page_may_make_control_calls(simulator: CampaySimulator) -> None:
    """A browser asks first where the body is JSON, and reads the refusals too."""
    page = {"Origin": "http://localhost:8080"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for path in ("faults", "transactions/x/resolve"):
        url = f"{simulator.url}/simulator/{path}"
        preflight = HTTP.options(url, headers=page | asks, timeout=5)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        assert preflight.headers["Access-Control-Allow-Headers"].lower() == "content-type"
        refused = HTTP.post(url, data="{", headers=page, timeout=5)
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (400, "*")
    assert "Access-Control-Allow-Origin" not in HTTP.options(f"{simulator.api_url}/balance/", timeout=5).headers


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


def test_redis_hangs_for_as_long_as_it_is_told_to(own_valkey: Valkey) -> None:
    """It keeps every connection and answers nobody; a second pause meanwhile is told that it cannot be."""
    with (
        CampaySimulator(FAST, redis_host="localhost", redis_port=own_valkey.port) as simulator,
        redis.Redis(port=own_valkey.port, socket_timeout=5) as client,
    ):
        client.ping()
        began = time.monotonic()
        assert control(simulator, "redis", {"pauseSeconds": 1}).json() == {"status": "paused"}
        client.ping()
        assert time.monotonic() - began > 0.9
        assert control(simulator, "redis", {"pauseSeconds": 10}).status_code == 200
        again = control(simulator, "redis", {"pauseSeconds": 1})
        assert (again.status_code, "paused already" in again.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({}, "REDIS_HOST"),
        ({"redis_host": "cache.example"}, "not on this machine"),
        ({"redis_host": "127.0.0.1", "redis_port": 9}, "did not take it"),  # discard: nobody listens
    ],
)
def test_a_redis_that_is_not_ours_is_left_alone(changes: dict[str, Any], part: str) -> None:
    with CampaySimulator(FAST, **changes) as simulator:
        answer = control(simulator, "redis", {"pauseSeconds": 1})
        assert (answer.status_code, part in answer.json()["error"]) == (409, True)


@pytest.mark.parametrize("seconds", [0, 61, -1, "5", None, True, float("nan")])
def test_a_pause_is_between_a_second_and_a_minute(simulator: CampaySimulator, seconds: object) -> None:
    body = json.dumps({"pauseSeconds": seconds})
    answer = HTTP.post(f"{simulator.url}/simulator/redis", data=body, timeout=5)
    assert (answer.status_code, "1 to 60" in answer.json()["error"]) == (400, True)


# The server


def test_no_log_names_a_person_or_a_key(simulator: CampaySimulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="local.simulator")
    simulator.webhook_url = "https://127.0.0.1/"
    reference = accepted(simulator, external_reference="r-1")
    settled(simulator, reference)
    eventually(lambda: "webhook SUCCESSFUL -> ValueError" in caplog.messages)
    ours = [entry.getMessage() for entry in caplog.records if entry.name.startswith("local.simulator")]
    assert {"collect MTN -> 200", "customer -> SUCCESSFUL", "webhook SUCCESSFUL -> ValueError"} <= set(ours)
    private = (MTN, KEY, TOKEN, reference, "r-1")
    assert not [text for text in ours if any(word in text for word in private)]


def test_kept_connections_do_not_stall(simulator: CampaySimulator) -> None:
    """Head and body in two segments would take 40 ms each time."""
    seconds = []
    with requests.Session() as session:
        for _ in range(25):
            started = time.monotonic()
            session.get(f"{simulator.api_url}/balance/", headers=AUTHORIZED, timeout=5)
            seconds.append(time.monotonic() - started)
    assert statistics.median(seconds) < 0.03


def test_a_body_of_unknown_length_is_refused(simulator: CampaySimulator) -> None:
    answer = HTTP.post(f"{simulator.api_url}/collect/", data=iter([b"{}"]), headers=AUTHORIZED, timeout=5)
    assert answer.status_code == 413


def test_stop_ends_everything_at_once() -> None:
    """Held calls, kept connections, webhooks that get no reply, timers: nothing outlives it."""
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent, requests.Session() as session:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        simulator = CampaySimulator(FAST, webhook_url=url, hold_seconds=30)
        simulator.start()
        session.get(f"{simulator.url}/simulator/health", timeout=5)
        accepted(simulator)
        accepted(simulator, "237670000003")
        webhook, _ = silent.accept()
        simulator.faults.set({"collect": ["timeout"]})
        with webhook, ThreadPoolExecutor(1) as pool:
            held = pool.submit(collect, simulator)
            eventually(lambda: len(simulator.control.transactions()) == 3)
            started = time.monotonic()
            simulator.stop()
            assert time.monotonic() - started < 10, "the call is held for 30"
            assert isinstance(held.exception(timeout=10), requests.ConnectionError)
    assert set(threading.enumerate()) <= before


def run_process(**environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.campay_simulator"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_process_stops_on_sigterm(receiver: Receiver) -> None:
    settings = {
        "SIMULATOR_PORT": "0",
        "SIMULATOR_WEBHOOK_URL": receiver.url,
        "SIMULATOR_WEBHOOK_METHOD": "get",
        "SIMULATOR_APPROVE_AFTER": "0.01",
        "CAMPAY_PERMANENT_ACCESS_TOKEN": TOKEN,
        "CAMPAY_WEBHOOK_KEY": KEY,
        "PYTHONUNBUFFERED": "",
    }
    with run_process(**settings) as process:
        assert process.stdout
        url = process.stdout.readline().rsplit(" ", 1)[1].strip()
        body = {"amount": "5000", "currency": "XAF", "from": MTN, "description": "d"}
        answer = HTTP.post(f"{url}/api/collect/", json=body, headers=AUTHORIZED, timeout=5)
        heard = receiver.next()
        assert (heard["reference"], heard["status"]) == (answer.json()["reference"], "SUCCESSFUL")
        check_webhook_signature(heard["signature"], [KEY], int(time.time() * 1000))
        said = ""
        while "webhook SUCCESSFUL -> 200" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
        said += process.stdout.read()
        assert MTN not in said
        assert TOKEN not in said


def test_a_busy_port_is_one_clear_line(simulator: CampaySimulator) -> None:
    port = simulator.url.rsplit(":", 1)[1]
    with run_process(SIMULATOR_PORT=port) as process:
        said, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said.splitlines() == [f"campay simulator: port {port}: Address already in use"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SIMULATOR_PORT", "http"),
        ("SIMULATOR_PORT", "70000"),
        ("SIMULATOR_APPROVE_AFTER", "-1"),
        ("SIMULATOR_LATE_AFTER", "nan"),
        ("SIMULATOR_DEMO_LIMITS", "perhaps"),
    ],
)
def test_a_wrong_variable_is_named(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=name):
        SimulatorSettings.from_environment({name: text})


def test_the_environment_of_the_process() -> None:
    settings = SimulatorSettings.from_environment({"SIMULATOR_DEMO_LIMITS": "on", "SIMULATOR_WEBHOOK_URL": " "})
    assert (settings.port, settings.webhook_url, settings.demo_limits) == (8090, None, True)
    assert (settings.redis_host, settings.redis_password) == (None, None)
    cache = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "6380", "REDIS_PASSWORD": "secret"}
    settings = SimulatorSettings.from_environment(cache)
    assert (settings.redis_host, settings.redis_port, settings.redis_password) == ("127.0.0.1", 6380, "secret")
    assert (settings.approve_after, settings.slow_approve_after, settings.late_after) == (2, 5, 120)


@pytest.mark.parametrize("wrong", [{"webhook_method": "PUT"}, {"duplicates": "maybe"}, {"webhook_key": ""}])
def test_settings_that_cannot_be(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"POST or GET|first or reject|empty"):
        CampaySimulator(FAST, **wrong)
