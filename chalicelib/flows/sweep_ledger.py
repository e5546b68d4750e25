"""Sweeps the ledger once a minute: finds what is due or undelivered, and sends the hints that others follow."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.adapters.ledger.items import Stored
from chalicelib.adapters.ledger.ledger import Ledger
from chalicelib.adapters.live_store import LiveStore
from chalicelib.adapters.work_queue import WorkQueue
from chalicelib.domain.errors import LedgerUnavailable
from chalicelib.domain.hints import CheckHint
from chalicelib.flows.catch_up_deliveries import UNDELIVERED_AT_ONCE
from chalicelib.flows.mend_live_store import MendLiveStore
from chalicelib.runtime import deadline, log
from chalicelib.runtime.clock import Clock

_UNDELIVERED_AFTER_MS = 2_000
"""Age from which a delivery is taken over. Normally the process that made the change has delivered it by then."""
_OVERDUE_MS = 5_000
"""A payment that waits for its customer has lost its hint when its check is overdue by this. Checks take less."""
_BEHIND_MS = 60_000
"""A wait that long is logged, for the alarms."""
_SEARCHED_FOR = 10
"""Hints at a time for payments whose reference is not known: the first that is followed searches for all of them."""
_LISTED = 20_000
_LOADED = 1_000
"""How many payments are read before their hints are sent: those that come first must not wait for the others."""


@dataclass(frozen=True, slots=True)
class SweepLedger:
    """Finds what fell through, and has others check and deliver it; what Redis alone lacks is mended at once.

    `every_ms`: the time between two sweeps.
    """

    ledger: Ledger
    live_store: LiveStore
    queue: WorkQueue
    mend_live_store: MendLiveStore
    clock: Clock
    expires_after_ms: int
    every_ms: int

    @property
    def ahead_ms(self) -> int:
        """How early checks are sent, with a delay: a little more than what is between two sweeps, for none to wait."""
        return self.every_ms * 13 // 12

    def __call__(self) -> bool:
        """Sweeps once, until the deadline at most. Returns whether it sent every hint.

        What it did not get to comes with the next sweep.
        """
        now = self.clock.now()
        try:
            undelivered = self._send_undelivered(now)
            overdue_ms = self._send_due(now)
        except LedgerUnavailable:
            log.warning("sweep-without-ledger")
            return False
        waits = [now - min(undelivered.values(), default=now), overdue_ms]
        undelivered_seconds, due_seconds = (ms // 1000 for ms in waits)
        log.info("swept", ms=self.clock.now() - now)
        if max(waits) >= _BEHIND_MS:
            log.warning("sweep-behind", due_seconds=due_seconds, undelivered_seconds=undelivered_seconds)
        has_sent_every_hint = not deadline.is_over(self.clock.now())
        self.mend_live_store()
        return has_sent_every_hint

    def _send_undelivered(self, now: int) -> Mapping[str, int]:
        """Sends the payments that are undelivered; without Redis only those with an order event to publish."""
        undelivered = self.ledger.undelivered(now - _UNDELIVERED_AFTER_MS, UNDELIVERED_AT_ONCE)
        if undelivered and self.live_store.storage() == "degraded":
            self.queue.look_for_undelivered()
            stored = self.ledger.load_many(undelivered)
            self.queue.deliver_all(it.payment.reference for it in stored if not it.is_announced)
        else:
            self.queue.deliver_all(undelivered)
        return undelivered

    def _send_due(self, now: int) -> int:
        """Sends the payments whose check is due, or will be before the next sweep. Returns the longest delay.

        Those that may still wait for their customer come first: their entries are younger than an expiry.
        """
        oldest_waiting = now - self.expires_after_ms - self.ahead_ms
        waiting = self.ledger.due(oldest_waiting + 1, now + self.ahead_ms, _LISTED)
        longest = self._send_checks(waiting, now)
        if deadline.is_over(self.clock.now()):
            return longest
        return max(longest, self._send_checks(self.ledger.due(0, oldest_waiting, _LISTED), now))

    def _send_checks(self, listed: Mapping[str, int], now: int) -> int:
        references, longest = list(listed), 0
        for start in range(0, len(references), _LOADED):
            if deadline.is_over(self.clock.now()):
                break
            stored = self.ledger.load_many(references[start : start + _LOADED])
            due = list(_due(stored, now, self.ahead_ms))
            self.queue.check_all(due)
            longest = max([longest, *(now - at for _, at in due)])
        return longest


def _due(stored: list[Stored], now: int, ahead_ms: int) -> Iterator[tuple[CheckHint, int]]:
    """Yields the payments that need a hint, and when they are due; those that wait for their customer first.

    A payment that waits has a hint of its own, unless that was lost. Of those that have to be searched for, a few stand
    for all: a search covers the others.
    """
    waiting: list[tuple[CheckHint, int]] = []
    searched_for: list[tuple[CheckHint, int]] = []
    others: list[tuple[CheckHint, int]] = []
    for it in stored:
        until = now - _OVERDUE_MS if it.payment.is_waiting else now + ahead_ms
        if it.check_at is not None and it.check_at <= until:
            kind = waiting if it.payment.is_waiting else searched_for if it.is_unnamed else others
            kind.append((CheckHint(it.payment.reference), it.check_at))
    yield from (*waiting, *_a_few(searched_for, now), *others)


def _a_few(due: list[tuple[CheckHint, int]], now: int) -> list[tuple[CheckHint, int]]:
    """Returns those that are due first. Which of the overdue ones is by chance, and another one in each sweep.

    So none whose own search fails is always before the others.
    """

    def order(hint_and_time: tuple[CheckHint, int]) -> tuple[int, int]:
        hint, at = hint_and_time
        return max(at, now), zlib.crc32(f"{hint.reference} {now}".encode())

    return sorted(due, key=order)[:_SEARCHED_FOR]
