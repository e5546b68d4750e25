"""Finds a phone in the ledger by its keyed hash, and takes it out.

A payment has its phone's hash and mask in its state and in each of its versions; the index `search` has the hash of its
first version. Every method raises LedgerUnavailable.
"""

from collections.abc import Collection, Iterator

from chalicelib.adapters.ledger.attributes import Item, key_of, payment_key, reference_of
from chalicelib.adapters.ledger.items import SearchKind, search_term
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE
from chalicelib.adapters.ledger.table_client import TableClient
from chalicelib.adapters.ledger.update import Update


class PhoneRows:
    """Reads and writes what the ledger has of a phone."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def references(self, phone_hash: str) -> Iterator[str]:
        """Yields the references of all payments of a phone, newest first. One of the last seconds may be missing."""
        condition, term = "#search = :term", {"term": search_term(SearchKind.PHONE, phone_hash)}
        start: Item = {}
        while True:
            items, following = self._table.page(condition, term, IndexName="search", ScanIndexForward=False, **start)
            yield from map(reference_of, items)
            if not following:
                return
            start = {"ExclusiveStartKey": following}

    def rename(self, reference: str, hashes: Collection[str], name: str, mask: str) -> None:
        """Writes a name and a mask in place of a payment's phone, in its state and in each of its versions.

        It can still be found by the phone after that. Counting and delivering take no notice: no version is new.
        """
        for row in self._table.partition(payment_key(reference)["pk"]):
            payment = row.get("payment")
            if payment and payment["phone_hash"] in hashes:
                update = Update(row["pk"], row["sk"]).only_if("payment.version = :version")
                update.set_within("payment", phone_hash=name, phone_mask=mask).values[":version"] = payment["version"]
                self._table.update(update)

    def hide(self, reference: str, hashes: Collection[str]) -> None:
        """Takes a payment out of what is found by the phone."""
        terms = {search_term(SearchKind.PHONE, phone_hash) for phone_hash in hashes}
        for row in self._table.partition(payment_key(reference)["pk"]):
            if row.get("search") in terms:
                self._table.update(Update(row["pk"], row["sk"]).remove("search"))

    def delete(self, phone_hash: str, now: int) -> None:
        """Deletes the row of a phone's limits, unless it is still of use."""
        is_over = f"{FORGOTTEN_BY_ATTRIBUTE} < :now"
        self._table.delete(key_of(f"phone#{phone_hash}"), is_over, {"now": now // 1000})
