"""Tests a small run of `python -m benchmarks money`: gross, fee and net are the simulator's, to the franc."""

from dataclasses import replace

import pytest

from benchmarks import money
from chalicelib.adapters.ledger.ledger import Ledger
from local.embedded import EmbeddedAws
from tests.conftest import aws_environment


@pytest.fixture
def measured(ledger: Ledger, table: str, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> money.Measured:
    for name, value in aws_environment(aws).items():
        monkeypatch.setenv(name, value)
    return money.reckon(ledger, table, 60)


def test_gross_fee_and_net_equal_the_simulators_ledger_with_late_and_second_charges(measured: money.Measured) -> None:
    assert measured.late > 0
    assert measured.duplicates > 0
    assert set(measured.charged) == {"MTN", "Orange"}
    assert all(sums.gross > sums.net > 0 for sums in measured.charged.values())
    assert measured.charged == measured.shown
    assert measured.is_recount
    assert measured.is_right
    one_franc_less = {name: replace(sums, gross=sums.gross - 1) for name, sums in measured.shown.items()}
    assert not replace(measured, shown=one_franc_less).is_right
