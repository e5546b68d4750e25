"""Measures the processor time of the Lambda, beside another commit and beside FastAPI (`make bench-lambda`).

What is measured is the zip that is deployed, each time in fresh processes, with Secrets Manager, DynamoDB, EventBridge,
Redis and CamPay on loopback. In each round everything is measured in turn: of its starts the fastest counts, of its
calls the lower quartile. A figure is the median over the rounds, a ratio the median of the ratios within a round. The
functions have a core for themselves. TLS is not in it, nor what the services take.

`python -m benchmarks.lambda_cpu [COMMIT] [ROUNDS]`: the commit that this work tree is compared with.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks.lambda_cpu import zips
from benchmarks.lambda_cpu.function import SERVICES_CORE, Function
from benchmarks.lambda_cpu.payments import Payments, Services, services
from infra.package import ROOT

OURS, PEER = "here", "FastAPI"
_HANDLERS = {PEER: "fastapi_app.app"}
_STARTS = 3
"""Measured starts in a round, beside the one that takes payments."""
_BATCHES, _BATCH = 10, 6
"""Payments in a round: the instances take turns, so that what else the machine does meets all of them alike."""
Figures = dict[str, float]


def main(commit: str | None, rounds: int) -> None:
    if (os.cpu_count() or 1) < 2:
        sys.exit("This machine has one core: the services would be measured together with the functions.")
    os.sched_setaffinity(0, {SERVICES_CORE})
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        roots = {OURS: zips.of_tree(ROOT, folder / "here"), PEER: zips.of_peer(folder / "peer")}
        if commit:
            roots[commit] = zips.of_commit(commit, folder / "commit")
        with services() as running:
            measured = [_round(number, roots, running) for number in range(rounds)]
    _print(measured)


def _round(number: int, roots: Mapping[str, Path], running: Services) -> dict[str, Figures]:
    turn = number % len(roots)
    names = [*roots][turn:] + [*roots][:turn]
    environments = {name: running.with_table(f"payments-{number}-{place}") for place, name in enumerate(names)}
    starts = {name: _starts(roots[name], _HANDLERS.get(name, "app.app"), environments[name]) for name in names}
    figures = {name: {"init": min(took)} for name, took in starts.items()}
    with ExitStack() as stack:
        payments = {
            name: Payments(stack.enter_context(Function(roots[name], "app.app", environments[name])), running)
            for name in names
            if name != PEER
        }
        for name, each in payments.items():
            figures[name]["init and the first initiate"] = figures[name]["init"] + each.warm_up()
        for _ in range(_BATCHES):
            for each in payments.values():
                each.pay(_BATCH)
    for name, each in payments.items():
        figures[name] |= each.quartiles()
    print(f"round {number + 1}: {figures}", file=sys.stderr)
    return figures


def _starts(task_root: Path, handler: str, environment: Mapping[str, str]) -> list[float]:
    starts = []
    for _ in range(_STARTS):
        with Function(task_root, handler, environment) as function:
            starts.append(function.init_ms)
    return starts


def _print(measured: list[dict[str, Figures]]) -> None:
    others = [name for name in measured[0] if name != OURS]
    print(f"{'processor time, ms':32}{OURS:>10}" + "".join(f"{name:>12}{'ratio':>8}" for name in others))
    for figure in measured[0][OURS]:
        line = f"{figure:32}{statistics.median(each[OURS][figure] for each in measured):10.2f}"
        for other in others:
            if figure in measured[0][other]:
                theirs = statistics.median(each[other][figure] for each in measured)
                ratio = statistics.median(each[OURS][figure] / each[other][figure] for each in measured)
                line += f"{theirs:12.2f}{f'x {ratio:.2f}':>8}"
        print(line)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None, int(sys.argv[2]) if len(sys.argv) > 2 else 7)
