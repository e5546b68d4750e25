"""Reads what an operator asks the list of payments for. A refusal names everything that is wrong with the query."""

import re
from collections.abc import Collection, Sequence
from datetime import date

from chalice.app import Request

from chalicelib.domain.errors import InvalidRequest
from chalicelib.domain.history import HistoryFilter, HistoryQuery
from chalicelib.domain.history_cursor import WHAT_IT_MUST_BE, days_in
from chalicelib.domain.money import Money
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.phone_number import OPERATORS
from chalicelib.domain.rollup import day_of
from chalicelib.web.query import Query
from chalicelib.web.requests import MAXIMUM_AMOUNT, check_range, checked_day, locale_of

MOST_PAYMENTS = 100
USUAL_PAYMENTS = 50
FORMATS = ("json", "csv")
LANGUAGES = ("en", "fr")
_NAMES = frozenset(
    {"from", "to", "status", "operator", "currency", "minAmount", "maxAmount", "webhook", "short"}
    | {"limit", "cursor", "format", "language"}
)
_SHORT = re.compile(r"[0-9a-f]{8}")


def history_query(request: Request, now: int, currencies: Collection[str]) -> tuple[HistoryQuery, str | None]:
    """Returns what is asked for, and the language of the CSV that it is asked as; None: as JSON.

    `currencies`: those that can be paid. Amounts are in the first of them, unless the query names another.

    Raises InvalidRequest.
    """
    query = _Query(request, _NAMES)
    cursor = query.text("cursor")
    first, last = _days(query, now)
    operator, amounts = query.choice("operator", OPERATORS), _amounts(query, sorted(currencies))
    webhook_missing = query.choice("webhook", ("missing",)) is not None
    wanted = HistoryFilter(first, last, query.status(), operator, *amounts, webhook_missing, query.short())
    limit = query.number("limit", 1, MOST_PAYMENTS) or USUAL_PAYMENTS
    is_csv = query.choice("format", FORMATS) == "csv"
    language = query.choice("language", LANGUAGES) or locale_of(request)
    if query.faults:
        raise InvalidRequest(fields=query.faults)
    return HistoryQuery(wanted, cursor, limit), language if is_csv else None


def _days(query: "_Query", now: int) -> tuple[date, date]:
    """Returns the first and the last day. Those that the query does not name are the cursor's, and without one today.

    A list that was begun today goes on as the same list after midnight.
    """
    cursor = query.text("cursor")
    begun = days_in(cursor)
    if cursor and begun is None:
        query.faults.setdefault("cursor", WHAT_IT_MUST_BE)
    last = checked_day(query.given, "to", begun[1] if begun else day_of(now), query.faults)
    first = checked_day(query.given, "from", begun[0] if begun else last, query.faults)
    check_range(first, last, query.faults)
    return first, last


def _amounts(query: "_Query", currencies: Sequence[str]) -> tuple[str | None, int | None, int | None]:
    """Returns a currency, and the least and the largest amount in its minor units; None where any will do.

    Amounts of two currencies cannot be compared, so a filter by amount is one by currency too.
    """
    currency = query.choice("currency", currencies)
    written_in = currency or currencies[0]
    minimum, maximum = query.amount("minAmount", written_in), query.amount("maxAmount", written_in)
    if minimum is None and maximum is None:
        return currency, None, None
    if minimum is not None and maximum is not None and minimum > maximum:
        query.faults["minAmount"] = "must not be above `maxAmount`"
    return written_in, minimum, maximum


class _Query(Query):
    """Reads the parameters of the list. Unlike the others, days must not be empty."""

    def status(self) -> PaymentStatus | None:
        word = self.choice("status", tuple(PaymentStatus))
        return PaymentStatus(word) if word else None

    def short(self) -> str | None:
        text = self.text("short")
        if text and not _SHORT.fullmatch(text):
            self.faults.setdefault("short", "must be the first eight digits of a reference, in lower case")
        return text or None

    def amount(self, name: str, currency: str) -> int | None:
        """Returns an amount in minor units. It is written as people write it: 5000 francs, 19.99 euros."""
        text = self.text(name)
        if not text:
            return None
        money = Money.from_decimal(text, currency)
        if money is not None and money.amount <= MAXIMUM_AMOUNT:
            return money.amount
        most = Money(MAXIMUM_AMOUNT, currency).to_decimal()
        self.faults.setdefault(name, f"must be an amount in {currency} from 0 to {most}, with a point if any")
        return None
