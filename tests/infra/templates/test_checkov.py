"""Tests that each finding of checkov in the templates is answered, and that each answer still has its finding."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.checkov.answers import ANSWERS
from tests.infra.templates.synthesis import synthesised

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]

CHECKOV = Path(sys.prefix, "checkov", "bin", "checkov")
"""In a virtualenv of its own, made with `make test-deploy`: it demands an older boto3 than the product's."""
OFFLINE = ("--framework", "cloudformation", "--skip-download")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Runs checkov once over all templates, with and without cluster mode. Returns (check, resource)."""
    both = [synthesised(tmp_path_factory, cluster=cluster) for cluster in (False, True)]
    paths = [str(template.expanded) for synthesis in both for template in synthesis.templates()]
    command = [str(CHECKOV), *OFFLINE, "--quiet", "--compact", "--output", "json", "--file", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr[-4000:]  # its exit code where it has found something
    report = json.loads(done.stdout)
    assert (report["summary"]["parsing_errors"], report["results"].get("skipped_checks", [])) == (0, [])
    assert report["summary"]["resource_count"] > len(paths)
    return {(it["check_id"], it["resource"]) for it in report["results"]["failed_checks"]}


def test_checkov_finds_nothing_that_is_not_answered(found: set[tuple[str, str]]) -> None:
    unanswered = {it for it in found if not any(answer.covers(*it) for answer in ANSWERS)}
    assert sorted(unanswered) == []


def test_each_answer_to_checkov_has_a_finding(found: set[tuple[str, str]]) -> None:
    """One that has none would cover a later finding unread."""
    assert [answer for answer in ANSWERS if not any(answer.covers(*it) for it in found)] == []
