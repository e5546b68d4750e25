"""Prints the figures of `docs/performance.md` (`make bench`), and fails where one is above its target.

`python -m benchmarks operations --write` also keeps what was counted, for docs/scale.md and docs/cost.md.
`python -m benchmarks resources` counts in the templates what AWS bills by the hour or month, for the same pages.
`python -m benchmarks scale` writes the two pages.
`python -m benchmarks page-latency` measures the time to the customer's screen; it needs Chromium and the built page.
`python -m benchmarks live-view [--seconds 20] [--rate 20] [--whole 2]` measures how fast the operators' view follows.
`python -m benchmarks large-statement` reads 100,000 rows a day of CamPay's statement; it takes ten minutes.
`python -m benchmarks decline-storm` loses every webhook of 2,000 payments; it takes ten minutes.
`python -m benchmarks money [--payments 10000]` compares gross, fee and net with the simulator's ledger, to the franc.
`python -m benchmarks campay-hang [--minutes 10]` lets CamPay hang under 50 looks a second, and measures who notices.
`python -m benchmarks history [--written 50000] [--real 2000] [--days 90]` looks payments up in a long history, counts
what is read, and recounts the rollups; it takes half an hour.
`python -m benchmarks endurance [--minutes 30]` runs a gateway under all that browsers do to it.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence

from benchmarks import operation_counts
from benchmarks.scale import counted


def count_operations() -> None:
    rows, payments = operation_counts.run()
    print(f"{'operation':36} {'Redis round trips':>18} {'DynamoDB calls':>15}   aim (Redis + DynamoDB)")
    for row in rows:
        print(f"{row.operation:36} {row.redis_round_trips:18} {row.dynamodb_calls:15}   {row.aim}")
    print(f"\n{'payment':36} {'write units':>18} {'writes':>15}   reads of CamPay")
    for path, counts in payments.items():
        print(f"{path:36} {counts.write_units:18} {counts.writes:15}   {counts.campay_reads}")
    missed = [row.operation for row in rows if row.misses_its_aim]
    if missed:
        sys.exit(f"above its aim: {', '.join(missed)}")
    if "--write" in sys.argv:
        counted.write(payments)
    elif not counted.is_current(payments):
        sys.exit(f"not as {counted.PATH.name} has it: python -m benchmarks operations --write, then scale")


def time_the_page() -> None:
    from benchmarks import page_latency

    missed = []
    for it in page_latency.run():
        latency = it.latency
        print(
            f"{it.what}, {latency.samples} times: median {latency.median:.1f} ms, p95 {latency.p95:.1f} ms", flush=True
        )
        if it.misses_its_aim:
            missed.append(f"{it.what}: {it.aim:.0f} ms at the median")
    if missed:
        sys.exit("\n".join(["above its aim:", *missed]))


def watch_the_day() -> None:
    from benchmarks import live_view as it

    options = {
        "--seconds": (20.0, 5.0, it.MOST_SECONDS),
        "--rate": (it.RATE, 4.0, it.RATE),
        "--whole": (it.WHOLE, 0.1, it.WHOLE),
    }
    measured = it.run(*_numbers("live-view", options))
    print(f"{measured.payments} payments in {measured.seconds:.1f} s, {measured.rate:.1f} a second")
    print(f"{measured.whole} of them through the whole system, the others written into its ledger")
    for what, late in (("row of a change", measured.rows), ("number of paid", measured.figures)):
        print(
            f"commit to {what}, {late.samples} times: median {late.median:.0f} ms, p95 {late.p95:.0f} ms, "
            f"at worst {late.worst:.0f} ms"
        )
    if max(measured.rows.p95, measured.figures.p95) > it.AIM_MS:
        sys.exit(f"above its aim: {it.AIM_MS:.0f} ms for 95 of 100")


def read_large_statement() -> None:
    from benchmarks import large_statement

    measured = large_statement.run()
    print(f"{measured.rows:,} rows a day: {measured.found} of {large_statement.LOST} lost answers found")
    print(
        f"  the hourly pass over three days: {measured.late_sent} checks sent in {measured.late_seconds:.1f} s, "
        f"{measured.late_cpu_seconds:.1f} s of it computing, {measured.late_peak_megabytes} MB"
    )
    print(f"  searched in three days: {measured.search_seconds:.1f} s, {measured.searched} found by that")
    print(f"  a day compared: {measured.compare_seconds:.1f} s, {measured.compare_cpu_seconds:.1f} s of it computing")
    print(
        f"  processor time: {measured.row_microseconds:.1f} us a row of CamPay's, "
        f"{measured.payment_microseconds:.0f} us a payment of the ledger's day"
    )
    print(f"  peak memory: {measured.peak_megabytes} MB of {large_statement.MEMORY_MEGABYTES}")
    if not measured.is_right:
        sys.exit(f"not as it was put together: {measured}")


def endure_declines() -> None:
    from benchmarks import decline_storm as it

    missed = []
    for seconds in it.SLOWNESS:
        storm = it.storm(seconds)
        print(
            f"CamPay takes {seconds} s: {storm.settled} of {storm.paid} paid payments settled, {storm.checks} checks, "
            f"the latest {storm.latest_seconds:.1f} s after it was due, "
            f"a sweep took {storm.longest_sweep_seconds:.1f} s at most, with AWS's fake",
            flush=True,
        )
        sweep = storm.sweep
        print(
            f"  the sweep that computed longest: {sweep.own_cpu_seconds:.1f} s of processor time, "
            f"{sweep.fake_cpu_seconds:.1f} s more in AWS's fake, {sweep.seconds:.1f} s in all; "
            f"calls {dict(sorted(sweep.calls.items()))}",
            flush=True,
        )
        if sweep.own_cpu_seconds > it.LONGEST_SWEEP_SECONDS:
            missed.append("a sweep computed too long")
        if storm.settled < storm.paid or storm.latest_seconds > it.LATEST_SECONDS:
            missed.append(f"settled too late where CamPay takes {seconds} s")
    grown = it.growth()
    print("checks a second, 2 s a read: " + ", ".join(f"{rate:.1f} by {workers}" for workers, rate in grown.items()))
    if grown[16] < it.GROWTH * grown[1]:
        missed.append("checks do not grow with the functions")
    if missed:
        sys.exit("; ".join(missed))


def reckon_money() -> None:
    from benchmarks import money as it

    parser = argparse.ArgumentParser(prog="python -m benchmarks money")
    parser.add_argument("--payments", type=int, default=it.PAYMENTS)
    measured = it.run(parser.parse_args(sys.argv[2:]).payments)
    print(
        f"{measured.payments:,} payments, {measured.late:,} paid late, {measured.duplicates:,} charged twice, "
        f"in {measured.seconds:.0f} s"
    )
    for operator, charged in measured.charged.items():
        for whose, sums in (("CamPay's ledger", charged), ("analytics", measured.shown[operator])):
            print(
                f"  {operator:7} {whose:16} {sums.charges:6,} charges, gross {sums.gross:,}, fee {sums.fee:,}, "
                f"net {sums.net:,}"
            )
    if not measured.is_right:
        sys.exit("the analytics are not CamPay's ledger" if measured.is_recount else "the rollups are no recount")


def endure_a_hang() -> None:
    from benchmarks.campay_hang import measured
    from benchmarks.campay_hang import run as it

    hang = it.run(_number("campay-hang", "--minutes", 10.0, 0.5, it.MOST_MINUTES))
    for (phase, kind), took in sorted(hang.took.items()):
        print(f"{phase} {kind}: {took}")
    for kind in ("webhook", "initiate", "look"):
        print(f"{kind}: {hang.slower(kind):.2f} times as long at the median while CamPay hangs")
    runs = (f"{name} {seconds:.1f} s of {measured.LIMITS[name]}" for name, seconds in hang.longest.items())
    print(f"longest runs: {', '.join(runs)}")
    print(f"{hang.settled} of {hang.charged} charged payments settled {hang.settled_after:.0f} s after CamPay was back")
    if wrong := list(hang.wrong()):
        sys.exit("; ".join(wrong))


def _number(benchmark: str, option: str, usual: float, least: float, most: float) -> float:
    """Reads the only option of a benchmark."""
    return _numbers(benchmark, {option: (usual, least, most)})[0]


def _numbers(benchmark: str, options: Mapping[str, tuple[float, float, float]]) -> Sequence[float]:
    """Reads options by their names: the usual value, the least, and the most."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {benchmark}")
    for option, (usual, _, _) in options.items():
        parser.add_argument(option, dest=option, metavar="NUMBER", type=float, default=usual)
    numbers: Mapping[str, float] = vars(parser.parse_args(sys.argv[2:]))
    for option, (_, least, most) in options.items():
        if not least <= numbers[option] <= most:
            parser.error(f"{option} from {least} to {most}")
    return [numbers[option] for option in options]


def endure() -> None:
    from benchmarks import endurance
    from tests.harness.gateway_stack import driver

    minutes = _number("endurance", "--minutes", 30.0, 1.0, endurance.MOST_MINUTES)
    print(f"the driver {driver()}:", flush=True)
    endured = asyncio.run(endurance.endure(minutes))
    print("visits: " + ", ".join(f"{count} {name}" for name, count in endured.visits.items()))
    before, after = endured.quarters
    print(
        f"memory: {before:.1f} MB in the second quarter, {after:.1f} in the last, {endured.empty_megabytes:.1f} alone"
    )
    if wrong := endured.wrong():
        sys.exit(f"{len(wrong)} faults:\n" + "\n".join(wrong[:50]))
    print("nothing lost, doubled or out of order; memory flat; nobody left behind")


def prove_history() -> None:
    from benchmarks.history import run as it

    proof = it.run(it.plan_of(sys.argv[2:]))
    print(f"{'look-up':60} {'times':>6} {'reads':>6} {'units':>8}   reads at most")
    for cost in proof.costs:
        print(f"{cost.what:60} {cost.times:6} {cost.calls:6} {cost.units:8,.1f}   {cost.most}")
    print(f"{proof.payments:,} payments with {proof.versions:,} versions; {proof.groups} rows of rollups")
    if missed := [f"{cost.what} reads too much" for cost in proof.costs if cost.misses] + proof.wrong:
        sys.exit("\n".join(missed))
    print("every look-up finds what it has to; the rollups equal the recount, before and after a rebuild")


def scale() -> None:
    from benchmarks.scale import command

    command.run(sys.argv[2:])


def count_resources() -> None:
    import json
    import tempfile
    from pathlib import Path

    from benchmarks.scale import resources
    from infra.cdk_app import synthesise
    from infra.deployment import STACK_NAME
    from infra.node import ensure_node
    from infra.stages import STAGES

    ensure_node()
    with tempfile.TemporaryDirectory() as folder:
        synthesise({}, Path(folder))
        templates = {
            name: [
                json.loads((Path(folder) / f"{STACK_NAME.format(stage=name)}{stack}.template.json").read_text("utf-8"))
                for stack in ("", "-secrets")
            ]
            for name in STAGES
        }
    resources.write({name: resources.of_templates(*it) for name, it in templates.items()})


BENCHMARKS = {
    "operations": count_operations,
    "resources": count_resources,
    "scale": scale,
    "page-latency": time_the_page,
    "live-view": watch_the_day,
    "large-statement": read_large_statement,
    "decline-storm": endure_declines,
    "money": reckon_money,
    "campay-hang": endure_a_hang,
    "endurance": endure,
    "history": prove_history,
}

chosen = sys.argv[1] if len(sys.argv) > 1 else "operations"
if chosen not in BENCHMARKS:
    sys.exit(f"there is no benchmark {chosen}: {', '.join(BENCHMARKS)}")
BENCHMARKS[chosen]()
