"""Takes Redis away in every way that it goes: payments go on, and the screens catch up once it is back."""

import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from statistics import median

from redis import Redis

from chalicelib.domain.redis_names import payment_key
from gauntlet.redis_cluster import Cluster, shard_of
from gauntlet.row import Row
from gauntlet.shop import Customer, Screen, Shop
from gauntlet.wire import PUSH, Answered, Step, Wire, carry_on
from local.embedded import LOOPBACK

Fault = Callable[[Shop, str], AbstractContextManager[None]]
"""Takes Redis away, and brings it back. It is told the reference of a payment that is being paid."""
AWAY_SECONDS = (0.5, 3.0)
FROZEN_SECONDS = 25.0
FROZEN_SECONDS_OF_SMALL = 2.0
CAUGHT_UP_SECONDS = 2.0
_NO_MASTER = (LOOPBACK, 1)


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Takes Redis away `size` times. Before, while it is away and after it a customer pays; all of them watch."""
    _run(shop, size, chance)
    return size


def run_alone(shop: Shop, size: int, chance: random.Random) -> int:
    """Does the same, and judges how soon after Redis' return the screens have caught up."""
    for name, times in _run(shop, size, chance).items():
        if median(times) > CAUGHT_UP_SECONDS:
            shop.report(f"half the screens had caught up {median(times):.1f} s after Redis was {name}")
    return size


def _run(shop: Shop, size: int, chance: random.Random) -> Mapping[str, Sequence[float]]:
    """Returns of each fault how many seconds after its end the screens had caught up."""
    frozen = FROZEN_SECONDS if size > len(FAULTS) else FROZEN_SECONDS_OF_SMALL
    behind = defaultdict[str, list[float]](list)
    for number in range(size):
        name = list(FAULTS)[number % len(FAULTS)] if size >= len(FAULTS) else chance.choice(list(FAULTS))
        seconds = frozen if name == "frozen" else chance.uniform(*AWAY_SECONDS)
        behind[name].append(_take_away(shop, chance, name, FAULTS[name], seconds))
    for name, times in behind.items():
        shop.note(f"a screen had caught up {median(times):.1f} s, {max(times):.1f} s at most, after Redis was {name}")
    return behind


def run_in_cluster(shop: Shop, size: int, chance: random.Random) -> int:
    """Takes nodes of a cluster away: each time a shard that holds a payment which a customer pays meanwhile."""
    cluster = shop.system.start_redis_cluster()
    slowest = 0.0
    for number in range(size):
        name = list(FAULTS_OF_A_SHARD)[number % len(FAULTS_OF_A_SHARD)]
        fault, seconds = partial(FAULTS_OF_A_SHARD[name], cluster), chance.uniform(*AWAY_SECONDS)
        slowest = max(slowest, _take_away(shop, chance, name, fault, seconds))
    shop.note(f"a screen had caught up {slowest:.1f} s at most after the shard was back")
    return size


def _take_away(shop: Shop, chance: random.Random, name: str, fault: Fault, seconds: float) -> float:
    """Has customers pay before, during and after a fault. One opens the page only after it, and has paid during it.

    Returns how long after its end the screen that was there before it was shown that its payment was paid meanwhile.
    The screens only listen: ours reads the payment from the API too, every 15 s.
    """
    shop.redis_loses = True
    before, returning = _watch(shop, shop.started()[0], chance), shop.started()[0]
    with fault(shop, returning.reference):
        began = time.monotonic()
        shop.decide(before.reference, "SUCCESSFUL", webhook=True)
        shop.decide(returning.reference, "SUCCESSFUL", webhook=True)
        during = _watch(shop, shop.started()[0], chance)
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    ended = time.monotonic()
    returned, after = shop.watch(returning), _watch(shop, shop.started()[0], chance)
    shop.decide(during.reference, "SUCCESSFUL", webhook=True)
    shop.decide(after.reference, "SUCCESSFUL", webhook=True)
    screens = [before, during, returned, after]
    if not shop.wait(partial(_have_caught_up, shop, screens), 30.0):
        shop.report(f"a screen did not catch up after Redis was {name}")
    if any(it.connects > 1 for it in screens):
        shop.report(f"a browser was disconnected when Redis was {name}")
    return max(0.0, before.shown_at - ended)


def _watch(shop: Shop, customer: Customer, chance: random.Random) -> Screen:
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
def _killed(shop: Shop, _: str) -> Iterator[None]:
    """It comes back empty."""
    shop.system.parts["redis"].kill()
    try:
        yield
    finally:
        shop.system.parts["redis"].restart()


@contextmanager
def _frozen(shop: Shop, _: str) -> Iterator[None]:
    shop.system.parts["redis"].signal(signal.SIGSTOP)
    try:
        yield
    finally:
        shop.system.parts["redis"].signal(signal.SIGCONT)


def _wires(shop: Shop) -> list[Wire]:
    return [shop.system.wire[f"{part}-redis"] for part in ("api", "worker", "gateway")]


@contextmanager
def _loading(shop: Shop, _: str) -> Iterator[None]:
    """It has been started again, and says to each call that it is still loading what it had."""

    async def fault(step: Step, data: bytes) -> bytes:
        if step.moment == "before" and step.operation != PUSH:
            raise Answered(b"-LOADING Redis is loading the dataset in memory\r\n")
        return data

    for wire in _wires(shop):
        shop.system.wires.call(wire.cut())
        wire.fault = fault
        shop.system.wires.call(wire.open())
    try:
        yield
    finally:
        for wire in _wires(shop):
            wire.fault = carry_on


@contextmanager
def _cut_off(shop: Shop, _: str) -> Iterator[None]:
    """It runs, and nobody reaches it."""
    wires = _wires(shop)
    for wire in wires:
        shop.system.wires.call(wire.cut())
    try:
        yield
    finally:
        for wire in wires:
            shop.system.wires.call(wire.open())


def _by(begin: Callable[[Redis], object], end: Callable[[Redis], object] = lambda _: None) -> Fault:
    @contextmanager
    def fault(shop: Shop, _: str) -> Iterator[None]:
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
    "loading": _loading,
    "emptied": _by(lambda it: it.flushall()),
    "read-only": _by(lambda it: it.replicaof(*_NO_MASTER), lambda it: it.replicaof("NO", "ONE")),
    "out of memory": _by(lambda it: it.config_set("maxmemory", 1), lambda it: it.config_set("maxmemory", 0)),
    "full of connections": _by(
        lambda it: it.config_set("maxclients", 1), lambda it: it.config_set("maxclients", 10_000)
    ),
}


# ---------------------------------------------------------------------- how a shard of a cluster does


@contextmanager
def _shard_killed(cluster: Cluster, shop: Shop, reference: str) -> Iterator[None]:
    """Its replica takes over; the node comes back as a replica."""
    primary, replica = cluster.pair(shard_of(payment_key(reference)))
    shop.system.parts[f"redis-{primary}"].kill()
    try:
        yield
        cluster.wait_for_primary(replica)
    finally:
        shop.system.parts[f"redis-{primary}"].restart()
        cluster.wait()


@contextmanager
def _shard_frozen(cluster: Cluster, shop: Shop, reference: str) -> Iterator[None]:
    """Its replica takes over from a node that lives on."""
    primary, replica = cluster.pair(shard_of(payment_key(reference)))
    shop.system.parts[f"redis-{primary}"].signal(signal.SIGSTOP)
    try:
        yield
        cluster.wait_for_primary(replica)
    finally:
        shop.system.parts[f"redis-{primary}"].signal(signal.SIGCONT)
        cluster.wait()


@contextmanager
def _shard_behind(cluster: Cluster, shop: Shop, reference: str) -> Iterator[None]:
    """Its replica takes over without what was written meanwhile."""
    primary, replica = cluster.pair(shard_of(payment_key(reference)))
    shop.system.parts[f"redis-{replica}"].signal(signal.SIGSTOP)
    cluster.cut_off_replicas(primary)
    try:
        yield
    finally:
        shop.system.parts[f"redis-{primary}"].kill()
        shop.system.parts[f"redis-{replica}"].signal(signal.SIGCONT)
        cluster.wait_for_primary(replica)
        shop.system.parts[f"redis-{primary}"].restart()
        cluster.wait()


FAULTS_OF_A_SHARD: Mapping[str, Callable[[Cluster, Shop, str], AbstractContextManager[None]]] = {
    "without a killed node": _shard_killed,
    "without a frozen node": _shard_frozen,
    "taken over without the last writes": _shard_behind,
}

ROWS = [
    Row("redis", f"Redis gone in {len(FAULTS)} ways", run, 1, 160),
    Row(
        "redis-return",
        "the same; how soon the screens have caught up",
        run_alone,
        0,
        40,
        {"SWEEP_SECONDS": "1"},
        alone=True,
    ),
    Row(
        "redis-cluster",
        f"a shard of Redis gone in {len(FAULTS_OF_A_SHARD)} ways",
        run_in_cluster,
        0,
        60,
        {"LOG_CLIENTS": "false"},
    ),
]
