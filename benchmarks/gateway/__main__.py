"""Compares the gateway with the usual alternatives, in turn, on one core each (`make bench-gateway`).

The servers run one after the other in each round; a figure is the median, over the rounds, of the ratio to Node's in
the same round. The load and Redis run on another core. Every event that arrives is checked: nothing is lost, doubled or
out of order.

`python -m benchmarks.gateway ROUNDS [FILE]` writes the figures as JSON too.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import redis

from benchmarks.gateway import servers
from chalicelib.domain.contract import PaymentEvent, encode, payment_key, to_event
from chalicelib.domain.money import Money
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.tokens import TrackingGrant, sign_tracking_token
from local.embedded import Valkey
from tests.harness.stack import NODE

Measured = dict[str, Any]
"""The measurements that `load.mjs` prints."""
_LOAD = Path(__file__).parent / "load.mjs"
_VERSION = 987_654_321
_NOW = 1_790_000_000_000
_LEAST, _FEW, _MANY = 100, 2_000, 9_000
"""Browsers. Where a process may open 20,000 files, the gateway takes a little under 10,000 sessions."""
_WATCHERS = 500
_MOST_LOAD = 0.6
"""Maximum share of its core that the load may take; beyond it the load would limit the result."""

_FIGURES: Mapping[str, Callable[[Measured], float]] = {
    "own payment each, 1 event a message: events/s": lambda it: _rate(it["few"]["one"]),
    "own payment each, 3 events a message: events/s": lambda it: _rate(it["few"]["three"]),
    "one payment, 500 browsers: deliveries/s": lambda it: _rate(it["few"]["fanOut"]),
    "CPU a message at 2,000/s, us": lambda it: _micros(it["few"]["paced"]),
    "p50 at 2,000/s, ms": lambda it: it["few"]["paced"]["p50"],
    "p99 at 2,000/s, ms": lambda it: it["few"]["paced"]["p99"],
    "connect + track, 2,000: browsers/s": lambda it: it["few"]["connect"]["browsers"] / it["few"]["connect"]["seconds"],
    "memory a browser, 2,000: KB": lambda it: it["few"]["kilobytes"],
    "memory a browser, 9,000: KB": lambda it: it["many"]["kilobytes"],
    "9,000 leave at once: longest pause, ms": lambda it: it["many"]["leave"]["longest"],
    "CPU a message, 9,000 payments to 100": lambda it: _micros(it["many"]["paced"]) / _micros(it["least"]["paced"]),
}


def main(rounds: int, file: str | None) -> None:
    if (os.cpu_count() or 1) < 2:
        sys.exit(
            "This machine has one core: the load would be measured together with the server. Nothing was measured."
        )
    os.sched_setaffinity(0, {servers.LOAD_CORE})
    measured: list[dict[str, Measured]] = []
    with Valkey() as valkey:
        for number in range(rounds):
            order = servers.NAMES[number % len(servers.NAMES) :] + servers.NAMES[: number % len(servers.NAMES)]
            measured.append({name: _measure(name, valkey.port) for name in order})
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    _print(measured)
    if file:
        Path(file).write_text(json.dumps(measured, indent=1), encoding="utf-8")
    wrong = [entry for each in _loads(measured) for entry in each["firstWrong"]]
    if wrong:
        sys.exit(f"events were lost, doubled or out of order: {wrong[:3]}")


def _measure(name: str, redis_port: int) -> Measured:
    """Runs each plan on a server of its own, so that none inherits the other's memory."""
    measured = {}
    for plan, browsers in (("few", _FEW), ("many", _MANY), ("least", _LEAST)):
        with servers.running(name, redis_port) as server:
            measured[plan] = _load(server, redis_port, browsers, floods=plan == "few")
    return measured


def _load(server: servers.Running, redis_port: int, browsers: int, *, floods: bool) -> Any:
    references = [str(uuid.UUID(int=number, version=4)) for number in range(browsers)]
    with redis.Redis(port=redis_port) as client:
        client.flushall()
        pipeline = client.pipeline(transaction=False)
        for reference in references:
            pipeline.set(payment_key(reference), encode(_event(reference, PaymentStatus.INITIATING, 1)))
        pipeline.execute()
    plan = {
        "port": server.port,
        "serverPid": server.pid,
        "redisPort": redis_port,
        "payments": [(reference, _token(reference)) for reference in references],
        "templates": {"one": _template(PaymentStatus.INITIATING), "three": _template(PaymentStatus.FAILED)},
        "handshakesAtOnce": 32,
        "inFlight": 512,
        "perSecond": 2000,
        "seconds": 4,
        "idleSeconds": 2,
        "leaveSeconds": 3,
        "mostSeconds": 120,
        "floods": floods,
        "watchers": _WATCHERS if floods else 0,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plan, file)
        file.flush()
        done = subprocess.run([NODE, str(_LOAD), file.name], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def _event(reference: str, status: PaymentStatus, version: int) -> PaymentEvent:
    payment = Payment(
        reference=reference,
        order_id="order-104211",
        money=Money(5000, "XAF"),
        phone_mask="2376******77",
        phone_hash="",
        locale="fr",
        provider="campay",
        created_at=_NOW,
        updated_at=_NOW,
        expires_at=_NOW + 300_000,
        status=status,
        version=version,
        operator="MTN",
        provider_reference="0b8f6c1e-5d0a-4a37-9a53-2f1f4f0f9a11",
    )
    return to_event(payment, _NOW)


def _template(status: PaymentStatus) -> str:
    """Returns a message as the API publishes it, with placeholders for its reference and version."""
    return encode(_event("REFERENCE", status, _VERSION)).replace(str(_VERSION), "VERSION")


def _token(reference: str) -> str:
    return sign_tracking_token(TrackingGrant(reference, "order-104211"), [servers.KEY], 4_000_000_000_000)


def _rate(flood: Measured) -> float:
    """Returns events per second of the server's processor time; on its own core the server computes all the time."""
    return float(flood["events"] / flood["serverCpu"])


def _micros(paced: Measured) -> float:
    return float(paced["serverCpu"] / paced["events"] * 1e6)


def _loads(measured: list[dict[str, Measured]]) -> list[Measured]:
    return list(itertools.chain.from_iterable(plans.values() for each in measured for plans in each.values()))


def _print(measured: list[dict[str, Measured]]) -> None:
    print(f"{'':48}{'Node':>12}" + "".join(f"{name:>12}" for name in servers.NAMES if name != "node"))
    for figure, of in _FIGURES.items():
        node = statistics.median(of(each["node"]) for each in measured)
        ratios = [
            statistics.median(of(each[name]) / of(each["node"]) for each in measured)
            for name in servers.NAMES
            if name != "node"
        ]
        print(f"{figure:48}{node:12,.1f}" + "".join(f"{f'x {ratio:.2f}':>12}" for ratio in ratios))
    shares = [
        each[name]["loadShare"] for each in _loads(measured) for name in ("one", "three", "fanOut") if name in each
    ]
    print(f"the load's share of its core: {max(shares):.0%} at most, of {_MOST_LOAD:.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, sys.argv[2] if len(sys.argv) > 2 else None)
