"""Creates the queues of what could not be delivered or processed, all with the same settings."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledged import acknowledge

RETENTION = Duration.days(14)
"""SQS's maximum."""


def dead_letter_queue(scope: Construct, construct_id: str, removal_policy: RemovalPolicy) -> sqs.Queue:
    queue = sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=RETENTION,
        removal_policy=removal_policy,
    )
    acknowledge(queue, "AwsSolutions-SQS3", "this is the dead-letter queue itself")
    return queue
