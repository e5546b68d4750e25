"""Writes a long history, looks things up in it, and counts what each look-up reads."""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from benchmarks.history.made_up import MadeUp, Order, Traffic
from benchmarks.history.shop import SetClock, Shop
from benchmarks.read_units import ReadUnits
from chalicelib.adapters.ledger.attributes import key_of, reference_of, to_attributes
from chalicelib.adapters.ledger.items import read_version, version_key
from chalicelib.adapters.ledger.table_client import BATCH
from chalicelib.bootstrap import Service
from chalicelib.domain.history import HistoryFilter, HistoryQuery
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.payment_search import PaymentSearch, SearchField
from chalicelib.domain.rollup import DOUALA, rollup_of, utc_days_of
from chalicelib.domain.version import Version
from chalicelib.flows.rebuild_rollups import RebuildRollups
from chalicelib.flows.search_payments import MOST_FOUND
from local.campay_simulator import CampaySimulator
from local.worker import Shards

SEARCH, PAGE, ANALYTICS = 3, 5, 40
"""The most reads of a search, of a page of the list, and of 30 days of the analytics."""
_A_BATCH = 25
T = TypeVar("T")
_RECORDS = 500
"""Records that Lambda hands over at once, at most: see infra/functions.py."""


@dataclass(frozen=True)
class Plan:
    """How much history there is: payments written directly, payments by the real code, and days until `last`.

    `samples`: how many different words of each kind are searched for, at least.
    """

    written: int = 50_000
    real: int = 2_000
    days: int = 90
    last: date = date(2026, 3, 31)
    samples: int = 25

    @property
    def all_days(self) -> list[date]:
        return [self.last - timedelta(days=back) for back in reversed(range(self.days))]

    def of_day(self, number: int, of_all: int) -> int:
        return of_all * (number + 1) // self.days - of_all * number // self.days


@dataclass(frozen=True)
class Cost:
    """What a look-up reads. `calls`, `units`: the most of all `times`. `most`: the bound of the calls."""

    what: str
    times: int
    calls: int
    units: float
    most: int

    @property
    def misses(self) -> bool:
        return self.calls > self.most


@dataclass
class Proof:
    """What was found. `wrong`: what is not as it has to be, in words."""

    costs: list[Cost] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    payments: int = 0
    versions: int = 0
    groups: int = 0


class History:
    """Builds the history, and proves what is claimed of it. `counted`, `other`: two clients of the ledger's table."""

    def __init__(
        self,
        service: Service,
        simulator: CampaySimulator,
        counted: Any,
        other: Any,
        plan: Plan,
        told: Callable[[str], None],
    ) -> None:
        assert isinstance(service.clock, SetClock)
        self._service, self._clock = service, service.clock
        self._shop = Shop(service, simulator, self._clock)
        self._plan, self._other, self._told = plan, other, told
        self._units = ReadUnits(counted, other)
        self._shards = Shards(service.settings.payments_table)
        self._traffic = Traffic(service.settings.phone_hash_keys, customers=max(plan.written // 4, 1))
        self._written: list[MadeUp] = []
        self.proof = Proof()

    # ------------------------------------------------------------------ build

    def build(self) -> None:
        """Writes day after day, and has the rollups count each."""
        gc.disable()
        for number, day in enumerate(self._plan.all_days):
            orders = self._traffic.day(day, self._plan.of_day(number, self._plan.written))
            self._write(orders)
            self._written += [attempt for order in orders for attempt in order.attempts]
            noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=DOUALA).timestamp() * 1000)
            self._shop.day(noon, self._plan.of_day(number, self._plan.real))
            self._count()
            gc.collect()
            gc.freeze()  # what is written stays: collections that walk through all of it would take most of the time
            if day.day % 10 == 0 or number + 1 == self._plan.days:
                self._told(f"{day}: {len(self._written):,} written, {len(self._shop.references):,} by the real code")
        gc.enable()

    def _write(self, orders: Iterable[Order]) -> None:
        table = self._service.settings.payments_table
        puts = [{"PutRequest": {"Item": to_attributes(row)}} for order in orders for row in order.rows()]
        for batch in batched(puts, _A_BATCH):
            answer = self._other.batch_write_item(RequestItems={table: batch})
            assert not answer["UnprocessedItems"]

    def _count(self) -> None:
        """Hands the stream's new records over as Lambda does."""
        while events := list(self._shards.events()):
            for event in events:
                for records in batched(event["Records"], _RECORDS):
                    self._service.count_changes(event["shardId"], records)

    # ------------------------------------------------------------------ prove

    def prove(self) -> Proof:
        real = [it.payment for it in self._service.ledger.load_many(self._shop.references)]
        payments = {payment.reference: payment for payment in [*(it.payment for it in self._written), *real]}
        self.proof.payments = len(payments)
        self._searches(payments)
        self._lists(payments)
        self._analytics()
        self._told("looked up; now the recount")
        self._recount(len(payments))
        return self.proof

    def _measure(self, what: str, most: int, looks: Iterable[Callable[[], Any]]) -> list[Any]:
        calls, units, answers = 0, 0.0, []
        for look in looks:
            self._units.reset()
            answers.append(look())
            calls, units = max(calls, self._units.calls), max(units, self._units.units)
        self.proof.costs.append(Cost(what, len(answers), calls, units, most))
        return answers

    def _expect(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self.proof.wrong.append(f"{what}: {str(found)[:200]}, not {str(expected)[:200]}")

    # ------------------------------------------------------------------ searches

    def _searches(self, payments: Mapping[str, Payment]) -> None:
        numbers = {it.payment.reference: it.phone_number for it in self._written} | self._shop.phone_numbers
        known: Mapping[SearchField, Callable[[Payment], str | None]] = {
            SearchField.REFERENCE: lambda it: it.reference,
            SearchField.ORDER_ID: lambda it: it.order_id,
            SearchField.PROVIDER_REFERENCE: lambda it: it.provider_reference,
            SearchField.OPERATOR_REFERENCE: lambda it: it.operator_reference,
            SearchField.PHONE_NUMBER: lambda it: numbers[it.reference],
        }
        for name, word_of in known.items():
            of_word: dict[str, list[Payment]] = {}
            for payment in payments.values():
                if word := word_of(payment):
                    of_word.setdefault(word, []).append(payment)
            most_found = max(of_word, key=lambda word: len(of_word[word]))
            words = [*list(of_word)[:: max(1, len(of_word) // self._plan.samples)], most_found]
            self._search(name, {word: of_word[word] for word in words})
        keys = self._service.settings.phone_hash_keys
        rotated = replace(self._service.search, phone_hash_keys=(*keys, "the key before, of thirty-two bytes or more"))
        self._search(SearchField.PHONE_NUMBER, {words[-1]: of_word[words[-1]]}, rotated, "while the key is rotated")

    def _search(
        self, name: SearchField, wanted: Mapping[str, Sequence[Payment]], search: Any = None, note: str = ""
    ) -> None:
        search = search or self._service.search
        looks = [partial(search, PaymentSearch(name, word), by="bench") for word in wanted]
        found = self._measure(f"search by {name} {note}".strip(), SEARCH, looks)
        for payments, answer in zip(wanted.values(), found, strict=True):
            newest = sorted(payments, key=lambda it: it.created_at, reverse=True)[:MOST_FOUND]
            shown = [it["createdAt"] for it in answer["payments"]]
            self._expect(
                f"search by {name}", (len(shown), answer["hasMore"]), (len(newest), len(payments) > MOST_FOUND)
            )
            self._expect(f"search by {name}: newest first", shown, sorted(shown, reverse=True))
            if len(payments) <= MOST_FOUND:
                references = {it["reference"] for it in answer["payments"]}
                self._expect(f"search by {name}", references, {it.reference for it in payments})

    # ------------------------------------------------------------------ the list

    def _lists(self, payments: Mapping[str, Payment]) -> None:
        first, last = self._plan.all_days[0], self._plan.last
        week = HistoryFilter(last - timedelta(days=6), last)
        everything = HistoryFilter(first, last)
        kinds = {
            "the list": everything,
            "the list of a week, by state": replace(week, status=PaymentStatus.FAILED),
            "the list, by operator and amount": replace(everything, operator="Orange", currency="XAF", minimum=45_000),
            "the list, by a rare state": replace(everything, status=PaymentStatus.CONFLICTED),
        }
        for what, wanted in kinds.items():
            pages = self._measure(f"a page of {what}", PAGE, self._pages(wanted))
            listed = [payment.reference for page in pages for payment in page.payments]
            expected = [it for it in payments.values() if _is_wanted(it, wanted)]
            expected.sort(key=lambda it: it.created_at, reverse=True)
            self._expect(f"{what}: how often", Counter(Counter(listed).values()), Counter({1: len(expected)}))
            self._expect(what, set(listed), {it.reference for it in expected})
            times = [payments[it].created_at for it in listed if it in payments]
            self._expect(f"{what}: newest first", times, sorted(times, reverse=True))

    def _pages(self, wanted: HistoryFilter) -> Iterator[Callable[[], Any]]:
        cursor: str | None = ""
        while cursor is not None:
            pages: list[Any] = []

            def look(cursor: str = cursor, pages: list[Any] = pages) -> Any:
                pages.append(self._service.history(HistoryQuery(wanted, cursor, 100)))
                return pages[0]

            yield look
            cursor = pages[0].cursor

    # ------------------------------------------------------------------ the figures

    def _analytics(self) -> None:
        for days in (30, 92):
            first = self._plan.last - timedelta(days=days - 1)
            look = partial(self._service.analytics, first, self._plan.last)
            self._measure(f"analytics of {days} days", ANALYTICS, [look])

    def _recount(self, payments: int) -> None:
        ledger, first, last = self._service.ledger, self._plan.all_days[0], self._plan.last
        counted = ledger.rollups.between(first, last)
        utc_days = sorted({day for each in self._plan.all_days for day in utc_days_of(each)})
        references = [payment.reference for day in utc_days for payment in ledger.claimed_on(day)]
        self._expect("payments in the index of days", len(references), payments)
        recounted = rollup_of(self._histories(references))
        self.proof.groups = len(counted)
        self._expect("the rollups and the recount", counted, recounted)
        self._expect("payments in the rollups", sum(it["started"] for it in counted.values()), payments)
        self._clock.to(_end_of(last) + 6 * 3_600_000)  # a rebuild counts what was written until now
        RebuildRollups(ledger, self._clock)([self._plan.last])
        self._expect("the rollups after a rebuild", ledger.rollups.between(first, last), recounted)

    def _histories(self, references: Sequence[str]) -> Iterator[list[Version]]:
        """Yields the versions of each payment, in order. Moto reads many at once in a fraction of the time."""
        ledger = self._service.ledger
        for some in batched(references, BATCH):
            newest = {it.payment.reference: it.payment.version for it in ledger.load_many(some)}
            numbers = [(reference, number) for reference in some for number in range(1, newest[reference] + 1)]
            keys = [key_of(f"payment#{reference}", version_key(number)) for reference, number in numbers]
            rows = [row for part in batched(keys, BATCH) for row in ledger._table.get_many(part)]
            found: dict[str, list[Version]] = {}
            for row in sorted(rows, key=itemgetter("sk")):
                found.setdefault(reference_of(row), []).append(read_version(row))
            self.proof.versions += len(rows)
            self._expect("versions of payments", len(rows), len(keys))
            yield from found.values()


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _end_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 23, 59, tzinfo=DOUALA).timestamp() * 1000)


def _is_wanted(payment: Payment, wanted: HistoryFilter) -> bool:
    return (
        wanted.since <= payment.created_at <= wanted.until
        and wanted.status in (None, payment.status)
        and wanted.operator in (None, payment.operator)
        and payment.money.amount >= (wanted.minimum or 0)
    )
