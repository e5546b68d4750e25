"""Creates the bus of the order events, its archive and, where the shop has an address, the way to what tells it.

EventBridge keeps no order and needs none: what it hands over says only which payment has something to tell. It tries
the queue for 24 hours, and what did not get there waits 14 days among the queue's dead letters.
"""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from chalicelib.domain.contract import ORDER_EVENT_SOURCE
from chalicelib.domain.hints import ShopHint
from infra.functions import Work
from infra.stages import Stage
from infra.work_queues import WorkQueues

_ATTEMPTS = 185  # EventBridge's most; it backs off, so that they fill the day


class OrderEvents(Construct):
    """The event bus and what follows it."""

    def __init__(self, scope: Construct, construct_id: str, stage: Stage, queues: WorkQueues) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(self, "Bus", event_bus_name=stage.full_name)
        ours = events.EventPattern(source=[ORDER_EVENT_SOURCE])
        self.bus.archive("Archive", event_pattern=ours, retention=Duration.days(30))
        if stage.order_events_url:
            rule = events.Rule(self, "ToShop", event_bus=self.bus, event_pattern=ours)
            rule.add_target(_hints(queues))

    def outputs(self) -> dict[str, str]:
        """Returns the stack's outputs about the events."""
        return {"EventBus": self.bus.event_bus_name}


def _hints(queues: WorkQueues) -> targets.SqsQueue:
    fields = {name: events.EventField.from_path(path) for name, path in ShopHint.OF_ORDER_EVENT.items()}
    return targets.SqsQueue(
        queues.queues[Work.SHOP],
        message=events.RuleTargetInput.from_object(fields),
        dead_letter_queue=queues.dead_letters[Work.SHOP],
        retry_attempts=_ATTEMPTS,
        max_event_age=Duration.hours(24),
    )
