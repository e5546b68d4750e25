"""Runs the release before beside this one, in every mix of API, worker, gateway and page, changed in mid-traffic."""

import random
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from gauntlet import ROOT
from gauntlet.row import Row
from gauntlet.shop import Shop

PARTS = ("api", "worker", "gateway")
MIXES = tuple(product((False, True), repeat=len(PARTS)))
"""Which of the parts are of the release before. A mix changes into its opposite while payments wait."""
AT_ONCE = 4
EARLIER = "HEAD~30"
"""Stands for the release before, until there is one."""


def run(shop: Shop, size: int, chance: random.Random) -> int:
    """Lets `size` customers pay in each mix, and one more on each page; half of them start before it changes."""
    from gauntlet.pages import pages_of  # needs the front end's packages, as no other row does

    with _release_before() as before, pages_of(shop, {"before": before, "now": ROOT}) as pages:
        for mix in MIXES:
            _deploy(shop, mix, before)
            waiting = _start(shop, size // 2, chance)
            pages.pay()
            _deploy(shop, [not is_before for is_before in mix], before)
            pages.pay()
            pages.decide(chance)
            for reference in [*waiting, *_start(shop, size - size // 2, chance)]:
                if outcome := chance.choice(("SUCCESSFUL", "SUCCESSFUL", "FAILED", None)):
                    shop.decide(reference, outcome, webhook=chance.random() < 0.5)
            pages.judge()
        _deploy(shop, [False] * len(PARTS), before)
        shop.note(f"{pages.paid} more payments on pages")
    return size * len(MIXES)


def _start(shop: Shop, number: int, chance: random.Random) -> Sequence[str]:
    """Starts payments, half of which are watched. Returns their references."""

    def start(is_watched: bool) -> str:
        customer = shop.customer()
        shop.pay(customer)
        if is_watched:
            shop.watch(customer)
        return customer.reference

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(start, [chance.random() < 0.5 for _ in range(number)]))


def _deploy(shop: Shop, mix: Sequence[bool], before: Path) -> None:
    for name, is_before in zip(PARTS, mix, strict=True):
        part, folder = shop.system.parts[name], before if is_before else ROOT
        if part.folder != folder:
            part.folder = folder
            part.restart()


@contextmanager
def _release_before() -> Iterator[Path]:
    """Yields a folder with the files of the newest tag, or of an earlier commit where there is none.

    Raises RuntimeError where the clone has no such commit.
    """
    commit = _git("describe", "--tags", "--abbrev=0", "HEAD~1") or _git("rev-parse", "-q", "--verify", EARLIER)
    if not commit:
        raise RuntimeError(f"the row `rolling` needs a tag, or a clone with {EARLIER}")
    with TemporaryDirectory(prefix="gauntlet-before-") as folder:
        files = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S607 - git of the PATH
        with tarfile.open(fileobj=BytesIO(files)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def _git(*arguments: str) -> str:
    """Returns what git says; nothing where it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - git of the PATH
    return done.stdout.strip()


ROWS = [
    Row(
        "rolling",
        "the release before and this one in every mix, changed in mid-traffic",
        run,
        0,
        200,
        # A page's first prompt after a change waits for processes that have just started.
        settings={"PAYMENT_EXPIRES_SECONDS": "20"},
        is_large=True,
    )
]
