"""Runs a few cases of most rows of the gauntlet, and shows that its rules find what they forbid."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import jwt
import pytest

from chalicelib.adapters.shop import Shop
from chalicelib.domain.event_signature import read_secret, signed_headers, write_secret
from chalicelib.domain.money import Money
from chalicelib.domain.order_event import FIRST, order_events_after
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.refund import Refund, RefundStatus
from chalicelib.domain.tokens import TrackingGrant, sign_tracking_token
from chalicelib.domain.version import Version
from chalicelib.runtime.clock import Clock
from gauntlet.invariants import Asked, Evidence, Watched, violations
from gauntlet.pages import is_excused
from gauntlet.receiver import Receiver
from gauntlet.shop import strays
from local.embedded import LOOPBACK
from local.simulator.webhooks import sign
from tests import ROOT
from tests.harness.operator_clients import AMINA
from tests.harness.operators import session_of

_S = PaymentStatus
SECRET = write_secret(b"k" * 32)
PENDING = Payment(
    reference="payment-1",
    order_id="order-1",
    money=Money(5000, "XAF"),
    phone_mask="2376******77",
    phone_hash="hash",
    locale="fr",
    provider="campay",
    created_at=0,
    updated_at=0,
    expires_at=5_000,
)
PAID = replace(PENDING, version=2, status=_S.SUCCESSFUL)
TRANSACTION = {
    "externalReference": "payment-1",
    "phoneNumber": "237677777777",
    "amount": 5000,
    "currency": "XAF",
    "status": "SUCCESSFUL",
    "asked": 1,
}
TOLD = {
    "id": "payment-1:2",
    "reference": "payment-1",
    "orderId": "order-1",
    "status": "SUCCESSFUL",
    "version": 2,
    "duplicate": False,
}
SOUND = Evidence(
    transactions=[TRANSACTION],
    payments={"payment-1": PAID},
    versions={"payment-1": [Version(PENDING, "claimed", 0), Version(PAID, "webhook", 1)]},
    told=[("payment.successful", TOLD)],
    announced=[("payment.successful", TOLD)],
    asked=[Asked("order-1", "key-1", 201, "payment-1")],
    watched=[Watched("payment-1", [1, 2])],
)


def with_state(payment: Payment) -> dict[str, Any]:
    return {
        "payments": {"payment-1": payment},
        "versions": {"payment-1": [Version(PENDING, "claimed", 0), Version(payment, "webhook", 1)]},
    }


REFUND = Refund(
    reference="refund-1", charge="charge-1", amount=3000, charged=5000, at=1, status=RefundStatus.SUCCESSFUL
)
AGAIN = replace(REFUND, reference="refund-2")
PAYOUT = TRANSACTION | {"externalReference": "refund-1", "amount": 3000}


def refunded(*refunds: Refund) -> dict[str, Any]:
    return with_state(replace(PAID, refunds=refunds))


def test_nothing_is_wrong_with_a_sound_payment() -> None:
    assert violations(SOUND) == []
    assert violations(replace(SOUND, **refunded(REFUND), transactions=[TRANSACTION, PAYOUT])) == []
    assert violations(replace(SOUND, **refunded(replace(REFUND, status=RefundStatus.SENDING)))) == [], "never sent"


@pytest.mark.parametrize(
    ("rules", "changes"),
    [
        ({"I1", "I8"}, {"transactions": [TRANSACTION, TRANSACTION]}),
        ({"I2"}, {"transactions": [TRANSACTION | {"amount": 1}]}),
        ({"I2"}, {"transactions": [TRANSACTION | {"currency": "XOF"}]}),
        ({"I2"}, {"transactions": []}),
        ({"I3"}, with_state(replace(PAID, status=_S.FAILED))),
        ({"I3"}, with_state(replace(PAID, status=_S.EXPIRED))),
        (
            {"I3"},
            {"transactions": [TRANSACTION | {"status": "FAILED"}], **with_state(replace(PAID, status=_S.EXPIRED))},
        ),
        (
            {"I3"},
            {"transactions": [TRANSACTION | {"status": "PENDING"}], **with_state(replace(PAID, status=_S.FAILED))},
        ),
        ({"I3", "I10"}, with_state(replace(PAID, status=_S.PENDING))),
        ({"I5"}, {"watched": [Watched("payment-1", [1])]}),
        ({"I5"}, {"watched": [Watched("payment-1", [])]}),
        ({"I5"}, {"watched": [Watched("payment-1", [2, 1, 2])]}),
        ({"I6", "I10"}, {"versions": {"payment-1": [Version(PENDING, "claimed", 0)]}}),
        ({"I6"}, {"payments": {"payment-1": replace(PAID, reason="changed by nobody")}}),
        ({"I7"}, {"asked": [*SOUND.asked, Asked("order-1", "key-1", 201, "payment-2")]}),
        ({"I8"}, {"transactions": [TRANSACTION, TRANSACTION | {"externalReference": "nobody", "status": "PENDING"}]}),
        ({"I8"}, {"transactions": [TRANSACTION | {"asked": 2}]}),
        ({"I8"}, {"transactions": [TRANSACTION, PAYOUT]}),
        ({"I8"}, {"transactions": [TRANSACTION, PAYOUT | {"asked": 2}], **refunded(REFUND)}),
        ({"I9"}, {"prompts_per_phone": 0}),
        ({"I10"}, {"told": []}),
        ({"I10"}, {"announced": []}),
        ({"I10"}, {"told": [("payment.successful", TOLD), ("payment.successful", TOLD | {"orderId": "order-2"})]}),
        ({"I10"}, {"refused": ["an order event without a valid signature"]}),
        (
            {"I4", "I10"},
            {"told": [("payment.successful", TOLD), ("payment.expired", TOLD | {"version": 3, "status": "EXPIRED"})]},
        ),
        ({"I11"}, refunded(REFUND)),
        ({"I11"}, {"transactions": [TRANSACTION, PAYOUT | {"status": "FAILED"}], **refunded(REFUND)}),
        ({"I11"}, {"transactions": [TRANSACTION, PAYOUT | {"amount": 5000}], **refunded(REFUND)}),
        (
            {"I11"},
            {"transactions": [TRANSACTION, PAYOUT], **refunded(replace(REFUND, status=RefundStatus.FAILED))},
        ),
        (
            {"I11"},
            {
                "transactions": [TRANSACTION, PAYOUT, PAYOUT | {"externalReference": "refund-2"}],
                **refunded(REFUND, AGAIN),
            },
        ),
    ],
)
def test_each_rule_finds_what_it_forbids(rules: set[str], changes: dict[str, Any]) -> None:
    assert {line.split()[0] for line in violations(replace(SOUND, **changes))} == rules


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ORDER_EVENTS_KEY", SECRET),
        ("ORDER_EVENTS_KEY", SECRET.removeprefix("whsec_")),
        ("a signed token", jwt.encode({"orderId": "order-1", "amount": 5000, "currency": "XAF"}, "k" * 32)),
        ("a signed token", sign_tracking_token(TrackingGrant("payment-1", "order-1"), ["k" * 32], 2**40)),
        ("a signed token", session_of(AMINA)["Cookie"]),
        ("a signed token", sign("k" * 32, 1_800_000_000)),
        ("an order event's signature", signed_headers("payment-1:2", 0, b"{}", [b"k" * 32])["webhook-signature"]),
        ("phone number 1", "from 237677777777"),
        ("phone number 1", '"from":"677777777"'),
    ],
)
def test_what_no_log_may_have_is_found(kind: str, text: str) -> None:
    assert strays(f"2026 INFO {text} 200", {"ORDER_EVENTS_KEY": SECRET}, ["237677777777"]) == [kind]


def test_what_a_log_may_have_is_none_of_it() -> None:
    line = "2026 INFO 2376******77 00000000-0000-4000-8000-677777777000 1677777777000 eyJ... v1,short"
    assert strays(line, {"ORDER_EVENTS_KEY": SECRET}, ["237677777777"]) == []


RESET = "Failed to load resource: net::ERR_CONNECTION_RESET"
SOCKET = "WebSocket connection to 'ws://gateway/socket.io/?EIO=4' failed: Error during WebSocket handshake: "
CLOSED = "WebSocket is already in CLOSING or CLOSED state."
AWAY = {"http://api": [(10.0, 12.0)], "http://gateway": [(12.0, 14.0), (20.0, 22.0)]}


@pytest.mark.parametrize(
    ("text", "url", "at", "excused"),
    [
        (RESET, "http://api/api/payment/current", 11, True),
        (RESET, "http://api/api/payment/current", 9.9, False),
        (RESET, "http://api/api/payment/current", 13.1, False),
        (RESET, "http://gateway/socket.io/?EIO=4", 11, False),
        (RESET, "http://gateway/socket.io/?EIO=4", 21, True),
        (RESET, "http://shop/", 11, False),
        (SOCKET + "net::ERR_CONNECTION_RESET", "http://gateway/page.js", 13, True),
        (SOCKET + "net::ERR_CONNECTION_RESET", "http://gateway/page.js", 11, False),
        (SOCKET + "Unexpected response code: 400", "http://gateway/page.js", 13, False),
        (CLOSED, "http://gateway/page.js", 13, True),
        (CLOSED, "http://gateway/page.js", 15.1, False),
        ("Failed to load resource: the server responded with a status of 500 ()", "http://api/x", 11, False),
        ("Access to fetch at 'http://api/x' has been blocked by CORS policy", "http://api/x", 11, False),
    ],
)
def test_a_console_may_say_only_that_a_process_was_away(text: str, url: str, at: float, excused: bool) -> None:
    assert is_excused(text, url, at, AWAY) is excused


def test_a_success_that_changes_is_found() -> None:
    gone = replace(PAID, version=3, status=_S.CONFLICTED)
    versions = {"payment-1": [*SOUND.versions["payment-1"], Version(gone, "status", 2)]}
    told = [*SOUND.told, ("payment.conflicted", TOLD | {"id": "payment-1:3", "version": 3})]
    seen = replace(SOUND, payments={"payment-1": gone}, versions=versions, told=told, announced=told, watched=[])
    assert [line.split()[0] for line in violations(seen)] == ["I4"]


def recovered(*numbers: int, at: int) -> dict[str, Any]:
    """Returns a payment whose versions were lost but for these; the one at `at` was made again from the log."""
    versions = [
        Version(replace(PENDING if it < numbers[-1] else PAID, version=it), "recovered" if it == at else "check", it)
        for it in numbers
    ]
    paid = versions[-1].payment
    told = [
        ("payment.successful", TOLD),
        ("payment.successful", TOLD | {"id": "payment-1:new", "version": paid.version}),
    ]
    watched = [Watched("payment-1", [2, paid.version])]
    return {
        "payments": {"payment-1": paid},
        "versions": {"payment-1": versions},
        "told": told,
        "announced": told,
        "watched": watched,
    }


def test_versions_that_a_ledger_has_lost_are_not_missed() -> None:
    assert violations(replace(SOUND, **recovered(3, 4, at=3))) == []
    assert violations(replace(SOUND, **recovered(1, 4, 5, at=4))) == []
    lost = [("payment.failed", TOLD | {"status": "FAILED"}), *recovered(3, 4, at=3)["told"]]
    assert violations(replace(SOUND, **recovered(3, 4, at=3) | {"told": lost})) == [], "a lost ledger had it otherwise"
    for numbers, at in (((1, 3, 4), 0), ((3, 5), 3), ((2, 4, 5), 4)):
        assert {it.split()[0] for it in violations(replace(SOUND, **recovered(*numbers, at=at)))} >= {"I6"}, numbers
    untold = recovered(3, 4, at=3) | {"told": SOUND.told}
    assert {it.split()[0] for it in violations(replace(SOUND, **untold))} == {"I10"}


def test_order_events_count_in_the_order_of_their_arrival() -> None:
    told = [
        ("payment.expired", TOLD | {"status": "EXPIRED"}),
        ("payment.successful", TOLD | {"id": "payment-1:3", "version": 3}),
    ]
    versions = [Version(PENDING, "claimed", 0), Version(replace(PAID, version=2, status=_S.EXPIRED), "check", 1)]
    paid = replace(PAID, version=3)
    history: dict[str, Any] = {
        "payments": {"payment-1": paid},
        "versions": {"payment-1": [*versions, Version(paid, "check", 2)]},
    }
    seen = replace(SOUND, **history, told=told, announced=told, watched=[])
    assert violations(seen) == []
    assert violations(replace(seen, told=[*told, told[0], told[1]])) == [], "what comes again is no news"
    assert {it.split()[0] for it in violations(replace(seen, told=told[::-1]))} == {"I10"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with closing(Receiver(SECRET)) as server:
        yield server


def test_the_receiver_takes_what_is_signed_and_refuses_what_is_not(receiver: Receiver) -> None:
    (event,) = order_events_after(FIRST, [PAID])
    shop = Shop(f"http://{LOOPBACK}:{receiver.port}/order-events", [read_secret(SECRET)], Clock(), only_public=False)
    assert [shop.send(event).status, shop.send(event).status] == [204, 204]
    assert [kind for kind, _ in receiver.taken] == ["payment.successful"] * 2
    assert receiver.taken[0] == receiver.taken[1]
    stranger = Shop(f"http://{LOOPBACK}:{receiver.port}/order-events", [b"x" * 32], Clock(), only_public=False)
    assert [stranger.send(event).status for _ in range(2)] == [401, 401]
    assert receiver.refused == ["an order event without a valid signature"] * 2
    named_otherwise = replace(event, id="payment-1:3")
    assert (shop.send(named_otherwise).status, len(receiver.taken)) == (400, 2)


@pytest.mark.timeout(400)
def test_a_few_cases_of_most_rows_pass() -> None:
    command = [sys.executable, "-m", "gauntlet", "--small"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=390)
    assert run.returncode == 0, run.stdout + run.stderr
