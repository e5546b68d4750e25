"""Splits the schedules that read CamPay's statement: an event for each day and for each shard of the ledger's days.

Each event invokes a function of its own, so that no day waits for another, fails with another, or shares its time and
memory. The rules carry the parts: no function needs a permission to invoke another.
"""

import json
from typing import TYPE_CHECKING, Any

from infra.functions import LATE_PAYMENTS, STATEMENT, Function
from infra.stages import Stage

if TYPE_CHECKING:
    from aws_cdk import CfnResource

DAYS_BEFORE = {LATE_PAYMENTS: (4, 3, 2, 1, 0, -1), STATEMENT: (4, 3, 2, 1)}
"""Function -> the days that it reads, as numbers of days before today (UTC)."""
SPLIT = tuple(DAYS_BEFORE)


def number_of_parts(function: Function, stage: Stage) -> int:
    """Returns how many functions read at once."""
    return len(DAYS_BEFORE[function]) * stage.day_shards


def split(function: Function, resource: "CfnResource", stage: Stage, schedule: str) -> None:
    """Replaces chalice's one event, which has the schedule, by those of all parts."""
    resource.add_property_override("ReservedConcurrentExecutions", number_of_parts(function, stage))
    resource.add_property_deletion_override(f"Events.{function.resource}Event")
    for number, before in enumerate(DAYS_BEFORE[function]):
        for shard in range(stage.day_shards):
            detail = {"daysBefore": before} | ({"shard": shard} if stage.day_shards > 1 else {})
            event = {"Type": "Schedule", "Properties": {"Schedule": schedule, "Input": json.dumps(_event(detail))}}
            resource.add_property_override(f"Events.Day{number}Shard{shard}", event)


def _event(detail: dict[str, int]) -> dict[str, Any]:
    """Returns an event with all fields that chalice reads of a schedule's."""
    known: dict[str, Any] = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "resources": []}
    return known | dict.fromkeys(("id", "account", "region", "time"), "") | {"detail": detail}
