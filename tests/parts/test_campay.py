"""Tests CamPay's client against real HTTP with every kind of faulty answer."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.campay.client import Campay
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.provider import (
    NeverSent,
    OutcomeUnknown,
    Prompted,
    PromptOutcome,
    ProviderRecord,
    RecordStatus,
    Refused,
)
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings
from local.embedded import free_port
from tests.harness.fakes import Answer, HandClock, ScriptedServer

REFERENCE = "7d9a2f7e-6a53-4c89-9a61-0d5a3a9f5d11"
PHONE = "237677777777"
PRICE = Money(5000, "XAF")
PROMPT = Answer(body=b'{"reference":"c-1","ussd_code":"*126#","operator":"mtn"}')
HTML = b"<html><h1>502 Bad Gateway</h1></html>"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def campay(server: ScriptedServer, clock: HandClock) -> Iterator[Campay]:
    client = Campay(CampaySettings(server.url, (), permanent_token="permanent"), clock)
    yield client
    client.close()


@pytest.fixture
def with_password(server: ScriptedServer, clock: HandClock) -> Iterator[Campay]:
    client = Campay(CampaySettings(server.url, (), username="user", password="secret"), clock)
    yield client
    client.close()


def collect(campay: Campay) -> PromptOutcome:
    return campay.collect(REFERENCE, PHONE, PRICE, "Order 1")


def token(value: str, lifetime: object = 3600) -> Answer:
    return Answer(body=json.dumps({"token": value, "expires_in": lifetime}).encode())


def test_collect_says_what_campay_documents(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/collect/", PROMPT)
    assert collect(campay) == Prompted("c-1", "*126#", "MTN")
    sent = server.calls("/collect/")[0]
    assert sent.headers["Authorization"] == "Token permanent"
    assert json.loads(sent.body) == {
        "amount": "5000",
        "currency": "XAF",
        "from": PHONE,
        "description": "Order 1",
        "external_reference": REFERENCE,
        "external_user": REFERENCE,
    }


def test_each_collect_has_a_connection_of_its_own(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/collect/", PROMPT)
    server.answer("/balance/", Answer(body=b'{"total_balance": 12, "currency": "XAF"}'))
    for _ in range(3):
        collect(campay)
        campay.balance()
    assert len({call.connection for call in server.calls("/collect/")}) == 3
    assert len({call.connection for call in server.calls("/balance/")}) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            Answer(400, b'{"message":"Invalid phone number","error_code":"ER101"}'),
            Refused("Invalid phone number (ER101)"),
        ),
        (Answer(400, b'{"message":"ER102 carrier"}'), Refused("ER102 carrier")),
        (Answer(400, b'{"amount":["Not a number."]}'), Refused("amount: Not a number.")),
        (Answer(400, b'{"from":["Bad."],"amount":["Not a number."]}'), Refused("from: Bad.")),
        (Answer(400, b'{"message":"Too little","error_code":"ER201"}'), Refused("Too little (ER201)")),
        (
            Answer(400, b'{"code":"malicious_payload_rejected","message":"Rejected"}'),
            Refused("Rejected"),
        ),
        (Answer(403, b'{"detail":"Not allowed."}'), Refused("Not allowed.", for_now=True)),
        (Answer(403, b'{"code":"malicious_payload_rejected","message":"Rejected"}'), Refused("Rejected")),
        (Answer(400, b'{"message":"ER101 for 237677777777"}'), Refused("ER101 for [number]")),
        (Answer(429, b'{"message":"slow"}'), Refused("slow", for_now=True)),
        (Answer(429, b"", "text/html"), Refused("refused", for_now=True)),
        (
            Answer(400, b'{"message":"Rate limit per Phone number exceeded. Try again in a minute."}'),
            Refused("Rate limit per Phone number exceeded. Try again in a minute.", for_now=True),
        ),
        (
            Answer(401, b'{"detail":"Invalid token."}'),
            Refused("CamPay does not accept our credentials", for_now=True),
        ),
    ],
)
def test_refusals_are_proof(server: ScriptedServer, campay: Campay, answer: Answer, outcome: Refused) -> None:
    server.answer("/collect/", answer)
    assert collect(campay) == outcome
    assert len(server.calls("/collect/")) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(502, HTML, "text/html"),
        Answer(503, b'{"message":"Rate limit of an upstream exceeded"}'),
        Answer(500, b'{"message":"Server Error"}'),
        Answer(503, b""),
        Answer(200, HTML, "text/html"),
        Answer(200, b""),
        Answer(200, b'{"ussd_code":"*126#"}'),
        Answer(200, b'{"reference":null}'),
        Answer(200, b'{"reference":"None"}'),
        Answer(200, b'["reference"]'),
        Answer(200, b'"reference"'),
        Answer(200, b"[" * 100_000),
        Answer(200, b"\xff\xfe{"),
        Answer(201, b'{"reference":"c-1"}'),
        Answer(302, b"", headers={"Location": "/elsewhere/"}),
        Answer(403, HTML, "text/html"),
        Answer(404, HTML, "text/html"),
        Answer(400, b'{"detail":"Bad."}'),
        Answer(400, b'{"non_field_errors":["No."]}'),
        Answer(400, b'{"message":"This external_reference has been used."}'),
        Answer(400, b'{"external_reference":["It has been used."]}'),
        Answer(400, b'{"message":"No funds","error_code":"ER301"}'),
        Answer(400, b'{"message":"ER101 or so","error_code":"ER999"}'),
        Answer(400, b'{"message":"see ER101"}'),
        Answer(400, b'{"amount":"Not a number."}'),
        Answer(400, b'{"amount":[]}'),
        Answer(400, b'{"amount":["Not a number."],"status":["PENDING"]}'),
        Answer(400, b"{}"),
        Answer(401, b"{}"),
        Answer(401, HTML, "text/html"),
        Answer(403, b"{}"),
        Answer(404, b'{"detail":"Not found."}'),
        Answer(405, b'{"detail":"Method not allowed."}'),
        Answer(409, b'{"message":"ER101 conflict"}'),
        Answer(422, b'{"amount":["Not a number."]}'),
        Answer(200, b"not gzip", headers={"Content-Encoding": "gzip"}),
        Answer(reset=True),
    ],
)
def test_anything_else_is_unknown_and_never_sent_twice(server: ScriptedServer, campay: Campay, answer: Answer) -> None:
    server.answer("/collect/", answer)
    assert isinstance(collect(campay), OutcomeUnknown)
    assert len(server.seen) == 1, "a collect without a clear answer must not be repeated, nor redirected"


def test_a_time_out_is_unknown(server: ScriptedServer) -> None:
    impatient = Campay(CampaySettings(server.url, (), permanent_token="t"), LateClock())
    server.answer("/collect/", Answer(hold_seconds=5))
    assert collect(impatient) == OutcomeUnknown("timed out")
    assert len(server.calls("/collect/")) == 1
    impatient.close()


class LateClock(Clock):
    """A clock by which almost the whole time budget passes right after the start, which is read twice."""

    def __init__(self) -> None:
        self._looks = 0

    def now(self) -> int:
        self._looks += 1
        return super().now() + (0 if self._looks <= 2 else 19_500)


def test_an_answer_that_trickles_has_an_end(server: ScriptedServer) -> None:
    class HurriedClock(Clock):
        """A clock that runs ten times as fast."""

        def now(self) -> int:
            return super().now() * 10

    campay = Campay(CampaySettings(server.url, (), permanent_token="t"), HurriedClock())
    server.answer("/transaction/c-1/", Answer(body=b" " * 6_000_000))
    with pytest.raises(ProviderUnavailable):
        campay.read("c-1")
    campay.close()


def test_what_was_provably_never_sent_is_tried_again_a_few_times(clock: HandClock) -> None:
    campay = Campay(CampaySettings(f"http://127.0.0.1:{free_port()}", (), permanent_token="t"), clock)
    assert isinstance(collect(campay), NeverSent)
    assert len(clock.slept) == 2
    assert sum(clock.slept) < 6
    nowhere = Campay(CampaySettings("http://no-such-host.invalid", (), permanent_token="t"), clock)
    assert isinstance(collect(nowhere), NeverSent)
    campay.close()
    nowhere.close()


def test_a_token_is_fetched_once_for_many_and_refreshed_early(
    server: ScriptedServer, with_password: Campay, clock: HandClock
) -> None:
    server.answer("/token/", token("first"), token("second"))
    server.answer("/collect/", PROMPT)
    barrier = threading.Barrier(8)

    def together(_: int) -> PromptOutcome:
        barrier.wait()
        return collect(with_password)

    with ThreadPoolExecutor(8) as threads:
        assert all(isinstance(outcome, Prompted) for outcome in threads.map(together, range(8)))
    assert len(server.calls("/token/")) == 1
    assert json.loads(server.calls("/token/")[0].body) == {"username": "user", "password": "secret"}
    clock.forward(3600 - 121)
    collect(with_password)
    assert len(server.calls("/token/")) == 1
    clock.forward(2)
    collect(with_password)
    assert server.calls("/collect/")[-1].headers["Authorization"] == "Token second"


def test_a_refused_token_is_renewed_once(server: ScriptedServer, with_password: Campay) -> None:
    refusal = Answer(401, b'{"detail":"Invalid token."}')
    server.answer("/token/", token("old"), token("new"))
    server.answer("/collect/", refusal, PROMPT)
    assert isinstance(collect(with_password), Prompted)
    assert [call.headers["Authorization"] for call in server.calls("/collect/")] == ["Token old", "Token new"]
    server.answer("/token/", Answer(500, HTML))
    server.answer("/collect/", refusal)
    assert collect(with_password) == Refused("CamPay does not accept our credentials", for_now=True), (
        "it was sent and refused, so that it counts, although no further token could be had"
    )
    server.answer("/token/", token("newer"))
    server.answer("/collect/", refusal)
    assert collect(with_password) == Refused("CamPay does not accept our credentials", for_now=True)
    assert len(server.calls("/collect/")) == 5


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, b'{"non_field_errors":["Unable to log in with provided credentials."]}'),
        Answer(200, HTML, "text/html"),
        Answer(200, b"{}"),
        Answer(200, b'{"token":"t","expires_in":"soon"}'),
        Answer(500, HTML),
        Answer(reset=True),
    ],
)
def test_without_a_token_nothing_is_sent(server: ScriptedServer, with_password: Campay, answer: Answer) -> None:
    server.answer("/token/", answer)
    assert isinstance(collect(with_password), NeverSent)
    assert server.calls("/collect/") == []
    with pytest.raises(ProviderUnavailable):
        with_password.read("c-1")


def test_without_credentials_nothing_is_sent(server: ScriptedServer, clock: HandClock) -> None:
    campay = Campay(CampaySettings(server.url, ()), clock)
    assert isinstance(collect(campay), NeverSent)
    assert server.seen == []
    campay.close()


DEMO_RECORD: dict[str, Any] = {
    "reference": "c-1",
    "external_reference": REFERENCE,
    "external_user": "",
    "status": "SUCCESSFUL",
    "amount": "5000.00",
    "app_amount": "4900.00",
    "currency": "XAF",
    "operator": "MTN",
    "code": "DP261124D0001AB",
    "operator_reference": "",
    "endpoint": "collect",
    "signature": "x.y.z",
    "phone_number": PHONE,
    "reason": "None",
}
PLAIN = ProviderRecord(
    provider_reference="c-1",
    external_reference=REFERENCE,
    status=RecordStatus.SUCCESSFUL,
    money=PRICE,
    is_incoming=True,
    fee=100,
    operator="MTN",
)
UNREADABLE_AMOUNTS: list[Any] = [None, "", "None", "4900.50", "5001", "-1", []]
"""Of `app_amount`: 5001 is more than was paid."""
UNREADABLE = replace(PLAIN, money=None, fee=None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, PLAIN),
        ({"amount": 5000}, PLAIN),
        ({"amount": 5000.0}, PLAIN),
        ({"amount": "5e3"}, UNREADABLE),
        ({"operator": "ORANGE_CM", "operator_reference": "MP1", "endpoint": "Collect"},
         replace(PLAIN, operator="Orange", operator_reference="MP1")),
        ({"operator": "mtn or orange", "reason": None, "operator_reference": "None"}, replace(PLAIN, operator=None)),
        ({"external_reference": "None", "external_user": REFERENCE}, PLAIN),
        ({"external_reference": None}, replace(PLAIN, external_reference=None)),
        ({"status": "successful"}, PLAIN),
        ({"status": "CANCELLED"}, replace(PLAIN, status=RecordStatus.UNKNOWN)),
        ({"status": None}, replace(PLAIN, status=RecordStatus.UNKNOWN)),
        ({"status": "FAILED", "reason": "Initiatee not found"},
         replace(PLAIN, status=RecordStatus.FAILED, reason="Initiatee not found")),
        ({"endpoint": None}, replace(PLAIN, is_incoming=False, fee=None)),
        ({"endpoint": "withdraw"}, replace(PLAIN, is_incoming=False, fee=None)),
        ({"amount": "5000.50"}, UNREADABLE),
        ({"amount": "NaN"}, UNREADABLE),
        ({"amount": True}, UNREADABLE),
        ({"currency": "BTC"}, UNREADABLE),
        ({"currency": "EUR"}, replace(PLAIN, money=Money(500_000, "EUR"), fee=10_000)),
        ({"amount": "0.00"}, replace(PLAIN, money=Money(0, "XAF"), fee=None)),
        ({"app_amount": 4900}, PLAIN),
        ({"app_amount": "5000.00"}, replace(PLAIN, fee=0)),
        *(({"app_amount": it}, replace(PLAIN, fee=None)) for it in UNREADABLE_AMOUNTS),
    ],
)  # fmt: skip
def test_a_record_is_read_as_it_is_meant(
    server: ScriptedServer, campay: Campay, fields: dict[str, Any], expected: ProviderRecord
) -> None:
    server.answer("/transaction/c-1/", Answer(body=json.dumps(DEMO_RECORD | fields).encode()))
    assert campay.read("c-1") == expected


def test_missing_fields_are_absent(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/transaction/c-1/", Answer(body=b'{"reference":"c-1"}'))
    assert campay.read("c-1") == ProviderRecord(
        provider_reference="c-1", external_reference=None, status=RecordStatus.UNKNOWN, money=None, is_incoming=False
    )


@pytest.mark.parametrize(
    ("api_url", "phone", "amount", "amount_is_proof"),
    [
        ("https://demo.campay.net/api", PHONE, "0.00", False),
        ("https://demo.campay.net/api", PHONE, "5.00", True),
        ("https://demo.campay.net/api", "237671234567", "0.00", True),
        ("https://www.campay.net/api", PHONE, "0.00", True),
        ("https://demo.campay.net.evil.example/api", PHONE, "0.00", True),
    ],
)
def test_zero_counts_only_for_the_demo_hosts_own_numbers(
    clock: HandClock, api_url: str, phone: str, amount: str, amount_is_proof: bool
) -> None:
    campay = Campay(CampaySettings(api_url, (), permanent_token="t"), clock)
    record = campay._record(DEMO_RECORD | {"amount": amount, "app_amount": amount, "phone_number": phone})
    assert record.amount_is_proof is amount_is_proof
    assert record.fee == (0 if amount_is_proof else None)
    campay.close()


def test_an_unknown_reference_is_none_and_everything_else_unreadable(server: ScriptedServer, campay: Campay) -> None:
    assert campay.read("c-0") is None
    assert campay.read("../balance") is None
    assert campay.read("") is None
    assert len(server.seen) == 1
    for answer in (
        Answer(404, HTML, "text/html"),
        Answer(502, HTML),
        Answer(200, HTML),
        Answer(200, b"[]"),
        Answer(200, b'{"reference":"c-2"}'),
        Answer(401, b'{"detail":"Invalid token."}'),
        Answer(302, b"", headers={"Location": "/x/"}),
        Answer(reset=True),
    ):
        server.answer("/transaction/c-1/", answer)
        with pytest.raises(ProviderUnavailable):
            campay.read("c-1")


def test_a_read_on_a_dead_connection_is_repeated(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/transaction/c-1/", Answer(reset=True), Answer(body=json.dumps(DEMO_RECORD).encode()))
    assert campay.read("c-1") == PLAIN


def test_the_balance(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/balance/", Answer(body=b'{"total_balance": 1250.0, "mtn_balance": 1, "currency": "XAF"}'))
    assert campay.balance() == Money(1250, "XAF")
    server.answer("/balance/", Answer(body=b"{}"))
    with pytest.raises(ProviderUnavailable):
        campay.balance()


@pytest.mark.parametrize("by_password", [True, False])
def test_credentials_that_campay_refuses_are_reported(
    server: ScriptedServer, clock: HandClock, by_password: bool
) -> None:
    """They may have been rotated; the service reloads them."""
    told: list[bool] = []
    by_token = CampaySettings(server.url, (), permanent_token="old")
    settings = CampaySettings(server.url, (), username="user", password="old") if by_password else by_token
    client = Campay(settings, clock, lambda: told.append(True))
    server.answer("/token/", Answer(400, b'{"non_field_errors":["Unable to log in with provided credentials."]}'))
    server.answer("/balance/", Answer(401, b'{"detail":"Invalid token."}'))
    with pytest.raises(ProviderUnavailable):
        client.balance()
    client.close()
    assert told == [True]
