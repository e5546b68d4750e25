"""Compares the gateway with the usual alternatives, in turn, on one core each (`make bench-gateway`).

The servers run one after the other in each round; a figure is the median, over the rounds, of the ratio to Node's in
the same round. The load and Redis run on another core. Every event that arrives is compared byte for byte with the one
that is due: nothing is lost, doubled, out of order or changed.

A part, for a quick comparison: `python -m benchmarks.gateway --rounds 1 --rows connect,leave --servers gateway,node`.
"""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.gateway import plans, report, servers
from benchmarks.gateway.rows import ROWS, Measured, Row, steps_of
from local.embedded import Valkey


def main(options: argparse.Namespace) -> None:
    if (os.cpu_count() or 1) < 2:
        sys.exit(
            "This machine has one core: the load would be measured together with the server. Nothing was measured."
        )
    os.sched_setaffinity(0, {servers.LOAD_CORE})
    if options.rounds < 1:
        sys.exit("At least one round is needed.")
    rows = _chosen_rows(options.rows)
    names = _chosen_servers(options.servers)
    rounds = _measure_rounds(options.rounds, names, steps_of(rows))
    report.print_figures(rounds, rows, "node" if "node" in names else names[0], names)
    if options.json:
        shares = {row.name: {name: report.load_share(rounds, row, name) for name in names} for row in rows}
        Path(options.json).write_text(json.dumps({"loadShares": shares, "rounds": rounds}, indent=1), encoding="utf-8")
    _fail_where_unsound(rounds, rows, names)


def _measure_rounds(count: int, names: Sequence[str], steps: Mapping[str, Sequence[str]]) -> list[dict[str, Measured]]:
    rounds = []
    with Valkey() as valkey:
        for number in range(count):
            first = number % len(names)
            order = [*names[first:], *names[:first]]
            rounds.append({name: _measure(name, steps, valkey.port) for name in order})
            print(f"round {number + 1} of {count}", file=sys.stderr)
    return rounds


def _measure(name: str, steps: Mapping[str, Sequence[str]], redis_port: int) -> Measured:
    """Runs each plan on a server of its own, so that none inherits the other's memory."""
    measured = {}
    for plan, further in steps.items():
        with servers.running(name, redis_port) as server:
            measured[plan] = plans.run(plan, further, server, redis_port)
    return measured


def _fail_where_unsound(rounds: report.Rounds, rows: Sequence[Row], names: Sequence[str]) -> None:
    loads = list(itertools.chain.from_iterable(each.values() for round_ in rounds for each in round_.values()))
    events = sum(step["events"] for load in loads for step in load.values() if isinstance(step, dict))
    wrong = [entry for load in loads for entry in load["firstWrong"]]
    if wrong:
        sys.exit(f"Events were lost, doubled, out of order or changed: {wrong[:3]}")
    print(f"{events:,} events were checked; none was lost, doubled, out of order or changed.")
    overloaded = report.overloaded(rounds, rows, names)
    if overloaded:
        sys.exit(
            f"The load took {report.MOST_LOAD:.0%} of its core or more, so it may have limited these figures: "
            + "; ".join(overloaded)
        )
    print(f"In every row the load took less than {report.MOST_LOAD:.0%} of its core.")


def _chosen_rows(names: str | None) -> tuple[Row, ...]:
    known = {row.name: row for row in ROWS}
    return tuple(known[name] for name in _choice(names, list(known), "row"))


def _chosen_servers(names: str | None) -> list[str]:
    return _choice(names, list(servers.COMMANDS), "server") if names else list(servers.USUAL)


def _choice(names: str | None, known: Sequence[str], kind: str) -> list[str]:
    chosen = names.split(",") if names else list(known)
    unknown = set(chosen) - set(known)
    if unknown:
        sys.exit(f"There is no {kind} {', '.join(sorted(unknown))}: choose from {', '.join(known)}.")
    return chosen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description="Compares the gateway.")
    parser.add_argument("--rounds", type=int, default=5, help="5 where nothing is said")
    parser.add_argument("--rows", help=f"some of: {','.join(row.name for row in ROWS)}")
    parser.add_argument("--servers", help=f"some of: {','.join(servers.COMMANDS)}")
    parser.add_argument("--json", metavar="FILE", help="writes all that was measured")
    return parser.parse_args()


if __name__ == "__main__":
    main(_options())
