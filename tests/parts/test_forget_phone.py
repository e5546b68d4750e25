"""Tests that a forgotten phone leaves no trace in the ledger, and that payments and sums stay as they were."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.ledger.attributes import to_values
from chalicelib.bootstrap import Service
from chalicelib.domain.cause import Cause
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.payment_request import PaymentRequest
from chalicelib.domain.payment_search import PaymentSearch, SearchField
from chalicelib.domain.phone_number import hash_phone, mask_phone
from chalicelib.flows.forget_phone import ForgetPhone, PhoneInUse
from chalicelib.runtime.clock import Clock
from tests.conftest import Shop
from tests.harness.fakes import HandClock
from tests.parts.test_rollups import count_all, counted, recount

PHONE, OTHER = "237671234567", "237699999988"
KEYS = ["the-key-that-is-written-with", "the-key-from-before"]
REQUEST = PaymentRequest("order-1", Money(5000, "XAF"), PHONE, "Braids", "fr")
FIVE_DAYS = 5 * 86_400


class Meanwhile(Clock):
    """A clock during whose wait something happens."""

    def __init__(self, clock: HandClock, happens: Callable[[], object]) -> None:
        self._clock = clock
        self._happens = happens

    def now(self) -> int:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.forward(seconds)
        self._happens()


@pytest.fixture
def payments(service: Service, shop: Shop, clock: HandClock) -> list[Payment]:
    """Makes a paid payment, one that was given up, one of another phone, and lets five days go by."""
    first = service.initiate(REQUEST).payment
    shop.customer(first.provider_reference, "SUCCESSFUL")
    service.settle.handle_webhook(first.reference, first.provider_reference)
    second = service.initiate(replace(REQUEST, order_id="order-2")).payment
    service.give_up(second.reference)
    other = service.initiate(replace(REQUEST, order_id="order-3", phone_number=OTHER)).payment
    clock.forward(FIVE_DAYS)
    return [first, second, other]


def forget(service: Service, clock: Clock, phone_number: str = PHONE) -> int:
    return ForgetPhone(service.ledger, clock, service.search.phone_hash_keys)(phone_number)


def rows(dynamodb: Any, table: str) -> list[dict[str, Any]]:
    """Reads the whole table, and what each index has of it."""
    pages = [dynamodb.scan(TableName=table)]
    pages += [dynamodb.scan(TableName=table, IndexName=name) for name in ("due", "undelivered", "day", "search")]
    assert not any("LastEvaluatedKey" in page for page in pages)
    return sorted((to_values(item) for page in pages for item in page["Items"]), key=repr)


def traces(dynamodb: Any, table: str, phone_number: str, keys: Any) -> list[dict[str, Any]]:
    """Lists the rows that tell a phone: by its number, its mask or one of its hashes."""
    words = [phone_number, mask_phone(phone_number), *hash_phone(phone_number, keys)]
    return [row for row in rows(dynamodb, table) if any(word in repr(row) for word in words)]


def test_nothing_in_the_ledger_tells_the_phone_any_more(
    service: Service, clock: HandClock, payments: list[Payment], dynamodb: Any, table: str
) -> None:
    keys = service.search.phone_hash_keys
    assert len(traces(dynamodb, table, PHONE, keys)) > len(payments)
    others = traces(dynamodb, table, OTHER, keys)
    assert forget(service, clock) == 2
    assert traces(dynamodb, table, PHONE, keys) == []
    assert traces(dynamodb, table, OTHER, keys) == others
    assert service.search(PaymentSearch(SearchField.PHONE_NUMBER, PHONE), by="amina")["payments"] == []
    assert forget(service, clock) == 0


def test_the_payments_and_all_sums_stay(service: Service, clock: HandClock, payments: list[Payment]) -> None:
    def told() -> list[Any]:
        return [
            [
                (replace(each.payment, phone_hash="", phone_mask=""), each.cause, each.at, each.evidence)
                for each in found
            ]
            for found in map(service.ledger.versions_of, references)
        ]

    references = [payment.reference for payment in payments]
    count_all(service)
    before, sums = told(), counted(service)
    assert forget(service, clock) == 2
    count_all(service)
    assert told() == before
    assert counted(service) == sums == recount(service)
    forgotten = service.ledger.load_many(references[:2])
    assert len({stored.payment.phone_hash for stored in forgotten}) == 1, "they are still one phone's"


@pytest.mark.usefixtures("payments")
def test_while_a_hash_key_is_rotated_the_phone_goes_under_both(
    service: Service, clock: HandClock, dynamodb: Any, table: str
) -> None:
    keys = [*KEYS, *service.search.phone_hash_keys]
    assert ForgetPhone(service.ledger, clock, keys)(PHONE) == 2
    assert traces(dynamodb, table, PHONE, keys) == []


@pytest.mark.usefixtures("payments")
def test_a_payment_that_can_still_change_keeps_its_phone(
    service: Service, clock: HandClock, dynamodb: Any, table: str
) -> None:
    latest = service.initiate(replace(REQUEST, order_id="order-4")).payment
    clock.forward(96 * 3600)
    before = rows(dynamodb, table)
    with pytest.raises(PhoneInUse) as refused:
        forget(service, clock)
    assert refused.value.reference == latest.reference
    assert refused.value.until == latest.created_at + 97 * 3_600_000
    assert rows(dynamodb, table) == before


def test_a_customer_who_is_to_get_money_back_keeps_the_phone(
    service: Service, shop: Shop, clock: HandClock, payments: list[Payment], dynamodb: Any, table: str
) -> None:
    paid = payments[0]
    service.settle.handle_webhook(paid.reference, shop.charge_again(paid.reference))
    before = rows(dynamodb, table)
    with pytest.raises(PhoneInUse) as refused:
        forget(service, clock)
    assert (refused.value.reference, refused.value.until) == (paid.reference, None)
    assert rows(dynamodb, table) == before
    seen = service.ledger.load(paid.reference)
    assert seen is not None
    service.operate.acknowledge(paid.reference, "given back in cash", version=seen.payment.version, by="amina")
    assert forget(service, clock) == 2


def test_a_writer_that_had_read_the_payment_before_does_not_bring_the_phone_back(
    service: Service, clock: HandClock, payments: list[Payment], dynamodb: Any, table: str
) -> None:
    stored = service.ledger.load(payments[1].reference)
    assert stored is not None

    def late_writer() -> None:
        service.settle.commit(stored, lambda payment, now: replace(payment, version=4, updated_at=now), Cause.CHECK)

    assert forget(service, Meanwhile(clock, late_writer)) == 2
    assert service.ledger.load(payments[1].reference).payment.version == 4  # type: ignore[union-attr]  # it is there
    assert traces(dynamodb, table, PHONE, service.search.phone_hash_keys) == []


@pytest.mark.usefixtures("payments")
def test_what_was_cut_off_is_finished_by_a_further_call(
    service: Service, clock: HandClock, dynamodb: Any, table: str
) -> None:
    def cut_off() -> None:
        raise LedgerUnavailable("in the middle")

    with pytest.raises(LedgerUnavailable):
        forget(service, Meanwhile(clock, cut_off))
    assert forget(service, clock) == 2
    assert traces(dynamodb, table, PHONE, service.search.phone_hash_keys) == []
