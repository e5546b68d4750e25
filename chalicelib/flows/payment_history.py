"""Lists payments for operators, newest first, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.domain.history import HistoryPage, HistoryQuery, Position
from chalicelib.domain.history_cursor import phone_mark, read_cursor, sign_cursor


@dataclass(frozen=True, slots=True)
class PaymentHistory:
    """Lists payments from the ledger. `cursor_keys`: the first one signs cursors, all verify."""

    ledger: Ledger
    cursor_keys: Sequence[str]

    def __call__(self, query: HistoryQuery) -> HistoryPage:
        """Returns a page. It may have fewer payments than asked for, or none, and be followed by others all the same.

        Raises InvalidRequest for a cursor of another list, LedgerUnavailable.
        """
        wanted = query.filter
        begin = Position(wanted.until)
        if query.cursor:
            begin = read_cursor(query.cursor, wanted, self.cursor_keys)
        payments, following = self.ledger.history(wanted, begin, query.limit)
        cursor = sign_cursor(following, wanted, self.cursor_keys) if following else None
        marks = [phone_mark(payment.phone_hash, wanted, self.cursor_keys) for payment in payments]
        return HistoryPage(payments, cursor, marks)
