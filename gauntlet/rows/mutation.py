"""Breaks the product's code in small places, one at a time, and says where no test notices it."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from gauntlet import ROOT
from gauntlet.mutation.by_hand import survivors
from gauntlet.mutation.mutants import Mutants, MutmutFailed, Target
from gauntlet.row import Simulation

LEAST_KILLED = 0.9

_OF_MODULES = [f"tests/unit/test_{module.stem}.py" for module in sorted((ROOT / "chalicelib/domain").glob("[a-z]*.py"))]
"""The tests that the domain's modules have of their own, but for those that have none."""
_FURTHER = (
    *("change_notices", "history_query", "payment_money", "payment_story", "payments_csv", "settings"),
    "webhook_outcomes",
)
DOMAIN = Target(
    "domain",
    ["chalicelib/domain/*.py"],
    [
        *(test for test in _OF_MODULES if (ROOT / test).exists()),
        *(f"tests/unit/test_{name}.py" for name in _FURTHER),
    ],
    left_out=["tests/unit/test_attention.py::test_the_operators_page_has_words_for_each_kind"],
)
FLOWS = Target(
    "flows",
    [
        *(f"chalicelib/flows/{name}_payment.py" for name in ("initiate", "settle", "deliver", "commit", "refund")),
        "chalicelib/flows/settle_refunds.py",
    ],
    [
        f"tests/parts/test_{name}.py"
        for name in (
            *("initiate_payment", "settle_payment", "prompt_once", "order_events", "payment_reads", "give_up"),
            *("check_payments", "payment_links", "refund_payment"),
        )
    ],
    left_out=[
        "tests/parts/test_give_up.py::test_one_order_does_not_prompt_strangers_without_end",
        "tests/parts/test_give_up.py::test_seventy_races_of_give_up_against_approval",
        "tests/parts/test_order_events.py::test_every_settled_version_arrives_after_ten_minutes_without_the_bus",
        "tests/parts/test_payment_reads.py"
        "::test_replayed_webhooks_with_invented_references_do_not_block_reads_of_a_paid_payment",
    ],
)
SHARE_OF_FLOWS = 0.2
"""Of the row's size: their tests need the embedded AWS, and take much longer."""


def run(seed: int, size: int) -> list[str]:
    """Tries so many mutants of each target, and prints those that survived: too many, where they are over a tenth."""
    wrong = []
    for target, tried in ((DOMAIN, size), (FLOWS, round(size * SHARE_OF_FLOWS))):
        with TemporaryDirectory() as folder:
            wrong += _try(target, Path(folder), seed, tried)
    with TemporaryDirectory() as folder:
        wrong += survivors(Path(folder))
    return wrong


def _try(target: Target, folder: Path, seed: int, size: int) -> list[str]:
    try:
        mutants = Mutants(target, folder)
        names = mutants.names
        tried = random.Random(seed).sample(names, min(size, len(names)))
        alive = mutants.survivors(tried) if tried else {}
    except MutmutFailed as failure:
        return [f"{target.name}: {failure}"]
    killed = len(tried) - len(alive)
    told = f"{target.name}: {killed} of {len(tried)} were noticed, which were drawn from {len(names)}"
    survived = [f"{mutants.describe(name)} ({said})" for name, said in sorted(alive.items())]
    print("\n".join(f"    {line}" for line in (told, *survived)), flush=True)
    return [told] if killed < LEAST_KILLED * len(tried) else []


ROWS = [Simulation("mutation", "small changes of the code, each of which a test must notice", run, 0, 300)]
