"""Sends the traffic, has CamPay hang, and waits until all that was charged is settled."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.campay_hang.measured import Hang
from benchmarks.campay_hang.system import System, running
from chalicelib.bootstrap import service

LOOKS_A_SECOND, APPROVED_A_SECOND, PROMPTS_A_SECOND = 50, 0.5, 0.5
LOOKED_AT = 60
"""Payments that somebody looks at, in turn."""
CALM_SECONDS = 30.0
SETTLED_WITHIN_SECONDS = 180.0
"""Longest time from CamPay's return to the last settled payment."""
MOST_MINUTES = 30.0


class Traffic:
    """Sends calls at fixed rates, whether or not those before were answered."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._looked_at = itertools.cycle(list(system.started))
        self._approved: set[str] = set()
        self._pool = ThreadPoolExecutor(256)
        self._failures: list[BaseException] = []

    def for_seconds(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        senders = [
            (1 / LOOKS_A_SECOND, lambda: self._system.look(next(self._looked_at))),
            (1 / APPROVED_A_SECOND, self._approve_one),
            (1 / PROMPTS_A_SECOND, self._system.initiate),
        ]
        due = [time.monotonic()] * len(senders)
        while (now := time.monotonic()) < ends_at:
            for number, (every, send) in enumerate(senders):
                if due[number] <= now:
                    due[number] += every
                    self._pool.submit(send).add_done_callback(self._note)
            time.sleep(max(0.0, min(due) - time.monotonic()))

    def finish(self) -> None:
        """Waits for the answers that are still to come. Raises the first failure of a call."""
        self._pool.shutdown()
        if self._failures:
            raise self._failures[0]

    def _approve_one(self) -> None:
        for transaction in self._system.transactions():
            if transaction["reference"] not in self._approved:
                self._approved.add(transaction["reference"])
                return self._system.approve(transaction)
        return None

    def _note(self, call: Any) -> None:
        if error := call.exception():
            self._failures.append(error)


def run(minutes: float) -> Hang:
    """Has CamPay hang for a time, after a shorter one in which it answers. Raises what a call of the traffic raised."""
    with running() as system:
        for _ in range(LOOKED_AT):
            system.initiate("first")
        traffic = Traffic(system)
        traffic.for_seconds(min(CALM_SECONDS, minutes * 60))
        system.hang(is_hanging=True)
        system.phase = "hang"
        traffic.for_seconds(minutes * 60)
        system.phase = "back"
        system.hang(is_hanging=False)
        began_at = time.monotonic()
        traffic.finish()
        settled_after = _wait_until_settled(system, began_at)
        charged = _charged(system)
        api = max(max(took.seconds) for took in system.took.values())
        return Hang(
            system.took,
            {"api": api, **system.functions.longest},
            len(charged),
            sum(_is_settled(reference) for reference in charged),
            settled_after,
        )


def _charged(system: System) -> list[str]:
    return [row["externalReference"] for row in system.transactions() if row["moneyMoved"]]


def _is_settled(reference: str) -> bool:
    stored = service().ledger.load(reference)
    return stored is not None and stored.payment.status == "SUCCESSFUL"


def _wait_until_settled(system: System, began_at: float) -> float:
    """Returns the seconds since `began_at` once all is settled, or the time for it is over."""
    left = _charged(system)
    while left and time.monotonic() - began_at < SETTLED_WITHIN_SECONDS:
        left = [reference for reference in left if not _is_settled(reference)]
        if left:
            time.sleep(0.5)
    return time.monotonic() - began_at
