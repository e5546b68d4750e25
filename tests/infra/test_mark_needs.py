"""Tests `make attention` up to the marking itself, which tests/parts/test_attention.py is about."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.ledger.ledger import Ledger
from local.embedded import EmbeddedAws
from tests import ROOT
from tests.harness.fakes import HandClock
from tests.parts.test_attention import needing_review, unmark

COMMAND = [sys.executable, "-m", "infra.commands.mark_needs"]


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "RUN_DIR": str(place)}
    command = [*COMMAND, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50, check=False)


def test_it_marks_the_payments_of_the_running_system(
    ledger: Ledger, clock: HandClock, aws: EmbeddedAws, dynamodb: Any, table: str, tmp_path: Path
) -> None:
    unmark(dynamodb, table, needing_review(ledger, clock, 2)[0])
    (tmp_path / "ledger.json").write_text(json.dumps({"AWS_ENDPOINT_URL": aws.url, "PAYMENTS_TABLE": table}))
    done = run(tmp_path)
    assert done.stdout.endswith(": 1 payments more need a person.\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "", ""], "there was no `make run` here: give STAGE=… for a deployed stage"),
        (["soon", "", ""], "a day is written as 2026-01-31"),
        (["", "", "nowhere"], "nowhere"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("make attention: ")
    assert said in line
