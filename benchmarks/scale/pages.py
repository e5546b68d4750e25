"""Makes docs/scale.md and docs/cost.md of what was counted, set, assumed and priced."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.scale import cost_page, counted, resources, scale_page
from benchmarks.scale.traffic import MIX, Assumed, Traffic
from tests import ROOT

SCALE, COST = ROOT / "docs" / "scale.md", ROOT / "docs" / "cost.md"


def pages(
    rates: Sequence[float] = scale_page.RATES,
    mix: Mapping[str, float] = MIX,
    assumed: Assumed = Assumed(),  # noqa: B008 - frozen
) -> dict[Path, str]:
    """Returns path -> text. The mix and the assumptions may be others than the pages'."""
    counts, stages = counted.read(), resources.read()
    traffics = {rate: Traffic(rate, counts, mix, assumed) for rate in rates}
    return {
        SCALE: scale_page.page(traffics, stages["prod"]),
        COST: cost_page.page(traffics[rates[0]], stages),
    }
