"""Runs rows of the gauntlet, and prints a table: `make gauntlet`, or `python -m gauntlet [ROW ...]`.

    --seed N    chooses the same faults again; without it one is drawn, and printed
    --small     as `make test` runs it: a few cases of each row, in as few systems as can be
    --list      names the rows, and runs none

Several rows run three at a time, a large one with one other, each with a system of its own. What they leave of the
processor is for those without a system, one after the other; those that need the machine follow, one by one. The last
line of a row says how long the processor worked for all its processes. The exit code is 1 where something was wrong;
the parts' logs are kept then.
"""

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from gauntlet.row import Row, Simulation
from gauntlet.rows import ROWS
from gauntlet.shop import Shop
from gauntlet.system import System

MOST_SHOWN = 20
PLACES, PLACES_OF_A_LARGE_ONE = 3, 2
"""Rows beside each other on two cores: one large one at a time. With two more beside it, its embedded AWS fell behind
for good."""
OF_LARGE_ROWS = {
    "SWEEP_SECONDS": "60",
    "CHECK_AGES_SECONDS": "1,3,5,8,12,20,30,45,60,120,240,600,1800,3600",
}
"""Settings for hundreds of payments that are due at a time. The ledger is swept once a minute, as in AWS: more sweeps,
by which other rows end sooner, would send payments again before they are checked. By the ages of other rows, a payment
whose customer never decides is checked forty times in ten minutes."""
_AFTER_ALL_OTHERS = "nice", "-n", "19"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="gauntlet", description="Runs faults against the whole system.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="the rows to run; all, where none is named")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--small", action="store_true", help="a few cases of each row")
    parser.add_argument("--list", action="store_true", help="name the rows")
    options = parser.parse_args(arguments)
    known = {row.name: row for row in ROWS}
    if unknown := sorted(set(options.rows) - known.keys()):
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in options.rows] or [row for row in ROWS if row.small or not options.small]
    if options.small and (whole_only := [row.name for row in chosen if not row.small]):
        parser.error(f"no few cases are taken of {', '.join(whole_only)}")
    if options.list:
        print("\n".join(f"{row.name:<18} {row.what}" for row in chosen))
        return 0
    print(f"seed {options.seed}", flush=True)
    if len(chosen) > 1 and not options.small:
        return _run_apart(chosen, options.seed)
    rows = [row for row in chosen if isinstance(row, Row)]
    simulations = [row for row in chosen if isinstance(row, Simulation)]
    together = _together(rows) if options.small else [[row] for row in rows]
    wrong = [line for each in simulations for line in _simulate(each, options.seed, small=options.small)]
    wrong += [line for each in together for line in _run(each, options.seed, small=options.small)]
    print(f"{'  processor':<18} {sum(os.times()[:4]):>20.0f} s", flush=True)
    return 1 if wrong else 0


def _run_apart(rows: Sequence[Row | Simulation], seed: int) -> int:
    """Runs each row in a process of its own, and prints what each says when it ends. Returns the exit code."""
    started = time.monotonic()

    def run(row: Row | Simulation, *before: str) -> bool:
        command = [*before, sys.executable, "-m", "gauntlet", row.name, "--seed", str(seed)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        print(done.stdout.removeprefix(f"seed {seed}\n"), end="", flush=True)
        return done.returncode == 0

    simulations = [row for row in rows if isinstance(row, Simulation)]
    together = [row for row in rows if isinstance(row, Row) and not row.alone]
    large = [row for row in together if row.is_large]
    small = [row for row in together if not row.is_large]
    alone = [row for row in rows if isinstance(row, Row) and row.alone]
    held = PLACES_OF_A_LARGE_ONE if large else 0
    places = threading.Semaphore(PLACES - held)

    def run_large() -> list[bool]:
        passed = [run(row) for row in large]
        for _ in range(held):
            places.release()
        return passed

    def run_small(row: Row) -> bool:
        with places:
            return run(row)

    with ThreadPoolExecutor(PLACES + 1) as threads:
        of_simulations = threads.submit(lambda: [run(row, *_AFTER_ALL_OTHERS) for row in simulations])
        of_large = threads.submit(run_large)
        of_small = threads.map(run_small, small)
    passed = [*of_simulations.result(), *of_large.result(), *of_small, *(run(row) for row in alone)]
    ran: list[Row | Simulation] = [*simulations, *large, *small, *alone]
    failed = [row.name for row, has_passed in zip(ran, passed, strict=True) if not has_passed]
    print(f"{len(rows)} rows, {time.monotonic() - started:.0f} s; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def _together(rows: Sequence[Row]) -> list[list[Row]]:
    """Puts rows together that need the same settings of their system."""
    settings = {tuple(sorted(row.settings.items())) for row in rows}
    return [[row for row in rows if tuple(sorted(row.settings.items())) == each] for each in sorted(settings)]


def _simulate(row: Simulation, seed: int, *, small: bool) -> list[str]:
    """Makes the runs of a simulation, and returns what is wrong."""
    started, runs = time.monotonic(), row.small if small else row.whole
    wrong = row.run(seed, runs)
    seconds = time.monotonic() - started
    print(f"{row.name:<18} {runs:>7} cases {seconds:>6.0f} s  {'FAILED' if wrong else 'passed'}", flush=True)
    for line in wrong:
        print(f"    {line}")
    return wrong


def _run(rows: Sequence[Row], seed: int, *, small: bool) -> list[str]:
    """Runs rows in one system, and returns what is wrong once it has come to rest."""
    settings = OF_LARGE_ROWS if rows[0].is_large and not small else {}
    with System(**settings, **rows[0].settings) as system, closing(Shop(system)) as shop:
        started = time.monotonic()
        for row in rows:
            try:
                cases = row.run(shop, row.small if small else row.whole, random.Random(f"{seed} {row.name}"))
            except Exception as error:  # what is closed after it may fail too, and would be all that is said
                print(f"{row.name:<18} ended early by {error!r}; logs: {system.keep_logs()}", flush=True)
                raise
            system.carry_on()
            print(f"{row.name:<18} {cases:>7} cases {time.monotonic() - started:>6.0f} s", flush=True)
            started = time.monotonic()
        wrong = shop.settled()
        names = ", ".join(row.name for row in rows)
        seconds = time.monotonic() - started
        print(f"{'  judged':<18} {seconds:>20.0f} s  {'FAILED' if wrong else 'passed'}", flush=True)
        for line in wrong[:MOST_SHOWN]:
            print(f"    {line}")
        if wrong:
            print(f"    {len(wrong)} in all, after {names}; logs: {system.keep_logs()}", flush=True)
        return wrong


if __name__ == "__main__":
    sys.exit(main())
