"""Keeps in the ledger's table what the shop has been told of each payment.

    payment#<reference>  shop           up to which order event it has taken them, and when the next one is sent
    payment#<reference>  shop#<time>#   each attempt: event, status, duration

One process at a time sends a payment's order events, so that they arrive in order: it takes a turn by a condition, and
each write of a turn has the condition that nobody has taken the next one. Every method raises LedgerUnavailable.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.ledger.attributes import Item, key_of
from chalicelib.adapters.ledger.table import FORGOTTEN_BY_ATTRIBUTE
from chalicelib.adapters.ledger.table_client import ATTEMPTS, TableClient, Written
from chalicelib.adapters.ledger.update import Update
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.order_event import FIRST, Attempt, Place
from chalicelib.domain.order_event_schedule import LONGEST_PAUSE_MS
from chalicelib.domain.payment import Payment
from chalicelib.runtime.clock import Clock

TURN_MS = 75_000
"""Life of a turn. Longer than the function that sends may run, so that only a process that died is replaced."""
_CLOCK_SKEW_MS = 1_000
_ROW, _ATTEMPT = "shop", "shop#"
_OF_A_TURN = ("turnId", "turnUntil")
_OF_FAILURES = ("failures", "failingSince", "nextAt", "givenUp")
_LAST_PART = 99
"""Beyond the order events of any version."""
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Telling:
    """How far the shop has been told of a payment. Times are in milliseconds since the epoch.

    `told`: the last order event that it has taken. `failures`: how often the next one has failed in a row, the first
    time at `failing_since`; `next_at`: not sent before. `given_up`: the payment's version at which it was given up.
    """

    told: Place = FIRST
    failures: int = 0
    failing_since: int | None = None
    next_at: int = 0
    given_up: int = 0
    turn_id: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer to who asked for a turn. `telling`: the row after it was taken, or as it stands where it was not."""

    reference: str
    turn_id: str
    telling: Telling

    @property
    def is_granted(self) -> bool:
        """Whether the row has our id. It may after a refusal too, where the answer to our write was lost."""
        return self.telling.turn_id == self.turn_id

    def anew(self) -> "Turn":
        """Returns the turn after an order event was taken: the next one has not failed yet."""
        return Turn(self.reference, self.turn_id, Telling())


class ShopRows:
    """Reads and writes the rows. `kept_days`: as of the payments themselves."""

    def __init__(self, table: TableClient, clock: Clock, kept_days: int) -> None:
        self._table = table
        self._clock = clock
        self._kept_days = kept_days

    def load(self, reference: str) -> Telling:
        return _read(self._table.get(key_of(_partition(reference), _ROW)) or {})

    def attempts(self, reference: str) -> list[Attempt]:
        """Reads the attempts of a payment, in order."""
        return read_attempts(self._table.partition(_partition(reference)))

    def take_turn(self, payment: Payment) -> Turn:
        """Requests the turn. Refused while another has it, before the next attempt is due, and after giving up.

        What was given up begins anew with the payment's next version. A moment that is further in the future than this
        code ever writes comes from a wrong clock and is ignored.
        """
        turn_id, now = uuid.uuid4().hex, self._clock.now()
        update = Update(_partition(payment.reference), _ROW)
        update.set(turnId=turn_id, turnUntil=now + TURN_MS).set_once(**self._end(payment))
        update.only_if("attribute_not_exists(turnId) OR turnUntil <= :now OR turnUntil > :longest")
        update.only_if("attribute_not_exists(nextAt) OR nextAt <= :now OR nextAt > :latest")
        update.only_if("attribute_not_exists(givenUp) OR givenUp < :version")
        longest, latest = (now + ms + _CLOCK_SKEW_MS for ms in (TURN_MS, LONGEST_PAUSE_MS))
        update.values |= {":now": now, ":longest": longest, ":latest": latest, ":version": payment.version}
        result = self._table.update(update, returns_item=True)
        return Turn(payment.reference, turn_id, _read(result.item))

    def note(self, payment: Payment, attempt: Attempt) -> None:
        """Keeps an attempt."""
        update = Update(_partition(payment.reference), f"{_ATTEMPT}{attempt.at:015d}#{uuid.uuid4().hex[:8]}")
        told = {"event": attempt.event_id, "sentAt": attempt.at, "ms": attempt.ms}
        answer = {"status": attempt.status} if attempt.status else {"reason": attempt.reason}
        self._table.update(update.set(**told, **answer, **self._end(payment)))

    def taken(self, turn: Turn, place: Place, *, ends: bool) -> bool:
        """Records that the shop has taken the order event at a place. Returns False where the turn is another's.

        `ends`: whether this ends the turn.
        """
        update = self._of(turn).set(told=[place.version, place.part])
        update.remove(*_OF_FAILURES, *(_OF_A_TURN if ends else ()))
        return isinstance(self._table.update(update), Written) or ends

    def refused(self, turn: Turn, failures: int, since: int, next_at: int) -> None:
        """Records that the shop has not taken the next order event, and ends the turn."""
        update = self._of(turn).set(failures=failures, failingSince=since, nextAt=next_at)
        self._table.update(update.remove("givenUp", *_OF_A_TURN))

    def give_up(self, turn: Turn, payment: Payment) -> None:
        """Records that the next order event is not sent again by itself, and ends the turn."""
        update = self._of(turn).set(givenUp=payment.version)
        self._table.update(update.remove("failures", "failingSince", "nextAt", *_OF_A_TURN))

    def tell_again(self, reference: str, after: Place) -> None:
        """Has the order events after a place sent again that the shop has taken, and the next one at once.

        Whoever has the turn loses it.
        """
        for _ in range(ATTEMPTS):
            row = self._table.get(key_of(_partition(reference), _ROW))
            if row is None:
                return  # nothing was sent
            told = min(_read(row).told, after)
            update = Update(_partition(reference), _ROW).set(told=[told.version, told.part])
            update.remove(*_OF_FAILURES, *_OF_A_TURN)
            if "told" in row:
                update.only_if("told = :seen").values[":seen"] = row["told"]
            else:
                update.only_if("attribute_not_exists(told)")
            if isinstance(self._table.update(update), Written):
                return
        raise LedgerUnavailable("too many conflicts")

    def keep_from(self, payment: Payment) -> Update:
        """Builds the change by which the order events of a payment's newest version are not sent."""
        update = Update(_partition(payment.reference), _ROW).set(told=[payment.version, _LAST_PART])
        return update.set_once(**self._end(payment)).remove(*_OF_FAILURES, *_OF_A_TURN)

    def end_turn(self, turn: Turn) -> None:
        self._table.update(self._of(turn).remove(*_OF_A_TURN))

    def _of(self, turn: Turn) -> Update:
        update = Update(_partition(turn.reference), _ROW).only_if("turnId = :turn")
        update.values[":turn"] = turn.turn_id
        return update

    def _end(self, payment: Payment) -> Item:
        return {FORGOTTEN_BY_ATTRIBUTE: payment.created_at // 1000 + self._kept_days * _DAY_SECONDS}


def _partition(reference: str) -> str:
    return f"payment#{reference}"


def _read(row: Mapping[str, Any]) -> Telling:
    return Telling(
        told=Place(*row.get("told", ())),
        failures=row.get("failures", 0),
        failing_since=row.get("failingSince"),
        next_at=row.get("nextAt", 0),
        given_up=row.get("givenUp", 0),
        turn_id=row.get("turnId", ""),
    )


def read_attempts(rows: Iterable[Mapping[str, Any]]) -> list[Attempt]:
    """Reads the attempts among the rows of a payment, in order."""
    attempts = (row for row in rows if row["sk"].startswith(_ATTEMPT))
    return [Attempt(it["event"], it["sentAt"], it["ms"], it.get("status"), it.get("reason", "")) for it in attempts]
