"""Compares the gateway as one process with the gateway as two: processor time per delivered event.

`python -m benchmarks.gateway.processes ROUNDS` runs both in turn, on the same core; the load and Redis have another. A
figure is the median, over the rounds, of the ratio in one round. Two processes get twice the load, as two processors
would, and in the last row the load of one, where each of them wakes up for fewer messages.
"""

import os
import statistics
import sys

from benchmarks.gateway import plans, servers
from benchmarks.gateway.rows import Measured
from local.embedded import Valkey

_STEPS = {
    "one": "own payment each, 1 event a message",
    "three": "own payment each, 3 events a message",
    "fanOut": "one payment, 500 browsers a process",
    "connect": "connect + track",
    "paced": "2,000 messages/s a process",
    "shared": "2,000 messages/s in all",
}
_RATE = 2_000
_LOAD_A_PROCESS = {"perSecond": _RATE, "inFlight": 512, "handshakesAtOnce": 32, "watchers": 500}


def main(rounds: int) -> None:
    os.sched_setaffinity(0, {servers.LOAD_CORE})
    ratios: dict[str, list[float]] = {step: [] for step in _STEPS}
    costs: dict[str, list[float]] = {step: [] for step in _STEPS}
    with Valkey() as valkey:
        for number in range(rounds):
            pair = [(count, _measure(count, valkey.port)) for count in ((1, 2), (2, 1))[number % 2]]
            (_, one), (_, two) = sorted(pair, key=lambda it: it[0])
            for step in _STEPS:
                costs[step].append(_micros(one[step], step))
                ratios[step].append(_micros(two[step], step) / _micros(one[step], step))
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
    print(f"{'CPU an event':40}{'one process':>14}{'two':>10}")
    for step, title in _STEPS.items():
        print(f"{title:40}{statistics.median(costs[step]):11.1f} us{f'x {statistics.median(ratios[step]):.2f}':>10}")


def _measure(count: int, redis_port: int) -> Measured:
    """Runs the load on a gateway of `count` processes, and again at the rate of one process."""
    name = {1: "gateway", 2: "two-processes"}[count]
    with servers.running(name, redis_port) as server:
        load = {name: count * number for name, number in _LOAD_A_PROCESS.items()}
        measured = plans.run("few", ["one", "three", "paced", "fanOut"], server, redis_port, **load)
    with servers.running(name, redis_port) as server:
        measured["shared"] = plans.run("few", ["paced"], server, redis_port, perSecond=_RATE)["paced"]
    return measured


def _micros(step: Measured, name: str) -> float:
    done = step["browsers"] if name == "connect" else step["events"]
    return float(step["serverCpu"] / done * 1e6)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
