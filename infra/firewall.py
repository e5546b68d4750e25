"""Puts AWS WAF before the API, so that one address cannot use up the rates that all customers share."""

from typing import Any

from aws_cdk.aws_wafv2 import CfnWebACL, CfnWebACLAssociation
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.stages import Stage

WINDOW_SECONDS = 300
_WEBHOOK = "/api/payment/webhook"


class Firewall(Construct):
    """Blocks an address for as long as it posts more than `ApiSize.posts_per_address` calls in five minutes."""

    def __init__(self, scope: Construct, construct_id: str, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        acl = CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_metric("requests"),
            rules=[
                CfnWebACL.RuleProperty(
                    name="posts-per-address",
                    priority=0,
                    action=CfnWebACL.RuleActionProperty(block={}),
                    visibility_config=_metric("posts-per-address"),
                    statement=_posts_of_one_address(stage.api.posts_per_address),
                )
            ],
        )
        association = CfnWebACLAssociation(self, "Association", resource_arn="of-the-stage", web_acl_arn=acl.attr_arn)
        # SAM makes the API's stage; this is its name for it, which also makes CloudFormation create the stage first.
        parts: list[Any] = ["arn:", {"Ref": "AWS::Partition"}, ":apigateway:", {"Ref": "AWS::Region"}]
        parts += ["::/restapis/", {"Ref": "RestAPI"}, "/stages/", {"Ref": "RestAPI.Stage"}]
        association.add_property_override("ResourceArn", {"Fn::Join": ["", parts]})
        acknowledge(
            association,
            "CloudFormation-Validate::F1020",
            "SAM's own name for the stage that it makes; cfn-lint knows it",
        )


def _posts_of_one_address(most: int) -> CfnWebACL.StatementProperty:
    """Counts each POST of an address but the webhooks, which come from CamPay's few addresses.

    Looks for the webhooks' path, so that no spelling of another one gets by. Counts no GET: all gateways ask for
    snapshots from the one address of the NAT gateway.
    """
    posted = _matches(CfnWebACL.FieldToMatchProperty(method={}), "EXACTLY", "POST")
    webhook = _matches(CfnWebACL.FieldToMatchProperty(uri_path={}), "ENDS_WITH", _WEBHOOK)
    no_webhook = CfnWebACL.StatementProperty(not_statement=CfnWebACL.NotStatementProperty(statement=webhook))
    return CfnWebACL.StatementProperty(
        rate_based_statement=CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP",
            limit=most,
            evaluation_window_sec=WINDOW_SECONDS,
            scope_down_statement=CfnWebACL.StatementProperty(
                and_statement=CfnWebACL.AndStatementProperty(statements=[posted, no_webhook])
            ),
        )
    )


def _matches(field: CfnWebACL.FieldToMatchProperty, where: str, text: str) -> CfnWebACL.StatementProperty:
    as_it_is = CfnWebACL.TextTransformationProperty(priority=0, type="NONE")
    return CfnWebACL.StatementProperty(
        byte_match_statement=CfnWebACL.ByteMatchStatementProperty(
            field_to_match=field, positional_constraint=where, search_string=text, text_transformations=[as_it_is]
        )
    )


def _metric(name: str) -> CfnWebACL.VisibilityConfigProperty:
    """Switches counting on and samples off: a sample of a request would keep a customer's address."""
    return CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
