"""Shapes the rollups' figures for people. Pure."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from chalicelib.domain.rollup import OUTCOMES, Detail, Figure, Figures, Group, Rollup, percentile


def analytics_of(rollup: Mapping[Group, Figures], first: date, last: date) -> dict[str, Any]:
    """Returns the figures of each day from `first` to `last` by operator, and those of all days together.

    A day or an operator without a payment is not listed.
    """
    days: dict[date, Rollup] = {}
    for group, figures in rollup.items():
        days.setdefault(group.day, {})[group] = figures
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "timeZone": "Africa/Douala",
        "total": _shown(sum(rollup.values(), Counter())),
        "operators": _by_operator(rollup),
        "days": [{"day": day.isoformat(), "operators": _by_operator(days[day])} for day in sorted(days)],
    }


def _by_operator(rollup: Mapping[Group, Figures]) -> list[dict[str, Any]]:
    of_operators: dict[str, Figures] = {}
    for group, figures in rollup.items():
        of_operators.setdefault(group.operator, Counter()).update(figures)
    return [{"operator": name, "figures": _shown(of_operators[name])} for name in sorted(of_operators)]


def _shown(figures: Figures) -> dict[str, Any]:
    waiting = figures[Figure.STARTED] - sum(figures[it] for it in OUTCOMES)
    ended = figures[Figure.STARTED] - waiting - figures[Figure.CONFLICTED]
    return {
        "started": figures[Figure.STARTED],
        "prompted": figures[Figure.PROMPTED],
        **{outcome.value: figures[outcome] for outcome in OUTCOMES},
        "waiting": waiting,
        "late": figures[Figure.LATE],
        "duplicate": figures[Figure.DUPLICATE],
        "webhooksMissing": figures[Figure.WEBHOOK_MISSING],
        "successRate": round(figures[Figure.PAID] / ended, 4) if ended else None,
        "paidAmounts": Detail.AMOUNT.values_in(figures),
        "money": money_shown(figures),
        "secondsToApprove": _times(figures),
        "reasons": dict(sorted(Detail.REASON.values_in(figures).items(), key=lambda it: (-it[1], it[0]))),
        "furtherAttempts": {
            "started": figures[Figure.FURTHER],
            "paid": figures[Figure.FURTHER_PAID],
            "paidAmounts": Detail.FURTHER_AMOUNT.values_in(figures),
            "after": _further_after(figures),
        },
        "promptRetries": {"payments": figures[Figure.RETRIED], "paid": figures[Figure.RETRIED_PAID]},
    }


def _further_after(figures: Figures) -> dict[str, dict[str, int]]:
    """Returns the further attempts, and what they won, by what had become of the attempt before."""
    paid = Detail.FURTHER_PAID_AFTER.values_in(figures)
    started = Detail.FURTHER_AFTER.values_in(figures)
    return {before: {"started": started[before], "paid": paid.get(before, 0)} for before in sorted(started)}


def money_shown(figures: Figures) -> dict[str, dict[str, int | None]]:
    """Returns by currency what was charged and what remains of it. A net is told only where every fee is known."""
    fees, unknown = Detail.FEE.values_in(figures), Detail.FEE_UNKNOWN.values_in(figures)
    charges, gross = Detail.CHARGES.values_in(figures), Detail.GROSS.values_in(figures)
    return {
        currency: {
            "charges": count,
            "gross": gross.get(currency, 0),
            "fee": fees.get(currency, 0),
            "net": None if unknown.get(currency) else gross.get(currency, 0) - fees.get(currency, 0),
            "feesUnknown": unknown.get(currency, 0),
        }
        for currency, count in sorted(charges.items())
        if count
    }


def _times(figures: Figures) -> dict[str, float | None]:
    """Returns the median and the 95th percentile, in seconds."""
    buckets = {int(number): count for number, count in Detail.APPROVED.values_in(figures).items()}
    times = {"p50": percentile(buckets, 0.5), "p95": percentile(buckets, 0.95)}
    return {name: None if it is None else round(it / 1000, 1) for name, it in times.items()}
