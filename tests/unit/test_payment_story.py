"""Tests how one payment's story is told, as text, of what the ledger and the logs have."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.ledger.items import Act
from chalicelib.domain.contract import to_iso
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.version import Version
from infra.commands.payment_story.timeline import Found, Line, story

CLAIM = 1_795_900_000_000
REFERENCE = "6f1d7f0e-6f0a-4b7e-9a51-0c8f1d5c9b11"
PAYMENT = Payment(
    reference=REFERENCE,
    order_id="order-7",
    money=Money(5000, "XAF"),
    phone_mask="+237 6** *** *77",
    phone_hash="h",
    operator="MTN",
    locale="fr",
    provider="campay",
    created_at=CLAIM,
    updated_at=CLAIM,
    expires_at=CLAIM + 300_000,
)


def version(number: int, status: PaymentStatus, cause: str, at: int, /, **evidence: Any) -> Version:
    return Version(replace(PAYMENT, version=number, status=status), cause, CLAIM + at, evidence)


def line(at: int, event: str, call: str = "", /, *, log: str = "ApiLog", level: str = "INFO", **fields: Any) -> Line:
    about = {"request_id": f"{call}-0000", "route": "POST /api/payment/initiate"} if call else {}
    known = {"time": to_iso(CLAIM + at), "level": level, "event": event, "reference": REFERENCE}
    return Line(log, known | fields | about)


VERSIONS = [
    version(1, PaymentStatus.INITIATING, "initiated", 0),
    version(2, PaymentStatus.PENDING, "prompted", 850),
    version(3, PaymentStatus.SUCCESSFUL, "check", 12_350, status="SUCCESSFUL", amount=5000, currency="XAF", fee=100),
]
LINES = [
    line(840, "collect", "aaaaaaaa", outcome="Prompted", ms=800, operator="MTN"),
    line(850, "payment-changed", "aaaaaaaa", status="PENDING", version=2),
    line(2_000, "payment-tracked", log="GatewayLog", socket="s-1", version=2),
    line(12_300, "campay-read", "bbbbbbbb", outcome="SUCCESSFUL", ms=300),
    line(12_360, "metrics", "bbbbbbbb", PaymentsEnded=1),
    line(12_400, "delivery-waits", "bbbbbbbb", level="WARNING", reason="LiveStoreUnavailable"),
]


def test_the_steps_are_in_order_with_the_milliseconds_between_them() -> None:
    text = story(REFERENCE, Found(VERSIONS, LINES, delivered=2))
    assert text.splitlines() == [
        f"Payment {REFERENCE}",
        "order order-7, 5000 XAF, MTN: SUCCESSFUL",
        "",
        "time, UTC           ms     step  call      where                       what",
        "21:06:40.000         0       +0            ledger                      "
        "version 1: INITIATING, cause: initiated",
        "21:06:40.840       840     +840  aaaaaaaa  POST /api/payment/initiate  "
        "collect: outcome Prompted, ms 800, operator MTN",
        "21:06:40.850       850      +10            ledger                      version 2: PENDING, cause: prompted",
        "21:06:42.000      2000    +1150            GatewayLog                  payment-tracked: socket s-1, version 2",
        "21:06:52.300     12300   +10300  bbbbbbbb  POST /api/payment/initiate  "
        "campay-read: outcome SUCCESSFUL, ms 300",
        "21:06:52.350     12350      +50            ledger                      "
        "version 3: SUCCESSFUL, cause: check; CamPay's record says SUCCESSFUL, 5000 XAF, fee 100 XAF",
        "21:06:52.400     12400      +50  bbbbbbbb  POST /api/payment/initiate  "
        "WARNING delivery-waits: reason LiveStoreUnavailable",
        "",
        "Outcome: SUCCESSFUL, cause: check, 12350 ms after the claim.",
        "Of these: 1100 ms in CamPay's calls, 100 ms in ours, 11150 ms between our calls.",
        "CamPay's calls: 2, without an answer: 0.",
        "Webhook: none has come.",
        "Delivered: version 2 of 3.",
    ]


def test_what_operators_asked_for_is_told_once_with_their_names() -> None:
    asked = Act("resolve", "paul", CLAIM + 900, "FAILED", "no money came")
    failed = replace(version(3, PaymentStatus.FAILED, "operator: no money came", 910), by="paul")
    lines = [line(900, "operator-action", "aaaaaaaa", action="resolve", by="paul", status="FAILED")]
    text = story(REFERENCE, Found([*VERSIONS[:2], failed], lines, acts=[asked]))
    told = [row[row.index("ledger") :].split(maxsplit=1)[1] for row in text.splitlines() if "ledger  " in row]
    assert told[-2:] == [
        "paul asks: resolve, FAILED, no money came",
        "version 3: FAILED, cause: operator: no money came, by paul",
    ]
    assert "operator-action" not in text
    assert "operator-action: action resolve, by paul" in story(REFERENCE, Found([], lines))


def test_unanswered_calls_and_webhooks_are_counted() -> None:
    lines = [
        line(100, "collect", "aaaaaaaa", outcome="OutcomeUnknown", ms=90),
        line(5_000, "webhook", "bbbbbbbb"),
        line(5_010, "campay-read", "bbbbbbbb", outcome="UNAVAILABLE", ms=8, reason="CamPay: timed out"),
        line(6_000, "webhook", "cccccccc"),
        line(6_010, "campay-read", "cccccccc", outcome="PENDING", ms=8),
    ]
    text = story(REFERENCE, Found(VERSIONS[:1], lines, delivered=1))
    assert "\nCamPay's calls: 3, without an answer: 2.\n" in text
    assert "\nWebhook: after 5000 ms, 6000 ms.\n" in text
    assert "\nOutcome: not known yet.\n" in text


def test_the_last_line_of_a_trace_is_told_and_no_number_or_token() -> None:
    trace = "Traceback ...\n  File ...\nValueError: 237677123456 eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln"
    text = story(REFERENCE, Found([], [line(5, "route-failed", "aaaaaaaa", level="ERROR", trace=trace)]))
    assert text.splitlines()[1].startswith("The ledger has nothing of it")
    assert "ERROR route-failed; ValueError: [private] [private]" in text


@pytest.mark.parametrize(
    "text",
    ["START RequestId: of Lambda's own", '{"time": "2026', '{"httpMethod": "GET", "path": "/"}', "[]", ""],
)
def test_what_is_no_line_of_the_product_is_left_out(text: str) -> None:
    """The access log, Lambda's own lines, and a line that is being written."""
    assert Line.read("ApiLog", text) is None


def test_nothing_known_is_one_line() -> None:
    assert story(REFERENCE, Found([], [])) == f"Nothing is known of {REFERENCE}."
