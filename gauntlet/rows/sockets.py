"""Attacks the gateway's sockets, while other browsers watch payments that change all the time."""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from threading import get_native_id

from gauntlet.gateway.attack import Count, Orders
from gauntlet.gateway.browsers import Browser
from gauntlet.gateway.core_waits import seconds_waited
from gauntlet.gateway.publisher import Publisher
from gauntlet.measured import figures_of, held_by
from gauntlet.row import Row
from gauntlet.rows.webhooks import NO_CHECKS
from gauntlet.shop import Shop

BOUNDS = {
    "SOCKETS_PER_ADDRESS": "500",
    "REQUEST_SECONDS": "3",
    "TRACK_DEADLINE_SECONDS": "60",
    "PING_INTERVAL_SECONDS": "1",
    "PING_TIMEOUT_SECONDS": "2",
    "OUTPUT_STALL_SECONDS": "1",
}
"""Of the gateway: its usual limit of an address, times that are short enough to wait for, and none that would end
what another bound must end."""
ALLOWED, SOCKETS_OPENED = 500, 520
EVENTS_PER_SECOND = 5_000
ATTACK_SECONDS, ENDED_SECONDS = 2.0, 30.0
"""How long an attack lasts, and how long its sockets are waited for."""
WATCHERS, PACE_SECONDS = 20, 0.002
GROWTH_BYTES = 8_000_000
"""Of the gateway's memory from the end of the first attack to that of the last one."""
SLOWER = 1.1


class Watching:
    """Has the browsers of others, and measures how long events take to them."""

    def __init__(self, shop: Shop, publisher: Publisher) -> None:
        self._shop, self._publisher = shop, publisher
        wires, parts = shop.system.wires, shop.system.parts
        self._threads = [f"self/task/{get_native_id()}", f"self/task/{wires.thread_id}"]
        self._threads += [str(parts[name].pid) for name in ("gateway", "redis")]
        self._published: dict[tuple[str, int], tuple[float, list[float]]] = {}
        self._delays: list[float] = []
        self.browsers = [self._browser(*publisher.start()) for _ in range(WATCHERS)]
        for browser in self.browsers:
            shop.system.wires.call(browser.open(shop.system.ports.gateway))
        self.follow()

    def delay(self, goes_on: Callable[[], bool], *others: str) -> float:
        """Publishes as long as something goes on, to `others` too.

        Returns the 99th percentile from an event to its receipt, less what was waited for a core.

        Two processes that wait at the same time count twice: on a very busy machine little is left, or nothing.
        """
        self._delays.clear()
        number = 0
        while goes_on():
            reference = self.browsers[number % WATCHERS].reference
            version = self._publisher.next_version(reference)
            self._published[reference, version] = time.perf_counter(), seconds_waited(self._threads)
            self._publisher.publish(reference)
            for other in others:
                self._publisher.publish(other)
            number += 1
            time.sleep(PACE_SECONDS)
        self.follow()
        return statistics.quantiles(self._delays, n=100)[98]

    def follow(self) -> None:
        """Waits until all browsers stand at the newest versions."""
        self._shop.wait(lambda: self._publisher.is_followed(it.watched for it in self.browsers))

    def _browser(self, reference: str, token: str) -> Browser:
        def received(version: int) -> None:
            now, waited = time.perf_counter(), seconds_waited(self._threads)
            if published := self._published.pop((reference, version), None):
                at, before = published
                waits = [after - begun for after, begun in zip(waited, before, strict=True)]
                self._delays.append(max(0.0, now - at - sum(waits)))

        return Browser(reference, token, received)


def run(shop: Shop, size: int, _chance: random.Random) -> int:
    """Attacks `size` times, each time after a while of peace."""
    gateway = shop.system.parts["gateway"]
    gateway.restart(**BOUNDS)
    publisher = Publisher(shop.system)
    watching = Watching(shop, publisher)
    quiet: list[float] = []
    attacked: list[float] = []
    memory: list[int] = []
    for _ in range(size):
        over = time.monotonic() + ATTACK_SECONDS
        quiet.append(watching.delay(lambda over=over: time.monotonic() < over))  # type: ignore[misc]  # mypy infers no lambda with a default
        attacked.append(_attack(shop, publisher, watching))
        if not shop.wait(lambda: _connections(shop) <= WATCHERS + len(shop.screens) + 1):
            shop.report("the gateway keeps connections of attackers who have gone")
        memory.append(held_by(gateway.pid).memory)
    _judge_delays(shop, quiet, attacked)
    if (growth := memory[-1] - memory[0]) > GROWTH_BYTES:
        shop.report(f"the gateway's memory has grown by {growth} bytes in {size - 1} attacks")
    shop.note(f"memory {memory[0] / 1e6:.0f} MB after the first attack, {memory[-1] / 1e6:.0f} MB after the last")
    for line in publisher.wrong(it.watched for it in watching.browsers):
        shop.report(f"while others attacked: {line}")
    asyncio.run_coroutine_threadsafe(_close(watching), shop.system.wires.loop).result()
    publisher.close()
    return size


async def _close(watching: Watching) -> None:
    for browser in watching.browsers:
        browser.cut()


def _attack(shop: Shop, publisher: Publisher, watching: Watching) -> float:
    """Attacks once, and judges what became of the attackers. Returns the others' delay meanwhile."""
    own, token = publisher.start()
    orders = Orders(
        port=shop.system.ports.gateway,
        seconds=ATTACK_SECONDS,
        patience=ENDED_SECONDS,
        events_per_second=EVENTS_PER_SECOND,
        sockets=SOCKETS_OPENED,
        victim=watching.browsers[0].reference,
        own=(own, token),
    )
    command = [sys.executable, "-m", "gauntlet.gateway.attack"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the attack has no pipes")
        stdin.write(json.dumps(asdict(orders)) + "\n")
        stdin.flush()
        stdout.readline()  # it has begun
        delay = watching.delay(lambda: process.poll() is None, own)
        counts = {name: Count(**count) for name, count in json.loads(stdout.readline()).items()}
    _judge(shop, counts)
    return delay


def _judge(shop: Shop, counts: Mapping[str, Count]) -> None:
    """Holds what became of the attackers against the bounds."""
    flood = counts["flood"]
    if (flood.opened, flood.refused) != (ALLOWED, SOCKETS_OPENED - ALLOWED):
        shop.report(f"of one address {flood.opened} sockets were taken, and {flood.refused} were refused")
    if flood.sent < EVENTS_PER_SECOND:
        shop.note(f"a busy machine: only {flood.sent} events in {ATTACK_SECONDS} s")
    if leaked := {name: count.leaked for name, count in counts.items() if count.leaked}:
        shop.report(f"events came without a token: {leaked}")
    for name in ("malformed", "mute", "slow readers", "half requests"):
        if counts[name].ended < counts[name].opened:
            shop.report(f"{name}: {counts[name].opened - counts[name].ended} were left open {counts[name].unlike}")


def _judge_delays(shop: Shop, quiet: list[float], attacked: list[float]) -> None:
    """Compares the middle attack with the worst quarter of the quiet times, which shows this machine's noise."""
    shop.note(
        f"p99 to the other browsers {statistics.median(quiet) * 1000:.1f} ms in peace, "
        f"{statistics.median(attacked) * 1000:.1f} ms under attack (medians of {len(quiet)})"
    )
    if not min(statistics.median(quiet), statistics.median(attacked)):
        shop.report("this machine is too busy to tell a delay")
    noisy = statistics.quantiles(quiet, n=4)[2]
    if statistics.median(attacked) > SLOWER * noisy:
        shop.report("the other browsers wait longer under attack")


def _connections(shop: Shop) -> float:
    """Returns how many connections the gateway has; the one that asks is one of them."""
    return figures_of(shop.system.ports.gateway)["gateway_tcp_connections"]


ROWS = [Row("sockets", "the gateway's sockets attacked while others watch", run, 0, 20, NO_CHECKS, alone=True)]
