"""Measures how fast the operators' view Today follows, in a real Chromium, while customers pay.

That is the time from a change's commit in the ledger until the view shows it: the payment's row among the latest
changes, and the number of paid payments. Between the two are the ledger's stream, the function that counts it, Redis,
the gateway, the WebSocket, the call of the analytics, and React. All read the same machine's clock. In AWS Lambda
gathers changes for a second first; here the worker looks at the stream every half second.

A laptop's embedded DynamoDB carries out few payments a second. So some of them go through the whole system, and the
others are written straight into its ledger: for the view there is no difference.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from playwright.sync_api import Page

from local.embedded import Valkey
from tests.harness.browser import Chromium
from tests.harness.payment_stream import paying
from tests.harness.stack import OPERATOR_KEY, Stack, running, wait_until
from tests.harness.written_stream import writing

AIM_MS = 2_000.0
RATE = 20.0
"""Payments a second."""
WHOLE = 2.0
"""Of these, how many go through the whole system."""
MOST_SECONDS = 120.0
_NOTE_CHANGES = """
window.rows = {};
window.paid = [];
const look = () => {
  const now = performance.timeOrigin + performance.now();
  for (const row of document.querySelectorAll("tr[data-reference]")) {
    window.rows[`${row.dataset.reference}:${row.dataset.version}`] ??= now;
  }
  const text = document.querySelector("[data-figure=paid] .muted")?.textContent ?? "";
  const paid = Number(text.replace(/[^0-9]/g, ""));
  if (text && paid !== window.paid.at(-1)?.[0]) window.paid.push([paid, now]);
};
new MutationObserver(() => requestAnimationFrame(look))
  .observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""


@dataclass(frozen=True)
class Followed:
    """How late the view was, in milliseconds: at the median, for 95 of 100, and at worst."""

    median: float
    p95: float
    worst: float
    samples: int


@dataclass(frozen=True)
class Measured:
    rows: Followed
    figures: Followed
    whole: int
    payments: int
    seconds: float

    @property
    def rate(self) -> float:
        """Returns how many payments were started in a second."""
        return self.payments / self.seconds


def run(seconds: float, rate: float, whole: float) -> Measured:
    """Pays for so many seconds and returns how late the view was.

    `rate`: payments a second; `whole`: how many of them go through the whole system.
    """
    with (
        Valkey() as valkey,
        running(valkey, LOG_CLIENTS="false") as stack,
        Chromium() as chromium,
        chromium.customer(stack.origin, "en-GB") as operator,
    ):
        page = operator.prepare().page
        page.add_init_script(_NOTE_CHANGES)
        _open_today(page, stack)
        begun = time.monotonic()
        with (
            closing(stack.dynamodb()) as dynamodb,
            writing(dynamodb, "payments", rate - whole) as written,
            paying(stack, "live", whole) as stream,
        ):
            page.wait_for_timeout(seconds * 1000)
        lasted = time.monotonic() - begun
        payments = len(stream.references) + written.paid
        wait_until(lambda: _counted(page) == payments, "the view shows every payment as paid", 60)
        committed = _committed(stack)
        rows: Mapping[str, float] = page.evaluate("window.rows")
        paid: Sequence[tuple[int, float]] = page.evaluate("window.paid")
    late = [at - committed[change] for change, at in rows.items() if change in committed]
    commits = sorted(at for change, at in committed.items() if change.endswith(":paid"))
    shown = [next(at for count, at in paid if count >= number) for number in range(1, len(commits) + 1)]
    counted = [at - commit for commit, at in zip(commits, shown, strict=True)]
    return Measured(_summed_up(late), _summed_up(counted), len(stream.references), payments, lasted)


def _open_today(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.origin}/operator")
    page.get_by_label("Your key").fill(OPERATOR_KEY)
    page.keyboard.press("Enter")
    page.get_by_role("navigation").get_by_role("link", name="Today").click()
    page.get_by_text("Live: what changes shows by itself.").wait_for()


def _counted(page: Page) -> int:
    return int(page.evaluate("window.paid.at(-1)?.[0] ?? 0"))


def _committed(stack: Stack) -> dict[str, float]:
    """Returns when each newest version was committed, by `<reference>:<version>`, and by `:paid` of the paid ones."""
    committed: dict[str, float] = {}
    cursor: str | None = ""
    while cursor is not None:
        page: dict[str, Any] = stack.session.get(
            f"{stack.api}/history", params={"cursor": cursor} if cursor else {}, headers=_KEY, timeout=30
        ).json()
        for payment in page["payments"]:
            at = datetime.fromisoformat(payment["updatedAt"]).timestamp() * 1000
            committed[f"{payment['reference']}:{payment['version']}"] = at
            if payment["status"] == "SUCCESSFUL":
                committed[f"{payment['reference']}:paid"] = at
        cursor = page["cursor"]
    return committed


_KEY = {"X-Api-Key": OPERATOR_KEY}


def _summed_up(late: Sequence[float]) -> Followed:
    return Followed(statistics.median(late), statistics.quantiles(late, n=20)[-1], max(late), len(late))
