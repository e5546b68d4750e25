"""Writes docs/scale.md and docs/cost.md, or prints them for other rates, shares and assumptions."""

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace

from benchmarks.scale.pages import pages
from benchmarks.scale.scale_page import RATES
from benchmarks.scale.traffic import MIX, Assumed


def run(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks scale", description="Without options it writes the pages; with one it prints them."
    )
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="payments a second at the peak")
    parser.add_argument("--paid", type=float, default=MIX["paid"], help="share of payments that are paid")
    parser.add_argument("--declined", type=float, default=MIX["declined"], help="nobody answers what is left of 1")
    parser.add_argument("--assume", nargs="+", default=[], metavar="NAME=VALUE", help=", ".join(_names()))
    options = parser.parse_args(arguments)
    mix = {
        "paid": options.paid,
        "declined": options.declined,
        "unanswered": round(1 - options.paid - options.declined, 9),
    }
    if min(options.rates) <= 0 or min(mix.values()) < 0:
        parser.error("rates are above 0, and the shares are no more than 1 together")
    try:
        assumed = replace(Assumed(), **{name: float(value) for name, value in (it.split("=") for it in options.assume)})
    except (TypeError, ValueError):
        parser.error(f"--assume takes NAME=VALUE of {', '.join(_names())}")
    for path, text in pages(options.rates, mix, assumed).items():
        if arguments:
            print(text)
        else:
            path.write_text(text, encoding="utf-8")


def _names() -> list[str]:
    return [it.name for it in fields(Assumed)]
