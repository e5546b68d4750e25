"""Gives each process a clock of its own, up to ten minutes wrong, and puts it forward or back in mid-payment.

A clock's error is read from a file (gauntlet/own_clock). AWS's own stays as wrong as it is: it is the one that the
others follow. The clocks stay wrong until all payments have ended: a change of AWS's would hide what its queues hold.
"""

import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gauntlet.row import Row
from gauntlet.shop import Customer, Shop

OWN_CLOCK = Path(__file__).parent.parent / "own_clock"
MOST_SECONDS = 600
EXPIRES_SECONDS = 20.0
TOO_EARLY, TOO_LATE = 5.0, 40.0
"""Seconds from a payment's time. A clock that is off by two seconds is not corrected, and a `Date` has whole ones."""
AT_ONCE = 10
_PARTS = ("aws", "simulator", "api", "worker", "gateway")
_OUTCOMES = ("told", "approved", "declined", "late", "silent")


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Lets `size` customers pay, ten at a time; the clocks change before each ten, and again while these wait."""
    with _own_clocks(shop) as clocks:
        _set(clocks, ["aws"], chance)
        for first in range(0, size, AT_ONCE):
            others = [name for name in clocks if name != "aws"]
            _set(clocks, others, chance)
            with ThreadPoolExecutor(AT_ONCE) as threads:
                paying = [
                    threads.submit(_pay, shop, _OUTCOMES[number % len(_OUTCOMES)])
                    for number in range(first, min(first + AT_ONCE, size))
                ]
                time.sleep(EXPIRES_SECONDS / 4)
                _set(clocks, others, chance)
            for each in paying:
                each.result()
        shop.rest()
    return size


def _pay(shop: Shop, outcome: str) -> None:
    customer = shop.started()[0]
    began = time.monotonic()
    shop.watch(customer)
    if outcome == "told":
        shop.decide(customer.reference, "SUCCESSFUL", webhook=True)
    elif outcome in ("approved", "declined"):
        time.sleep(EXPIRES_SECONDS / 2)  # the clocks have changed meanwhile
        shop.decide(customer.reference, "SUCCESSFUL" if outcome == "approved" else "FAILED", webhook=False)
    else:
        _wait_for_expiry(shop, customer, began)
        if outcome == "late":
            shop.decide(customer.reference, "SUCCESSFUL", webhook=False)


def _wait_for_expiry(shop: Shop, customer: Customer, began: float) -> None:
    """Waits until the payment has expired, and reports it where that is too early or too late."""
    ends = shop.wait(lambda: not shop.system.payment(customer.reference).is_waiting, EXPIRES_SECONDS + TOO_LATE)
    seconds = time.monotonic() - began
    if not ends:
        shop.report(f"{customer.order_id} still waits after {seconds:.0f} s")
    elif seconds < EXPIRES_SECONDS - TOO_EARLY:
        shop.report(f"{customer.order_id} expired after {seconds:.1f} of {EXPIRES_SECONDS:.0f} s")


@contextmanager
def _own_clocks(shop: Shop) -> Iterator[Mapping[str, Path]]:
    """Starts the processes anew, each with a clock of its own. Yields the file of each one's error, in seconds."""
    with TemporaryDirectory(prefix="gauntlet-clocks-") as folder:
        clocks = {name: Path(folder, name) for name in _PARTS}
        for name, clock in clocks.items():
            clock.write_text("0")
            shop.system.parts[name].restart(PYTHONPATH=str(OWN_CLOCK), OWN_CLOCK=str(clock))
        yield clocks


def _set(clocks: Mapping[str, Path], names: list[str], chance: random.Random) -> None:
    for name in names:
        seconds = chance.randint(-MOST_SECONDS, MOST_SECONDS)
        written = clocks[name].with_suffix(".new")
        written.write_text(str(seconds))
        written.rename(clocks[name])  # a process may be reading it


ROWS = [
    Row(
        "clocks",
        "each process with a clock of its own, up to ten minutes wrong, changed in mid-payment",
        run,
        0,
        100,
        {"PAYMENT_EXPIRES_SECONDS": str(int(EXPIRES_SECONDS))},
    )
]
