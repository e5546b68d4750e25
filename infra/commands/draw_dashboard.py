"""Draws a stage's dashboard from its definition, with sample values: its picture in docs/operations.md.

`python -m infra.commands.draw_dashboard TEMPLATE > docs/dashboard.svg`, where `make synth` has written TEMPLATE, such
as `infra/cdk.out/BraidsterPayments-prod.template.json`. Titles, graphs and lines are those of the definition; only the
values are made up, the same each time.
"""

import json
import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

_COLUMN, _ROW = 50, 36
"""Pixels of a unit of the dashboard's grid."""
_COLOURS = ("#1f77b4", "#2ca02c", "#d62728", "#ff7f0e", "#9467bd", "#8c564b", "#17becf", "#7f7f7f")
_USUAL = {
    "started": 130.0,
    "successful": 96.0,
    "failed": 22.0,
    "expired": 9.0,
    "conflicted": 0.2,
    "settled": 190.0,
    "settled-by-webhook": 184.0,
    "due-old": 4.0,
    "undelivered-old": 1.0,
    "campay-errors": 0.4,
    "collect": 900.0,
    "read": 350.0,
    "statement": 2_400.0,
    "Count": 2_400.0,
    "4XXError": 40.0,
    "5XXError": 0.3,
    "Latency": 1_100.0,
    "connections per container": 900.0,
    "read units": 2_900.0,
    "write units": 9_500.0,
    "HealthyHostCount": 2.0,
    "CPUUtilization": 21.0,
    "MemoryUtilization": 34.0,
    "DatabaseMemoryUsagePercentage": 11.0,
    "EngineCPUUtilization": 3.0,
}
"""Sample values by the label of a line, or by the name of its metric; others are small."""
_STEADY = {"HealthyHostCount", "MemoryUtilization", "DatabaseMemoryUsagePercentage"}
_POINTS = 96

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Curve:
    label: str
    values: Sequence[float]


def picture(template: Mapping[str, Any]) -> str:
    """Returns the dashboard of a template as SVG."""
    resources = template["Resources"]
    (board,) = (it for it in resources.values() if it["Type"] == "AWS::CloudWatch::Dashboard")
    widgets = json.loads(_text(board["Properties"]["DashboardBody"]))["widgets"]
    height = max(it["y"] + it["height"] for it in widgets) * _ROW
    drawn = [part for widget in widgets for part in _widget(widget, resources)]
    size = f'viewBox="0 0 {24 * _COLUMN} {height}" font-family="Helvetica, Arial, sans-serif" font-size="11"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', *drawn, "</svg>", ""])


def _text(body: Any) -> str:
    """Returns the definition, in which CloudFormation would put names: here the ids of what they name."""
    return "".join(it if isinstance(it, str) else _id(it) for it in body["Fn::Join"][1])


def _id(token: Mapping[str, Any]) -> str:
    match token:
        case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
            return str(name)
    return "-"


def _widget(widget: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[str]:
    left, top = widget["x"] * _COLUMN + 4, widget["y"] * _ROW + 4
    box = (left, top, widget["width"] * _COLUMN - 8, widget["height"] * _ROW - 8)
    yield _rectangle(box, "#ffffff", "#d5dbdb")
    yield _words(left + 10, top + 18, widget["properties"]["title"], 'font-weight="bold" font-size="13"')
    if widget["type"] == "alarm":
        names = [resources[name]["Properties"]["AlarmName"] for name in widget["properties"]["alarms"]]
        yield from _alarms(box, names)
    else:
        yield from _graph(box, list(_curves(widget["properties"]["metrics"])))


def _alarms(box: Box, names: Sequence[str]) -> Iterator[str]:
    left, top, width, _ = box
    prefix, a_row = "-".join(names[0].split("-")[:3]) + "-", 6
    for place, name in enumerate(names):
        x, y = left + 10 + place % a_row * (width - 20) / a_row, top + 28 + place // a_row * 17
        yield f'<circle cx="{x + 5:.0f}" cy="{y + 5:.0f}" r="4" fill="#2ca02c"/>'
        yield _words(x + 14, y + 9, name.removeprefix(prefix))


def _curves(metrics: Sequence[Sequence[Any]]) -> Iterator[Curve]:
    for *words, last in metrics:
        options = last if isinstance(last, dict) else {}
        names = [str(word) for word in (*words, last) if isinstance(word, str)]
        if options.get("visible") is False:
            continue
        label = options.get("label") or names[1 if _names_differ(metrics) else -1]
        name = names[1] if names else label
        usual = _USUAL.get(label, _USUAL.get(name, 6.0))
        yield Curve(label, _day(usual, name in _STEADY, random.Random(" ".join(names) + label)))


def _names_differ(metrics: Sequence[Sequence[Any]]) -> bool:
    return len({metric[1] for metric in metrics if len(metric) > 1}) == len(metrics)


def _day(usual: float, is_steady: bool, dice: random.Random) -> list[float]:
    """Returns a day's values: few at night, most in the early evening."""
    if is_steady:
        return [usual] * _POINTS
    shape = [0.35 + 0.65 * math.sin(math.pi * ((point / _POINTS - 0.15) % 1)) ** 2 for point in range(_POINTS)]
    return [usual * of_day * dice.uniform(0.85, 1.15) for of_day in shape]


def _graph(box: Box, curves: Sequence[Curve]) -> Iterator[str]:
    left, top, width, height = box
    plot = (left + 44, top + 30, width - 56, height - 30 - 16 * math.ceil(len(curves) / 3) - 12)
    highest = max(max(curve.values) for curve in curves) * 1.1
    for part in range(4):
        y = plot[1] + plot[3] * part / 3
        yield f'<path d="M{plot[0]:.0f} {y:.1f}h{plot[2]:.0f}" stroke="#eaeded"/>'
        value = highest * (1 - part / 3)
        tick = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        yield _words(plot[0] - 6, y + 4, tick, 'text-anchor="end" fill="#687078"')
    for place, curve in enumerate(curves):
        colour = _COLOURS[place % len(_COLOURS)]
        points = (
            f"{plot[0] + plot[2] * at / (_POINTS - 1):.1f},{plot[1] + plot[3] * (1 - value / highest):.1f}"
            for at, value in enumerate(curve.values)
        )
        yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        x, y = left + 10 + place % 3 * (width - 20) / 3, plot[1] + plot[3] + 14 + place // 3 * 16
        yield _rectangle((x, y, 9, 9), colour, colour)
        yield _words(x + 13, y + 9, curve.label)


def _rectangle(box: Box, fill: str, stroke: str) -> str:
    x, y, width, height = box
    place = f'x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return f'<rect {place} fill="{fill}" stroke="{stroke}"/>'


def _words(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    sys.stdout.write(picture(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
