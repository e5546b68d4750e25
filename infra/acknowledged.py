"""A rule of cdk-nag or of the CDK that one resource does not keep, with the reason, said where the resource is."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, rule: str, reason: str) -> None:
    """For the resource and what is in it; `rule` as cdk-nag reports it, such as `AwsSolutions-IAM5[Resource::*]`."""
    Validations.of(resource).acknowledge(Acknowledgment(id=rule, reason=reason))
