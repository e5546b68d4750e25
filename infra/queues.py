"""Creates the queues, all encrypted by SQS and closed to calls without TLS."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_sqs as sqs
from constructs import Construct

_DEAD_LETTERS_KEPT = Duration.days(14)
"""SQS's maximum."""


def encrypted_queue(scope: Construct, construct_id: str, retention: Duration, **settings: Any) -> sqs.Queue:
    """Creates a queue. `settings`: further ones of `sqs.Queue`."""
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=retention,
        **settings,
    )


def dead_letter_queue(scope: Construct, construct_id: str, removal_policy: RemovalPolicy) -> sqs.Queue:
    """Creates a queue of what could not be delivered or processed."""
    return encrypted_queue(scope, construct_id, _DEAD_LETTERS_KEPT, removal_policy=removal_policy)
