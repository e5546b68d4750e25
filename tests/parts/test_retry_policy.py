"""Tests that docs/retry-policy.md says of each outcome, error and status what the code does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

import app
from chalicelib.adapters.campay.client import Campay
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import LIMITS_OF_GATEWAY, LimitReached, PaymentError
from chalicelib.domain.money import Money
from chalicelib.domain.payment import ACTIVE, FINAL, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.provider import NeverSent, OutcomeUnknown, Prompted, Refused
from chalicelib.domain.rollup import day_of
from chalicelib.settings import CampaySettings
from local.embedded import free_port
from tests import ROOT
from tests.harness.fakes import Answer, HandClock, ScriptedServer
from tests.harness.markdown import code, rows
from tests.harness.service import rebuilt
from tests.parts.test_campay import HTML, PROMPT, token
from tests.parts.test_rollups import count_all
from tests.unit.test_openapi import ERRORS

PAGE = ROOT / "docs" / "retry-policy.md"
CHECKOUT = (ROOT / "frontend" / "src" / "checkout.ts").read_text("utf-8")
SOCKET = (ROOT / "frontend" / "src" / "paymentSocket.ts").read_text("utf-8")
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "A test", "fr", "key-1")
TRIES = 3
"""Of a prompt that provably does not reach CamPay."""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@dataclass(frozen=True)
class Case:
    """How CamPay answers its calls; with no answer, nobody listens. `slept`: pauses before further tries."""

    kind: type
    answers: tuple[Answer, ...]
    slept: int = 0


CASES = {
    "Prompted": Case(Prompted, (PROMPT, PROMPT)),
    "Refused": Case(Refused, (Answer(400, b'{"message":"Invalid","error_code":"ER101"}'), PROMPT)),
    "Refused for now": Case(Refused, (Answer(429, b'{"detail":"Rate limit exceeded"}'), PROMPT)),
    "Token refused": Case(
        Refused, (Answer(401, b'{"detail":"Invalid token."}'), Answer(401, b'{"detail":"No."}'), PROMPT)
    ),
    "NeverSent": Case(NeverSent, (), slept=TRIES - 1),
    "OutcomeUnknown": Case(OutcomeUnknown, (Answer(502, HTML, "text/html"), PROMPT)),
}


def shown(service: Service) -> tuple[str, PaymentStatus]:
    """Returns what initiate replies, as the page has it, and what has become of the payment."""
    try:
        initiated = service.initiate(REQUEST)
    except PaymentError as error:
        stored = service.ledger.load(error.reference or "")
        assert stored is not None
        return f"{error.http_status} `{error.code}`", stored.payment.status
    return str(app.initiated(service, initiated).status_code), initiated.payment.status


def test_the_page_has_every_outcome_of_a_prompt() -> None:
    assert [outcome for outcome, *_ in rows(PAGE, "## The outcome of a prompt")] == list(CASES)
    assert {case.kind for case in CASES.values()} == {Prompted, Refused, NeverSent, OutcomeUnknown}


@pytest.mark.parametrize("row", rows(PAGE, "## The outcome of a prompt"), ids=lambda row: row[0])
def test_an_outcome_is_answered_and_repeated_as_the_page_says(
    row: list[str], service: Service, server: ScriptedServer, clock: HandClock
) -> None:
    outcome, _, calls, reply, status, again = row
    case = CASES[outcome]
    server.answer("/collect/", *case.answers or [PROMPT])
    server.answer("/token/", token("first"), token("second"))
    url = server.url if case.answers else f"http://127.0.0.1:{free_port()}"
    settings = CampaySettings(url, (), username="user", password="secret")
    asked = rebuilt(service, campay=Campay(settings, clock))
    assert shown(asked) == (reply, PaymentStatus(status))
    assert len(server.calls("/collect/")) == int(calls)
    assert len(clock.slept) == case.slept
    assert ("by itself" in again) == (int(calls) > 1 or case.slept > 0)
    assert ("by a tap" in again) == (PaymentStatus(status) not in ACTIVE)
    asked.campay.close()


def test_the_same_call_again_sends_no_second_prompt_where_the_outcome_is_unknown(
    service: Service, server: ScriptedServer, clock: HandClock
) -> None:
    server.answer("/collect/", Answer(502, HTML, "text/html"), PROMPT)
    asked = rebuilt(service, campay=Campay(CampaySettings(server.url, (), permanent_token="t"), clock))
    first = asked.initiate(REQUEST)
    second = asked.initiate(replace(REQUEST, idempotency_key="key-2"))
    assert (second.payment.reference, second.replayed) == (first.payment.reference, True)
    assert len(server.calls("/collect/")) == 1
    asked.campay.close()


def test_the_page_has_every_error_and_whether_the_same_call_may_succeed() -> None:
    errors = ERRORS | {name: LimitReached(name, 1) for name in LIMITS_OF_GATEWAY}
    listed = {code(name): same for name, same, *_ in rows(PAGE, "## Every error")}
    assert listed == {name: "yes" if error.retryable else "no" for name, error in errors.items()}


def test_the_customers_page_takes_a_new_key_where_the_page_says_so() -> None:
    (words,) = re.findall(r"const ENDS_ATTEMPT = \[([^\]]*)\]", CHECKOUT)
    used_up = set(re.findall(r'"(\w+)"', words))
    (repeated,) = re.findall(r'problem\.code !== "(\w+)" \? \{ kind: "refused"', SOCKET)
    keys = {code(name): key for name, _, key, _ in rows(PAGE, "## Every error")}
    assert {name for name, key in keys.items() if key == "new"} == used_up
    assert [name for name, key in keys.items() if key == "sent again"] == [repeated]
    assert set(keys.values()) == {"new", "kept", "sent again"}


def test_the_page_has_every_status_and_where_a_further_attempt_may_start() -> None:
    listed = {status: further for status, further, _ in rows(PAGE, "## Every status")}
    assert listed == {it.value: "no" if it in ACTIVE | FINAL else "by a tap" for it in PaymentStatus}
    (body,) = re.findall(r"function mayRetry\(.*?\{(.*?)\n\}", CHECKOUT, re.DOTALL)
    assert set(re.findall(r'"([A-Z]+)"', body)) == {it for it, further in listed.items() if further == "by a tap"}


def test_retries_and_further_attempts_are_counted_with_what_they_won(
    service: Service, server: ScriptedServer, clock: HandClock
) -> None:
    """The first prompt finds no token and is tried again; the customer declines it, and pays at the second attempt."""
    server.answer("/token/", Answer(500, HTML), token("t"))
    server.answer("/collect/", PROMPT, Answer(body=PROMPT.body.replace(b"c-1", b"c-2")))
    asked = rebuilt(service, campay=Campay(CampaySettings(server.url, (), username="u", password="p"), clock))
    for number, status in ((1, "FAILED"), (2, "SUCCESSFUL")):
        payment = asked.initiate(replace(REQUEST, idempotency_key=f"key-{number}")).payment
        assert payment.prompt_retries == (1 if number == 1 else 0)
        record = {"reference": f"c-{number}", "external_reference": payment.reference, "status": status}
        record |= {"amount": "5000.00", "currency": "XAF", "endpoint": "collect"}
        server.answer(f"/transaction/c-{number}/", Answer(body=str(record).replace("'", '"').encode()))
        asked.settle.handle_webhook(payment.reference, f"c-{number}")
        clock.forward(60)
    count_all(asked)
    today = day_of(clock.now())
    figures = asked.analytics(today, today)["total"]
    assert figures["promptRetries"] == {"payments": 1, "paid": 0}
    assert figures["furtherAttempts"] == {
        "started": 1, "paid": 1, "paidAmounts": {"XAF": 5000}, "after": {"declined": {"started": 1, "paid": 1}}
    }  # fmt: skip
    asked.campay.close()
