"""Attacks a gateway from other addresses of this machine, and counts what became of it.

`python -m gauntlet.gateway.attack` reads its orders, JSON of Orders' fields, and prints what it has counted of each
kind as JSON. It is a process of its own, so that what it does itself delays nobody else.
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from urllib.request import urlopen

from gauntlet.gateway.browsers import Browser, frame
from local.embedded import LOOPBACK

FLOODER, OTHERS = "127.0.0.2", "127.0.0.3"
"""Addresses: one that opens more sockets than it may, and one for all else."""
_BURST = 50
_OPEN_SECONDS = 30.0
_MEGABYTE = 1_000_000
_NARROW_BYTES = 4_096
_HALF_REQUESTS = (
    b"",
    b"GET",
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: web",
    b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n4",
    b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 20_000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


@dataclass(frozen=True)
class Orders:
    """What to do. `victim`: a payment whose token the attacker lacks. `own`: one that it has, with its token.

    `seconds`: how long the attack goes on. `patience`: how long the gateway has to end what it ends.
    """

    port: int
    seconds: float
    patience: float
    events_per_second: int
    sockets: int
    victim: str
    own: tuple[str, str]


@dataclass
class Count:
    """What became of one kind. `ended`: by the gateway. `leaked`: events of a payment, without its token."""

    opened: int = 0
    refused: int = 0
    ended: int = 0
    sent: int = 0
    leaked: int = 0
    unlike: list[str] = field(default_factory=list)


def _odd_requests(orders: Orders) -> Sequence[Sequence[object]]:
    """Returns arguments of `track-payment`, none of which may open a payment."""
    victim, (own, token) = orders.victim, orders.own
    tokens: Sequence[object] = (token, "", None, 5, [], {}, "e30.e30.", "a" * 4_000, token[:-1])
    references: Sequence[object] = ([victim], {}, None, 5, True, f"{victim}\0", f" {victim}", own[::-1])
    return (
        *([], [None], [[]], ["a", "b"], [5], [{}], [{"reference": victim}], [{"token": token}]),
        *([{"reference": victim, "token": it}] for it in tokens),
        *([{"reference": it, "token": token}] for it in references),
        [{"paymentReference": victim, "reference": [own], "token": token}],
    )


def _packets() -> Sequence[bytes]:
    """Returns frames of which each ends its connection, or each third one, beside those that are merely refused."""
    return (
        frame(b'42["x","' + b"a" * _MEGABYTE + b'"]'),
        frame(b"\x00\x01", first=0x82) * 3,
        frame(b"4\xff\xfe"),
        frame(b"4", first=0x83),
        frame(b"", first=0x80),
        frame(b"a" * 126, first=0x89),
        b"\x81\x05hello",
        *(
            frame(packet) * 3
            for packet in (b"42", b"49x", b"42{}", b'42["disconnect"]', b"45-[1]", b"421" + b"[" * 5_000)
        ),
        *(frame(packet) * 3 for packet in (b"", b"9", b"\xf0\x9f\x98\x80", b'40{"a":', b"4" * 200, b'42["x",NaN')),
    )


async def _flood(orders: Orders, count: Count) -> None:
    """Opens more sockets than one address may, and sends events on all of them."""
    browsers = [Browser(orders.victim, "x") for _ in range(orders.sockets)]
    for first in range(0, len(browsers), _BURST):
        few = browsers[first : first + _BURST]
        await asyncio.gather(*(_opened(it, orders, count, FLOODER, tracks=False) for it in few))
    await _until(lambda: all(it.status for it in browsers if it.is_open), _OPEN_SECONDS)
    count.refused = sum(it.status == 429 for it in browsers)
    count.opened = sum(it.status == 101 for it in browsers)
    open_ones = [it for it in browsers if it.status == 101]
    packet = frame(b'421["track-payment",{"reference":"%b","token":"x"}]' % orders.victim.encode())
    began = time.monotonic()
    while open_ones and (passed := time.monotonic() - began) < orders.seconds:
        for _ in range(min(_BURST * 4, int(passed * orders.events_per_second) - count.sent)):
            open_ones[count.sent % len(open_ones)].send(packet)
            count.sent += 1
        await asyncio.sleep(_BURST / orders.events_per_second)
    _end(orders, browsers, count)


async def _ask_wrongly(orders: Orders, count: Count) -> None:
    """Tracks a payment with wrong tokens and types, a few on each socket."""
    requests = _odd_requests(orders)
    browsers = [Browser(orders.victim, "x") for _ in range(0, len(requests), 4)]
    for browser in browsers:
        await _opened(browser, orders, count, OTHERS, tracks=False)
    await _until(lambda: all(it.is_connected for it in browsers), _OPEN_SECONDS)
    for number, request in enumerate(requests):
        browsers[number // 4].send(frame(b"421" + json.dumps(["track-payment", *request]).encode()))
    await asyncio.sleep(orders.seconds)
    _end(orders, browsers, count)


async def _send_malformed(orders: Orders, count: Count) -> None:
    """Sends frames and packets for each of which the gateway ends the connection."""
    packets = _packets()
    browsers = [Browser(orders.victim, "x") for _ in packets]
    for browser in browsers:
        await _opened(browser, orders, count, OTHERS, tracks=False)
    await _until(lambda: all(it.is_connected for it in browsers), _OPEN_SECONDS)
    for browser, packet in zip(browsers, packets, strict=True):
        browser.send(packet)
    await _until(lambda: not any(it.is_open for it in browsers), orders.patience)
    count.unlike = [repr(it[:40]) for browser, it in zip(browsers, packets, strict=True) if browser.is_open]
    _end(orders, browsers, count)


async def _be_mute(orders: Orders, count: Count) -> None:
    """Answers no ping: on a socket that watches a payment, and on one that has asked for nothing."""
    browsers = [Mute(*orders.own) for _ in range(10)]
    for number, browser in enumerate(browsers):
        await _opened(browser, orders, count, OTHERS, tracks=number % 2 == 0)
    await _until(lambda: not any(it.is_open for it in browsers), orders.patience)
    _end(orders, browsers, count)


class Mute(Browser):
    """Answers nothing once it watches."""

    def send(self, data: bytes) -> None:
        if data != frame(b"3"):
            super().send(data)


async def _read_slowly(orders: Orders, count: Count) -> None:
    """Watches a payment of its own, of which much is published, and reads nothing until the gateway has given up."""
    loop, before = asyncio.get_running_loop(), _stalled(orders.port)
    browsers = [Browser(*orders.own) for _ in range(4)]
    for browser in browsers:
        plug = socket.socket()
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW_BYTES)
        plug.bind((OTHERS, 0))
        plug.setblocking(False)
        await loop.sock_connect(plug, (LOOPBACK, orders.port))
        await loop.create_connection(lambda it=browser: it, sock=plug)  # type: ignore[misc]  # mypy infers no lambda with a default
        count.opened += 1
    await _until(lambda: all(it.versions for it in browsers), _OPEN_SECONDS)
    for browser in browsers:
        browser.pause()
    await _until(lambda: _stalled(orders.port) >= before + len(browsers), orders.patience)
    for browser in browsers:
        browser.resume()
    await _until(lambda: not any(it.is_open for it in browsers), orders.patience)
    _end(orders, browsers, count)


def _stalled(port: int) -> float:
    """Returns how many sockets the gateway has ended because their output made no progress."""
    with urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=_OPEN_SECONDS) as answer:
        text: str = answer.read().decode()
    return float(text.partition('gateway_closes_total{reason="output_stalled"} ')[2].partition("\n")[0] or 0)


async def _begin_requests(orders: Orders, count: Count) -> None:
    """Sends a part of a request, and no more."""

    async def begin(part: bytes) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, orders.port, local_addr=(OTHERS, 0))
        count.opened += 1
        writer.write(part)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(orders.patience):
                while await reader.read(65_536):
                    pass
                count.ended += 1
        writer.close()

    await asyncio.gather(*(begin(part) for part in _HALF_REQUESTS * 4))


KINDS: Mapping[str, Callable[[Orders, Count], Awaitable[None]]] = {
    "flood": _flood,
    "wrong tokens": _ask_wrongly,
    "malformed": _send_malformed,
    "mute": _be_mute,
    "slow readers": _read_slowly,
    "half requests": _begin_requests,
}


async def _opened(browser: Browser, orders: Orders, count: Count, address: str, *, tracks: bool) -> None:
    with suppress(OSError):
        await browser.open(orders.port, address, tracks=tracks)
        count.opened += 1


async def _until(holds: Callable[[], bool], seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while not holds() and time.monotonic() < ends_at:
        await asyncio.sleep(0.05)


def _end(orders: Orders, browsers: Sequence[Browser], count: Count) -> None:
    """Counts what became of browsers, and ends them."""
    for browser in browsers:
        count.ended += not browser.is_open
        count.leaked += len(browser.versions) if browser.reference == orders.victim else 0
        browser.cut()


async def _attack(orders: Orders) -> dict[str, Count]:
    counts = {name: Count() for name in KINDS}
    await asyncio.gather(*(attack(orders, counts[name]) for name, attack in KINDS.items()))
    return counts


def main() -> None:
    orders = Orders(**json.loads(sys.stdin.readline()))
    print("begun", flush=True)
    counts = asyncio.run(_attack(orders))
    print(json.dumps({name: asdict(count) for name, count in counts.items()}))


if __name__ == "__main__":
    main()
