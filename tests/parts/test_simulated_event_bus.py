"""Shows that the simulation's event bus in memory takes, refuses and keeps events as EventBridge does.

moto stands for EventBridge, behind the product's client.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.order_events import AnnouncementFailed, OrderEvents
from chalicelib.runtime import aws as aws_calls
from gauntlet.simulation.clients import AwsClient
from gauntlet.simulation.event_bus import EventBus
from gauntlet.simulation.faults import Likelihood
from local.embedded import EmbeddedAws
from tests.conftest import aws_environment
from tests.harness.simulated import AWS_REFUSALS, Simulated, Twins, outcome, read_of
from tests.unit.test_contract import PAYMENTS, SENT

MOST_BYTES = 256_000
"""What a call may have in all: docs.aws.amazon.com/eventbridge, "Calculating PutEvents event entry size"."""
SOUND = {"Source": "payments", "DetailType": "payment.successful", "Detail": '{"é": 1}', "EventBusName": "default"}


class Buses:
    """Is the two of them: their clients as `twins`."""

    def __init__(self, aws: EmbeddedAws) -> None:
        aws.events.clear()
        self._aws = aws
        self.simulated = Simulated()
        self.in_memory = EventBus()
        memory_client = AwsClient("events", self.in_memory, self.simulated.faults)
        client = aws_calls.make_client("events")
        self.twins: Any = Twins(memory_client, client, _comparable, AWS_REFUSALS)

    def agree(self) -> None:
        """Compares all events that were taken."""
        taken = [(event["DetailType"], json.loads(event["Detail"])) for event in self._aws.events]
        assert self.in_memory.told == taken


def _comparable(found: Any) -> Any:
    """Returns what the product reads of an answer or a refusal."""
    if isinstance(found, Exception):
        return read_of(found)
    entries = [(entry.get("ErrorCode"), bool(entry.get("EventId"))) for entry in found["Entries"]]
    return found["FailedEntryCount"], entries


@pytest.fixture
def buses(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Buses]:
    for name, value in aws_environment(aws).items():
        monkeypatch.setenv(name, value)
    aws.faults.set()
    yield Buses(aws)
    aws.faults.set()


_UNSOUND = st.sampled_from([{"Source": ""}, {"DetailType": ""}, {"Detail": ""}, {"Detail": "{"}, {"Detail": "text"}])
_ENTRIES = st.lists(st.one_of(st.just({}), _UNSOUND).map(lambda other: SOUND | other), min_size=1, max_size=11)


def test_drawn_entries_get_the_same_answers(buses: Buses) -> None:
    @settings(max_examples=60, derandomize=True, database=None)
    @given(_ENTRIES)
    def agree(entries: list[Any]) -> None:
        buses.simulated.run(lambda: outcome(lambda: buses.twins.put_events(Entries=entries), (ClientError,)))
        buses.agree()

    agree()
    assert buses.in_memory.told
    assert buses.twins.refused


@pytest.mark.parametrize("case", PAYMENTS)
def test_the_products_events_are_taken_and_kept_alike(buses: Buses, case: str) -> None:
    """They are far from the most bytes that EventBridge takes, which neither of the two knows."""
    events = OrderEvents(lambda: buses.twins, "default")
    ids = buses.simulated.run(lambda: events.announce(PAYMENTS[case], SENT))
    buses.agree()
    assert len(ids) == len(set(ids)) == len(buses.in_memory.told)
    assert len(json.dumps(buses.in_memory.told)) < MOST_BYTES / 10


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize(
    ("kind", "likely"), [("unavailable", Likelihood(refuse=1.0)), ("lost-answer", Likelihood(lose=1.0))]
)
def test_a_call_that_fails_is_made_three_times(
    buses: Buses, aws: EmbeddedAws, kind: str, likely: Likelihood, times: int
) -> None:
    """An event whose answer is lost is published again, under the same id of ours."""
    buses.twins.comparable = lambda found: "away" if isinstance(found, Exception) else _comparable(found)
    aws.faults.set({"operation": "PutEvents", "kind": kind, "count": times})
    buses.simulated.fail("events", likely, times)
    events = OrderEvents(lambda: buses.twins, "default")
    announce = partial(events.announce, PAYMENTS["successfulByAnOperatorChargedTwice"], SENT)
    found = outcome(lambda: buses.simulated.run(announce), (AnnouncementFailed,))
    assert isinstance(found, AnnouncementFailed) == (times == 3)
    buses.agree()
