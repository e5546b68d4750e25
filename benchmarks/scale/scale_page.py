"""Writes docs/scale.md: each part's load as a share of its limit, by the rate of payments."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from textwrap import fill
from typing import Any

from benchmarks.scale import limits
from benchmarks.scale.bill import fixed, for_stage, total, used
from benchmarks.scale.limits import DOCS, Kind
from benchmarks.scale.markdown import dollars, number, percent, table
from benchmarks.scale.parts import Part, parts, processors
from benchmarks.scale.resources import Resources
from benchmarks.scale.setup import AS_IT_IS, CHECKS, Setup
from benchmarks.scale.sizing import AIM, quotas, sized
from benchmarks.scale.traffic import Assumed, Traffic

RATES = (1, 10, 100, 1_000)
TO_CHANGE = {
    "Lambda: checks": (
        "A queue invokes 1,000 functions at once at most. From there on it takes several queues of checks, by a hash "
        "of the reference."
    ),
    "Lambda: the nightly comparison": (
        "CamPay's statement comes a day in one piece: the function of each day and shard parses all of it, and those "
        "of the days beside while a charge is missing, in 15 minutes at most. `day_shards` divides only the ledger's "
        "part, and one function has one thread. Beyond that the statement has to come in parts."
    ),
    "Lambda: the hourly pass": "What holds for the nightly comparison.",
    "CamPay's statement: rows of a day": "A larger maximum: `STATEMENT_ROWS` of `chalicelib/settings.py`.",
    "CamPay's statement: computing for a day": "What holds for the nightly comparison.",
    "Lambda: the hourly pass, memory": "More `lambda_memory_size` helps, up to 10,240 MB.",
    "Lambda: the nightly comparison, memory": "More `lambda_memory_size` helps, up to 10,240 MB.",
    "DynamoDB: index `due`, a partition": "More shards: `SHARDS` of `chalicelib/adapters/ledger/table.py`.",
    "DynamoDB: index `undelivered`, a partition": "Likewise.",
    "Redis: calls": "Cluster mode, with more `shards` of `RedisSize`.",
    "Redis: memory": "Likewise.",
    "DynamoDB: index `day`, a partition": "More `day_shards` than 5: a page of a day is a query of each.",
}
"""Part -> what would have to change where neither a setting nor a quota helps."""


def page(traffics: Mapping[float, Traffic], prod: Resources) -> str:
    return "\n".join(
        [
            _INTRODUCTION.format(**_mix(traffics)),
            "## `prod` as it is\n",
            _shares({rate: parts(it, AS_IT_IS) for rate, it in traffics.items()}, has_limits=True),
            *_breaks(traffics),
            "## With other settings\n",
            _SETTINGS_INTRODUCTION,
            _settings({rate: sized(it) for rate, it in traffics.items()}),
            _shares({rate: parts(it, sized(it)) for rate, it in traffics.items()}, has_limits=False),
            _QUOTAS_INTRODUCTION.format(**_of_quotas(next(iter(traffics.values())))),
            _quotas(traffics),
            "## What neither a setting nor a quota helps\n",
            *_to_change(traffics),
            _search(next(iter(traffics.values())).assumed),
            "## What it costs a month\n",
            _costs(traffics, prod),
            "## What is assumed\n",
            _assumed(next(iter(traffics.values())).assumed),
            "## Where the limits are from\n",
            _SOURCES_INTRODUCTION,
            _sources(),
        ]
    )


_INTRODUCTION = """\
# How far it goes

Made by `.venv/bin/python -m benchmarks scale`, from what `make bench` counts ([performance.md](performance.md)), from
[infra/stages.py](../infra/stages.py) and from AWS's limits. A test fails where this page is not what the program makes.

Rates are payments a second at the busiest moment, which is taken to be {peak} times the average of the month. Of the
payments {paid} are paid and {declined} declined, each with its webhook, and nobody answers {unanswered}. Other shares,
rates and assumptions can be asked for: `python -m benchmarks scale --help`. Over {aim} is in bold.
"""
_SETTINGS_INTRODUCTION = """\
Each rate needs these settings of `infra/stages.py`, and those of functions in `.chalice/config.json`. All others stay
as `prod` has them. `statement_seconds` has to leave room for the time that CamPay itself takes for a day's statement,
which nobody has published.
"""
_QUOTAS_INTRODUCTION = """\
A new table of DynamoDB takes {new_table} write units a second at once, that is {new_rate} payments, and then twice its
last peak within half an hour: who expects more on the first day warms it
(`aws dynamodb update-table --warm-throughput`).

AWS raises these quotas of the account on request (Service Quotas), where the default is too small. Lambda's is that
large because `prod` keeps so much free that webhooks still get in while CamPay hangs and every start of a payment waits
20 s for it ([decision 8](decisions/08-the-infrastructure.md)). While CamPay answers, {answering} of that is used.
"""
_SOURCES_INTRODUCTION = f"""\
Pages of {DOCS}. What CamPay allows is published nowhere: neither calls a second, nor the rows of a
statement; only "Rate limit per Phone number exceeded" was seen ([campay.md](campay.md)). Ask CamPay before the first
ten a second. Redis' calls have no limit of AWS's: {limits.REDIS_CALLS_A_PROCESSOR:,} a second and processor, since a
publication took 27 us of one, without TLS.
"""


def _mix(traffics: Mapping[float, Traffic]) -> dict[str, str]:
    it = next(iter(traffics.values()))
    return {"aim": percent(AIM), "peak": number(it.assumed.peak)} | {
        outcome: percent(share) for outcome, share in it.mix.items()
    }


def _shares(by_rate: Mapping[float, list[Part]], *, has_limits: bool) -> str:
    """Writes the shares. `has_limits`: with the limits' values, which must then be the same for each rate."""
    rows = [
        [of_rates[0].name, *map(_share, of_rates), _limit(of_rates[0], has_limits)]
        for of_rates in zip(*by_rate.values(), strict=True)
    ]
    return table(["part", *(f"{number(rate)}/s" for rate in by_rate), "limit"], rows)


def _limit(part: Part, has_value: bool) -> str:
    kind = part.kind.partition(",")[0]
    return f"{number(part.limit)} {part.unit}, {kind}" if has_value and part.limit is not None else kind


def _share(part: Part) -> str:
    if part.share is None:
        return f"{number(part.load)} {part.unit}"
    text = percent(part.share)
    return f"**{text}**" if part.share > AIM else text


def _breaks(traffics: Mapping[float, Traffic]) -> Iterator[str]:
    full = [(at, part.name) for at, part in _rates_at(1, next(iter(traffics.values())), AS_IT_IS)]
    yield "What is full first, and at how many payments a second:\n"
    yield table(["part", "full at"], [[name, f"{number(at)}/s"] for at, name in sorted(full)[:6]])


def _rates_at(share: float, traffic: Traffic, setup: Setup) -> Iterator[tuple[float, Part]]:
    """Yields the rate at which each part's share is so large. A load is a constant and a multiple of the rate."""
    twice = parts(replace(traffic, rate=2 * traffic.rate), setup)
    for part, doubled in zip(parts(traffic, setup), twice, strict=True):
        if part.limit is not None:
            slope = (doubled.load - part.load) / traffic.rate
            yield traffic.rate + (share * part.limit - part.load) / slope, part


def _settings(setups: Mapping[float, Setup]) -> str:
    changed = {rate: dict(_changed(setup)) for rate, setup in setups.items()}
    names = list(dict.fromkeys(name for it in changed.values() for name in it))
    now = dict(_all_values(AS_IT_IS))
    rows = [[f"`{name}`", str(now[name]), *(str(it.get(name, "")) for it in changed.values())] for name in names]
    return table(["setting", "prod", *(f"{number(rate)}/s" for rate in setups)], rows)


def _changed(setup: Setup) -> Iterator[tuple[str, Any]]:
    before = dict(_all_values(AS_IT_IS))
    yield from ((name, value) for name, value in _all_values(setup) if value != before[name])


def _all_values(setup: Setup) -> Iterator[tuple[str, Any]]:
    yield from _values(setup.stage)
    yield from _values(setup.functions)


def _values(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for each in fields(settings):
        value = getattr(settings, each.name)
        if is_dataclass(value):
            yield from _values(value, f"{prefix}{each.name}.")
        else:
            yield f"{prefix}{each.name}", value


def _of_quotas(traffic: Traffic) -> dict[str, str]:
    new_table = limits.NEW_TABLE_WRITES.value
    return {
        "new_table": number(new_table),
        "new_rate": number(new_table / traffic.per_payment(lambda it: it.write_units)),
        "answering": percent(traffic.api_seconds / traffic.hanging_seconds),
    }


def _quotas(traffics: Mapping[float, Traffic]) -> str:
    columns = [quotas(it, sized(it)) for it in traffics.values()]
    rows = [
        [
            of_rates[0].name,
            number(of_rates[0].limit.value),
            *(f"**{number(it.needed)}**" if it.has_to_be_raised else "" for it in of_rates),
        ]
        for of_rates in zip(*columns, strict=True)
        if any(it.has_to_be_raised for it in of_rates)
    ]
    return table(["quota", "by default", *(f"{number(rate)}/s" for rate in traffics)], rows)


def beyond_help(traffic: Traffic) -> list[Part]:
    """Returns the parts that are over the aim whatever is set and raised."""
    return [it for it in parts(traffic, sized(traffic)) if it.kind is not Kind.QUOTA and (it.share or 0) > AIM]


def _to_change(traffics: Mapping[float, Traffic]) -> Iterator[str]:
    first: dict[str, float] = {}
    for traffic in traffics.values():
        beyond = {it.name for it in beyond_help(traffic)}
        for rate, part in _rates_at(AIM, traffic, sized(traffic)):
            if part.name in beyond:
                first.setdefault(part.name, rate)
    if not first:
        yield "Nothing, up to these rates."
    for name, rate in first.items():
        text = f"- **{name}**, from {number(rate)} payments a second. {TO_CHANGE[name]}"
        yield fill(text, width=120, subsequent_indent="  ")
    yield ""


def _search(assumed: Assumed) -> str:
    """Writes up to which rate a check reads two whole days of CamPay's statement."""
    assert CHECKS
    rows = CHECKS.lambda_timeout * processors(CHECKS) * 1_000_000 / assumed.statement_microseconds
    rate = rows / 2 / 86_400 * assumed.peak
    text = (
        f"A check that searches for a lost answer has {CHECKS.lambda_timeout} s. With {CHECKS.lambda_memory_size} MB "
        f"it reads two days of the statement in them, up to {number(rate)} payments a second. "
        "What it does not reach is found by the hourly pass."
    )
    return fill(text, width=120) + "\n"


def _costs(traffics: Mapping[float, Traffic], prod: Resources) -> str:
    rows = []
    for rate, traffic in traffics.items():
        it = for_stage(prod, sized(traffic).stage, traffic)
        has, uses = total(fixed(it)), total(used(it, traffic))
        payments = traffic.payments_a_month
        each = f"{100_000 * (has + uses) / payments:,.1f}"
        rows.append([f"{number(rate)}/s", number(payments), dollars(has), dollars(uses), dollars(has + uses), each])
    head = ["at the peak", "payments a month", "fixed, $", "used, $", "sum, $", "cents per 1,000 payments"]
    return table(head, rows) + "\nHow the sums come about is in [cost.md](cost.md).\n"


def _assumed(assumed: Assumed) -> str:
    rows = [[f"`{it.name}`", number(getattr(assumed, it.name))] for it in fields(assumed)]
    return "What each means stands in `benchmarks/scale/traffic.py`.\n\n" + table(["assumed", "value"], rows)


def _sources() -> str:
    rows = [[name, number(it.value), it.kind.value, f"{it.title}: `{it.path}`"] for name, it in limits.ALL.items()]
    title, path = limits.NODES
    kinds = ", ".join(f"{kind.removeprefix('cache.')} {gib}" for kind, gib in limits.NODE_GIB.items())
    rows.append(["ElastiCache, GiB of a node", kinds, Kind.SETTING.value, f"{title}: `{path}`"])
    return table(["limit", "value", "who raises it", "page"], rows)
