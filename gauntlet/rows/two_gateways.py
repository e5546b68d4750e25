"""Runs two gateways at once: browsers begin to watch as events come, come all at once, and move to the other one."""

import asyncio
import random
import resource
import signal
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

import requests

from gauntlet.gateway.browsers import Browser
from gauntlet.gateway.loop_probe import LoopProbe
from gauntlet.gateway.publisher import Publisher
from gauntlet.row import Row
from gauntlet.rows.gateway import CAUGHT_UP_SECONDS, SCREENS_OF_A_PAYMENT, decide
from gauntlet.rows.webhooks import NO_CHECKS
from gauntlet.shop import Shop
from local.embedded import LOOPBACK
from socket_gateway.admission import raise_descriptor_limit

LONGEST_BLOCK_SECONDS = 0.25
RACES_OF_A_SCREEN, CUTS_OF_A_SCREEN = 10, 5
AT_ONCE = 100
"""Subscribe races at a time."""
RACE_SECONDS = 0.002
"""Longest time between an event and the track-payment that meets it."""
JUDGED_AFTER_SECONDS = 3 * CAUGHT_UP_SECONDS
"""Thousands that come at once take a busy machine longer; whoever is stuck never comes."""
BACK_SECONDS = 1.0
"""Within which the browsers that were cut come back, as the official client does at random."""
_OTHER_FILES = 5_000
OPENED_PER_SECOND = 500


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Opens `size` screens over two gateways, drains the one and kills the other. Races and cuts many more before."""
    ports = [shop.system.ports.gateway, shop.system.start_second_gateway()]
    publisher, parts = Publisher(shop.system), [shop.system.parts[name] for name in ("gateway", "gateway-2")]
    with LoopProbe({port: part.pid for port, part in zip(ports, parts, strict=True)}) as probe:
        races = _race(shop, publisher, RACES_OF_A_SCREEN * size, ports, chance)
        cut = _cut(shop, publisher, CUTS_OF_A_SCREEN * size, ports, chance)
    publisher.close()
    longest = max(probe.longest, _move(shop, size, ports, chance))
    shop.note(f"{races} subscribe races, {cut} browsers cut at once, longest block {longest * 1000:.0f} ms")
    if longest > LONGEST_BLOCK_SECONDS:
        shop.report(f"an event loop was blocked for {longest:.3f} s")
    return size


def _move(shop: Shop, size: int, ports: Sequence[int], chance: random.Random) -> float:
    """Opens screens on both gateways, drains the first and then kills the second; payments are decided all the while.

    Returns for how long the loop of the one that stayed was blocked at most, in seconds.
    """
    balancer, parts = shop.system.wire["browser-gateway"], [shop.system.parts[it] for it in ("gateway", "gateway-2")]
    balancer.to_ports, longest = [*ports], 0.0
    screens: list[Browser] = []
    customers = [shop.started()[0] for _ in range(max(4, size // SCREENS_OF_A_PAYMENT))]
    for number in range(size):
        customer = customers[number % len(customers)]
        screens.append(Browser(customer.reference, customer.token))
        _begun(shop, screens[-1].stay([balancer.port]))
    shop.screens += screens
    if not shop.wait(lambda: all(screen.versions for screen in screens), CAUGHT_UP_SECONDS):
        shop.report("not all browsers could connect")
    if min(shares := [_clients(port) for port in ports]) < size / 4:
        shop.report(f"the browsers are not spread over both gateways: {shares}")
    decide(shop, customers[::4], chance)
    for number, end in enumerate([signal.SIGTERM, signal.SIGKILL]):
        stays = 1 - number
        with LoopProbe({ports[stays]: parts[stays].pid}) as probe:
            balancer.to_ports = [ports[stays]]
            parts[number].signal(end)
            decide(shop, customers[number + 1 :: 4], chance)
            if not shop.wait(lambda port=ports[stays]: _clients(port) >= size, CAUGHT_UP_SECONDS):  # type: ignore[misc]  # mypy infers no lambda with a default
                shop.report(f"{_clients(ports[stays])} of {size} browsers moved after {end.name}")
        longest = max(longest, probe.longest)
        if end == signal.SIGTERM:
            parts[number].restart()
    decide(shop, customers[3::4], chance)
    return longest


def _race(shop: Shop, publisher: Publisher, size: int, ports: Sequence[int], chance: random.Random) -> int:
    """Lets browsers begin to watch at the moment of an event, a little before it or after it."""
    for first in range(0, size, AT_ONCE):
        browsers = [Browser(*publisher.start()) for _ in range(min(AT_ONCE, size - first))]
        _begun(shop, _open(browsers, ports, chance)).result()
        shop.wait(lambda browsers=browsers: all(it.is_connected for it in browsers))  # type: ignore[misc]  # mypy infers no lambda with a default
        for browser in browsers:
            for step in chance.sample(("track", "publish"), 2):
                if step == "track":
                    shop.system.wires.loop.call_soon_threadsafe(browser.track)
                else:
                    publisher.publish(browser.reference)
                time.sleep(chance.uniform(0, RACE_SECONDS))
        _judge(shop, publisher, browsers, "that began to watch at the moment of an event")
        _begun(shop, _cut_all(browsers)).result()
    return size


def _cut(shop: Shop, publisher: Publisher, size: int, ports: Sequence[int], chance: random.Random) -> int:
    """Cuts all browsers at once, as many as there may be open files; events go on until all are back."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    raise_descriptor_limit(most)
    size = min(size, most - _OTHER_FILES)
    payments = [publisher.start() for _ in range(max(2, size // SCREENS_OF_A_PAYMENT))]
    browsers = [Browser(*payments[number % len(payments)]) for number in range(size)]
    for seconds, when in ((size / OPENED_PER_SECOND, "before they were cut"), (BACK_SECONDS, "that were cut at once")):
        staying = [_begun(shop, it.stay(_shuffled(chance, ports), chance.uniform(0, seconds))) for it in browsers]
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            publisher.publish(chance.choice(payments)[0])
            time.sleep(RACE_SECONDS)
        _judge(shop, publisher, browsers, when)
        for each in staying:
            each.cancel()
        shop.wait(lambda: not any(it.is_open for it in browsers), CAUGHT_UP_SECONDS)
    return size


def _shuffled(chance: random.Random, ports: Sequence[int]) -> Sequence[int]:
    return chance.sample(ports, len(ports))


def _judge(shop: Shop, publisher: Publisher, browsers: Sequence[Browser], which: str) -> None:
    """Waits until the browsers have caught up, and judges by I5."""
    shop.wait(lambda: publisher.is_followed(it.watched for it in browsers), JUDGED_AFTER_SECONDS)
    wrong = publisher.wrong(it.watched for it in browsers)
    if wrong:
        away = sum(not it.is_connected for it in browsers)
        shop.report(f"{len(wrong)} of {len(browsers)} browsers {which}, of which {away} are not connected: {wrong[0]}")


async def _open(browsers: Sequence[Browser], ports: Sequence[int], chance: random.Random) -> None:
    """Connects browsers that do not track yet."""
    await asyncio.gather(*(it.open(chance.choice(ports), tracks=False) for it in browsers))


async def _cut_all(browsers: Sequence[Browser]) -> None:
    for browser in browsers:
        browser.cut()


def _begun(shop: Shop, work: Coroutine[Any, Any, None]) -> Future[None]:
    return asyncio.run_coroutine_threadsafe(work, shop.system.wires.loop)


def _clients(port: int) -> int:
    """Returns how many browsers a gateway has; 0 where it is away."""
    try:
        text = requests.get(f"http://{LOOPBACK}:{port}/metrics", timeout=10).text
    except requests.RequestException:
        return 0
    return int(float(text.partition("\ngateway_clients ")[2].partition("\n")[0]))


ROWS = [
    Row("two-gateways", "two gateways: one drained, one killed; races and cuts", run, 4, 1_000, NO_CHECKS, alone=True),
]
