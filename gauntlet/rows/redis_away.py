"""Takes Redis away in every way that it goes: payments go on, and the screens catch up once it is back."""

import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from redis import Redis

from gauntlet.row import Row
from gauntlet.shop import Screen, Shop
from local.embedded import LOOPBACK

Fault = Callable[[Shop], AbstractContextManager[None]]
"""Takes Redis away, and brings it back."""
AWAY_SECONDS = (0.5, 3.0)
FROZEN_SECONDS = 25.0
FROZEN_SECONDS_OF_SMALL = 2.0
_NO_MASTER = (LOOPBACK, 1)


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Takes Redis away `size` times. Before, while it is away and after it a customer pays; all of them watch."""
    frozen = FROZEN_SECONDS if size > len(FAULTS) else FROZEN_SECONDS_OF_SMALL
    slowest = 0.0
    for number in range(size):
        name = list(FAULTS)[number % len(FAULTS)] if size >= len(FAULTS) else chance.choice(list(FAULTS))
        seconds = frozen if name == "frozen" else chance.uniform(*AWAY_SECONDS)
        before = _start(shop, chance)
        with FAULTS[name](shop):
            began = time.monotonic()
            shop.decide(before.reference, "SUCCESSFUL", webhook=True)
            during = _start(shop, chance)
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        returned = time.monotonic()
        after = _start(shop, chance)
        shop.decide(during.reference, "SUCCESSFUL", webhook=True)
        shop.decide(after.reference, "SUCCESSFUL", webhook=True)
        screens = [before, during, after]
        if not shop.wait(partial(_have_caught_up, shop, screens), 30.0):
            shop.report(f"a screen did not catch up after Redis was {name}")
        slowest = max(slowest, time.monotonic() - returned)
        if any(it.connects > 1 for it in screens):
            shop.report(f"a browser was disconnected when Redis was {name}")
    shop.note(f"the screens had caught up, and two further payments were paid, {slowest:.1f} s after Redis was back")
    return size


def _start(shop: Shop, chance: random.Random) -> Screen:
    customer = shop.started()[0]
    screen = shop.watch(customer)
    # One in two is there before Redis goes; the other connects and tracks meanwhile.
    if chance.random() < 0.5:
        shop.wait(lambda: bool(screen.versions))
    return screen


def _have_caught_up(shop: Shop, screens: Sequence[Screen]) -> bool:
    payments = [shop.system.payment(screen.reference) for screen in screens]
    shown = [screen.versions[-1:] for screen in screens]
    return all(it.is_final for it in payments) and shown == [[it.version] for it in payments]


# ---------------------------------------------------------------------- how Redis goes away, and comes back


@contextmanager
def _killed(shop: Shop) -> Iterator[None]:
    """It comes back empty."""
    shop.system.parts["redis"].kill()
    try:
        yield
    finally:
        shop.system.parts["redis"].restart()


@contextmanager
def _frozen(shop: Shop) -> Iterator[None]:
    shop.system.parts["redis"].signal(signal.SIGSTOP)
    try:
        yield
    finally:
        shop.system.parts["redis"].signal(signal.SIGCONT)


@contextmanager
def _cut_off(shop: Shop) -> Iterator[None]:
    """It runs, and nobody reaches it."""
    wires = [shop.system.wire[f"{part}-redis"] for part in ("api", "worker", "gateway")]
    for wire in wires:
        shop.system.wires.call(wire.cut())
    try:
        yield
    finally:
        for wire in wires:
            shop.system.wires.call(wire.open())


def _by(begin: Callable[[Redis], object], end: Callable[[Redis], object] = lambda _: None) -> Fault:
    @contextmanager
    def fault(shop: Shop) -> Iterator[None]:
        with Redis(LOOPBACK, shop.system.ports.redis) as client:
            begin(client)
            try:
                yield
            finally:
                end(client)

    return fault


FAULTS: Mapping[str, Fault] = {
    "killed": _killed,
    "frozen": _frozen,
    "cut off": _cut_off,
    "emptied": _by(lambda it: it.flushall()),
    "read-only": _by(lambda it: it.replicaof(*_NO_MASTER), lambda it: it.replicaof("NO", "ONE")),
    "out of memory": _by(lambda it: it.config_set("maxmemory", 1), lambda it: it.config_set("maxmemory", 0)),
    "full of connections": _by(
        lambda it: it.config_set("maxclients", 1), lambda it: it.config_set("maxclients", 10_000)
    ),
}

ROWS = [Row("redis", f"Redis gone in {len(FAULTS)} ways", run, 1, 200)]
