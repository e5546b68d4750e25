"""Tests how Lambda hands the changes of the ledger to the function that counts them."""

import json

import pytest

from chalicelib.adapters.ledger.stream import NEW_VERSIONS
from infra.functions import ROLLUPS
from tests.infra.templates.synthesis import Template

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(400)]


def test_new_versions_alone_reach_the_function_and_their_event_names_the_shard(stack: Template) -> None:
    """Without a tumbling window an event names no shard, and nothing could say how far one is counted."""
    (mapping,) = (
        it
        for it in stack.of_type("Lambda::EventSourceMapping").values()
        if it["FunctionName"] == {"Ref": f"{ROLLUPS.resource}Aliaslive"}
    )
    assert mapping["TumblingWindowInSeconds"] > 0
    assert mapping["StartingPosition"] == "TRIM_HORIZON", "what was written before the function was there counts too"
    assert mapping["MaximumBatchingWindowInSeconds"] <= 30, "the analytics are a minute old at most"
    assert [json.loads(it["Pattern"]) for it in mapping["FilterCriteria"]["Filters"]] == [NEW_VERSIONS]
    assert stack.one("DynamoDB::Table")["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
