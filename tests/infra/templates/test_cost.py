"""Tests that docs/cost.md counts what the templates create."""

import json

import pytest

from benchmarks.scale import resources
from infra.stages import STAGES
from tests.infra.templates.synthesis import synthesised

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]


@pytest.mark.parametrize("stage", STAGES)
def test_the_bill_is_of_what_the_templates_create(stage: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The page once said 112 dollars where the stage cost 160."""
    synthesis = synthesised(tmp_path_factory, cluster=STAGES[stage].redis.cluster)
    templates = [json.loads(it.text) for it in (synthesis.payments(stage), synthesis.secrets(stage))]
    assert resources.of_templates(*templates) == resources.read()[stage], (
        "count and write anew: .venv/bin/python -m benchmarks resources, then scale"
    )
