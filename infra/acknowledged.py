"""Acknowledges a finding of cdk-nag or of the CDK on one resource, with the reason, beside the resource."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, rule: str, reason: str) -> None:
    """Acknowledges for a resource and what is in it. `rule`: as reported, e.g. `AwsSolutions-IAM5[Resource::*]`."""
    Validations.of(resource).acknowledge(Acknowledgment(id=rule, reason=reason))
