"""Makes runs of the simulation, and shows that one repeats, and fails where the product is broken."""

import subprocess
import sys

import pytest

from chalicelib.adapters.ledger.ledger import Ledger
from gauntlet.simulation.run import simulate, smallest
from tests import ROOT

A_SEED_WITH_TWO_SENDERS = 24
RUNS, PARTS = 500, 20
"""The gauntlet makes others."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_in_five_hundred_runs(part: int) -> None:
    wrong = {seed: outcome.wrong for seed in range(part, RUNS, PARTS) if (outcome := simulate(seed)).wrong}
    assert not wrong, "python -m gauntlet simulation --seed SEED makes one of them smaller"


def test_the_same_seed_makes_the_same_run_in_another_process() -> None:
    found = simulate(A_SEED_WITH_TWO_SENDERS)
    code = f"from gauntlet.simulation.run import simulate; print(simulate({A_SEED_WITH_TWO_SENDERS}))"
    again = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert again.stdout.strip() == repr(found)
    assert found.faults
    assert not found.wrong


class LedgerOfManySenders(Ledger):
    """Lets every call send a payment's prompt."""

    def begin_prompt(self, reference: str) -> bool:
        super().begin_prompt(reference)
        return True


@pytest.mark.timeout(180)
def test_a_second_prompt_is_found_and_the_run_made_smaller() -> None:
    found = simulate(A_SEED_WITH_TWO_SENDERS, ledger=LedgerOfManySenders)
    shown = smallest(A_SEED_WITH_TWO_SENDERS, LedgerOfManySenders)
    assert {line[:2] for line in found.wrong} == {"I8"}
    assert "I8" in {line[:2] for line in shown}
    assert len(shown) < len(found.faults)
