"""Creates the bus of the order events, its archive and, where the shop has an HTTPS address, the delivery to it.

At least once: EventBridge tries for 24 hours, then the event waits 14 days in the dead-letter queue. The archive can
be replayed for 30 days.
"""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from chalicelib.domain.contract import ORDER_EVENT_SOURCE
from infra.acknowledged import acknowledge
from infra.queues import dead_letter_queue
from infra.stages import Stage

API_KEY_HEADER = "X-Api-Key"
_ATTEMPTS = 185  # EventBridge's most; it backs off, so that they fill the day


class OrderEvents(Construct):
    """The event bus and what follows it. `dead_letters`, `shop_key`: None where events go nowhere but to the bus."""

    def __init__(self, scope: Construct, construct_id: str, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(self, "Bus", event_bus_name=stage.full_name)
        ours = events.EventPattern(source=[ORDER_EVENT_SOURCE])
        self.bus.archive("Archive", event_pattern=ours, retention=Duration.days(30))
        self.dead_letters: sqs.Queue | None = None
        self.shop_key: secretsmanager.Secret | None = None
        if stage.order_events_url:
            self.dead_letters = dead_letter_queue(self, "DeadLetters", RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
            acknowledge(
                self.dead_letters, "AwsSolutions-SQS3", "it has the dead letters of EventBridge, not of a queue"
            )
            self._deliver(stage, stage.order_events_url, ours, self.dead_letters)

    def outputs(self) -> dict[str, str]:
        """Returns the stack's outputs about the events."""
        outputs = {"EventBus": self.bus.event_bus_name}
        if self.dead_letters:
            outputs["DeadLetters"] = self.dead_letters.queue_url
        if self.shop_key:
            outputs["ShopKey"] = self.shop_key.secret_arn
        return outputs

    def _deliver(self, stage: Stage, url: str, ours: events.EventPattern, dead_letters: sqs.Queue) -> None:
        key = self.shop_key = secretsmanager.Secret(
            self,
            "ShopKey",
            description=f"The shop compares the header {API_KEY_HEADER} of an order event with this, in constant time",
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=48, exclude_punctuation=True),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if stage.moves_money else RemovalPolicy.DESTROY,
        )
        acknowledge(
            key,
            "AwsSolutions-SMG4",
            "the shop has to learn a new key before EventBridge sends it: docs/operations.md, Rotating a key",
        )
        connection = events.Connection(
            self,
            "ShopConnection",
            authorization=events.Authorization.api_key(API_KEY_HEADER, key.secret_value),
        )
        shop = events.ApiDestination(
            self, "Shop", connection=connection, endpoint=url, rate_limit_per_second=stage.order_events_per_second
        )
        rule = events.Rule(self, "ToShop", event_bus=self.bus, event_pattern=ours)
        rule.add_target(
            targets.ApiDestination(
                shop,
                retry_attempts=_ATTEMPTS,
                max_event_age=Duration.hours(24),
                dead_letter_queue=dead_letters,
            )
        )
