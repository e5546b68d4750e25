"""Publishes each function as a version and makes everything invoke the alias `live`, which can be pointed back.

API Gateway, the schedules and the queues invoke the alias. A deployment publishes a version of every function and moves
the aliases to it, the API's a share at a time. The alias `released-N` marks a version that was deployed completely: a
version that a failed deployment leaves behind has none, so that `infra/commands/rollback.py` never goes back to it.
"""

from collections.abc import Sequence

from aws_cdk import CfnDeletionPolicy, CfnResource
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.release import ALIAS, RELEASED

_SHIFT_POLICY = "service-role/AWSCodeDeployRoleForLambdaLimited"


def publish(function: CfnResource, release: str) -> None:
    """Publishes a version with each release, which SAM adds to the description, and moves `live` to it."""
    function.add_property_override("AutoPublishAlias", ALIAS)
    # By default SAM publishes for new code or variables alone: a new timeout would never be live.
    function.add_property_override("AutoPublishCodeSha256", release)
    _mark_as_released(function, release)


def invoke_alias(permission: CfnResource, function: CfnResource) -> None:
    """Makes a permission hold for the alias: one for the function does not."""
    permission.add_property_override("FunctionName", {"Ref": f"{_id(function)}.Alias"})
    _acknowledge_sam_names(permission)


class TrafficShift(Construct):
    """Moves a function's calls to a new version step by step, and all of them back when an alarm rings."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        function: CfnResource,
        *,
        pace: str,
        brakes: Sequence[cloudwatch.Alarm],
    ) -> None:
        """`pace`: the end of the name of one of CodeDeploy's configurations, such as Linear10PercentEvery1Minute."""
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(_SHIFT_POLICY)],
        )
        acknowledge(
            role,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_SHIFT_POLICY}]",
            "nothing else documents what CodeDeploy reads on the way; all that it may change are aliases",
        )
        preference = {"Type": pace, "Alarms": [brake.alarm_name for brake in brakes], "Role": role.role_arn}
        function.add_property_override("DeploymentPreference", preference)


def _mark_as_released(function: CfnResource, release: str) -> None:
    version = {"Fn::GetAtt": [f"{_id(function)}.Version", "Version"]}
    mark = CfnResource(
        function,
        f"Released{release}",
        type="AWS::Lambda::Alias",
        properties={
            "FunctionName": function.ref,
            "FunctionVersion": version,
            "Name": {"Fn::Join": ["", [RELEASED, version]]},
        },
    )
    # The next release's template lacks it, and it stays; a failed deployment takes it away again.
    mark.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
    mark.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
    _acknowledge_sam_names(mark)


def _id(function: CfnResource) -> str:
    logical_id: str = function.stack.resolve(function.logical_id)
    return logical_id


def _acknowledge_sam_names(resource: CfnResource) -> None:
    acknowledge(resource, "CloudFormation-Validate::F1020", "SAM's own name for what it makes; cfn-lint knows it")
