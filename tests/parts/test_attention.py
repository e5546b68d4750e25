"""Tests the list of what needs a person: who comes onto it, who leaves it, and how many reads it takes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from chalicelib.adapters.ledger.attributes import payment_key, to_attributes
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import SHARDS
from chalicelib.bootstrap import Service
from chalicelib.domain.attention import OF_PAYMENTS, UNDECIDED_MS, UNDELIVERED_MS, Need
from chalicelib.domain.contract import to_event, to_iso
from chalicelib.domain.errors import LedgerUnavailable, NotAllowed
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.rollup import day_of
from chalicelib.flows.attention import MOST_COUNTED, MOST_SHOWN, Attention
from chalicelib.flows.compared_days import LOOKED_BACK
from chalicelib.flows.mark_needs import MarkNeeds
from local.embedded import EmbeddedAws
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.workers import run_for
from tests.parts.test_ledger import a_payment, claim, loaded, to

S = PaymentStatus
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "Braids", "fr")
CONFLICTED_REQUEST = replace(REQUEST, order_id="order-9", phone_number="237670000006")
"""The simulator charges its number another amount than was asked for."""
NOBODY = {kind.value: 0 for kind in Need}
QUERIES = len(OF_PAYMENTS) - 1 + SHARDS
MINUTE, HOUR = 60, 3600


def pay(service: Service, shop: Shop, payment: Payment) -> None:
    shop.customer(payment.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(payment.reference, payment.provider_reference)


def under_review(service: Service, shop: Shop) -> Payment:
    payment = service.initiate(CONFLICTED_REQUEST).payment
    pay(service, shop, payment)
    return payment


def duplicate(service: Service, shop: Shop) -> Payment:
    payment = service.initiate(REQUEST).payment
    pay(service, shop, payment)
    service.settle.handle_webhook(payment.reference, shop.charge_again(payment.reference))
    return payment


def undecided(service: Service, shop: Shop, clock: HandClock) -> Payment:
    """Loses CamPay's answer to the prompt, which no webhook follows, and waits until the payment has expired."""
    shop.faults(collect=["reset-after-accept"])
    payment = service.initiate(replace(REQUEST, order_id="order-8", phone_number="237670000099")).payment
    run_for(service, clock, 10 * MINUTE)
    return payment


def kinds(service: Service) -> list[tuple[str, str]]:
    """Returns kind and reference of each item, and holds the counts to them."""
    answer = service.attention()
    items = [(item["kind"], item["payment"]["reference"]) for item in answer["items"]]
    counted = {kind: sum(kind == listed for listed, _ in items) for kind in NOBODY}
    assert answer["counts"] == counted
    return items


# --------------------------------------------------------------------------- who is on it


def test_a_payment_under_review_is_listed_until_it_is_resolved(service: Service, shop: Shop, clock: HandClock) -> None:
    assert kinds(service) == []
    clock.forward(1)
    payment = under_review(service, shop)
    began = clock.now()
    clock.forward(HOUR)
    (item,) = service.attention()["items"]
    newest = loaded(service.ledger, payment.reference)
    assert item == {
        "kind": "underReview",
        "since": to_iso(began),
        "payment": to_event(newest, clock.now()),
        "actions": ["recheck", "redeliver", "resolve"],
    }
    service.operate.resolve(payment.reference, S.FAILED, "paid back by hand", version=3, by="paul")
    assert kinds(service) == []


def test_a_duplicate_is_listed_until_it_is_acknowledged_and_again_with_a_further_charge(
    service: Service, shop: Shop
) -> None:
    payment = duplicate(service, shop)
    assert kinds(service) == [("duplicate", payment.reference)]
    done = service.operate.acknowledge(payment.reference, "paid back in the dashboard", version=4, by="paul")
    assert (done.version, done.acknowledged) == (5, True)
    assert kinds(service) == []
    service.settle.handle_webhook(payment.reference, shop.charge_again(payment.reference))
    assert kinds(service) == [("duplicate", payment.reference)]
    again = service.operate.acknowledge(payment.reference, "that one too", version=6, by="amina")
    assert kinds(service) == []
    with pytest.raises(NotAllowed):
        service.operate.acknowledge(payment.reference, "once more", version=again.version, by="amina")


def test_what_is_told_again_of_an_acknowledged_duplicate_is_that_it_is_one(service: Service, shop: Shop) -> None:
    payment = duplicate(service, shop)
    told = shop.order_events
    assert told[-1] == ("payment.duplicate", 4)
    service.operate.acknowledge(payment.reference, "paid back in the dashboard", version=4, by="paul")
    assert shop.order_events == told, "the shop made it itself"
    service.operate.redeliver(payment.reference, by="paul")
    assert shop.order_events == [*told, told[-1]]
    assert service.story(payment.reference)["delivery"]["deliveredVersion"] == 5


def test_an_attempt_that_pays_an_order_which_is_paid_is_listed(service: Service, shop: Shop, clock: HandClock) -> None:
    first = service.initiate(replace(REQUEST, idempotency_key="a")).payment
    service.give_up(first.reference)
    clock.forward(1)
    second = service.initiate(replace(REQUEST, idempotency_key="b")).payment
    pay(service, shop, second)
    assert kinds(service) == []
    pay(service, shop, first)
    assert kinds(service) == [("duplicate", first.reference)]


def test_a_payment_that_campay_has_never_named_is_undecided_after_the_first_hours_checks(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    payment = undecided(service, shop, clock)
    assert loaded(service.ledger, payment.reference).status is S.EXPIRED
    until = payment.created_at + 70 * MINUTE * 1000
    clock.forward((until - clock.now() - 1) / 1000)
    assert kinds(service) == []
    clock.forward(0.001)
    assert kinds(service) == [("undecided", payment.reference)]
    assert service.attention()["items"][0]["since"] == to_iso(until)
    clock.forward(UNDECIDED_MS / 1000)
    assert kinds(service) == [("undecided", payment.reference)]
    clock.forward(0.001)
    assert kinds(service) == [], "a day has passed since its last check"


def test_an_undecided_payment_leaves_when_its_outcome_is_found(service: Service, shop: Shop, clock: HandClock) -> None:
    payment = undecided(service, shop, clock)
    clock.forward(2 * HOUR)
    assert kinds(service) == [("undecided", payment.reference)]
    shop.customer(shop.transactions[0]["reference"], "SUCCESSFUL")
    service.operate.recheck(payment.reference, by="paul")
    assert loaded(service.ledger, payment.reference).status is S.SUCCESSFUL
    assert kinds(service) == []


def test_a_prompt_that_nobody_has_answered_needs_no_person(service: Service, clock: HandClock) -> None:
    """CamPay calls it pending for ever: with one in ten payments, nobody would look at the list any more."""
    service.initiate(REQUEST)
    run_for(service, clock, 10 * MINUTE)
    clock.forward(2 * HOUR)
    assert kinds(service) == []


def test_what_the_shop_was_not_told_is_listed_once_the_catch_up_should_have_told_it(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws
) -> None:
    payment = service.initiate(REQUEST).payment
    aws.faults.set({"operation": "PutEvents", "kind": "unavailable", "count": 100})
    pay(service, shop, payment)
    since = clock.now()
    clock.forward((UNDELIVERED_MS - 1) / 1000)
    assert kinds(service) == []
    clock.forward(0.001)
    assert kinds(service) == [("undelivered", payment.reference)]
    assert service.attention()["items"][0]["since"] <= to_iso(since)
    aws.faults.set()
    service.operate.redeliver(payment.reference, by="paul")
    assert kinds(service) == []


def test_what_has_waited_longest_comes_first_and_one_payment_may_need_two_things(
    service: Service, shop: Shop, clock: HandClock, aws: EmbeddedAws
) -> None:
    lost = undecided(service, shop, clock)
    twice = duplicate(service, shop)
    clock.forward(2 * HOUR)
    aws.faults.set({"operation": "PutEvents", "kind": "unavailable", "count": 100})
    disputed = under_review(service, shop)
    aws.faults.set()
    clock.forward(HOUR)
    assert [it for it in kinds(service) if it[0] != "undelivered"] == [
        ("duplicate", twice.reference),
        ("undecided", lost.reference),
        ("underReview", disputed.reference),
    ]
    assert ("undelivered", disputed.reference) in kinds(service)


# --------------------------------------------------------------------------- how it is kept and read


def test_a_change_that_is_not_written_leaves_the_list_as_it_was(service: Service, shop: Shop, aws: EmbeddedAws) -> None:
    payment = under_review(service, shop)
    aws.faults.set({"operation": "TransactWriteItems", "kind": "unavailable", "count": 100})
    with pytest.raises(LedgerUnavailable):
        service.operate.resolve(payment.reference, S.SUCCESSFUL, "the rest in cash", version=3, by="paul")
    aws.faults.set()
    assert kinds(service) == [("underReview", payment.reference)]


def needing_review(ledger: Ledger, clock: HandClock, count: int) -> list[str]:
    references = [f"ref-{number}" for number in range(count)]
    for number, reference in enumerate(references):
        clock.forward(1)
        payment = claim(ledger, a_payment(clock, reference, f"order-{number}", f"phone-{number}")).payment
        to(ledger, payment, status=S.CONFLICTED, provider_reference=f"c-{number}", disputed=(f"c-{number}",))
        ledger.delivered(reference, 2)
    return references


def test_it_takes_the_same_reads_whatever_there_is(ledger: Ledger, clock: HandClock, aws: EmbeddedAws) -> None:
    attention, queries = Attention(ledger, clock), QUERIES + months_looked_at(clock)
    aws.calls.clear()
    assert attention()["counts"] == NOBODY
    assert dict(aws.calls) == {"Query": queries}
    references = needing_review(ledger, clock, MOST_SHOWN + 7)
    aws.calls.clear()
    answer = attention()
    assert dict(aws.calls) == {"Query": queries, "BatchGetItem": 1}
    assert answer["counts"] == {**NOBODY, "underReview": MOST_SHOWN + 7}
    assert [item["payment"]["reference"] for item in answer["items"]] == references[:MOST_SHOWN]


def months_looked_at(clock: HandClock) -> int:
    """Returns in how many months the last four weeks are; each takes a query for its comparisons."""
    today = day_of(clock.now())
    return len({(day.year, day.month) for day in (today, today - timedelta(days=LOOKED_BACK - 1))})


def test_more_than_are_counted_count_as_the_most(ledger: Ledger, clock: HandClock, dynamodb: Any, table: str) -> None:
    (reference,) = needing_review(ledger, clock, 1)
    row = dynamodb.get_item(TableName=table, Key=to_attributes(payment_key(reference)))["Item"]
    puts = (
        {"PutRequest": {"Item": row | to_attributes({"pk": f"payment#ref-{number}", "reference": f"ref-{number}"})}}
        for number in range(MOST_COUNTED)
    )
    while batch := list(islice(puts, 25)):
        dynamodb.batch_write_item(RequestItems={table: batch})
    assert Attention(ledger, clock)()["counts"] == {**NOBODY, "underReview": MOST_COUNTED}


def test_what_the_index_still_has_is_not_shown(ledger: Ledger, clock: HandClock, dynamodb: Any, table: str) -> None:
    (reference,) = needing_review(ledger, clock, 1)
    to(ledger, loaded(ledger, reference), status=S.FAILED)
    row = dynamodb.get_item(TableName=table, Key=to_attributes(payment_key(reference)))["Item"]
    late = row | to_attributes({"search": "attention#underReview", "at": clock.now()})
    dynamodb.put_item(TableName=table, Item=late)
    assert Attention(ledger, clock)()["items"] == []


def test_a_payment_of_an_earlier_release_is_marked_by_its_next_change(
    ledger: Ledger, clock: HandClock, dynamodb: Any, table: str
) -> None:
    (reference,) = needing_review(ledger, clock, 1)
    unmark(dynamodb, table, reference)
    assert Attention(ledger, clock)()["counts"] == NOBODY
    to(ledger, loaded(ledger, reference), charges=("c-1",))
    assert Attention(ledger, clock)()["counts"] == {**NOBODY, "underReview": 1}


def unmark(dynamodb: Any, table: str, reference: str) -> None:
    """Leaves a payment as a release wrote it that had no list of what needs a person."""
    key, names = to_attributes(payment_key(reference)), {"#search": "search", "#at": "at"}
    removal = "REMOVE #search, #at"
    dynamodb.update_item(TableName=table, Key=key, UpdateExpression=removal, ExpressionAttributeNames=names)


def test_payments_of_an_earlier_release_are_marked_by_a_command_that_can_be_repeated(
    ledger: Ledger, clock: HandClock, dynamodb: Any, table: str
) -> None:
    began = clock.now()
    disputed, marked, nobodys = needing_review(ledger, clock, 3)
    changed_at = loaded(ledger, disputed).updated_at
    to(ledger, loaded(ledger, nobodys), status=S.FAILED)
    ledger.delivered(nobodys, 3)
    before = Attention(ledger, clock)()["items"]
    unmark(dynamodb, table, disputed)
    days = [datetime.fromtimestamp(began / 1000, UTC).date() + timedelta(days=day) for day in range(2)]
    clock.forward(HOUR)
    assert [MarkNeeds(ledger)(days) for _ in range(2)] == [1, 0]
    items = Attention(ledger, clock)()["items"]
    assert [it["payment"]["reference"] for it in items] == [disputed, marked]
    assert [it["since"] for it in items] == [to_iso(changed_at), before[1]["since"]]


def test_a_payment_that_was_decided_meanwhile_is_not_marked(ledger: Ledger, clock: HandClock) -> None:
    (reference,) = needing_review(ledger, clock, 1)
    read = loaded(ledger, reference)
    to(ledger, read, status=S.FAILED)
    assert ledger.mark_earlier_need(read) is False
    assert Attention(ledger, clock)()["counts"] == NOBODY
