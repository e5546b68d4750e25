"""Tests the list of payments against DynamoDB's protocol: its order, its cursors and what a page costs."""

import itertools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.ledger.day_pages import QUERIES_A_PAGE, DayPages
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.ledger.table import create_table
from chalicelib.adapters.ledger.table_client import TableClient
from chalicelib.domain.errors import InvalidRequest, LedgerUnavailable
from chalicelib.domain.history import HistoryFilter, HistoryPage, HistoryQuery, Position
from chalicelib.domain.history_cursor import read_cursor, sign_cursor
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.rollup import day_of
from chalicelib.flows.payment_history import PaymentHistory
from chalicelib.runtime.clock import Clock
from chalicelib.settings import MOST_DAY_SHARDS
from local.embedded import EmbeddedAws
from tests.harness.fakes import HandClock
from tests.harness.ledger_rows import put_payments

S = PaymentStatus
KEYS = ("cursor-key-of-thirty-two-bytes-or-more",)
LAST = date(2026, 3, 31)
DAY_MS = 86_400_000
MOST_QUERIES = 5
"""What a page may cost."""


def milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def a_payment(number: int, at: int, **fields: Any) -> Payment:
    """Makes a payment that was claimed so many milliseconds after the last day's beginning."""
    claimed_at = milliseconds(LAST) + at
    usual = Payment(
        reference=str(uuid.UUID(int=number, version=4)),
        order_id=f"order-{number}",
        money=Money(5000, "XAF"),
        phone_mask="2376******77",
        phone_hash="hash",
        locale="fr",
        provider="campay",
        created_at=claimed_at,
        updated_at=claimed_at,
        expires_at=claimed_at + 300_000,
        operator="MTN",
        status=S.SUCCESSFUL,
        version=3,
    )
    return replace(usual, **fields)


def of_days(days: int, **fields: Any) -> HistoryFilter:
    return HistoryFilter(LAST - timedelta(days=days - 1), LAST, **fields)


def matches(payment: Payment, wanted: HistoryFilter) -> bool:
    amount, currency = payment.money.amount, payment.money.currency
    return (
        wanted.status in (None, payment.status)
        and wanted.operator in (None, payment.operator)
        and wanted.currency in (None, currency)
        and (wanted.minimum is None or amount >= wanted.minimum)
        and (wanted.maximum is None or amount <= wanted.maximum)
        and (not wanted.webhook_missing or payment.webhook_missing_at is not None)
    )


@dataclass
class Operator:
    """Reads the list page by page, and knows how many queries each page took."""

    history: PaymentHistory
    aws: EmbeddedAws

    def pages(self, wanted: HistoryFilter, limit: int) -> Iterator[HistoryPage]:
        cursor: str | None = ""
        while cursor is not None:
            self.aws.calls.clear()
            page = self.history(HistoryQuery(wanted, cursor, limit))
            assert self.aws.calls.keys() <= {"Query"}, "a page costs queries only"
            assert self.aws.calls["Query"] <= MOST_QUERIES
            assert len(page.payments) <= limit
            yield page
            cursor = page.cursor

    def all(self, wanted: HistoryFilter, limit: int = 50) -> list[Payment]:
        return [payment for page in self.pages(wanted, limit) for payment in page.payments]


@pytest.fixture
def operator(ledger: Ledger, aws: EmbeddedAws) -> Operator:
    return Operator(PaymentHistory(ledger, KEYS), aws)


def test_the_newest_come_first_and_the_cursor_goes_on(operator: Operator, dynamodb: Any, table: str) -> None:
    payments = [a_payment(number, at=number * 1000) for number in range(7)]
    put_payments(dynamodb, table, payments)
    pages = list(operator.pages(of_days(1), 3))
    assert [list(page.payments) for page in pages] == [payments[:3:-1], payments[3:0:-1], payments[:1]]
    assert [bool(page.cursor) for page in pages] == [True, True, False]


@pytest.mark.parametrize("day_shards", [1, MOST_DAY_SHARDS])
def test_a_day_is_the_shops_day(aws: EmbeddedAws, dynamodb: Any, table: str, clock: HandClock, day_shards: int) -> None:
    """It begins an hour before the ledger's, which is UTC's."""
    hour = 3_600_000
    outside, inside = (-hour - 1, 23 * hour), (-hour, -1, 0, 23 * hour - 1)
    payments = {at: a_payment(number, at) for number, at in enumerate((*outside, *inside))}
    put_payments(dynamodb, table, payments.values(), day_shards)
    operator = Operator(PaymentHistory(Ledger(dynamodb, table, clock, day_shards), KEYS), aws)
    assert operator.all(of_days(1), 1) == [payments[at] for at in sorted(inside, reverse=True)]


@pytest.mark.parametrize("day_shards", [1, 2, MOST_DAY_SHARDS])
def test_a_page_takes_at_most_five_queries_of_a_ledger_with_many_payments(
    aws: EmbeddedAws, dynamodb: Any, table: str, clock: HandClock, day_shards: int
) -> None:
    """The older half was written when a day had one shard."""
    days, number = 8, itertools.count()
    statuses, operators = (
        itertools.cycle([*[S.SUCCESSFUL] * 6, S.FAILED, S.EXPIRED]),
        itertools.cycle(["MTN", "Orange"]),
    )
    missing = itertools.cycle([None] * 6 + [1])

    def claimed_on(shift: int) -> list[Payment]:
        return [
            a_payment(
                next(number),
                at=-shift * DAY_MS + position // 3,  # three in a millisecond
                status=next(statuses),
                operator=next(operators),
                webhook_missing_at=next(missing),
                money=Money(100 * position, "XAF"),
            )
            for position in range(1, 61)
        ]

    new = [payment for shift in range(4) for payment in claimed_on(shift)]
    old = [payment for shift in range(4, days) for payment in claimed_on(shift)]
    put_payments(dynamodb, table, new, day_shards)
    put_payments(dynamodb, table, old)
    operator = Operator(PaymentHistory(Ledger(dynamodb, table, clock, day_shards), KEYS), aws)
    for wanted in (
        of_days(days),
        of_days(days, status=S.FAILED),
        of_days(days, operator="Orange", minimum=5_900),
        of_days(days, status=S.CONFLICTED),
        of_days(days, webhook_missing=True),
        of_days(days, webhook_missing=True, operator="Orange"),
    ):
        listed = operator.all(wanted)
        assert [it.created_at for it in listed] == sorted((it.created_at for it in listed), reverse=True)
        expected = sorted(it.reference for it in (*new, *old) if matches(it, wanted))
        assert sorted(it.reference for it in listed) == expected


def test_a_page_of_a_busy_day_takes_one_query(operator: Operator, dynamodb: Any, table: str) -> None:
    put_payments(dynamodb, table, [a_payment(number, at=number) for number in range(60)])
    next(operator.pages(of_days(92), 50))
    assert operator.aws.calls["Query"] == 1


def test_what_a_filter_leaves_out_is_read_in_large_pieces(operator: Operator, dynamodb: Any, table: str) -> None:
    payments = [a_payment(number, at=number) for number in range(2_100)]
    rare = [replace(payments[at], status=S.CONFLICTED) for at in (7, 1_099, 1_100, 2_099)]
    put_payments(dynamodb, table, payments)
    put_payments(dynamodb, table, rare)
    (page,) = operator.pages(of_days(1, status=S.CONFLICTED), 50)
    assert list(page.payments) == rare[::-1]
    assert operator.aws.calls["Query"] == 3 + 1, "a day of the shop has a part of two days of the ledger"


def test_days_with_few_payments_are_a_short_page_with_a_cursor(operator: Operator, dynamodb: Any, table: str) -> None:
    old = a_payment(1, at=-91 * DAY_MS)
    put_payments(dynamodb, table, [a_payment(2, at=5), old])
    pages = list(operator.pages(of_days(92), 50))
    assert [len(page.payments) for page in pages] == [1, *[0] * 17, 1]
    assert list(pages[-1].payments) == [old]


# --------------------------------------------------------------------------- any filter, while new ones come

STATUSES = (S.SUCCESSFUL, S.FAILED)
CLAIMED = st.builds(
    lambda day, at, status, operator, amount, currency, missing: (
        at - day * DAY_MS,
        {"status": status, "operator": operator, "money": Money(amount, currency), "webhook_missing_at": missing},
    ),
    st.integers(0, 2),
    st.sampled_from([-3_600_001, -3_600_000, 0, 1, 1, 2]),
    st.sampled_from(STATUSES),
    st.sampled_from(["MTN", "Orange", None]),
    st.integers(1, 3),
    st.sampled_from(["XAF", "XAF", "EUR"]),
    st.sampled_from([None, 1]),
)
FILTERS = st.builds(
    HistoryFilter,
    first=st.integers(0, 3).map(lambda days: LAST - timedelta(days=days)),
    last=st.just(LAST),
    status=st.sampled_from([None, None, *STATUSES]),
    operator=st.sampled_from([None, None, "MTN", "Orange"]),
    currency=st.sampled_from([None, "XAF", "EUR"]),
    minimum=st.sampled_from([None, 1, 2]),
    maximum=st.sampled_from([None, 2, 3]),
    webhook_missing=st.booleans(),
)
SHARDS = st.integers(1, MOST_DAY_SHARDS)
_TABLES = itertools.count()


@settings(max_examples=60, phases=[Phase.reuse, Phase.generate])  # to shrink a failure takes minutes
@given(
    claims=st.lists(CLAIMED, min_size=4, max_size=24),
    wanted=FILTERS,
    shards=st.lists(SHARDS, min_size=1, max_size=3).map(sorted),
    new_a_page=st.integers(0, 3),
    limit=st.integers(1, 4),
)
def test_paging_through_any_filter_has_each_payment_once_while_new_ones_are_claimed(
    dynamodb: Any,
    claims: Sequence[tuple[int, dict[str, Any]]],
    wanted: HistoryFilter,
    shards: Sequence[int],
    new_a_page: int,
    limit: int,
) -> None:
    """Payments share milliseconds, a query with a filter reads three rows, and the number of shards rises meanwhile."""
    table = f"history-{next(_TABLES)}"
    create_table(dynamodb, table)
    there = [a_payment(number, at, **fields) for number, (at, fields) in enumerate(claims)]
    put_payments(dynamodb, table, there, shards[0])
    client, number = TableClient(dynamodb, table, Clock()), itertools.count(1_000)
    listed: list[Payment] = []
    position: Position | None = Position(wanted.until)
    most_pages = len(there) + 6  # each goes on by a payment or a day at least
    for now_shards in itertools.islice(itertools.chain(shards, itertools.repeat(shards[-1])), most_pages):
        if position is None:
            break
        payments, position = DayPages(client, now_shards, wanted, read_to_filter=3).page(position, limit)
        listed += payments
        if position:
            position = read_cursor(sign_cursor(position, wanted, KEYS), wanted, KEYS)
        new = [a_payment(at, at) for at in itertools.islice(number, new_a_page)]
        put_payments(dynamodb, table, new, now_shards)
    dynamodb.delete_table(TableName=table)
    assert position is None, "the list does not end"
    expected = [it for it in there if wanted.first <= day_of(it.created_at) and matches(it, wanted)]
    assert [it.created_at for it in listed] == sorted((it.created_at for it in expected), reverse=True)
    assert sorted(it.reference for it in listed) == sorted(it.reference for it in expected)


# --------------------------------------------------------------------------- cursors


@pytest.fixture
def cursor(operator: Operator, dynamodb: Any, table: str) -> str:
    put_payments(dynamodb, table, [a_payment(number, at=number) for number in range(4)])
    page = next(operator.pages(of_days(2), 2))
    assert page.cursor
    return page.cursor


def is_refused(operator: Operator, wanted: HistoryFilter, cursor: str, *, keys: Sequence[str] = KEYS) -> bool:
    """Whether a cursor is refused before anything is read."""
    operator.aws.calls.clear()
    with pytest.raises(InvalidRequest) as caught:
        replace(operator.history, cursor_keys=keys)(HistoryQuery(wanted, cursor, 2))
    return caught.value.fields.keys() == {"cursor"} and not operator.aws.calls


def test_a_forged_cursor_opens_nothing(operator: Operator, cursor: str) -> None:
    for at, letter in enumerate(cursor):
        forged = cursor[:at] + ("A" if letter != "A" else "B") + cursor[at + 1 :]
        assert is_refused(operator, of_days(2), forged), at
    for forged in ("x", ".", cursor.partition(".")[0], cursor + "=", cursor + "A", "é" * 40, "AAAA" * 40):
        assert is_refused(operator, of_days(2), forged), forged


def test_a_cursor_opens_its_own_list_only(operator: Operator, cursor: str) -> None:
    wanted = of_days(2)
    for other in (
        of_days(1),
        replace(wanted, last=LAST + timedelta(days=1)),
        replace(wanted, status=S.SUCCESSFUL),
        replace(wanted, operator="MTN"),
        replace(wanted, minimum=0),
        replace(wanted, maximum=5000),
        replace(wanted, webhook_missing=True),
    ):
        assert is_refused(operator, other, cursor), other


def test_a_cursor_outlives_the_rotation_of_its_key(operator: Operator, cursor: str) -> None:
    new = "another-key-of-thirty-two-bytes-or-more"
    during = replace(operator.history, cursor_keys=(new, *KEYS))
    assert len(during(HistoryQuery(of_days(2), cursor, 2)).payments) == 2
    assert is_refused(operator, of_days(2), cursor, keys=(new,))


def test_a_ledger_that_is_away_is_said_so(operator: Operator) -> None:
    operator.aws.faults.set({"operation": "Query", "kind": "unavailable", "count": 9})
    with pytest.raises(LedgerUnavailable):
        next(operator.pages(of_days(1), 1))
    operator.aws.faults.set()


def test_the_bound_of_a_page_allows_a_query_of_each_shard() -> None:
    assert QUERIES_A_PAGE == MOST_QUERIES
    assert MOST_DAY_SHARDS <= QUERIES_A_PAGE
