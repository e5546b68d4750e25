"""Runs a gateway for minutes under all that browsers do to it, and checks what they are sent and what it keeps.

At the same time: the official clients idle for 91 s between two versions; the same clients are cut off every 2.5 s
while versions are published; and browsers of every kind come and go (`churn.py`). The gateway is a process of its own,
on the driver that GATEWAY_DRIVER names, with its usual bounds but for the two that one address and one payment have.
"""

import asyncio
import re
import statistics
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.churn import Churn, Place
from chalicelib.domain.payment import PaymentStatus
from local.embedded import LOOPBACK, Valkey
from tests.harness.clients import REPEAT_POLLS, Fleet
from tests.harness.gateway_process import GatewayProcess
from tests.harness.gateway_stack import Link, LiveStore

MOST_MINUTES = 110
"""The clients' tokens are valid for two hours."""
_IDLE_SECONDS = 91.0
"""Three heartbeats and more."""
_CUT_EVERY_SECONDS = 2.5
_VERSION_EVERY_SECONDS = 0.2
_SAMPLE_SECONDS = 5.0
_ASKED_AGAIN = 10
_EMPTY_SECONDS = 120.0
"""Longest wait, once all have gone, until the gateway has noticed: a silent one takes 45 s."""
_GROWTH = 0.05
_GROWTH_MEGABYTES = 5.0
"""What may be added from the second quarter of the time to the last one, whichever is more: in half an hour 230 bytes
a visit. In the first five minutes the allocator still grows."""
_API_LOST = '"event": "api-lost"'
"""There is no API here. The gateway asks it where Redis takes longer than a second, as on a busy machine."""
_GAUGES = ("gateway_clients", "gateway_connections", "gateway_payments", "gateway_tcp_connections")


@dataclass
class Endured:
    minutes: float
    megabytes: list[float] = field(default_factory=list)
    """The gateway's resident memory, every `_SAMPLE_SECONDS`."""
    faults: list[str] = field(default_factory=list)
    visits: Counter[str] = field(default_factory=Counter)
    left: dict[str, float] = field(default_factory=dict)
    """The gauges once all have gone."""
    empty_megabytes: float = 0.0

    @property
    def quarters(self) -> tuple[float, float]:
        """Returns the median memory of the second quarter of the time, and of the last."""
        quarter = len(self.megabytes) // 4
        return statistics.median(self.megabytes[quarter : 2 * quarter]), statistics.median(self.megabytes[-quarter:])

    def wrong(self) -> list[str]:
        before, after = self.quarters
        found = list(self.faults)
        if after - before > max(_GROWTH_MEGABYTES, _GROWTH * before):
            found.append(f"memory grew from {before:.1f} to {after:.1f} MB")
        found += [f"{name} is {value:.0f} after all have gone" for name, value in self.left.items() if value]
        return found


async def endure(minutes: float) -> Endured:
    """Runs for as long as said, and some two minutes more. Prints a line a minute."""
    endured = Endured(minutes)
    with Valkey() as valkey, closing(LiveStore(valkey)) as store:
        more = {"SOCKETS_PER_PAYMENT": "1000", "SOCKETS_PER_ADDRESS": "10000", "LOG_CLIENTS": "false"}
        async with GatewayProcess(valkey, **more) as gateway:
            await _crowd(gateway, store, endured)
            await _gone(gateway, endured)
            endured.faults += [f"log: {line}" for line in gateway.troubles() if _API_LOST not in line]
    return endured


async def _crowd(gateway: GatewayProcess, store: LiveStore, endured: Endured) -> None:
    churn = Churn(Place(gateway.port, store))
    idle, cut = Fleet(store), Fleet(store, REPEAT_POLLS)
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(Link(gateway.port))
        await stack.enter_async_context(idle.connected_to(gateway.url))
        await stack.enter_async_context(cut.connected_to(f"http://{LOOPBACK}:{link.port}"))
        await _while_sampling(gateway, endured, churn.run(), _cut(link), _publish(cut), _idle(idle))
        for fleet in (cut, idle):
            fleet.publish(PaymentStatus.SUCCESSFUL)
            await fleet.up_to_date()
    endured.faults += churn.faults + cut.faults() + idle.faults()
    endured.faults += [f"{it.name}: lost its connection: {it.disconnects}" for it in idle.followers if it.connects > 1]
    endured.visits = churn.visits


async def _while_sampling(gateway: GatewayProcess, endured: Endured, *work: Coroutine[Any, Any, None]) -> None:
    """Samples the memory until the time is over, and then ends the work. Raises what the work raises."""
    tasks = [asyncio.create_task(each) for each in work]
    samples = round(endured.minutes * 60 / _SAMPLE_SECONDS)
    for number in range(samples):
        await asyncio.wait(tasks, timeout=_SAMPLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
        endured.megabytes.append(_megabytes(gateway.pid))
        if number % round(60 / _SAMPLE_SECONDS) == 0:
            await _print(gateway, number * _SAMPLE_SECONDS / 60, endured.megabytes[-1])
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _cut(link: Link) -> None:
    while True:
        await asyncio.sleep(_CUT_EVERY_SECONDS)
        link.cut()


async def _publish(fleet: Fleet) -> None:
    while True:
        fleet.publish()
        await asyncio.sleep(_VERSION_EVERY_SECONDS)


async def _idle(fleet: Fleet) -> None:
    while True:
        await asyncio.sleep(_IDLE_SECONDS)
        fleet.publish()
        await fleet.up_to_date()


async def _gone(gateway: GatewayProcess, endured: Endured) -> None:
    """Waits until the gateway has noticed that all have gone. The connection that asks is one itself."""
    for _ in range(round(_EMPTY_SECONDS)):
        endured.left = await _gauges(gateway)
        endured.left["gateway_tcp_connections"] -= 1
        if not any(endured.left.values()):
            break
        await asyncio.sleep(1)
    endured.empty_megabytes = _megabytes(gateway.pid)


async def _print(gateway: GatewayProcess, minute: float, megabytes: float) -> None:
    gauges = await _gauges(gateway)
    print(
        f"{minute:4.0f} min: {megabytes:6.1f} MB, "
        + ", ".join(f"{gauges[name]:.0f} {name.removeprefix('gateway_').replace('_', ' ')}" for name in _GAUGES),
        flush=True,
    )


async def _gauges(gateway: GatewayProcess) -> dict[str, float]:
    """Reads the gateway's gauges. In its crowd a connection on which no request has come yet may be displaced."""
    async with httpx.AsyncClient(timeout=30) as http:
        for _ in range(_ASKED_AGAIN):
            with suppress(httpx.RemoteProtocolError):
                text = (await http.get(f"{gateway.url}/metrics")).text
                break
        else:
            raise RuntimeError("the gateway does not tell its metrics")
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE) if name in _GAUGES}


def _megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+)", status)
    return int(kilobytes) / 1024
