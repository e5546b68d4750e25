"""Tests `make rollups` up to the rebuild itself, which tests/parts/test_rebuild_rollups.py is about."""

import json
from datetime import date
from pathlib import Path

import pytest

from infra.commands.ledger_days import NotPossible, days_between, ledger_of
from local.embedded import EmbeddedAws
from tests.harness.commands import command_of
from tests.harness.fakes import HandClock

TODAY = date(2026, 3, 1)


def test_it_counts_the_days_that_it_is_given() -> None:
    assert days_between("2026-02-27", "2026-03-01", TODAY) == [date(2026, 2, 27), date(2026, 2, 28), TODAY]
    assert (len(days_between("", "", TODAY)), days_between("", "", TODAY)[-1]) == (30, TODAY)


@pytest.mark.parametrize(
    ("first", "last"), [("yesterday", ""), ("", "2026-02-30"), ("2026-02-02", "2026-02-01"), ("", "2026-03-02")]
)
def test_it_refuses_other_days(first: str, last: str) -> None:
    with pytest.raises(NotPossible):
        days_between(first, last, TODAY)


def test_without_a_stage_it_is_the_running_system(
    aws: EmbeddedAws, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger.json").write_text(json.dumps({"AWS_ENDPOINT_URL": aws.url, "PAYMENTS_TABLE": table}))
    monkeypatch.setenv("RUN_DIR", str(tmp_path))
    assert ledger_of("", HandClock()).rollups.between(TODAY, TODAY) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "", ""], "there was no `make run` here: give STAGE=… for a deployed stage"),
        (["soon", "", ""], "a day is written as 2026-01-31"),
        (["", "", "nowhere"], "nowhere"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = command_of("infra.commands.rebuild_rollups")(tmp_path, *arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("make rollups: ")
    assert said in line
