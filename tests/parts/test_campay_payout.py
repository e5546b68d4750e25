"""Tests which answers to a withdraw prove that nothing was paid, and that it is never repeated."""

import json
from typing import Any

import pytest

from chalicelib.adapters.campay.client import Campay
from chalicelib.domain.errors import ProviderUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.provider import Accepted, NeverSent, OutcomeUnknown, PayoutOutcome, Refused
from chalicelib.runtime.clock import Clock
from chalicelib.settings import CampaySettings
from local.embedded import free_port
from tests.harness.fakes import Answer, ScriptedServer
from tests.parts.test_campay import HTML, PHONE, PRICE, REFERENCE, campay, clock, server

__all__ = ["campay", "clock", "server"]


def withdraw(campay: Campay) -> PayoutOutcome:
    return campay.withdraw(REFERENCE, PHONE, PRICE, "Refund order-1")


def answer(code: int, /, **fields: object) -> Answer:
    return Answer(code, json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (answer(200, reference="w-1"), Accepted("w-1")),
        (answer(200, reference="w-1", status="PENDING"), Accepted("w-1")),
        (answer(200, reference="None"), OutcomeUnknown("200 without a reference")),
        (Answer(200, HTML), OutcomeUnknown("200 without a reference")),
        *(
            (answer(400, message=f"for {PHONE}", error_code=it), Refused(it))
            for it in ("ER101", "ER102", "ER201", "ER301")
        ),
        (answer(400, message="ER301 too little"), Refused("ER301")),
        (answer(400, to=[f"{PHONE} is not allowed."]), Refused("to")),
        (answer(400, message="no", error_code="ER999"), OutcomeUnknown("HTTP 400")),
        (answer(400, external_reference=["has been used"]), OutcomeUnknown("HTTP 400")),
        (answer(400, message="Unauthorized MTN number"), OutcomeUnknown("HTTP 400")),
        (answer(403, message="Rate limit exceeded"), OutcomeUnknown("HTTP 403")),
        (answer(403, code="malicious_payload_rejected", detail="no"), OutcomeUnknown("HTTP 403")),
        (answer(401, detail="Invalid token."), Refused("not_allowed")),
        (answer(403, detail="Not allowed."), Refused("not_allowed")),
        (Answer(401, HTML), OutcomeUnknown("HTTP 401")),
        (Answer(403, HTML), OutcomeUnknown("HTTP 403")),
        (answer(409, error_code="ER301"), OutcomeUnknown("HTTP 409")),
        (answer(429, message="slow down"), OutcomeUnknown("HTTP 429")),
        (Answer(502, HTML), OutcomeUnknown("HTTP 502")),
    ],
)
def test_what_an_answer_proves(server: ScriptedServer, campay: Campay, given: Answer, outcome: PayoutOutcome) -> None:
    server.answer("/withdraw/", given)
    assert withdraw(campay) == outcome
    (sent,) = server.calls("/withdraw/")
    assert json.loads(sent.body) == {
        "amount": "5000",
        "currency": "XAF",
        "to": PHONE,
        "description": "Refund order-1",
        "external_reference": REFERENCE,
        "external_user": REFERENCE,
    }


def test_a_reset_is_unknown_and_not_repeated(server: ScriptedServer, campay: Campay) -> None:
    server.answer("/withdraw/", Answer(reset=True))
    assert isinstance(withdraw(campay), OutcomeUnknown)
    assert len(server.calls("/withdraw/")) == 1


def test_nobody_there_is_never_sent() -> None:
    nowhere = Campay(CampaySettings(f"http://127.0.0.1:{free_port()}", (), permanent_token="permanent"), Clock())
    assert isinstance(withdraw(nowhere), NeverSent)
    nowhere.close()


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"mtn_balance": 475.0, "orange_balance": 0}, {"MTN": 475, "Orange": 0}),
        ({"mtn_balance": "475.90", "orange_balance": "7"}, {"MTN": 475, "Orange": 7}),
        ({"mtn_balance": 475.0, "orange_balance": -3}, {"MTN": 475}),
    ],
)
def test_balances_are_of_each_operator_in_whole_francs(
    server: ScriptedServer, campay: Campay, fields: dict[str, Any], found: dict[str, int]
) -> None:
    server.answer("/balance/", answer(200, total_balance=1000, **fields))
    assert campay.balances() == {name: Money(amount, "XAF") for name, amount in found.items()}


@pytest.mark.parametrize("given", [answer(200, total_balance=1000), Answer(502, HTML), Answer(200, HTML)])
def test_a_balance_that_cannot_be_read(server: ScriptedServer, campay: Campay, given: Answer) -> None:
    server.answer("/balance/", given)
    with pytest.raises(ProviderUnavailable):
        campay.balances()
