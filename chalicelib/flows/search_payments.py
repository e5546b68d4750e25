"""Finds payments for an operator who knows one thing of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from chalicelib.adapters.ledger.items import SearchKind
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.contract import to_event
from chalicelib.domain.payment_search import PaymentSearch, SearchField
from chalicelib.domain.phone_number import hash_phone
from chalicelib.runtime import log
from chalicelib.runtime.clock import Clock

MOST_FOUND = 50
"""Payments in an answer. They are read in one call, which takes up to a hundred."""


@dataclass(frozen=True, slots=True)
class SearchPayments:
    """Finds payments in the ledger with two calls; by a phone number with one more for each further hash key."""

    ledger: Ledger
    clock: Clock
    phone_hash_keys: Sequence[str]

    def __call__(self, wanted: PaymentSearch, *, by: str) -> dict[str, Any]:
        """Returns the newest MOST_FOUND payments that match, newest first, and whether there are more.

        `by`: the operator's name, for the log, which never has what was looked for.

        One of the last seconds may still be missing, unless its order or its own reference was given.

        Raises LedgerUnavailable.
        """
        references = list(dict.fromkeys(self._references(wanted)))
        found = [stored.payment for stored in self.ledger.load_many(references[:MOST_FOUND])]
        found.sort(key=lambda payment: payment.created_at, reverse=True)
        log.info("operator-search", by=by, field=wanted.field, found=len(found))
        now = self.clock.now()
        return {"payments": [to_event(each, now) for each in found], "hasMore": len(references) > MOST_FOUND}

    def _references(self, wanted: PaymentSearch) -> Iterator[str]:
        """Yields references that match, newest first; at least one more than MOST_FOUND where there are more."""
        match wanted.field:
            case SearchField.REFERENCE:
                return iter([wanted.value])
            case SearchField.ORDER_ID:
                return reversed(self.ledger.order(wanted.value).all_attempts)
            case SearchField.PROVIDER_REFERENCE:
                return self._listed(SearchKind.PROVIDER, wanted.value)
            case SearchField.OPERATOR_REFERENCE:
                return self._listed(SearchKind.OPERATOR, wanted.value)
            case SearchField.PHONE_NUMBER:
                return self._listed(SearchKind.PHONE, *hash_phone(wanted.value, self.phone_hash_keys))

    def _listed(self, kind: SearchKind, *values: str) -> Iterator[str]:
        return chain.from_iterable(self.ledger.search(kind, value, MOST_FOUND + 1) for value in values)
