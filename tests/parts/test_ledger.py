"""Tests the ledger against DynamoDB's protocol: claims, commits, leases, marks, and lost answers."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any

import boto3
import pytest
from botocore.config import Config

from chalicelib.adapters.ledger.attributes import to_values
from chalicelib.adapters.ledger.change import Change, Committed
from chalicelib.adapters.ledger.items import SearchKind, Stored, read_payment
from chalicelib.adapters.ledger.ledger import Ledger, VersionConflict
from chalicelib.adapters.ledger.read_lease import READ_LEASE_MS, ReadLease, ReadRequest
from chalicelib.adapters.ledger.table import SHARDS
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from local.embedded import EmbeddedAws
from tests.harness.fakes import HandClock

S = PaymentStatus
ANYBODY = ReadRequest()


def a_payment(clock: HandClock, reference: str = "ref-1", order_id: str = "order-1", phone: str = "phone-1") -> Payment:
    now = clock.now()
    return Payment(
        reference=reference,
        order_id=order_id,
        money=Money(5000, "XAF"),
        phone_mask="2376******77",
        phone_hash=phone,
        locale="fr",
        provider="campay",
        created_at=now,
        updated_at=now,
        expires_at=now + 600_000,
    )


def claim(ledger: Ledger, payment: Payment, key: str | None = None, check_at: int = 10**15) -> Stored:
    order, phone = ledger.order_and_phone(payment.order_id, payment.phone_hash)
    return ledger.claim(payment, order, phone, key, check_at)


def to(ledger: Ledger, before: Payment, evidence: dict[str, Any] | None = None, /, **fields: Any) -> Committed:
    after = replace(before, version=before.version + 1, **fields)
    return ledger.commit(Change(before, after, Cause.WEBHOOK, check_at=None, evidence=evidence))


def loaded(ledger: Ledger, reference: str) -> Payment:
    stored = ledger.load(reference)
    assert stored is not None
    return stored.payment


def test_a_claim_takes_order_and_phone_and_is_marked_undelivered(ledger: Ledger, clock: HandClock) -> None:
    payment = a_payment(clock)
    claimed = claim(ledger, payment, key="key-1", check_at=clock.now() + 10_000)
    order, phone = ledger.order_and_phone("order-1", "phone-1")
    assert (order.active, order.latest, order.paid) == ("ref-1", "ref-1", None)
    assert order.keys == {"key-1": ("ref-1", clock.now())}
    assert (phone.active, phone.prompts) == ("ref-1", (clock.now(),))
    assert ledger.load("ref-1") == claimed
    assert claimed.payment == payment
    assert list(ledger.undelivered(clock.now(), 10)) == ["ref-1"]
    assert list(ledger.due(0, clock.now() + 9_999, 10)) == []
    assert list(ledger.due(0, clock.now() + 10_000, 10)) == ["ref-1"]


def test_what_waits_is_spread_over_all_shards_and_listed_as_one(
    ledger: Ledger, clock: HandClock, dynamodb: Any, table: str
) -> None:
    """With one partition, an index would throttle all writes of the table at 1,000 a second."""
    began = clock.now()
    references = [str(uuid.UUID(int=number, version=4)) for number in range(48)]
    for number, reference in enumerate(references):
        payment = a_payment(clock, reference, f"order-{number}", f"phone-{number}")
        claim(ledger, payment, check_at=began + 1_000 - number)
        clock.forward(0.001)
    rows = [to_values(row) for row in dynamodb.scan(TableName=table)["Items"]]
    for mark in ("dueMark", "undeliveredMark"):
        shards = Counter(row[mark] for row in rows if mark in row)
        assert len(shards) == SHARDS
        assert max(shards.values()) < 8
    assert list(ledger.due(0, began + 1_000, 200)) == references[::-1], "the longest overdue first"
    assert list(ledger.due(0, began + 1_000, 25)) == references[::-1][:25]
    assert ledger.undelivered(began + 9, 200) == {it: began + n for n, it in enumerate(references[:10])}
    for stored in ledger.load_many(references):
        to(ledger, stored.payment, status=S.EXPIRED)
        assert ledger.delivered(stored.payment.reference, 2)
    assert ledger.due(0, began + 1_000, 200) == ledger.undelivered(clock.now(), 200) == {}


def test_fifty_concurrent_claims_of_one_order_have_one_winner(ledger: Ledger, clock: HandClock) -> None:
    order, phone = ledger.order_and_phone("order-1", "phone-1")

    def attempt(number: int) -> bool:
        try:
            ledger.claim(a_payment(clock, f"ref-{number}"), order, phone, None, 10**15)
        except VersionConflict:
            return False
        return True

    with ThreadPoolExecutor(50) as threads:
        won = [number for number, success in enumerate(threads.map(attempt, range(50))) if success]
    assert len(won) == 1
    assert ledger.order("order-1").active == f"ref-{won[0]}"
    assert [number for number in range(50) if ledger.load(f"ref-{number}")] == won


def test_two_orders_of_one_phone_do_not_both_get_a_prompt(ledger: Ledger, clock: HandClock) -> None:
    order, phone = ledger.order_and_phone("order-2", "phone-1")
    claim(ledger, a_payment(clock))
    with pytest.raises(VersionConflict):
        ledger.claim(a_payment(clock, "ref-2", "order-2"), order, phone, None, 10**15)
    assert ledger.load("ref-2") is None
    assert ledger.order("order-2").active is None


def test_an_attempt_that_ends_frees_order_and_phone(ledger: Ledger, clock: HandClock) -> None:
    payment = claim(ledger, a_payment(clock)).payment
    pending = to(ledger, payment, status=S.PENDING, provider_reference="c-1").payment
    assert ledger.order("order-1").active == "ref-1"
    to(ledger, pending, status=S.EXPIRED)
    order, phone = ledger.order_and_phone("order-1", "phone-1")
    assert (order.active, order.latest, order.paid) == (None, "ref-1", None)
    assert (phone.active, phone.prompts) == (None, (clock.now(),))


@pytest.mark.parametrize(("cause", "is_unsent"), [(Cause.NEVER_SENT, True), (Cause.REFUSED, False)])
def test_only_a_prompt_that_was_never_sent_does_not_count(
    ledger: Ledger, clock: HandClock, cause: Cause, is_unsent: bool
) -> None:
    payment = claim(ledger, a_payment(clock)).payment
    assert ledger.begin_prompt(payment.reference)
    ledger.commit(Change(payment, replace(payment, version=2, status=S.FAILED), cause, check_at=None))
    _, phone = ledger.order_and_phone("order-1", "phone-1")
    assert (phone.active, phone.prompts) == (None, () if is_unsent else (clock.now(),))
    stored = ledger.load(payment.reference)
    assert stored is not None
    assert stored.was_never_sent is is_unsent


def test_a_success_pays_the_order_in_the_same_transaction(ledger: Ledger, clock: HandClock) -> None:
    payment = claim(ledger, a_payment(clock)).payment
    committed = to(ledger, payment, status=S.SUCCESSFUL, charges=("c-1",))
    assert committed == Committed(replace(payment, status=S.SUCCESSFUL, charges=("c-1",), version=2))
    order = ledger.order("order-1")
    assert (order.paid, order.active) == ("ref-1", None)


def test_a_late_success_pays_the_order_and_names_the_active_attempt(ledger: Ledger, clock: HandClock) -> None:
    first = claim(ledger, a_payment(clock)).payment
    expired = to(ledger, first, status=S.EXPIRED).payment
    second = claim(ledger, a_payment(clock, "ref-2")).payment
    late = to(ledger, expired, status=S.SUCCESSFUL, late=True)
    assert late.other_active == "ref-2"
    assert not late.payment.duplicate
    order = ledger.order("order-1")
    assert (order.paid, order.active) == ("ref-1", "ref-2")

    twice = to(ledger, second, status=S.SUCCESSFUL)
    assert twice.payment.duplicate
    assert twice.other_active is None
    order = ledger.order("order-1")
    assert (order.paid, order.active) == ("ref-1", None)
    stored = ledger.load("ref-2")
    assert stored is not None
    assert stored.payment.duplicate


@pytest.mark.parametrize("closed_as", [S.SUCCESSFUL, S.FAILED])
def test_an_open_case_stands_in_its_order_until_it_is_closed(
    ledger: Ledger, clock: HandClock, closed_as: PaymentStatus
) -> None:
    first = to(ledger, claim(ledger, a_payment(clock)).payment, status=S.EXPIRED).payment
    second = claim(ledger, a_payment(clock, "ref-2")).payment
    seen, phone = ledger.order_and_phone("order-1", "phone-2")
    first = to(ledger, first, status=S.CONFLICTED, disputed=("c-1",)).payment
    second = to(ledger, second, status=S.CONFLICTED, disputed=("c-2",)).payment
    order = ledger.order("order-1")
    assert (order.active, order.under_review) == ("ref-2", {"ref-1", "ref-2"})
    with pytest.raises(VersionConflict):
        ledger.claim(a_payment(clock, "ref-3", phone="phone-2"), replace(seen, active=None), phone, None, 10**15)
    noted = to(ledger, first, charges=("c-3",)).payment
    assert ledger.order("order-1").under_review == {"ref-1", "ref-2"}
    to(ledger, noted, status=closed_as)
    assert ledger.order("order-1").under_review == {"ref-2"}
    to(ledger, second, status=S.FAILED)
    order = ledger.order("order-1")
    assert (order.active, order.under_review) == (None, set())


def test_a_stale_commit_changes_nothing(ledger: Ledger, clock: HandClock) -> None:
    payment = claim(ledger, a_payment(clock)).payment
    to(ledger, payment, status=S.SUCCESSFUL)
    with pytest.raises(VersionConflict):
        to(ledger, payment, status=S.FAILED)
    stored = ledger.load("ref-1")
    assert stored is not None
    assert stored.payment.status is S.SUCCESSFUL


def test_every_version_is_kept_with_its_cause_and_evidence(
    ledger: Ledger, dynamodb: Any, table: str, clock: HandClock
) -> None:
    payment = claim(ledger, a_payment(clock)).payment
    after = replace(payment, version=2, status=S.PENDING)
    ledger.commit(Change(payment, after, Cause.WEBHOOK, None, evidence={"status": "PENDING", "amount": 5000}))
    assert ledger.versions("ref-1", 0, 2) == [payment, after]
    assert ledger.versions("ref-1", 1, 2) == [after]
    row = dynamodb.get_item(TableName=table, Key={"pk": {"S": "payment#ref-1"}, "sk": {"S": "v#000002"}})["Item"]
    assert row["cause"] == {"S": "webhook"}
    assert row["evidence"]["M"]["amount"] == {"N": "5000"}


def read(ledger: Ledger, request: ReadRequest = ANYBODY) -> ReadLease:
    lease = ledger.begin_read("ref-1", request)
    assert lease is not None
    return lease


def test_one_reader_at_a_time(ledger: Ledger, clock: HandClock) -> None:
    claim(ledger, a_payment(clock))
    first = read(ledger)
    clock.forward(1)
    second = read(ledger)
    assert (first.granted, second.granted) == (True, False)
    assert second.stored.reads.lease_id == first.lease_id
    ledger.end_read(first)
    assert read(ledger).granted


def test_webhooks_read_at_most_every_two_seconds_and_others_at_once(ledger: Ledger, clock: HandClock) -> None:
    claim(ledger, a_payment(clock))
    webhook = ReadRequest(by_webhook=True)
    ledger.end_read(read(ledger, webhook))
    clock.forward(1.999)
    assert not read(ledger, webhook).granted
    look = read(ledger)
    assert look.granted
    ledger.end_read(look)
    clock.forward(0.001)
    assert read(ledger, webhook).granted


def test_a_reader_that_died_is_replaced_and_a_failed_read_at_once(ledger: Ledger, clock: HandClock) -> None:
    claim(ledger, a_payment(clock))
    died = read(ledger)
    clock.forward(READ_LEASE_MS / 1000)
    second = read(ledger)
    ledger.release_read(died)
    ledger.end_read(died)
    assert (second.granted, read(ledger).granted) == (True, False), "the dead reader does not end the second's lease"
    ledger.release_read(second)
    assert read(ledger).granted


def test_reads_are_ordered_by_number_and_know_what_they_asked_for(ledger: Ledger, clock: HandClock) -> None:
    claim(ledger, a_payment(clock))
    invented = read(ledger, ReadRequest(by_webhook=True, named="c-2"))
    during = read(ledger).stored.reads.number
    ledger.end_read(invented)
    ledger.end_read(read(ledger, ReadRequest(by_webhook=True, named="c-2")))
    stored = ledger.load("ref-1")
    assert stored is not None
    reads = stored.reads
    assert (during, reads.number, reads.done) == (1, 2, 2)
    assert reads.has_seen(during, "c-2")
    assert not reads.has_seen(during, "c-1"), "a read of something else answers no other webhook"
    assert not reads.has_seen(2, "c-2"), "a read that began before the webhook cannot stand for it"


def test_reads_are_refused_to_the_settled_the_unknown_and_the_fresh(ledger: Ledger, clock: HandClock) -> None:
    assert ledger.begin_read("ref-0", ANYBODY) is None
    payment = claim(ledger, a_payment(clock)).payment
    fresh = read(ledger, ReadRequest(older_than_ms=1))
    clock.forward(5)
    stale = read(ledger, ReadRequest(older_than_ms=1))
    to(ledger, payment, status=S.SUCCESSFUL)
    clock.forward(60)
    final = read(ledger)
    assert [lease.granted for lease in (fresh, stale, final)] == [False, True, False]


def test_a_check_is_taken_once_and_its_entry_moves_only_once_nobody_waits(ledger: Ledger, clock: HandClock) -> None:
    first = clock.now() + 10_000
    waiting = claim(ledger, a_payment(clock), check_at=first)
    assert ledger.take_check(waiting, first + 10_000)
    assert ledger.take_check(waiting, first + 10_000) is None, "another has taken it"
    assert load(ledger).check_at == first + 10_000
    assert ledger.due(0, first, 10) == {"ref-1": first}
    expired = replace(waiting.payment, version=2, status=S.EXPIRED)
    ledger.commit(Change(waiting.payment, expired, Cause.WAITED_LONG_ENOUGH, check_at=first + 60_000))
    assert ledger.due(0, 10**15, 10) == {"ref-1": first + 60_000}
    assert ledger.take_check(load(ledger), first + 90_000)
    assert ledger.due(0, 10**15, 10) == {"ref-1": first + 90_000}
    assert ledger.take_check(load(ledger), None)
    assert (ledger.due(0, 10**15, 10), load(ledger).check_at) == ({}, None)


def test_a_check_whose_answer_was_lost_is_ours(ledger: Ledger, aws: EmbeddedAws, clock: HandClock) -> None:
    waiting = claim(ledger, a_payment(clock), check_at=clock.now())
    aws.faults.set({"operation": "UpdateItem", "kind": "lost-answer", "count": 1})
    assert ledger.take_check(waiting, clock.now() + 1)


@pytest.mark.parametrize("following", [20_000, None])
def test_a_check_is_repeated_unless_something_has_happened_since(
    ledger: Ledger, clock: HandClock, following: int | None
) -> None:
    waiting = claim(ledger, a_payment(clock), check_at=clock.now())
    later = following and clock.now() + following
    check_id = ledger.take_check(waiting, later)
    assert check_id
    ledger.repeat_check(waiting, "another", later, clock.now() + 5)
    assert load(ledger).check_at == later
    ledger.repeat_check(waiting, check_id, later, clock.now() + 5)
    assert load(ledger).check_at == clock.now() + 5
    to(ledger, waiting.payment, status=S.SUCCESSFUL)
    ledger.repeat_check(waiting, check_id, None, clock.now() + 5)
    assert load(ledger).check_at is None, "nothing would ever remove it from a settled payment"


def load(ledger: Ledger) -> Stored:
    stored = ledger.load("ref-1")
    assert stored is not None
    return stored


def test_a_budget_is_spent_within_its_window_and_full_again_after_it(ledger: Ledger, clock: HandClock) -> None:
    assert [ledger.spend("reads", 2, 60_000) for _ in range(3)] == [True, True, False]
    assert ledger.spend("other", 2, 60_000)
    clock.forward(60)
    assert ledger.spend("reads", 2, 60_000)


def test_a_payment_is_found_by_its_phone_and_by_each_reference_that_anybody_gave_it(
    ledger: Ledger, clock: HandClock
) -> None:
    payment = claim(ledger, a_payment(clock)).payment
    clock.forward(1)
    claim(ledger, a_payment(clock, "ref-2", order_id="order-2"))
    fields = {"status": S.SUCCESSFUL, "provider_reference": "c-1", "operator_reference": "sms-1", "charges": ("c-1",)}
    paid = to(ledger, payment, {"operatorReference": "sms-1"}, **fields).payment
    to(ledger, paid, {"operatorReference": "sms-2"}, charges=("c-1", "c-2"), duplicate=True)
    found = {
        (kind, value): ledger.search(kind, value, 10)
        for kind, value in (
            (SearchKind.PHONE, payment.phone_hash),
            *((SearchKind.PROVIDER, value) for value in ("c-1", "c-2", "c-3")),
            *((SearchKind.OPERATOR, value) for value in ("sms-1", "sms-2", "c-1")),
        )
    }
    assert list(found.values()) == [["ref-2", "ref-1"], ["ref-1"], ["ref-1"], [], ["ref-1"], ["ref-1"], []]
    assert ledger.search(SearchKind.PHONE, payment.phone_hash, 1) == ["ref-2"], "the newest first"
    assert [version.version for version in ledger.versions("ref-1", 0, 3)] == [1, 2, 3], "no row of the search"


def test_a_day_is_listed_by_time_with_what_a_list_shows(
    ledger: Ledger, clock: HandClock, dynamodb: Any, table: str
) -> None:
    for reference, at in (("ref-b", 2), ("ref-a", 3), ("ref-c", 1)):
        payment = a_payment(clock, reference, order_id=reference, phone=reference)
        claim(ledger, replace(payment, created_at=at, updated_at=at))
    declined = to(ledger, loaded(ledger, "ref-a"), status=S.FAILED, reason="REJECTED").payment
    entries = dynamodb.query(
        TableName=table,
        IndexName="day",
        KeyConditionExpression="#day = :day",
        ExpressionAttributeNames={"#day": "day"},
        ExpressionAttributeValues={":day": {"S": "1970-01-01"}},
    )["Items"]
    shown = [read_payment(to_values(entry)["payment"]) for entry in entries]
    assert [payment.reference for payment in shown] == ["ref-c", "ref-b", "ref-a"]
    assert shown[2] == declined


def charged(ledger: Ledger, clock: HandClock, numbers: Iterable[int]) -> None:
    for number in numbers:
        reference = f"ref-{number:02}"
        payment = a_payment(clock, reference, order_id=reference, phone=reference)
        claim(ledger, replace(payment, created_at=number, updated_at=number, charges=(f"c-{number:02}",)))


def test_a_day_in_several_shards_is_listed_as_one_by_time(
    ledger: Ledger, clock: HandClock, dynamodb: Any, table: str, aws: EmbeddedAws
) -> None:
    sharded = Ledger(dynamodb, table, clock, day_shards=3)
    charged(ledger, clock, range(6))
    charged(sharded, clock, range(6, 24))
    rows = dynamodb.scan(TableName=table, FilterExpression="attribute_exists(claimedAt)")["Items"]
    marks = Counter(row["day"]["S"] for row in rows)
    assert marks.keys() == {"1970-01-01", "1970-01-01#1", "1970-01-01#2"}
    assert marks["1970-01-01"] > 6, "the first shard is where all was before there were others"
    aws.calls.clear()
    listed = list(sharded.charges_of_day(date(1970, 1, 1)))
    assert [it.provider_reference for it in listed] == [f"c-{number:02}" for number in range(24)]
    assert [it.reference for it in listed] == [f"ref-{number:02}" for number in range(24)]
    assert {it.money for it in listed} == {a_payment(clock).money}
    assert aws.calls["Query"] == 3


def test_the_shards_of_a_day_have_each_payment_once(clock: HandClock, dynamodb: Any, table: str) -> None:
    sharded = Ledger(dynamodb, table, clock, day_shards=3)
    charged(sharded, clock, range(12))
    of_shards = [[it.reference for it in sharded.charges_of_day(date(1970, 1, 1), shard)] for shard in range(3)]
    assert all(of_shards)
    assert sorted(chain.from_iterable(of_shards)) == [f"ref-{number:02}" for number in range(12)]
    for shard, references in enumerate(of_shards):
        assert {sharded.day_shard_of(reference) for reference in references} == {shard}


def test_the_mark_goes_only_when_nothing_newer_came(ledger: Ledger, clock: HandClock) -> None:
    payment = claim(ledger, a_payment(clock)).payment
    assert ledger.delivered("ref-1", 1)
    assert list(ledger.undelivered(clock.now(), 10)) == []
    pending = to(ledger, payment, status=S.PENDING).payment
    to(ledger, pending, status=S.SUCCESSFUL)
    assert not ledger.delivered("ref-1", 2)
    assert list(ledger.undelivered(clock.now(), 10)) == ["ref-1"]
    assert ledger.delivered("ref-1", 3)
    assert ledger.delivered("ref-1", 2), "an older delivery that comes late is not news"
    assert list(ledger.undelivered(clock.now(), 10)) == []


def test_the_announced_version_is_stored_separately(ledger: Ledger, clock: HandClock) -> None:
    claim(ledger, a_payment(clock))
    ledger.announced("ref-1", 1)
    stored = ledger.load("ref-1")
    assert stored is not None
    assert (stored.announced_version, stored.delivered_version) == (1, 0)
    ledger.delivered("ref-1", 1)
    ledger.mark_undelivered("ref-1")
    stored = ledger.load("ref-1")
    assert stored is not None
    assert (stored.announced_version, stored.delivered_version) == (0, 0)
    assert list(ledger.undelivered(clock.now(), 10)) == ["ref-1"]


def test_idempotency_keys_live_for_three_days(ledger: Ledger, clock: HandClock) -> None:
    payment = claim(ledger, a_payment(clock), key="old").payment
    assert ledger.add_key("order-1", "second", "ref-1", most=2)
    assert set(ledger.order("order-1").keys) == {"old", "second"}
    to(ledger, payment, status=S.EXPIRED)
    clock.forward(72 * 3600 + 1)
    claim(ledger, a_payment(clock, "ref-2"), key="new")
    assert set(ledger.order("order-1").keys) == {"new"}


def test_further_keys_are_stored_independently_and_only_while_the_attempt_is_active(
    ledger: Ledger, clock: HandClock
) -> None:
    payment = claim(ledger, a_payment(clock), key="first").payment
    revision = ledger.order("order-1").revision
    with ThreadPoolExecutor(20) as threads:
        kept = list(threads.map(lambda n: ledger.add_key("order-1", f"key-{n}", "ref-1", most=10), range(20)))
    order = ledger.order("order-1")
    assert (kept.count(True), len(order.keys), order.revision) == (9, 10, revision)
    assert ledger.add_key("order-1", "first", "ref-1", most=10), "it is there already"
    to(ledger, payment, status=S.EXPIRED)
    with pytest.raises(VersionConflict):
        ledger.add_key("order-1", "late", "ref-1", most=100)
    claim(ledger, a_payment(clock, "ref-2"))
    with pytest.raises(VersionConflict):
        ledger.add_key("order-1", "first", "ref-2", most=100)
    assert ledger.order("order-1").keys["first"][0] == "ref-1"


# --------------------------------------------------------------------------- answers that get lost


@pytest.fixture
def single_try(aws: EmbeddedAws, table: str, clock: HandClock) -> Ledger:
    """Builds a ledger whose client never repeats a call, so that the ledger sees every fault."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=aws.url,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=5),
    )
    return Ledger(client, table, clock)


def test_conflicts_of_transactions_are_tried_again(single_try: Ledger, aws: EmbeddedAws, clock: HandClock) -> None:
    payment = claim(single_try, a_payment(clock)).payment
    aws.faults.set({"operation": "TransactWriteItems", "kind": "conflict", "count": 3})
    assert to(single_try, payment, status=S.PENDING).payment.version == 2
    assert len(clock.slept) == 3
    aws.faults.set({"operation": "UpdateItem", "kind": "conflict", "count": 2})
    assert single_try.delivered("ref-1", 2)


def test_a_claim_that_meets_another_transaction_is_decided_anew(
    single_try: Ledger, aws: EmbeddedAws, clock: HandClock
) -> None:
    """The other transaction may have claimed the order, so that writing the same claim again would be refused."""
    aws.faults.set({"operation": "TransactWriteItems", "kind": "conflict", "count": 1})
    with pytest.raises(VersionConflict):
        claim(single_try, a_payment(clock))
    assert single_try.load("ref-1") is None
    assert clock.slept == []


def test_a_lost_answer_is_known_as_our_own_success(ledger: Ledger, aws: EmbeddedAws, clock: HandClock) -> None:
    """The client repeats an unanswered write, which then conflicts with its own first attempt."""
    aws.faults.set({"operation": "TransactWriteItems", "kind": "lost-answer", "count": 1})
    payment = claim(ledger, a_payment(clock), key="k").payment
    aws.faults.set({"operation": "TransactWriteItems", "kind": "lost-answer", "count": 1})
    committed = to(ledger, payment, status=S.SUCCESSFUL, charges=("c",)).payment
    assert (committed.version, committed.duplicate) == (2, False)
    aws.faults.set({"operation": "UpdateItem", "kind": "lost-answer", "count": 1})
    assert ledger.delivered("ref-1", 2)
    assert ledger.order("order-1").paid == "ref-1"
    assert len(ledger.versions("ref-1", 0, 9)) == 2


def test_a_read_lease_whose_answer_was_lost_is_ours(ledger: Ledger, aws: EmbeddedAws, clock: HandClock) -> None:
    claim(ledger, a_payment(clock))
    aws.faults.set({"operation": "UpdateItem", "kind": "lost-answer", "count": 1})
    assert read(ledger).granted


@pytest.mark.parametrize("kind", ["throttle", "unavailable"])
def test_an_unreachable_ledger_is_one_error_and_nothing_is_half_written(
    single_try: Ledger, aws: EmbeddedAws, clock: HandClock, kind: str
) -> None:
    payment = a_payment(clock)
    order, phone = single_try.order_and_phone("order-1", "phone-1")
    aws.faults.set({"operation": "TransactWriteItems", "kind": kind, "count": 1})
    with pytest.raises(LedgerUnavailable):
        single_try.claim(payment, order, phone, None, clock.now())
    assert single_try.load("ref-1") is None
    assert single_try.order("order-1").active is None
    calls: dict[str, Callable[[], object]] = {
        "GetItem": lambda: single_try.load("ref-1"),
        "BatchGetItem": lambda: single_try.order_and_phone("o", "p"),
        "Query": lambda: single_try.due(0, clock.now(), 1),
        "UpdateItem": lambda: single_try.delivered("ref-1", 1),
    }
    for operation, call in calls.items():
        aws.faults.set({"operation": operation, "kind": kind, "count": 1})
        with pytest.raises(LedgerUnavailable):
            call()
