"""Starts payments at an even pace, as a shop's customers do, while something else is looked at."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

from tests.harness.stack import Stack

_AT_ONCE = 4
"""Calls that wait for their answer. A busy machine starts fewer payments than it should, and none later."""
_PHONES = 900_000


class PaymentStream:
    """Counts what was started. Each payment has an order and a phone of its own; the simulator's customers approve."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack = stack
        self._name = name
        self._lock = threading.Lock()
        self.references: list[str] = []
        """Of the payments that were started."""
        self.refused = 0
        self._free = threading.Semaphore(_AT_ONCE)

    def start_by(self, customers: ThreadPoolExecutor, number: int) -> None:
        """Has a payment started, unless too many are being started."""
        if self._free.acquire(blocking=False):
            customers.submit(self._start, number)

    def _start(self, number: int) -> None:
        try:
            self._initiate(number)
        finally:
            self._free.release()

    def _initiate(self, number: int) -> None:
        operator = "7" if number % 3 else "9"
        phone = f"2376{operator}{1_000_000 + number % _PHONES:07}"
        reply = self._stack.initiate(f"{self._name}-{number}", phone)
        with self._lock:
            if reply.ok:
                self.references.append(reply.json()["reference"])
            else:
                self.refused += 1


@contextmanager
def paying(stack: Stack, name: str, rate: float) -> Iterator[PaymentStream]:
    """Starts payments, `rate` a second, for as long as the block runs."""
    stream, over = PaymentStream(stack, name), threading.Event()
    begun = time.monotonic()

    def run(customers: ThreadPoolExecutor) -> None:
        for number in count():
            if over.wait(max(0.0, begun + number / rate - time.monotonic())):
                return
            stream.start_by(customers, number)

    customers = ThreadPoolExecutor(_AT_ONCE)
    pacing = threading.Thread(target=run, args=(customers,), daemon=True)
    pacing.start()
    try:
        yield stream
    finally:
        over.set()
        pacing.join()
        customers.shutdown()
