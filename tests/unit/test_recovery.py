"""Tests what is read from the lines of the log about payments that a restored ledger may lack."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import key_hash
from chalicelib.domain.recovery import Decision, Logged, LoggedVersion, claim_fields, read_log, refund_fields
from chalicelib.domain.refund import Refund, RefundStatus
from chalicelib.domain.version import Version

REFERENCE, PROVIDER_REFERENCE = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
CLAIMED_AT, AT = 1_767_225_600_000, "2026-01-01T00:00:01.500Z"
AT_MS = CLAIMED_AT + 1_500
PAYMENT = Payment(
    reference=REFERENCE,
    order_id="order-1",
    money=Money(5000, "XAF"),
    phone_mask="2376******77",
    phone_hash="hash",
    locale="fr",
    provider="campay",
    operator="MTN",
    created_at=CLAIMED_AT,
    updated_at=CLAIMED_AT,
    expires_at=CLAIMED_AT + 300_000,
)


def line(event: str, **fields: object) -> dict[str, Any]:
    return {"time": AT, "level": "INFO", "event": event, "reference": REFERENCE, "order": "order-1", **fields}


CLAIM = line("payment-claimed", **claim_fields(PAYMENT, "key-1"))
PENDING = line("payment-changed", version=2, status="PENDING", ms=80)


def test_a_payment_is_made_again_from_its_claim_without_its_phone() -> None:
    [logged] = read_log([CLAIM])
    assert logged.claimed == replace(PAYMENT, phone_mask="2376********", phone_hash="unknown")
    assert (logged.reference, logged.order_id, logged.newest) == (REFERENCE, "order-1", 1)
    assert logged.provider_reference is None


def test_a_claims_line_has_the_names_that_lines_of_earlier_releases_have() -> None:
    """The log of a restored ledger may be of such a release: a name that changed would leave its payments out."""
    assert claim_fields(PAYMENT, "key-1") == {
        "reference": REFERENCE,
        "order": "order-1",
        "amount": 5000,
        "currency": "XAF",
        "provider": "campay",
        "operator": "MTN",
        "locale": "fr",
        "claimed_at": CLAIMED_AT,
        "expires_at": CLAIMED_AT + 300_000,
        "key": key_hash("key-1"),
    }


def test_no_line_of_a_claim_has_the_phone_or_the_key() -> None:
    assert not {"2376******77", "hash", "key-1"} & {str(value) for value in CLAIM.values()}
    assert "key" not in claim_fields(PAYMENT, None)


def test_a_claim_whose_order_was_struck_out_cannot_be_made_again() -> None:
    [logged] = read_log([{**CLAIM, "order": "order-[private]"}, PENDING])
    assert logged.claimed is None
    assert logged.newest == 2


def test_the_lines_may_come_in_any_order_and_others_are_left_out() -> None:
    others = [{"event": "request"}, {"event": "payment-changed"}, {**PENDING, "event": "campay-read"}]
    later = {**CLAIM, "reference": "later", "claimed_at": CLAIMED_AT + 1}
    found = read_log([later, PENDING, *others, CLAIM])
    assert [it.reference for it in found] == [REFERENCE, "later"]
    assert found[0].claimed is not None
    assert found[0].versions == {LoggedVersion(2, PaymentStatus.PENDING, 80)}


def test_the_newest_version_is_known_from_a_change_or_a_delivery() -> None:
    [logged] = read_log([PENDING, line("payment-delivered", version=4)])
    assert logged.newest == 4
    assert LoggedVersion(4) in logged.versions


def test_campays_reference_stays_known_once_a_line_has_named_it() -> None:
    [logged] = read_log([{**PENDING, "provider_reference": PROVIDER_REFERENCE}, line("payment-delivered", version=2)])
    assert logged.provider_reference == PROVIDER_REFERENCE


def test_each_key_is_known_from_when_it_was_first_given() -> None:
    again = {**line("payment-joined", key="sha256:b"), "time": "2026-01-01T00:00:09.000Z"}
    [logged] = read_log([CLAIM, line("payment-joined", key="sha256:b"), again, line("payment-joined")])
    assert logged.keys == {CLAIM["key"]: AT_MS, "sha256:b": AT_MS}


def test_what_operators_decided_is_listed_and_what_they_asked_for_is_not() -> None:
    acts = [("resolve", "FAILED"), ("acknowledge", None), ("recheck", None), ("redeliver", None)]
    lines = [line("operator-action", by="ada", action=act, **({"status": told} if told else {})) for act, told in acts]
    [logged] = read_log(lines)
    assert logged.decisions == [Decision(AT_MS, "ada", "resolve", "FAILED"), Decision(AT_MS, "ada", "acknowledge", "")]


@pytest.mark.parametrize(
    ("told", "is_known"),
    [
        (LoggedVersion(2, PaymentStatus.PENDING, 80), True),
        (LoggedVersion(2), True),
        (LoggedVersion(3), False),
        (LoggedVersion(2, PaymentStatus.EXPIRED, 80), False),
        (LoggedVersion(2, PaymentStatus.PENDING, 81), False),
    ],
)
def test_a_version_is_lost_where_the_ledger_has_none_or_another_one(told: LoggedVersion, is_known: bool) -> None:
    pending = replace(PAYMENT, version=2, status=PaymentStatus.PENDING, updated_at=CLAIMED_AT + 80)
    history = [Version(PAYMENT, "initiated", CLAIMED_AT), Version(pending, "prompted", CLAIMED_AT + 80)]
    logged = Logged(REFERENCE, versions={told})
    assert logged.lost_of(history) == ([] if is_known else [told])


REFUND = Refund(reference="refund-1", charge="charge-1", amount=3000, charged=5000, at=AT_MS, version=4)


def test_a_refund_is_made_again_as_it_was_claimed() -> None:
    known = replace(REFUND, status=RefundStatus.SUCCESSFUL, provider_reference="payout-1")
    later = replace(REFUND, reference="refund-2", at=AT_MS + 1)
    lines = [line("refund-claimed", **refund_fields(PAYMENT, it)) for it in (later, known)]
    [logged] = read_log(lines)
    assert logged.lost_refunds_of(PAYMENT) == [REFUND, later], "whether CamPay took them is not in the log"
    assert logged.lost_refunds_of(replace(PAYMENT, refunds=(known,))) == [later]
    assert (logged.order_id, logged.newest) == ("order-1", 1)
