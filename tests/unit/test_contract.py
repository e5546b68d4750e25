"""Tests the contract against the golden files in `tests/contract/`, which vitest reads too."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain import contract
from chalicelib.domain.failure import FailureCode
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.provider import ProviderRecord, RecordStatus
from chalicelib.domain.refund import Refund, RefundStatus
from tests import ROOT

GOLDEN = ROOT / "tests" / "contract"

CREATED = int(datetime(2026, 1, 15, 10, 0, 0, 120_000, tzinfo=UTC).timestamp() * 1000)
SENT = CREATED + 700_000
REFERENCE = "0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11"
OTHER_ATTEMPT = "7c1d2e3f-8a9b-4c5d-8e6f-102132435465"
CAMPAY_REFERENCE = "c5a3d2b1-90ab-4cde-8f01-23456789abcd"
OTHER_CAMPAY_REFERENCE = "d9b8a7c6-1234-4e5f-9a6b-7c8d9e0f1a2b"
REFUND = Refund(
    reference="3f2e1d0c-4b5a-4678-9a8b-7c6d5e4f3a2b",
    charge=CAMPAY_REFERENCE,
    amount=1500,
    charged=5000,
    at=CREATED + 60_000,
)


def read_golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


NAMES = read_golden("names.json")
EVENTS: Mapping[str, Any] = read_golden("payment-events.json")
MALFORMED = read_golden("malformed-events.json")


def changed(payment: Payment | None) -> Payment:
    assert payment is not None
    return payment


def record(status: RecordStatus, **fields: Any) -> ProviderRecord:
    known: dict[str, Any] = {
        "provider_reference": CAMPAY_REFERENCE,
        "external_reference": REFERENCE,
        "money": Money(5000, "XAF"),
        "is_incoming": True,
        "operator": "MTN",
    }
    return ProviderRecord(status=status, **(known | fields))


def golden_payments() -> dict[str, Payment]:
    """Builds each case of the golden file by the changes that lead to it, at fixed times."""
    initiating = Payment(
        reference=REFERENCE,
        order_id="order-1042",
        money=Money(5000, "XAF"),
        phone_mask="2376******77",
        phone_hash="not-for-anybody",
        locale="en",
        provider="campay",
        created_at=CREATED,
        updated_at=CREATED,
        expires_at=CREATED + 600_000,
    )
    pending = changed(initiating.prompted(CAMPAY_REFERENCE, "*126#", "MTN", CREATED + 850))
    expired = changed(pending.expired(CREATED + 600_000))
    paid = record(RecordStatus.SUCCESSFUL, operator_reference="12345678901")
    declined = record(RecordStatus.FAILED, reason="REJECTED")
    poor = record(RecordStatus.FAILED, reason="NOT_ENOUGH_FUNDS")
    of_another_amount = record(RecordStatus.SUCCESSFUL, money=Money(4000, "XAF"))
    successful = changed(pending.observe(paid, CREATED + 9_000))
    second_charge = replace(paid, provider_reference=OTHER_CAMPAY_REFERENCE)
    conflicted = changed(pending.observe(of_another_amount, CREATED + 9_000))
    conflicted_and_charged = changed(conflicted.observe(second_charge, CREATED + 12_000))
    sending = successful.refund_claimed(REFUND, CREATED + 60_000)
    paid_out = record(
        RecordStatus.SUCCESSFUL, provider_reference="e1f2a3b4-0000-4c5d-8e6f-aabbccddeeff", is_incoming=False,
        external_reference=REFUND.reference, money=Money(1500, "XAF"),
    )  # fmt: skip
    (refund,) = sending.refunds
    return {
        "initiating": initiating,
        "pending": pending,
        "pendingInFrench": replace(pending, locale="fr"),
        "pendingOrderPaidByAnotherAttempt": changed(pending.order_paid_elsewhere(OTHER_ATTEMPT, CREATED + 5_000)),
        "successful": successful,
        "successfulLate": changed(expired.observe(paid, CREATED + 660_000)),
        "successfulChargedTwice": changed(successful.observe(second_charge, CREATED + 12_000)),
        "successfulOfAPaidOrder": successful.as_duplicate(),
        "failedDeclined": changed(pending.observe(declined, CREATED + 9_000)),
        "failedNotEnoughFunds": changed(pending.observe(poor, CREATED + 9_000)),
        "failedNeverSent": changed(initiating.refused("CamPay could not be reached.", CREATED + 6_000)),
        "expired": expired,
        "expiredGivenUp": changed(pending.given_up(CREATED + 60_000)),
        "conflicted": conflicted,
        "successfulByAnOperator": changed(conflicted.resolved(PaymentStatus.SUCCESSFUL, CREATED + 690_000)),
        "successfulByAnOperatorChargedTwice": conflicted_and_charged.resolved(
            PaymentStatus.SUCCESSFUL, CREATED + 690_000
        ),
        "refundSending": sending,
        "refunded": changed(sending.refund_changed(refund.observed(paid_out), CREATED + 68_000)),
    }


PAYMENTS = golden_payments()


def test_every_golden_case_is_built_here_and_every_status_has_one() -> None:
    assert list(PAYMENTS) == list(EVENTS)
    assert {case["event"]["status"] for case in EVENTS.values()} == {status.value for status in PaymentStatus}


@pytest.mark.parametrize("case", EVENTS)
def test_the_payload_is_the_golden_one(case: str) -> None:
    assert contract.to_event(PAYMENTS[case], SENT) == EVENTS[case]["event"]


@pytest.mark.parametrize("case", EVENTS)
def test_the_order_events_have_the_golden_types(case: str) -> None:
    told = [kind for kind, _ in contract.order_events(PAYMENTS[case], SENT)]
    assert told == EVENTS[case]["orderEventTypes"]


@pytest.mark.parametrize("case", EVENTS)
def test_a_golden_payload_survives_the_channel(case: str) -> None:
    event = EVENTS[case]["event"]
    text = contract.encode(event)
    assert contract.decode(text) == contract.decode(text.encode()) == event


@pytest.mark.parametrize("case", EVENTS)
def test_version_and_status_are_read_without_decoding_the_rest(case: str) -> None:
    event = EVENTS[case]["event"]
    text = contract.encode(contract.to_event(PAYMENTS[case], SENT))
    head = None if event["refunds"] else (event["version"], event["status"])
    assert contract.head_of(text.encode()) == head


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"version":3,"status":"PENDING"}',
        b'{"version":3,"status":"PENDING","reference":"r"',
        b'{"version":03,"status":"PENDING","reference":"r"}',
        b'{"version":-3,"status":"PENDING","reference":"r"}',
        b'{"version":3.0,"status":"PENDING","reference":"r"}',
        b'{"version":3,"status":"UNKNOWN","reference":"r"}',
        b'{"version": 3,"status":"PENDING","reference":"r"}',
        b'{"status":"PENDING","version":3,"reference":"r"}',
        b'[{"version":3,"status":"PENDING","reference":"r"}',
    ],
)
def test_another_beginning_or_end_is_left_to_decoding(body: bytes) -> None:
    assert contract.head_of(body) is None


def test_the_order_event_is_the_golden_one_and_its_id_stays_the_same_on_repetition() -> None:
    golden = read_golden("order-event.json")
    payment = PAYMENTS["successful"]
    assert golden["source"] == contract.ORDER_EVENT_SOURCE
    assert contract.order_events(payment, SENT) == [(golden["type"], golden["detail"])]
    ((_, repeated),) = contract.order_events(payment, SENT + 60_000)
    assert repeated["id"] == golden["detail"]["id"]


def test_the_further_event_of_a_version_has_an_id_of_its_own() -> None:
    """A consumer that drops known ids must not drop it."""
    payment = PAYMENTS["successfulByAnOperatorChargedTwice"]
    version = f"{payment.reference}:{payment.version}"
    ids = [detail["id"] for _, detail in contract.order_events(payment, SENT)]
    assert ids == [version, f"{version}:duplicate"]
    assert [detail["duplicate"] for _, detail in contract.order_events(payment, SENT)] == [True, True]


def test_event_names() -> None:
    words = {name: word for name, word in vars(contract).items() if name.isupper() and isinstance(word, str)}
    of_browsers = {name: word for name, word in words.items() if "ORDER_EVENT" not in name}
    assert of_browsers == {**NAMES["events"], **NAMES["ofOperators"]}


def test_why_a_payment_has_failed() -> None:
    assert list(FailureCode) == NAMES["failureCodes"]


def test_events_by_status_in_order() -> None:
    assert {status: list(events) for status, events in contract.EVENTS_OF_STATUS.items()} == NAMES["eventsOfStatus"]


@pytest.mark.parametrize(("status", "events"), contract.EVENTS_OF_STATUS.items())
def test_completed_is_the_last_event_of_a_version_that_settles(status: str, events: tuple[str, ...]) -> None:
    """A page that goes on to the next step at `payment-completed` has had the others by then."""
    settles = status in {PaymentStatus.SUCCESSFUL, PaymentStatus.FAILED, PaymentStatus.EXPIRED}
    assert events.count(contract.PAYMENT_COMPLETED) == settles
    assert settles is (events[-1] == contract.PAYMENT_COMPLETED)


@pytest.mark.parametrize(
    ("status", "version", "events"),
    [
        (RefundStatus.SUCCESSFUL, 5, (contract.PAYMENT_STATUS, contract.PAYMENT_REFUNDED)),
        (RefundStatus.PENDING, 5, (contract.PAYMENT_STATUS,)),
        (RefundStatus.FAILED, 5, (contract.PAYMENT_STATUS,)),
        (RefundStatus.SUCCESSFUL, 4, contract.EVENTS_OF_STATUS["SUCCESSFUL"]),
    ],
)
def test_a_version_in_which_only_a_refund_changed_does_not_complete_the_payment_again(
    status: RefundStatus, version: int, events: tuple[str, ...]
) -> None:
    paid = golden_payments()["successful"]
    refunds = (replace(REFUND, reference="earlier", version=3), replace(REFUND, status=status, version=version))
    payload = contract.to_event(replace(paid, version=5, refunds=refunds), SENT)
    assert contract.events_of(payload) == events


def test_a_time_is_written_in_utc_to_the_millisecond() -> None:
    assert contract.iso_or_none(CREATED) == "2026-01-15T10:00:00.120Z"
    assert contract.iso_or_none(None) is None


@pytest.mark.parametrize("case", MALFORMED["changed"], ids=lambda case: case["name"])
def test_a_wrong_field_is_refused(case: Mapping[str, Any]) -> None:
    event = EVENTS["pending"]["event"] | {case["field"]: case["value"]}
    assert refusal_of(json.dumps(event)) == case["reason"]


@pytest.mark.parametrize("field", EVENTS["pending"]["event"])
def test_a_missing_field_is_refused(field: str) -> None:
    event = {name: value for name, value in EVENTS["pending"]["event"].items() if name != field}
    assert refusal_of(json.dumps(event)) == f"{field} is missing or of a wrong type"


@pytest.mark.parametrize("value", MALFORMED["notObjects"], ids=json.dumps)
def test_what_is_no_object_is_refused(value: object) -> None:
    assert refusal_of(json.dumps(value)) == "not an object"


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", b"\xff\xfe\xfd", "9" * 5000])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    assert refusal_of(text) == "not JSON"


@pytest.mark.parametrize("wrong", [7, None, {}, {"version": 4}, "status", "version"])
def test_a_refund_with_a_wrong_field_is_refused(wrong: Any) -> None:
    """The gateway reads it to know which events a version is."""
    event = EVENTS["refunded"]["event"]
    refund = {**event["refunds"][0], wrong: None} if isinstance(wrong, str) else wrong
    assert refusal_of(json.dumps({**event, "refunds": [refund]})) == "refunds is missing or of a wrong type"


def refusal_of(text: str | bytes) -> str:
    with pytest.raises(contract.MalformedEvent) as caught:
        contract.decode(text)
    return str(caught.value)


def test_fields_of_a_newer_writer_are_kept() -> None:
    event = EVENTS["pending"]["event"] | {"addedLater": [1]}
    assert contract.decode(json.dumps(event)) == event


@pytest.mark.parametrize("case", EVENTS)
def test_nothing_secret_is_in_a_payload(case: str) -> None:
    text = contract.encode(contract.to_event(PAYMENTS[case], SENT))
    assert PAYMENTS[case].phone_hash not in text
    assert EVENTS[case]["event"]["phoneNumber"] == "2376******77"


def test_letters_with_accents_stay_one_letter_on_the_wire() -> None:
    event = contract.to_event(golden_payments()["failedDeclined"], SENT)
    assert "débité" in contract.encode({**event, "message": "débité"})
