"""Measures the processor time of the Lambda, beside another commit and beside FastAPI (`make bench-lambda`).

What is measured is the zip that is deployed, each time in fresh processes, with Secrets Manager, DynamoDB, EventBridge,
Redis and CamPay on loopback. In each round everything is measured in turn; a figure is the median over the rounds, a
ratio the median of the ratios within a round. TLS is not in it, nor what the services themselves take.

`python -m benchmarks.lambda_cpu [COMMIT] [ROUNDS]`: the commit that this work tree is compared with.
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.lambda_cpu import zips
from benchmarks.lambda_cpu.function import Function
from benchmarks.lambda_cpu.payments import Payments, Services, services
from infra.package import ROOT

OURS, PEER = "here", "FastAPI"
_STARTS = 3
"""Measured starts in a round, beside the one that takes payments."""
_PAYMENTS = 60
_WARM_UP = 5
Figures = dict[str, float]


def main(commit: str | None, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        roots = {OURS: zips.of_tree(ROOT, folder / "here"), PEER: zips.of_peer(folder / "peer")}
        if commit:
            roots[commit] = zips.of_commit(commit, folder / "commit")
        with services() as running:
            measured = [_round(number, roots, running) for number in range(rounds)]
    _print(measured)


def _round(number: int, roots: Mapping[str, Path], running: Services) -> dict[str, Figures]:
    names = list(roots)
    turn = number % len(names)
    figures: dict[str, Figures] = {}
    for place, name in enumerate(names[turn:] + names[:turn]):
        environment = running.with_table(f"payments-{number}-{place}")
        figures[name] = _peer(roots[name], environment) if name == PEER else _ours(roots[name], environment, running)
    print(f"round {number + 1}: {figures}", file=sys.stderr)
    return figures


def _peer(task_root: Path, environment: Mapping[str, str]) -> Figures:
    return {"init": statistics.median(_starts(task_root, "fastapi_app.app", environment))}


def _ours(task_root: Path, environment: Mapping[str, str], running: Services) -> Figures:
    starts = _starts(task_root, "app.app", environment)
    with Function(task_root, "app.app", environment) as function:
        payments = Payments(function, running)
        payments.pay(_WARM_UP)
        first = {name: took[0] for name, took in payments.took.items()}
        payments = Payments(function, running, first_number=_WARM_UP)
        payments.pay(_PAYMENTS)
    init = statistics.median([*starts, function.init_ms])
    return {"init": init, "init and the first initiate": function.init_ms + first["initiate"], **payments.medians()}


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
