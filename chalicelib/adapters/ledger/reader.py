"""Reads the ledger: rows by their keys, consistently, and what the indexes list."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from heapq import merge
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from chalicelib.adapters.ledger.attributes import Item, key_of, payment_key, reference_of
from chalicelib.adapters.ledger.comparison_rows import ComparisonRows
from chalicelib.adapters.ledger.day_pages import DayPages
from chalicelib.adapters.ledger.event_pages import EventPages
from chalicelib.adapters.ledger.items import (
    ACT,
    VERSION,
    Charge,
    History,
    Order,
    Phone,
    SearchKind,
    Stored,
    need_term,
    read_act,
    read_order,
    read_payment,
    read_phone,
    read_stored,
    read_version,
    search_term,
    version_key,
)
from chalicelib.adapters.ledger.link_rows import LinkRows
from chalicelib.adapters.ledger.phone_rows import PhoneRows
from chalicelib.adapters.ledger.rollup_rows import RollupRows
from chalicelib.adapters.ledger.shards import of_all_shards
from chalicelib.adapters.ledger.shop_rows import ShopRows, read_attempts
from chalicelib.adapters.ledger.table import SHARDS, day_mark, shard_mark, shard_of
from chalicelib.adapters.ledger.table_client import BATCH, TableClient
from chalicelib.domain.attention import Need
from chalicelib.domain.history import HistoryFilter, Position
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment
from chalicelib.domain.version import Version
from chalicelib.runtime.clock import Clock
from chalicelib.settings import KEPT_DAYS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LISTED_A_PAGE = 1_000


class LedgerReader:
    """Reads the ledger. Each method raises LedgerUnavailable.

    `day_shards`: partitions of each day in the indexes `day` and `events`. It may rise at any time, and never fall.
    `kept_days`: how long after its claim DynamoDB deletes a payment with its history.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, clock: Clock, day_shards: int = 1, kept_days: int = KEPT_DAYS
    ) -> None:
        self._table = TableClient(client, table, clock)
        self._clock = clock
        self.day_shards = day_shards
        self._kept_days = kept_days
        self.rollups = RollupRows(self._table)
        self.comparisons = ComparisonRows(self._table)
        self.links = LinkRows(self._table)
        self.phones = PhoneRows(self._table)
        self.shop = ShopRows(self._table, clock, kept_days)
        self.events = EventPages(self._table, day_shards)

    def pause(self, attempt: int) -> None:
        """Waits before another attempt after a write conflict."""
        self._table.pause(attempt)

    # ------------------------------------------------------------------ by key, consistent

    def order_and_phone(self, order_id: str, phone_hash: str, *other_hashes: str) -> tuple[Order, Phone]:
        """Reads both rows in one call. `other_hashes`: hashes of the same phone under the other valid keys."""
        hashes = (phone_hash, *other_hashes)
        keys = [key_of(f"order#{order_id}"), *(key_of(f"phone#{name}") for name in hashes)]
        items = {item["pk"]: item for item in self._table.get_many(keys)}
        phone, *others = (read_phone(name, items.get(f"phone#{name}")) for name in hashes)
        return read_order(order_id, items.get(f"order#{order_id}")), replace(phone, under_other_keys=others)

    def order(self, order_id: str) -> Order:
        return read_order(order_id, self._table.get(key_of(f"order#{order_id}")))

    def load(self, reference: str) -> Stored | None:
        return read_stored(self._table.get(payment_key(reference)))

    def load_many(self, references: Iterable[str]) -> list[Stored]:
        """Reads the payments that exist, in any order."""
        keys = iter([payment_key(reference) for reference in dict.fromkeys(references)])
        found: list[Stored | None] = []
        while batch := list(islice(keys, BATCH)):
            found += map(read_stored, self._table.get_many(batch))
        return [stored for stored in found if stored is not None]

    def versions(self, reference: str, after: int, until: int) -> list[Payment]:
        """Reads the versions above `after` up to `until`, in order."""
        bounds = {"pk": f"payment#{reference}", "from": version_key(after + 1), "to": version_key(until)}
        items, _ = self._table.page("#pk = :pk AND #sk BETWEEN :from AND :to", bounds, ConsistentRead=True)
        return [read_payment(item["payment"]) for item in items]

    def load_with_history(self, reference: str) -> History | None:
        """Reads all that there is of a payment. Returns None where there is none such.

        A call reads 1 MB: some eight hundred versions, of which a payment has about three.
        """
        rows = self._table.partition(payment_key(reference)["pk"])
        stored = read_stored(next((row for row in rows if row["sk"] == "state"), None))
        if stored is None:
            return None
        versions = [read_version(row) for row in rows if row["sk"].startswith(VERSION)]
        acts = [read_act(row) for row in rows if row["sk"].startswith(ACT)]
        return History(stored, versions, acts, read_attempts(rows))

    def versions_of(self, reference: str) -> list[Version]:
        """Reads the versions of a payment, in order; none where there is no such payment."""
        found = self.load_with_history(reference)
        return found.versions if found else []

    # ------------------------------------------------------------------ by index, eventually consistent

    def due(self, after: int, until: int, limit: int) -> dict[str, int]:
        """Lists references of payments that the index has as due in a time, and when; the earliest first.

        A payment that waits for its customer stands at its first check: see `Ledger.take_check`.
        """
        return self._marked("due", "dueMark", "dueAt", after, until, limit)

    def undelivered(self, before: int, limit: int) -> dict[str, int]:
        """Lists references of payments with a change that has waited since `before` or longer, and since when."""
        return self._marked("undelivered", "undeliveredMark", "undeliveredSince", 0, before, limit)

    def charges_of_day(self, day: date, shard: int | None = None) -> Iterator[Charge]:
        """Yields the charges of the payments that were claimed on a day (UTC), or on one shard of it, by their claims.

        A recorded charge is never removed; one of the last seconds may still be missing in the index.
        """
        for item in self._listed(day, range(self.day_shards) if shard is None else [shard]):
            payment = item["payment"]
            for provider_reference in payment.get("charges", ()):
                yield Charge(provider_reference, reference_of(item), Money(**payment["money"]))

    def history(self, wanted: HistoryFilter, begin: Position, limit: int) -> tuple[list[Payment], Position | None]:
        """Returns a page of the payments of days, newest first, and where the next page begins; None: there is none.

        A page takes at most QUERIES_A_PAGE queries (day_pages.py), so that it may have fewer than `limit` payments. One
        of the last seconds may still be missing in the index.
        """
        return DayPages(self._table, self.day_shards, wanted).page(begin, limit)

    def claimed_on(self, day: date) -> Iterator[Payment]:
        """Yields the payments that were claimed on a day (UTC), by their claims."""
        for item in self._listed(day, range(self.day_shards)):
            yield read_payment(item["payment"])

    def day_shard_of(self, reference: str) -> int:
        """Returns the shard of its day that a payment is claimed in, as of the number of shards that there are now."""
        return shard_of(f"payment#{reference}", self.day_shards)

    def search(self, kind: SearchKind, value: str, limit: int) -> list[str]:
        """Lists references of the payments that have a search term, newest first."""
        condition, term = "#search = :term", {"term": search_term(kind, value)}
        items, _ = self._table.page(condition, term, IndexName="search", Limit=limit, ScanIndexForward=False)
        return list(dict.fromkeys(reference_of(item) for item in items))

    def needing_person(self, need: Need, after: int, until: int, limit: int) -> dict[str, int]:
        """Lists references of the payments that have needed a person since a time, and since when; the oldest first."""
        condition = "#search = :term AND #at BETWEEN :after AND :until"
        values = {"term": need_term(need), "after": after, "until": until}
        items, _ = self._table.page(condition, values, IndexName="search", Limit=limit)
        return {reference_of(item): item["at"] for item in items}

    def _listed(self, day: date, shards: Iterable[int]) -> Iterator[Item]:
        """Yields the entries of a day in the order of their claims. It reads a page of each shard at a time."""
        of_shards = (self._listed_in(day_mark(day, shard)) for shard in shards)
        return merge(*of_shards, key=itemgetter("claimedAt"))

    def _listed_in(self, mark: str) -> Iterator[Item]:
        following: Item = {}
        while True:
            start = {"ExclusiveStartKey": following} if following else {}
            condition, value = "#day = :day", {"day": mark}
            items, following = self._table.page(condition, value, IndexName="day", Limit=_LISTED_A_PAGE, **start)
            yield from items
            if not following:
                return

    def _marked(self, index: str, mark: str, moment: str, after: int, until: int, limit: int) -> dict[str, int]:
        """Lists the `limit` earliest references over all shards, and their moments."""

        def read(shard: int) -> list[Item]:
            condition = f"#{mark} = :mark AND #{moment} BETWEEN :after AND :until"
            values = {"mark": shard_mark(index, shard), "after": after, "until": until}
            items, _ = self._table.page(condition, values, IndexName=index, Limit=limit)
            return items

        items = chain.from_iterable(of_all_shards(read, SHARDS))
        longest = sorted(items, key=lambda item: item[moment])[:limit]
        return {reference_of(item): item[moment] for item in longest}
