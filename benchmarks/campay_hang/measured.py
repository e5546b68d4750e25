"""Holds what was measured while CamPay hung, and says what of it is wrong."""

import json
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.package import ROOT

SLOWER = 3.0
"""How many times as long as in the calm a webhook or a prompt may take at the median while CamPay hangs."""
_CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
LIMITS: Mapping[str, float] = {"api": _CONFIG["lambda_timeout"]} | {
    name: function["lambda_timeout"] for name, function in _CONFIG["lambda_functions"].items()
}
"""Function -> seconds that one run may take."""


@dataclass
class Took:
    """The seconds and the answers of one kind of call, in one phase."""

    seconds: list[float] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[percent - 1]

    def __str__(self) -> str:
        if len(self.seconds) < 2:
            return f"{len(self.seconds)} calls"
        told = ", ".join(f"{count} x {status}" for status, count in sorted(self.answers.items()))
        p50, p99, most = self.percentile(50), self.percentile(99), max(self.seconds)
        return f"{told}; p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {most * 1000:.0f} ms"


@dataclass(frozen=True)
class Hang:
    """What was measured. `settled_after`: seconds from CamPay's return to the last settlement, if there was one."""

    took: Mapping[tuple[str, str], Took]
    longest: Mapping[str, float]
    charged: int
    settled: int
    settled_after: float

    def slower(self, kind: str) -> float:
        """Returns how many times as long a call took at the median while CamPay hung."""
        return self.took["hang", kind].percentile(50) / self.took["calm", kind].percentile(50)

    def wrong(self) -> Iterator[str]:
        for kind in ("webhook", "initiate"):
            if self.slower(kind) > SLOWER:
                yield f"{kind}: {self.slower(kind):.1f} times as slow while CamPay hangs"
        for name, seconds in self.longest.items():
            if seconds >= LIMITS[name]:
                yield f"{name} ran for {seconds:.1f} s of {LIMITS[name]}"
        if self.settled < self.charged:
            yield f"{self.charged - self.settled} of {self.charged} charged payments not settled"
