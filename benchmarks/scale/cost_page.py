"""Writes docs/cost.md: what each stage and each payment costs, and the prices of which it is computed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.scale import prices
from benchmarks.scale.bill import Line, fixed, total, used
from benchmarks.scale.markdown import dollars, number, table
from benchmarks.scale.resources import Resources
from benchmarks.scale.traffic import Traffic

SMALL_LIMIT = 45
"""What the stage for a small shop may cost a month before anybody pays, in dollars."""
VOLUMES = (1_000, 100_000, 10_000_000)
"""Payments a month."""


def page(traffic: Traffic, stages: Mapping[str, Resources]) -> str:
    prod = stages["prod"]
    return "\n".join(
        [
            _INTRODUCTION,
            "## What a stage costs before anybody pays\n",
            *(_stage(name, it) for name, it in stages.items()),
            _SMALL,
            "## What payments cost\n",
            _PAYMENTS_INTRODUCTION,
            _volumes(prod, traffic),
            "The lines of the largest:\n",
            _lines(used(prod, _of_month(traffic, VOLUMES[-1]))),
            "## Prices used\n",
            _PRICES_INTRODUCTION,
            _prices(),
        ]
    )


_INTRODUCTION = f"""\
# What it costs

A month in {prices.REGION}, in US dollars, before taxes. Made by `.venv/bin/python -m benchmarks scale`, from what the
templates of [infra/stages.py](../infra/stages.py) create, what `make bench` counts and the prices below; a test fails
where this page is not what the program makes. [scale.md](scale.md) says what larger rates cost. CamPay's 2 % of each
payment are more than all of this from some thousand payments of 5,000 XAF a month on.
"""
_SMALL = Path(__file__).with_name("small.md").read_text(encoding="utf-8")
_PAYMENTS_INTRODUCTION = """\
Beyond what AWS gives to each account every month; a second stage in the same account gets none of it.
"""
_PRICES_INTRODUCTION = f"""\
AWS's list prices as known in {prices.AS_OF}; put today's into `benchmarks/scale/prices.py` before you decide anything.
Each is on aws.amazon.com at the page that is named. Those marked **?** were derived, from another region or from what
others write, and have to be looked up.
"""


def _stage(name: str, it: Resources) -> str:
    lines = fixed(it)
    return f"### `{name}`: {dollars(total(lines))}\n\n{_lines(lines)}"


def _lines(lines: list[Line]) -> str:
    rows = [[line.name, line.sum, dollars(line.dollars)] for line in lines]
    return table(["line", "how", "$"], [*rows, ["**sum**", "", f"**{dollars(total(lines))}**"]])


def _of_month(traffic: Traffic, payments: float) -> Traffic:
    return replace(traffic, rate=traffic.rate * payments / traffic.payments_a_month)


def _volumes(prod: Resources, traffic: Traffic) -> str:
    has = total(fixed(prod))
    rows = []
    for payments in VOLUMES:
        uses = total(used(prod, _of_month(traffic, payments)))
        each = f"{100_000 * uses / payments:,.1f}"
        rows.append([number(payments), dollars(uses), each, dollars(has + uses)])
    return table(["payments a month", "they cost, $", "cents per 1,000", "with `prod`, $"], rows)


def _prices() -> str:
    return table(["price, $", "per", "page"], [[_amount(it), it.unit, _where(it)] for it in _all()])


def _amount(price: prices.Price) -> str:
    per_million = price.unit.startswith("million")
    amount = price.dollars * prices.MILLION if per_million else price.dollars
    return f"{amount:.6g}" + (f", {price.free:,.0f} free" if price.free else "")


def _where(price: prices.Price) -> str:
    return f"`{price.page}`" + ("" if price.sure else " **?**")


def _all() -> Iterator[prices.Price]:
    for name, value in vars(prices).items():
        if isinstance(value, prices.Price):
            yield replace(value, unit=_named(name, value))
        elif isinstance(value, dict) and name.isupper():
            yield from (replace(it, unit=f"hour of {kind}") for kind, it in value.items())


def _named(name: str, price: prices.Price) -> str:
    return f"hour, {name.lower().replace('_', ' ')}" if price.unit == "hour" else price.unit
