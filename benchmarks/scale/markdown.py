"""Writes tables and numbers of Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(it)} |" for it in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


_EQUAL = 1e-9


def number(value: float) -> str:
    """Writes a number with as many digits as say something."""
    if value >= 100 or abs(value - round(value)) < _EQUAL:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def percent(share: float) -> str:
    if share >= 0.1:
        return f"{100 * share:,.0f} %"
    return f"{100 * share:.1f} %" if share >= 0.001 else "under 0.1 %"


def dollars(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
