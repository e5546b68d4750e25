"""AWS WAF before initiate: one address cannot use up the rate that all customers share."""

from typing import Any

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.stages import Stage

PATH = "/api/payment/initiate"
WINDOW_SECONDS = 300


class InitiateFirewall(Construct):
    """Blocks an address for as long as it sends more than `ApiSize.initiate_per_address` calls of initiate in five
    minutes.
    """

    def __init__(self, scope: Construct, construct_id: str, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        acl = wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_metric("requests"),
            rules=[
                wafv2.CfnWebACL.RuleProperty(
                    name="initiate-per-address",
                    priority=0,
                    action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                    visibility_config=_metric("initiate-per-address"),
                    statement=_calls_of_one_address(stage.api.initiate_per_address),
                )
            ],
        )
        association = wafv2.CfnWebACLAssociation(
            self, "Association", resource_arn="of-the-stage", web_acl_arn=acl.attr_arn
        )
        # SAM makes the API's stage; this is its name for it, which also makes CloudFormation create the stage first.
        parts: list[Any] = ["arn:", {"Ref": "AWS::Partition"}, ":apigateway:", {"Ref": "AWS::Region"}]
        parts += ["::/restapis/", {"Ref": "RestAPI"}, "/stages/", {"Ref": "RestAPI.Stage"}]
        association.add_property_override("ResourceArn", {"Fn::Join": ["", parts]})
        acknowledge(
            association,
            "CloudFormation-Validate::F1020",
            "SAM's own name for the stage that it makes; cfn-lint knows it",
        )


def _calls_of_one_address(most: int) -> wafv2.CfnWebACL.StatementProperty:
    initiate = wafv2.CfnWebACL.StatementProperty(
        byte_match_statement=wafv2.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(uri_path={}),
            positional_constraint="ENDS_WITH",  # the execute-api address has the stage before the path
            search_string=PATH,
            text_transformations=[wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="URL_DECODE")],
        )
    )
    return wafv2.CfnWebACL.StatementProperty(
        rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP",
            limit=most,
            evaluation_window_sec=WINDOW_SECONDS,
            scope_down_statement=initiate,
        )
    )


def _metric(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    """Counts only: samples of requests would keep customers' addresses."""
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
