"""Tests that the rollups count each change of the ledger once, whatever Lambda and DynamoDB do to the batches."""

import copy
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.adapters.ledger.rollup_rows import MOST_ROWS
from chalicelib.bootstrap import Service
from chalicelib.domain.errors import LedgerUnavailable, PaymentError
from chalicelib.domain.money import Money
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.rollup import Rollup, day_of, rollup_of, utc_days_of
from chalicelib.flows.count_changes import CountChanges
from local.dynamodb import Fault
from local.embedded import EmbeddedAws
from local.worker import Shards
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.harness.workers import sweep_once

REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), "237677777777", "A test", "fr")
DISPUTED_NUMBER, ORANGE_NUMBER = "237670000006", "237697777701"
Records = Sequence[Mapping[str, Any]]


def records_of(service: Service) -> tuple[str, Records]:
    """Returns the shard of the ledger's stream, and all of its records."""
    ((shard, records),) = [(it["shardId"], it["Records"]) for it in Shards(service.settings.payments_table).events()]
    return shard, records


def count_all(service: Service) -> None:
    service.count_changes(*records_of(service))


def counted(service: Service) -> Rollup:
    today = day_of(service.clock.now())
    return service.ledger.rollups.between(today - timedelta(days=3), today)


def recount(service: Service) -> Rollup:
    """Counts what the ledger says of the last days' payments, without the stream."""
    today = day_of(service.clock.now())
    days = {day for back in range(4) for day in utc_days_of(today - timedelta(days=back))}
    references = [payment.reference for day in sorted(days) for payment in service.ledger.claimed_on(day)]
    return rollup_of(map(service.ledger.versions_of, references))


def start(service: Service, order: str, phone_number: str) -> str:
    request = replace(REQUEST, order_id=order, phone_number=phone_number)
    return service.initiate(request).payment.reference


def told(service: Service, shop: Shop, reference: str, status: str) -> None:
    """Has a customer answer the prompt, and CamPay's webhook tell so."""
    campay_reference = next(row["reference"] for row in shop.transactions if row["externalReference"] == reference)
    shop.customer(campay_reference, status)
    service.settle.handle_webhook(reference, campay_reference)


def pay_in_many_ways(service: Service, shop: Shop, clock: HandClock) -> None:
    """Starts payments that are paid, declined, paid twice, given up, paid late, disputed, refused and not answered."""
    paid, declined, twice, given_up, late, unanswered = (
        start(service, f"order-{number}", f"23767777770{number}") for number in range(6)
    )
    clock.forward(5)
    told(service, shop, paid, "SUCCESSFUL")
    told(service, shop, declined, "FAILED")
    told(service, shop, start(service, "order-1", "237677777701"), "SUCCESSFUL")
    told(service, shop, twice, "SUCCESSFUL")
    service.settle.handle_webhook(twice, shop.charge_again(twice))
    service.give_up(given_up)
    told(service, shop, start(service, "order-6", DISPUTED_NUMBER), "SUCCESSFUL")
    told(service, shop, start(service, "order-7", ORANGE_NUMBER), "SUCCESSFUL")
    shop.faults(collect=["rate-limit"])
    with pytest.raises(PaymentError):
        start(service, "order-8", "237677777708")
    clock.forward(400)
    sweep_once(service)
    told(service, shop, late, "SUCCESSFUL")
    assert service.ledger.load(unanswered)


def test_the_rollups_equal_a_recount_of_the_ledger(service: Service, shop: Shop, clock: HandClock) -> None:
    pay_in_many_ways(service, shop, clock)
    count_all(service)
    assert counted(service) == recount(service)
    figures = service.analytics(day_of(clock.now()) - timedelta(days=1), day_of(clock.now()))["total"]
    assert figures["started"] == 10
    for name in ("paid", "declined", "refused", "expired", "givenUp", "conflicted", "late", "duplicate"):
        assert figures[name] > 0, name
    assert figures["furtherAttempts"] == {
        "started": 1,
        "paid": 1,
        "paidAmounts": {"XAF": 5000},
        "after": {"declined": {"started": 1, "paid": 1}},
    }
    assert figures["money"] == {"XAF": money_that_moved(shop)}
    assert figures["money"]["XAF"]["gross"] > figures["paidAmounts"]["XAF"]


def money_that_moved(shop: Shop) -> dict[str, int]:
    """Returns what CamPay's ledger makes of all payments; the record of the disputed number tells one franc less."""
    moved = [row for row in shop.transactions if row["moneyMoved"]]
    gross = sum(row["amount"] - (row["phoneNumber"] == DISPUTED_NUMBER) for row in moved)
    fee = sum(row["fee"] for row in moved)
    return {"charges": len(moved), "gross": gross, "fee": fee, "net": gross - fee, "feesUnknown": 0}


def test_batches_that_come_again_in_other_pieces_are_counted_once(
    service: Service, shop: Shop, clock: HandClock
) -> None:
    pay_in_many_ways(service, shop, clock)
    shard, records = records_of(service)
    for begin, end in ((0, 7), (0, 7), (0, 20), (12, 30), (5, 31), (0, len(records)), (3, len(records))):
        service.count_changes(shard, records[begin:end])
    assert counted(service) == recount(service)


@dataclass
class Interrupted:
    """Passes each call on to a part; before the first one of the method `name`, something else happens."""

    part: Any
    name: str
    happens: Callable[[], None] | None

    def __getattr__(self, name: str) -> Any:
        if name == self.name and self.happens:
            happens, self.happens = self.happens, None
            happens()
        return getattr(self.part, name)


def test_a_batch_that_another_process_counts_meanwhile_is_counted_once(service: Service) -> None:
    """It has read how far the shard is counted, and the other one writes before it does."""
    start(service, "order-1", "237677777777")
    start(service, "order-2", "237677777701")
    shard, records = records_of(service)
    rollups = Interrupted(service.ledger.rollups, "add", lambda: service.count_changes(shard, records[:9]))
    ledger: Any = Interrupted(service.ledger, "", None)
    ledger.rollups = rollups
    CountChanges(ledger, service.clock, service.count_changes.tell_operators)(shard, records)
    assert rollups.happens is None
    assert counted(service) == recount(service) != {}


def test_two_processes_with_the_same_batch_count_it_once(service: Service, shop: Shop, clock: HandClock) -> None:
    pay_in_many_ways(service, shop, clock)
    shard, records = records_of(service)
    with ThreadPoolExecutor(4) as processes:
        list(processes.map(lambda end: service.count_changes(shard, records[:end]), (20, len(records), 35, 9)))
    service.count_changes(shard, records)
    assert counted(service) == recount(service)


def test_shards_that_are_counted_at_once_lose_nothing(service: Service, shop: Shop, clock: HandClock) -> None:
    """Two shards have records of other payments, and add to the same rows."""
    pay_in_many_ways(service, shop, clock)
    _, records = records_of(service)
    shards: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        partition = record["dynamodb"]["Keys"]["pk"]["S"]
        shards.setdefault(f"shard-{partition[-1]}", []).append(record)
    assert len(shards) > 1
    with ThreadPoolExecutor(len(shards)) as processes:
        list(processes.map(lambda shard: service.count_changes(*shard), shards.items()))
    assert counted(service) == recount(service)


@pytest.mark.parametrize("kind", ["lost-answer", "conflict"])
def test_a_transaction_with_a_lost_answer_or_a_conflict_counts_once(
    service: Service, aws: EmbeddedAws, kind: Any
) -> None:
    start(service, "order-1", "237677777777")
    aws.faults.set(Fault("TransactWriteItems", kind))
    count_all(service)
    count_all(service)
    assert counted(service) == recount(service) != {}


def test_a_ledger_that_does_not_answer_leaves_the_batch_uncounted(service: Service, aws: EmbeddedAws) -> None:
    start(service, "order-1", "237677777777")
    aws.faults.set(Fault("TransactWriteItems", "unavailable", 100))
    with pytest.raises(LedgerUnavailable):
        count_all(service)
    aws.faults.set()
    assert counted(service) == {}
    count_all(service)
    assert counted(service) == recount(service) != {}


def test_a_batch_of_more_days_than_one_transaction_takes_is_counted_in_parts(service: Service) -> None:
    start(service, "order-1", "237677777777")
    shard, records = records_of(service)
    claim = next(it for it in records if it["dynamodb"]["Keys"]["sk"]["S"] == "v#000001")
    days = MOST_ROWS + 30
    many = [_claimed_before(claim, number) for number in range(days)]
    service.count_changes(shard, many)
    service.count_changes(shard, many)
    today = day_of(service.clock.now())
    rollup = service.ledger.rollups.between(today - timedelta(days=days), today)
    assert len(rollup) == days
    assert all(figures == {"started": 1} for figures in rollup.values())


def _claimed_before(record: Mapping[str, Any], days: int) -> Mapping[str, Any]:
    """Returns the record of another claim, of so many days earlier, that came so much later in the shard."""
    other = copy.deepcopy(dict(record))
    other["dynamodb"]["SequenceNumber"] = str(int(record["dynamodb"]["SequenceNumber"]) + days)
    payment = other["dynamodb"]["NewImage"]["payment"]["M"]
    payment["reference"]["S"] = f"other-{days}"
    payment["created_at"]["N"] = str(int(payment["created_at"]["N"]) - days * 86_400_000)
    return other


def test_thirty_days_take_two_queries(service: Service, aws: EmbeddedAws) -> None:
    """A query is a read of at most 1 MB. A day has a row for each operator, of about 1 kB."""
    start(service, "order-1", "237677777777")
    shard, records = records_of(service)
    claim = next(it for it in records if it["dynamodb"]["Keys"]["sk"]["S"] == "v#000001")
    service.count_changes(shard, [_claimed_before(claim, number) for number in range(60)])
    aws.calls.clear()
    last = date(2026, 3, 15)
    service.analytics(last - timedelta(days=29), last)
    assert aws.calls == {"Query": 2}
    today = day_of(service.clock.now())
    aws.calls.clear()
    shown = service.analytics(today - timedelta(days=29), today)
    assert shown["total"]["started"] == len(shown["days"]) == 30
    assert aws.calls["Query"] <= 2
